/** Stops of one boot as gdb and as the adapter see them, compared frame by frame and variable by variable. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StubLocation } from '../../dap/breakpoints/breakpoint.ts';
import { readAttributes } from '../../dap/session/launch-attributes.ts';
import { Debuggee } from '../../dap/session/debuggee.ts';
import { walk, type CallFrame } from '../../dap/symbols/call-frames.ts';
import { settle } from '../../dap/symbols/miss.ts';
import { frameVariable } from '../../dap/values/variables.ts';
import { ValueError, isAggregate, isScalar, type Value } from '../../dap/values/value.ts';
import { listen } from '../gdb/dialogue.ts';

type Canon = string | { readonly [name: string]: Canon };

export interface FrameView {
  readonly name: string | null;
  readonly kind: string;
  readonly pc: number;
  readonly line: number;
  readonly file: string | null;
  readonly variables: Readonly<Record<string, readonly [string, Canon]>>;
}

export interface StopView {
  readonly stop: number;
  readonly pc: number;
  readonly frames: readonly FrameView[];
}

const MOST_FRAMES = 12;
const DEEPEST = 2;
const GDB_MS = 240_000;

const machine = (kernel: string, initrd: string): ReturnType<typeof listen> => listen(['boot', '--gdb', ':0', '--wait', '--quiet', kernel, 'mem=64M', `initrd=${initrd}`]);

/** gdb's view of a kernel's stops that come in this order. */
export async function gdbViews(kernel: string, initrd: string, stops: readonly number[]): Promise<StopView[]> {
  const folder = mkdtempSync(join(tmpdir(), 'skas-oracle-'));
  const started = await machine(kernel, initrd);
  started.child.stdin?.end();
  try {
    const [list, out] = [join(folder, 'stops'), join(folder, 'out')];
    writeFileSync(list, stops.map((address) => `${address.toString(16)}\n`).join(''));
    const commands = [`set $oracle_port = ${started.port}`, `set $oracle_stops = "${list}"`, `set $oracle_out = "${out}"`, `source ${join(import.meta.dirname, 'oracle.py')}`];
    const output = await new Promise<string>((resolve) => {
      // The strings have to be in the target's language before there is a target.
      const args = ['-nx', '-q', '-batch', '-ex', 'set language c', ...commands.flatMap((command) => ['-ex', command]), kernel];
      execFile('gdb', args, { timeout: GDB_MS, maxBuffer: 1 << 26 }, (_, stdout, stderr) => resolve(stdout + stderr));
    });
    const text = readFileSync(out, 'utf8');
    if (text === '') throw new Error(`gdb said nothing:\n${output}`);
    return text.trimEnd().split('\n').map((line): StopView => JSON.parse(line));
  } finally {
    started.child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Statements of functions all over the kernel, chosen by a seed. */
function someStatements({ inspector }: Debuggee, seed: number, count: number): bigint[] {
  let state = seed;
  const random = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const [file] = inspector.files;
  const { units } = file.info.store;
  const found: bigint[] = [];
  while (found.length < count) {
    const rows = [...(file.info.linesOf(units[random(units.length)])?.all() ?? [])].filter(({ statement, end, line }) => statement && !end && line !== 0);
    const row = rows[random(rows.length)];
    if (row !== undefined && file.info.functionAt(row.address) !== undefined) found.push(BigInt(row.address));
  }
  return [...new Set(found)];
}

/** Boots a kernel with breakpoints all over; each counts once. The adapter's view of the first `wanted` stops. */
export async function ourViews(kernel: string, initrd: string, seed: number, breakpoints: number, wanted: number): Promise<StopView[]> {
  const started = await machine(kernel, initrd);
  started.child.stdin?.end();
  try {
    const attributes = readAttributes('attach', { program: kernel, port: started.port });
    const debuggee = await Debuggee.connect('127.0.0.1', started.port, attributes, { log: undefined, tell: () => undefined });
    const views: StopView[] = [];
    const places = new Set(someStatements(debuggee, seed, breakpoints));
    const reason = await debuggee.stub.reason();
    let thread = reason.kind === 'stopped' ? (reason.thread ?? '1') : '1';
    debuggee.inspector.useThread(thread);
    while (views.length < wanted) {
      const resolve = (): StubLocation[] => [...places].map((address) => ({ type: 'software', address, length: 1 }));
      await debuggee.breakpoints.replace('oracle', [{ kind: 'instruction', key: 'walk', group: 'oracle', condition: undefined, hit: undefined, logMessage: undefined, pending: '', resolve }]);
      const arrived = await debuggee.execution.continue(thread);
      if (arrived.kind !== 'breakpoint') break;
      ({ thread } = arrived);
      const innermost = await debuggee.inspector.innermost(thread);
      if (innermost === undefined) break;
      places.delete(innermost.pc);
      const { frames } = await settle(() => walk(innermost, MOST_FRAMES));
      const described: FrameView[] = [];
      for (const frame of frames) described.push(await describe(debuggee, frame));
      views.push({ stop: Number(innermost.pc), pc: Number(innermost.pc), frames: described });
    }
    await debuggee.stub.kill();
    return views;
  } finally {
    started.child.kill('SIGKILL');
  }
}

async function describe({ inspector }: Debuggee, frame: CallFrame): Promise<FrameView> {
  const variables: Record<string, readonly [string, Canon]> = {};
  const { physical } = frame;
  for (const { name, die } of [...frame.variables()].sort((a, b) => b.depth - a.depth)) {
    if (physical.file === undefined || name in variables) continue;
    const { file } = physical;
    const value = await settle(() => frameVariable(inspector.memory, file, physical, die));
    variables[name] = [String(value.type), await settle(() => canon(value, 0))];
  }
  return {
    name: frame.scope === undefined && physical.symbol === undefined ? null : frame.name, kind: frame.inlined ? 'inline' : physical.kind, pc: Number(physical.pc), line: frame.position?.line ?? 0, file: realPath(frame.position?.file), variables,
  };
}

/** Links are resolved, as gdb does. */
function realPath(file: string | undefined): string | null {
  return file !== undefined && existsSync(file) ? realpathSync(file) : (file ?? null);
}

function canon(value: Value, depth: number): Canon {
  const { plain, content } = value;
  if (content.kind === 'optimised-out') return 'optimised out';
  try {
    if (isAggregate(plain)) {
      if (depth >= DEEPEST) return 'struct';
      return Object.fromEntries(plain.members.flatMap((member) => (member.name === undefined ? [] : [[member.name, canon(value.member(member), depth + 1)]])));
    }
    if (plain.kind === 'array') return 'array';
    return isScalar(plain) ? String(value.integer()) : 'other';
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    return error.message.includes('access') ? 'no access' : error.message === '<optimized out>' ? 'optimised out' : error.message === '<not saved>' ? 'not saved' : `error: ${error.message}`;
  }
}

export interface Comparison {
  readonly compared: number;
  /** One line each, beginning with its cause. */
  readonly differences: readonly string[];
}

/** Every name, kind, line, file, type and value is one comparison. */
export function compare(theirs: readonly StopView[], ours: readonly StopView[]): Comparison {
  let compared = 0;
  const differences: string[] = [];
  const same = (cause: string, where: string, a: unknown, b: unknown): void => {
    compared++;
    if (JSON.stringify(a) !== JSON.stringify(b)) differences.push(`${cause}: ${where}: gdb ${JSON.stringify(a)}, ours ${JSON.stringify(b)}`);
  };
  for (const [i, stop] of theirs.entries()) {
    const mine = ours[i];
    same('pc', `stop ${i}`, stop.pc, mine.pc);
    const where = `stop ${i} at ${stop.frames[0]?.name ?? '?'} 0x${stop.stop.toString(16)}`;
    // gdb ends a thread's stack with the return address 0; there is nothing there.
    same('frames', where, stop.frames.filter(({ name, pc }) => name !== null || pc !== 0).map(({ name, kind }) => `${name} ${kind}`), mine.frames.map(({ name, kind }) => `${name} ${kind}`));
    for (const [level, frame] of stop.frames.entries()) {
      const other = mine.frames[level];
      if (other === undefined || other.name !== frame.name) continue;
      same('line', `${where} #${level} ${frame.name}`, [frame.file, frame.line], [other.file, other.line]);
      same('variables', `${where} #${level} ${frame.name}`, Object.keys(frame.variables).sort(), Object.keys(other.variables).sort());
      for (const [name, [type, value]] of Object.entries(frame.variables)) {
        const own = other.variables[name];
        if (own === undefined) continue;
        same('type', `${where} #${level} ${frame.name} ${name}`, type, own[0]);
        same('value', `${where} #${level} ${frame.name} ${name}`, value, own[1]);
      }
    }
  }
  return { compared, differences };
}
