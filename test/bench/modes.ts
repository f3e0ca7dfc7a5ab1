/**
 * `npm run bench:modes [-- 32]`: what each technique of UML costs on our host. Miniature UMLs run the programs that also run directly on it; time ÷ direct,
 * in retired instructions, on the wall and of the processor, all in one run. Ratios, not tests: see main.ts.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { TECHNIQUES, type Technique } from '../fixtures/mini-uml.ts';
import { turnCost, type ModeRun, type Workload } from './mode-run.ts';

const TIMES = 3;
const bits = process.argv[2] === '32' ? 32 : 64;
/** How many turns are timed under a technique; directly it is DIRECT times as many, as they are that much quicker. */
const COUNTS: Readonly<Record<Workload, number>> = { syscalls: 8_000, pingpong: 1_500, forks: 250, faults: 80, cpu: 15_000_000, mix: 16 };
const DIRECT: Readonly<Record<Workload, number>> = { syscalls: 20, pingpong: 10, forks: 5, faults: 10, cpu: 1, mix: 2 };
/** What one turn of a program is made of. */
const OPERATIONS = [
  ['system call', 'syscalls', ({ calls }: ModeRun) => calls], ['page fault', 'faults', ({ faults }: ModeRun) => faults],
  ['context switch', 'pingpong', ({ switches }: ModeRun) => switches], ['fork, exit, wait', 'forks', () => 1],
] as const;

/** What the redesign's author measured in 2002 on a kernel build, time ÷ native; one host process per address space is what skas0 does. */
const SEED: Readonly<Partial<Record<Technique, number>>> = { tt: 2.0, skas0: 1.4, skas3: 1.3 };

const EXPLANATION = `
How to read it. What our host does itself (system calls, ptrace stops, page faults, switches of address spaces) retires no instructions: it is
JavaScript and shows as time only. So "instr" is the miniature kernel's own code beside the program's, which is next to nothing where a program
computes; the host clears a page or copies one for free, the miniature kernel in instructions. "cpu" is mostly the number of stops and host
calls (last table), a few tenths of a microsecond per call and one or two per stop: large where a program does nothing but enter its kernel. Both times
are of whole runs, with start and translation; "wall" believes the machine to be quiet.
A kernel build mostly computes, so "mix" (compute, touch memory, call, fork) is the row to hold beside the seed's. Its order is ours, too: tt stops
five times for a system call where skas stops once; a process per address space (skas0) has its stub take each fault and map each page, and a fork makes
a host process; /proc/mm does it with one stop, one fault query and one write. What differs: on the seed's i386 each stop was two context switches of
a real processor and each address space switch flushed its TLB; here a switch stores one number, so it is the stops and calls alone that tell the
techniques apart. The seed's host had no SYSEMU, either: then a system call is two stops in skas, too (last row), and tt has six instead of five.
jail adds three mprotects of all kernel memory to each way in and out, which drop that memory's pages from the software TLB each time.`;

const report = (line: string): void => console.log(line);
const cell = (text: string): string => text.padStart(24);
const grouped = (value: number): string => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ');
const title = (text: string, last = ''): void => report(`\n${text.padEnd(26)}${TECHNIQUES.map(cell).join('')}${cell(last)}`.trimEnd());
const row = (name: string, value: (technique: Technique) => string, last = ''): void => report(`${name.padEnd(26)}${TECHNIQUES.map((each) => cell(value(each))).join('')}${cell(last)}`.trimEnd());
const ratios = (run: ModeRun, direct: ModeRun): string =>
  [run.instructions / direct.instructions, run.seconds / direct.seconds, run.cpuSeconds / direct.cpuSeconds].map((ratio) => ratio.toFixed(2).padStart(8)).join('');

interface Row {
  readonly workload: Workload;
  readonly direct: ModeRun;
  readonly runs: ReadonlyMap<Technique, ModeRun>;
}

function measure(workload: Workload, sysemu: boolean): Row {
  const count = COUNTS[workload];
  const direct = turnCost(TIMES, undefined, workload, count * DIRECT[workload], { bits });
  return { workload, direct, runs: new Map(TECHNIQUES.map((technique) => [technique, turnCost(TIMES, technique, workload, count, { sysemu, bits })])) };
}

function ofTechnique(each: Row, technique: Technique): ModeRun {
  const run = each.runs.get(technique);
  if (run === undefined) throw new Error(`no run of ${technique}`);
  return run;
}

function rowOf(workload: Workload): Row {
  const found = results.find((each) => each.workload === workload);
  if (found === undefined) throw new Error(`no row ${workload}`);
  return found;
}

const workloads: readonly Workload[] = ['syscalls', 'pingpong', 'forks', 'faults', 'cpu', 'mix'];
const results = workloads.map((workload) => measure(workload, true));
const withoutSysemu = measure('mix', false);
const directText = ({ direct }: Row): string => `${grouped(direct.instructions)} ${(direct.cpuSeconds * 1e6).toFixed(3)} µs`;

title('× direct: instr wall cpu', 'direct: instr, cpu');
for (const each of results) row(each.workload, (technique) => ratios(ofTechnique(each, technique), each.direct), directText(each));
row('mix without SYSEMU', (technique) => ratios(ofTechnique(withoutSysemu, technique), withoutSysemu.direct), directText(withoutSysemu));
row('seed: kernel build, wall', (technique) => SEED[technique]?.toFixed(1) ?? '–', '2002');

title('per second: wall, cpu');
for (const [what, workload, of] of OPERATIONS) {
  row(what, (technique) => {
    const run = ofTechnique(rowOf(workload), technique);
    return [of(run) / run.seconds, of(run) / run.cpuSeconds].map((rate) => grouped(rate).padStart(10)).join('');
  });
}

title('each: stops, host calls');
const traced = (technique: Technique, workload: Workload, of: (run: ModeRun) => number, sysemu: boolean): string => {
  const run = turnCost(1, technique, workload, 10, { traced: true, sysemu, bits });
  return [run.stops / of(run), run.hostCalls / of(run)].map((each) => each.toFixed(1).padStart(8)).join('');
};
for (const [what, workload, of] of OPERATIONS) row(what, (technique) => traced(technique, workload, of, true));
row('system call, no SYSEMU', (technique) => traced(technique, 'syscalls', ({ calls }) => calls, false));
report(EXPLANATION);
report(`${bits}-bit guests; ${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node ${process.version}; JSON in out/bench-modes.json`);
mkdirSync('out', { recursive: true });
const json = [...results, withoutSysemu].map(({ workload, direct, runs }, i) => ({ workload, sysemu: i < results.length, perTurn: { direct, ...Object.fromEntries(runs) } }));
writeFileSync('out/bench-modes.json', JSON.stringify({ bits, workloads: json }, undefined, 2) + '\n');
