/** Thousands of packets that make no or little sense, to a real machine, in every state: each is answered, and nothing breaks. */
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { PacketReader, encodePacket } from '../../stub/framing.ts';
import { PACKETS } from '../../stub/packets/table.ts';
import { gdb, listen, type Listening } from './dialogue.ts';

const COUNT = 1500;
/** A packet that is not answered within this time has let the program run. */
const PATIENCE_MS = 300;
const ARGUMENTS = [
  '', '0', '2', '-1', 'p2.2', 'p-1.-1', 'p2', '401580', '401580,1', '4bb100,8', '7fffffffe000,1000', 'ffffffffffffffff,ffffffff', '0,10', ':0,100', 'target.xml:0,1000', ';', ':', ',', '=',
  '0=0000000000000000', '10=8015400000000000', '4bb100,4:01020304', '4bb100,4:abcd', '3,10,0', '2f70726f632f322f6d617073,0,0', '68656c70', 'zz', '4bb100;1000;abc', '80000000000000,8',
  'c:p2.2', 's:2', 'r401580,401590:2', 'C1e;q', '\x01\x80',
];

let machine: Listening | undefined;
afterEach(() => {
  machine?.child.kill('SIGKILL');
});

/** Park and Miller's generator: the same packets in every run. */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) yield (state = (state * 48271) % 0x7fffffff);
}

it('answers nonsense, and is then as useful as before', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const started = await listen(['run', '--gdb', ':0', '--wait', program, 'spin']);
  machine = started;
  const socket = connect(started.port, '127.0.0.1');
  const reader = new PacketReader(1 << 20);
  const replies: string[] = [];
  let arrived: (() => void) | undefined;
  socket.on('data', (chunk) => {
    for (const event of reader.feed(chunk)) if (event.type === 'packet') replies.push(event.body.toString('latin1'));
    arrived?.();
  });
  const reply = async (milliseconds: number): Promise<string | undefined> => {
    const end = performance.now() + milliseconds;
    while (replies.length === 0 && performance.now() < end) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
        setTimeout(resolve, end - performance.now());
      });
    }
    return replies.shift();
  };
  socket.write(encodePacket('QStartNoAckMode'));
  expect(await reply(10_000)).toBe('OK');
  reader.checkSums = false;

  const random = numbers(7);
  const pick = <T>(list: readonly T[]): T => list[random.next().value % list.length];
  // Ends of the connection or the program are other tests' business; so are signals which kill it.
  const prefixes = PACKETS.map(({ prefix }) => prefix).filter((prefix) => !['k', 'vKill', 'D', 'C', 'S'].includes(prefix));
  for (let i = 0; i < COUNT; i++) {
    const body = pick(prefixes) + Array.from({ length: pick([0, 1, 1, 1, 2, 3]) }, () => pick(ARGUMENTS)).join('');
    socket.write(encodePacket(Buffer.from(body, 'latin1')));
    let answer = await reply(PATIENCE_MS);
    if (answer === undefined) {
      socket.write('\x03');
      answer = await reply(20_000);
    }
    while (answer !== undefined && /^O[0-9a-f]/.test(answer)) answer = await reply(20_000);
    expect(answer, `packet ${i}: ${body}`).not.toBeUndefined();
    expect(answer, `packet ${i}: ${body}`).not.toMatch(/^[WX]/);
  }
  socket.destroy();
  const text = await gdb(started.port, ['info registers rip', 'x/i $pc', 'kill'], { symbols: program });
  expect(text).toMatch(/rip\s+0x/);
  expect(started.errors()).not.toMatch(/internal error/);
  expect(await started.ended).toBe(137);
}, 100_000);
