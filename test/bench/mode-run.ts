/** One run of a miniature UML, or of its program directly, in a machine in this process: what it took and what it did. */
import { readFileSync } from 'node:fs';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { Kernel } from '../../emulator/host/kernel.ts';
import { Trace } from '../../emulator/host/trace.ts';
import { miniUml, type Bits, type Technique } from '../fixtures/mini-uml.ts';

/** How each program's output begins. */
const OUTPUT = { syscalls: 'system calls:', pingpong: 'ping-pong:', forks: 'forks:', faults: 'page faults:', cpu: 'loop:', mix: 'mix:' } as const;
export type Workload = keyof typeof OUTPUT;

export interface ModeRun {
  /** Instructions all processes together have retired; the host itself retires none. */
  readonly instructions: number;
  readonly seconds: number;
  /** Of the processor, in the machine's thread: other work of a busy real machine is not in it. */
  readonly cpuSeconds: number;
  /** What the miniature kernel counted; 0 directly. */
  readonly calls: number;
  readonly faults: number;
  readonly switches: number;
  /** With `traced`: ptrace stops and system calls of all host processes. */
  readonly stops: number;
  readonly hostCalls: number;
}

export interface ModeOptions {
  /** Count stops and host calls, which makes it slow. */
  readonly traced?: boolean;
  /** False: as on hosts that have none. */
  readonly sysemu?: boolean;
  readonly bits?: Bits;
}

/** @param technique undefined: directly on the host */
export function runMode(technique: Technique | undefined, workload: Workload, count: number, options: ModeOptions = {}): ModeRun {
  let stops = 0;
  let hostCalls = 0;
  const trace = new Trace(options.traced === true ? ['ptrace', 'syscall'] : [], (line) => {
    if (/^\[\d+\] stops:/.test(line)) stops++;
    else if (/^\[\d+\] [a-z]\w*\(.*\) = /.test(line) && !/ptrace\([A-Z]/.test(line)) hostCalls++;
  });
  const kernel = new Kernel({ memory: 128 << 20 }, trace);
  let output = '';
  const io = new StandardIo(kernel, { terminal: [false, false, false], onOutput: (_, bytes) => { output += new TextDecoder().decode(bytes); } });
  kernel.vfs.writeFile('/user', readFileSync(miniUml('user', options.bits)), 0o755);
  const words = ['/user', workload, String(count)];
  if (technique !== undefined) {
    kernel.vfs.writeFile('/mini', readFileSync(miniUml(technique, options.bits)), 0o755);
    words.unshift('/mini', '--counts', ...(options.sysemu === false ? ['--nosysemu'] : []));
  }
  kernel.spawn(words[0], words, [], { stdio: io.files });
  const start = performance.now();
  const before = process.threadCpuUsage();
  while (kernel.runSlice(1000) === 'running');
  const used = process.threadCpuUsage(before);
  const seconds = (performance.now() - start) / 1000;
  kernel.cpu.close();
  const [, calls = 0, faults = 0, switches = 0] = (/counts: (\d+) calls, (\d+) faults, (\d+) switches/.exec(output) ?? []).map(Number);
  if (!output.startsWith(OUTPUT[workload]) || (technique !== undefined && calls === 0)) throw new Error(`${technique ?? 'directly'}, ${workload}: ${output}`);
  return { instructions: kernel.clock.monotonic - kernel.clock.idle, seconds, cpuSeconds: (used.user + used.system) / 1e6, calls, faults, switches, stops, hostCalls };
}

/**
 * What a turn of a program costs. Instructions and counts are those of twice as many turns less those of as many, so that the start is not in them; times
 * are those of whole longer runs, the least of some: the difference of two is noise on a busy machine.
 */
export function turnCost(times: number, technique: Technique | undefined, workload: Workload, count: number, options: ModeOptions = {}): ModeRun {
  const once = runMode(technique, workload, count, options);
  const runs = Array.from({ length: times }, () => runMode(technique, workload, count * 2, options));
  const [twice] = runs;
  if (new Set(runs.map(({ instructions }) => instructions)).size !== 1) throw new Error(`${technique ?? 'directly'}, ${workload}: not the same instructions each time`);
  const per = (of: (run: ModeRun) => number): number => (of(twice) - of(once)) / count;
  const least = (of: (run: ModeRun) => number): number => Math.min(...runs.map(of)) / (count * 2);
  return {
    instructions: per((run) => run.instructions), seconds: least((run) => run.seconds), cpuSeconds: least((run) => run.cpuSeconds), calls: per((run) => run.calls),
    faults: per((run) => run.faults), switches: per((run) => run.switches), stops: per((run) => run.stops), hostCalls: per((run) => run.hostCalls),
  };
}
