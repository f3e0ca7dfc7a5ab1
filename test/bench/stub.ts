/**
 * `npm run bench:stub`: how quick the stub is, beside gdbserver with the same program, the same packets and in the same run. Ratios, not tests: see
 * main.ts. `--json FILE` writes the figures, `--only WORD` measures only what has the word in its name.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { guestProgram, symbolAddress } from '../fixtures/guest-program.ts';
import { startSkas } from '../fixtures/skas.ts';
import { PacketClient } from '../../stub/packet-client.ts';

const STEPS = 2000;
const ROUNDS = 500;
const READS = 300;
const LISTS = 20;
const THREADS = 500;
/** Hits of a false condition: what takes about a second. */
const HITS = { skas: 1_000_000, gdbserver: 20_000 } as const;
const TIMES = 3;

type Contender = keyof typeof HITS;
const CONTENDERS: readonly Contender[] = ['skas', 'gdbserver'];

interface Running {
  readonly client: PacketClient;
  readonly child: ChildProcess;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}

async function start(contender: Contender, program: string, argument: number): Promise<Running> {
  const port = await freePort();
  const child = contender === 'skas'
    ? startSkas(['run', '--gdb', `:${port}`, '--wait', program, String(argument)])
    : spawn('gdbserver', ['--once', `127.0.0.1:${port}`, program, String(argument)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (/target remote|Listening on port/.test(said)) resolve();
    });
    child.once('close', () => reject(new Error(`${contender} ended:\n${said}`)));
    child.once('error', reject);
  });
  const client = new PacketClient(port);
  if ((await client.ask('QStartNoAckMode')) !== 'OK') throw new Error(`${contender} wants acknowledgements`);
  client.socket.write('+');
  await client.ask('qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;QThreadEvents+');
  await client.ask('?');
  return { client, child };
}

function stop({ client, child }: Running): void {
  client.socket.destroy();
  child.kill('SIGKILL');
}

async function expected(client: PacketClient, body: string, pattern: RegExp): Promise<string> {
  const reply = await client.ask(body);
  if (!pattern.test(reply)) throw new Error(`${body}: ${reply.slice(0, 200)}`);
  return reply;
}

/** Milliseconds `work` takes. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

const WORK = guestProgram('gdb-agent.c', ['-O0', '-g', '-static']);
const MANY = guestProgram('gdb-many-threads.c', ['-O1', '-g', '-static']);
const VISIT = symbolAddress(WORK, 'visit');

async function runTo(client: PacketClient, address: string): Promise<void> {
  await expected(client, `Z0,${address},1`, /^OK/);
  await expected(client, 'vCont;c', /^T05/);
  await expected(client, `z0,${address},1`, /^OK/);
}

/** Single steps a second. */
async function steps(contender: Contender): Promise<number> {
  const running = await start(contender, WORK, 1_000_000);
  await runTo(running.client, VISIT);
  const time = await timed(async () => {
    for (let i = 0; i < STEPS; i++) await expected(running.client, 'vCont;s', /^T05/);
  });
  stop(running);
  return STEPS / time * 1000;
}

/** Microseconds from one stop at a breakpoint to the next, with all the packets gdb sends for it. */
async function rounds(contender: Contender): Promise<number> {
  const running = await start(contender, WORK, 1_000_000);
  const { client } = running;
  await runTo(client, VISIT);
  const time = await timed(async () => {
    for (let i = 0; i < ROUNDS; i++) {
      await expected(client, 'vCont;s', /^T05/);
      await runTo(client, VISIT);
    }
  });
  stop(running);
  return time / ROUNDS * 1000;
}

/** Megabytes a second, in the largest pieces both take. */
async function memory(contender: Contender): Promise<number> {
  const running = await start(contender, WORK, 1000);
  const piece = 0x2000;
  const time = await timed(async () => {
    for (let i = 0; i < READS; i++) {
      const reply = await running.client.ask(`m${VISIT},${piece.toString(16)}`);
      if (reply.length !== piece * 2) throw new Error(`short read: ${reply.slice(0, 20)} (${reply.length})`);
    }
  });
  stop(running);
  return READS * piece / time / 1000;
}

/** Milliseconds for the list of 500 threads with their names. */
async function threads(contender: Contender): Promise<number> {
  const running = await start(contender, MANY, THREADS - 1);
  const { client } = running;
  await runTo(client, symbolAddress(MANY, 'all_started'));
  let found = 0;
  const time = await timed(async () => {
    for (let i = 0; i < LISTS; i++) {
      let document = '';
      for (;;) {
        const piece = await client.ask(`qXfer:threads:read::${document.length.toString(16)},2000`);
        document += piece.slice(1);
        if (piece[0] !== 'm') break;
      }
      found = document.split('<thread ').length - 1;
    }
  });
  stop(running);
  if (found !== THREADS) throw new Error(`${contender} lists ${found} threads`);
  return time / LISTS;
}

/** `(int) $rdi == -1` and `i == -1`, where i lies in the frame of code without optimisation: as gdb compiles them. */
const CONDITIONS = { register: '260005162022ff16081327', memory: '26000622140319162022ff16081327' } as const;

/** Nanoseconds a hit costs whose condition is false. */
async function falseCondition(contender: Contender, condition: string): Promise<number> {
  const count = HITS[contender];
  const time = async (set: boolean): Promise<number> => {
    const running = await start(contender, WORK, count);
    // Behind the prologue, where the frame is set up.
    const address = (Number.parseInt(VISIT, 16) + 4).toString(16);
    if (set) await expected(running.client, `Z0,${address},1;X${(condition.length / 2).toString(16)},${condition}`, /^OK/);
    const milliseconds = await timed(() => expected(running.client, 'vCont;c', /^W0/));
    stop(running);
    return milliseconds;
  };
  // The least disturbed of each: the best difference would be the one with the most disturbed run without.
  const times = { with: Number.POSITIVE_INFINITY, without: Number.POSITIVE_INFINITY };
  for (let i = 0; i < TIMES; i++) {
    times.without = Math.min(times.without, await time(false));
    times.with = Math.min(times.with, await time(true));
  }
  return (times.with - times.without) / count * 1e6;
}

interface Row {
  readonly what: string;
  readonly unit: string;
  /** More is better. */
  readonly rate: boolean;
  /** It is repeated inside. */
  readonly once?: boolean;
  readonly measure: (contender: Contender) => Promise<number>;
}

const ROWS: readonly Row[] = [
  { what: 'single steps', unit: '/s', rate: true, measure: steps },
  { what: 'breakpoint round trip', unit: 'µs', rate: false, measure: rounds },
  { what: 'memory read, 8 KiB pieces', unit: 'MB/s', rate: true, measure: memory },
  { what: `list of ${THREADS} threads`, unit: 'ms', rate: false, measure: threads },
  { what: 'false condition of a register', unit: 'ns', rate: false, once: true, measure: (contender) => falseCondition(contender, CONDITIONS.register) },
  { what: 'false condition of memory', unit: 'ns', rate: false, once: true, measure: (contender) => falseCondition(contender, CONDITIONS.memory) },
];

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

const only = option('--only') ?? '';
const results: { what: string; unit: string; skas: number; gdbserver: number }[] = [];
console.log('what                           unit        skas   gdbserver   skas is');
for (const { what, unit, rate, once = false, measure } of ROWS.filter(({ what: name }) => name.includes(only))) {
  const best = { skas: Number.NaN, gdbserver: Number.NaN };
  // In turn, so that a busy machine is busy for both; the best of some, which is the least disturbed.
  for (let i = 0; i < (once ? 1 : TIMES); i++) {
    for (const contender of CONTENDERS) {
      const value = await measure(contender);
      if (!(rate ? value <= best[contender] : value >= best[contender])) best[contender] = value;
    }
  }
  const ratio = rate ? best.skas / best.gdbserver : best.gdbserver / best.skas;
  console.log(`${what.padEnd(30)} ${unit.padEnd(5)} ${best.skas.toFixed(1).padStart(11)} ${best.gdbserver.toFixed(1).padStart(11)}   ${ratio.toFixed(2)} × as good`);
  results.push({ what, unit, ...best });
}
const json = option('--json');
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ node: process.version, results }, undefined, 2)}\n`);
// Nothing is left to wait for, but sockets that were cut may linger.
process.exit(0);
