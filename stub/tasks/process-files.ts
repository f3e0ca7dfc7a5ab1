/** /proc/PID files of a guest process, as its kernel would write them, for clients that ask for them by name (`info proc`). */
import type { GuestObject } from './guest-object.ts';
import type { KernelView } from './kernel-view.ts';
import { AreaFlag, memoryAreas, type MemoryArea } from './memory-areas.ts';
import { absolutePath, fileInode, filePath } from './paths.ts';
import type { UserProcess } from './user-process.ts';

/** Arguments or environment longer than this are cut. */
const LONGEST = 1 << 20;
const MINOR_BITS = 20;

const hex = (value: number, width: number): string => value.toString(16).padStart(width, '0');

/** What an area without a file is for. */
function purpose(mm: GuestObject, { start, end }: MemoryArea): string {
  if (start <= mm.number('brk') && end >= mm.number('start_brk') && mm.number('brk') > mm.number('start_brk')) return '[heap]';
  const stack = mm.number('start_stack');
  return start <= stack && stack < end ? '[stack]' : '';
}

/** A line of /proc/PID/maps (fs/proc/task_mmu.c has the format). */
function mapsLine(kernel: KernelView, mm: GuestObject, area: MemoryArea): string {
  const { start, end, flags, file, fileOffset } = area;
  const bit = (mask: number, letter: string): string => ((flags & mask) !== 0 ? letter : '-');
  const rights = `${bit(AreaFlag.read, 'r')}${bit(AreaFlag.write, 'w')}${bit(AreaFlag.execute, 'x')}${(flags & AreaFlag.shared) !== 0 ? 's' : 'p'}`;
  const inode = file === undefined ? undefined : fileInode(file);
  const device = inode?.follow('i_sb')?.number('s_dev') ?? 0;
  const head = `${hex(start, 8)}-${hex(end, 8)} ${rights} ${hex(file === undefined ? 0 : fileOffset, 8)} ${hex(device >>> MINOR_BITS, 2)}:${hex(device % 2 ** MINOR_BITS, 2)} ${inode?.number('i_ino') ?? 0}`;
  const name = file === undefined ? purpose(mm, area) : filePath(kernel, file);
  return name === '' ? `${head}\n` : `${head.padEnd(72)} ${name}\n`;
}

function between(process: UserProcess, mm: GuestObject, start: string, end: string): Uint8Array {
  const from = mm.number(start);
  return process.memory.read(mm, from, Math.min(Math.max(mm.number(end) - from, 0), LONGEST));
}

const FILES: Readonly<Record<string, (process: UserProcess, mm: GuestObject) => Uint8Array | string>> = {
  maps: ({ kernel }, mm) => memoryAreas(kernel, mm).map((area) => mapsLine(kernel, mm, area)).join(''),
  cmdline: (process, mm) => between(process, mm, 'arg_start', 'arg_end'),
  environ: (process, mm) => between(process, mm, 'env_start', 'env_end'),
  auxv: (process) => process.auxv,
  comm: (process) => `${process.tasks()[0]?.comm ?? ''}\n`,
};

/** What a path under /proc/PID (or /proc/PID/task/TID) is; undefined: none of those here. */
function parts(path: string): { readonly pid: number; readonly name: string } | undefined {
  const [, pid, name] = /^\/proc\/(\d+)\/(?:task\/\d+\/)?(\w+)$/.exec(path) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), name };
}

/** Contents; undefined: it is no such file, or of no such process. @throws GuestDataError @throws LayoutError */
export function processFile(processes: ReadonlyMap<number, UserProcess>, path: string): Uint8Array | undefined {
  const found = parts(path);
  const process = found === undefined ? undefined : processes.get(found.pid);
  const mm = process?.mm;
  if (found === undefined || process === undefined || mm === undefined) return undefined;
  const contents = FILES[found.name]?.(process, mm);
  return typeof contents === 'string' ? Buffer.from(contents) : contents;
}

/** Where /proc/PID/exe, cwd or root leads; undefined: it is none of them. @throws GuestDataError @throws LayoutError */
export function processLink(processes: ReadonlyMap<number, UserProcess>, path: string): string | undefined {
  const found = parts(path);
  const process = found === undefined ? undefined : processes.get(found.pid);
  if (found === undefined || process === undefined) return undefined;
  if (found.name === 'exe') return process.executable;
  const place = found.name === 'cwd' || found.name === 'root' ? process.tasks()[0]?.object.follow('fs')?.find(found.name === 'cwd' ? 'pwd' : 'root') : undefined;
  const dentry = place?.find('dentry')?.follow();
  return dentry === undefined ? undefined : absolutePath(process.kernel, dentry, place?.follow('mnt'));
}
