/**
 * `npm run bench:modes`: what each technique of UML costs on our host. Miniature UMLs run the programs that also run directly on it; time ÷ direct,
 * in retired instructions and on the wall, all in one run. Ratios, not tests: see main.ts.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { Kernel } from '../../emulator/host/kernel.ts';
import { miniUml, TECHNIQUES, type Technique } from '../fixtures/mini-uml.ts';

const FORKS = 600;
/** Program and how often; about a second of the slowest technique each. */
const WORKLOADS = [
  ['syscalls', 20_000], ['pingpong', 5_000], ['forks', FORKS], ['faults', 200], ['cpu', 40_000_000], ['mix', 40],
] as const;
type Workload = (typeof WORKLOADS)[number][0];
const TIMES = 3;

interface Run {
  /** Instructions all processes together have retired; the host itself retires none. */
  readonly instructions: number;
  readonly seconds: number;
  /** Of the processor, in the machine's thread: a busy machine does not show in it. */
  readonly cpuSeconds: number;
  /** What the miniature kernel counted. */
  readonly calls: number;
  readonly faults: number;
  readonly switches: number;
}

function runOnce(technique: Technique | undefined, workload: Workload, count: number): Run {
  const kernel = new Kernel({ memory: 128 << 20 });
  let output = '';
  const io = new StandardIo(kernel, { terminal: [false, false, false], onOutput: (_, bytes) => { output += new TextDecoder().decode(bytes); } });
  kernel.vfs.writeFile('/user', readFileSync(miniUml('user')), 0o755);
  const words = ['/user', workload, String(count)];
  if (technique !== undefined) {
    kernel.vfs.writeFile('/mini', readFileSync(miniUml(technique)), 0o755);
    words.unshift('/mini', '--counts');
  }
  kernel.spawn(words[0], words, [], { stdio: io.files });
  const start = performance.now();
  const before = process.threadCpuUsage();
  while (kernel.runSlice(1000) === 'running');
  const used = process.threadCpuUsage(before);
  const seconds = (performance.now() - start) / 1000;
  kernel.cpu.close();
  const [, calls = 0, faults = 0, switches = 0] = (/counts: (\d+) calls, (\d+) faults, (\d+) switches/.exec(output) ?? []).map(Number);
  if (!output.startsWith(LABELS[workload]) || (technique !== undefined && calls === 0)) throw new Error(`${technique ?? 'directly'}, ${workload}: ${output}`);
  return { instructions: kernel.clock.monotonic - kernel.clock.idle, seconds, cpuSeconds: (used.user + used.system) / 1e6, calls, faults, switches };
}

/** How each program's output begins. */
const LABELS: Readonly<Record<Workload, string>> = {
  syscalls: 'system calls:', pingpong: 'ping-pong:', forks: 'forks:', faults: 'page faults:', cpu: 'loop:', mix: 'mix:',
};

/** The quickest of some runs, all of which retire the same instructions. */
function run(technique: Technique | undefined, workload: Workload, count: number): Run {
  const runs = Array.from({ length: TIMES }, () => runOnce(technique, workload, count));
  if (new Set(runs.map(({ instructions }) => instructions)).size !== 1) throw new Error(`${technique}, ${workload}: not the same instructions each time`);
  return runs.reduce((best, each) => (each.seconds < best.seconds ? each : best));
}

/** What the redesign's author measured on a kernel build, time ÷ native: one host process per address space is what skas0 does. */
const SEED: Readonly<Partial<Record<Technique, number>>> = { tt: 2.0, skas0: 1.4, skas3: 1.3 };

const EXPLANATION = `
What the columns are made of. Our host's own work (system calls, ptrace stops, page faults, address space switches) retires no instructions:
it is JavaScript, and shows on the wall only. So "instr" is the UML kernel's code beside the program's, and says little of what stops cost;
"wall" is mostly the price of a stop, some microseconds each, so it is high where a program does nothing but enter its kernel, and near 1 where it
computes. A kernel build, the seed's measure, computes mostly: mix (compute, fault, call, fork) is the row to hold beside it. On the seed's i386
a stop cost two context switches with their TLB flushes and tt had more of them than skas; here switching an address space is storing one number,
and what tells the techniques apart is how many stops and host calls each needs: tt takes about seven stops for a system call, skas0 two
more than skas3 for a page fault and a host process for each fork. jail pays for three mprotects on each way in and out.`;

const report = (line: string): void => console.log(line);
const cell = (text: string): string => text.padStart(20);
const grouped = (value: number): string => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ');
const results = WORKLOADS.map(([workload, count]) => {
  const direct = run(undefined, workload, count);
  const techniques = Object.fromEntries(TECHNIQUES.map((technique) => [technique, run(technique, workload, count)]));
  report(`${workload} ${count}: done`);
  return { workload, count, direct, techniques };
});

report(`\n${'× direct: instr wall cpu'.padEnd(24)}${TECHNIQUES.map(cell).join('')}${cell('direct')}`);
for (const { workload, count, direct, techniques } of results) {
  const ratios = TECHNIQUES.map((name) => [techniques[name].instructions / direct.instructions, techniques[name].seconds / direct.seconds, techniques[name].cpuSeconds / direct.cpuSeconds]
    .map((ratio) => ratio.toFixed(2).padStart(6)).join(''));
  report(`${`${workload} ${grouped(count)}`.padEnd(24)}${ratios.map(cell).join('')}${cell(`${grouped(direct.instructions / 1e3)}k ${(direct.seconds * 1e3).toFixed(0)} ms`)}`);
}
report(`${'seed: kernel build, wall'.padEnd(24)}${TECHNIQUES.map((name) => cell(SEED[name]?.toFixed(1) ?? '–')).join('')}`);

report(`\n${'per second of wall'.padEnd(24)}${TECHNIQUES.map(cell).join('')}`);
for (const [what, workload, of] of [
  ['system calls', 'syscalls', ({ calls }: Run) => calls], ['page faults', 'faults', ({ faults }: Run) => faults], ['context switches', 'pingpong', ({ switches }: Run) => switches],
  ['fork + exit + wait', 'forks', () => FORKS],
] as const) {
  const row = results.find((each) => each.workload === workload);
  if (row === undefined) throw new Error(`no row ${workload}`);
  report(`${`${what} (${workload})`.padEnd(24)}${TECHNIQUES.map((name) => cell(grouped(of(row.techniques[name]) / row.techniques[name].seconds))).join('')}`);
}
report(EXPLANATION);
mkdirSync('out', { recursive: true });
writeFileSync('out/bench-modes.json', JSON.stringify(results, undefined, 2) + '\n');
