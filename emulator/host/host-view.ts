/** The host as its administrator sees it: processes, address spaces, and who holds how much memory. */
import { PAGE_SIZE } from '../cpu/state.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Kernel } from './kernel.ts';
import { MmFile } from './proc-mm/mm-file.ts';
import type { Process } from './process/process.ts';
import type { Thread } from './process/thread.ts';

export interface ProcessRow {
  readonly pid: number;
  /** 0: none. */
  readonly parent: number;
  readonly name: string;
  /** Of its threads, by id; a process whose threads are all gone is a zombie. */
  readonly threads: readonly { readonly tid: number; readonly state: string; readonly space: number }[];
}

/** Sizes in bytes. */
export interface SpaceRow {
  readonly id: number;
  /** Threads that run in it. */
  readonly inside: readonly number[];
  /** Descriptors of /proc/mm or /dev/mm: process (of several that share a table, the first) and number. */
  readonly handles: readonly { readonly pid: number; readonly fd: number }[];
  /** Other references: handles on their way through sockets, open /proc/<pid>/mem. */
  readonly others: number;
  readonly areas: number;
  readonly mapped: number;
  readonly resident: number;
  /** Of what is resident, what nothing else has. */
  readonly own: number;
  readonly pageTables: number;
  /** The mm structure: areas, TLB, LDT. */
  readonly structures: number;
}

export function processRows(kernel: Kernel): ProcessRow[] {
  return [...kernel.processes.values()].map((process) => ({
    pid: process.pid,
    parent: process.parent?.pid ?? 0,
    name: process.name,
    threads: [...process.threads].map((thread) => ({ tid: thread.tid, state: stateOf(process, thread), space: thread.state.kind === 'dead' ? 0 : thread.space.id })),
  }));
}

function stateOf(process: Process, thread: Thread): string {
  return thread.state.kind === 'dead' && process.isZombie ? 'zombie' : thread.state.kind;
}

export function spaceRows(kernel: Kernel): SpaceRow[] {
  const inside = new Map<AddressSpace, number[]>();
  const handles = new Map<AddressSpace, { pid: number; fd: number }[]>();
  const seen = new Set<object>();
  const files = new Set<MmFile>();
  for (const thread of kernel.threads.values()) {
    if (thread.state.kind === 'dead') continue;
    inside.set(thread.space, [...(inside.get(thread.space) ?? []), thread.tid]);
    if (seen.has(thread.descriptors)) continue;
    seen.add(thread.descriptors);
    for (const fd of thread.descriptors.open()) {
      const file = thread.descriptors.get(fd);
      if (!(file instanceof MmFile)) continue;
      files.add(file);
      handles.set(file.space, [...(handles.get(file.space) ?? []), { pid: thread.process.pid, fd }]);
    }
  }
  return [...kernel.spaces.all].map((space) => {
    const users = inside.get(space) ?? [];
    const held = [...files].filter((file) => file.space === space).length;
    return {
      id: space.id, inside: users, handles: handles.get(space) ?? [], others: space.holders - users.length - held, areas: space.areaCount, mapped: space.mappedBytes,
      resident: space.residentBytes, own: space.ownPages * PAGE_SIZE, pageTables: space.tableBytes, structures: space.structureBytes,
    };
  });
}

type Column = readonly [title: string, width: number];
const PROCESS_COLUMNS: readonly Column[] = [['pid', 6], ['parent', 6], ['mm', 5], ['state', -9], ['name', -16]];
const SPACE_COLUMNS: readonly Column[] = [
  ['mm', 5], ['areas', 6], ['mapped', 9], ['resident', 9], ['own', 9], ['tables', 8], ['struct', 7], ['inside', -14], ['handles', -1],
];
/** So many ids of a list are shown. */
const SHOWN = 4;

function line(columns: readonly Column[], cells: readonly (string | number)[]): string {
  return `${columns.map(([, width], i) => (width < 0 ? String(cells[i]).padEnd(-width) : String(cells[i]).padStart(width))).join(' ').trimEnd()}\n`;
}

const kilobytes = (bytes: number): string => `${Math.ceil(bytes / 1024)}K`;

function list(items: readonly (string | number)[]): string {
  return items.length === 0 ? '-' : items.length <= SHOWN ? items.join(',') : `${items.slice(0, SHOWN).join(',')}+${items.length - SHOWN}`;
}

/** What `ps` prints: a line for each thread and each address space, and sums. */
export function hostText(kernel: Kernel): string {
  const processes = processRows(kernel);
  const spaces = spaceRows(kernel);
  const rows = processes.flatMap(({ pid, parent, name, threads }) =>
    threads.map(({ tid, state, space }) => line(PROCESS_COLUMNS, [tid, tid === pid ? parent : `of ${pid}`, space === 0 ? '-' : space, state, name])));
  const mms = spaces.map((space) => line(SPACE_COLUMNS, [
    space.id, space.areas, kilobytes(space.mapped), kilobytes(space.resident), kilobytes(space.own), kilobytes(space.pageTables), kilobytes(space.structures),
    list(space.inside), list([...space.handles.map(({ pid, fd }) => `${pid}:${fd}`), ...(space.others === 0 ? [] : [`${space.others} in flight`])]),
  ]));
  const { frames, options, threads } = kernel;
  const titles = (columns: readonly Column[]): string => line(columns, columns.map(([title]) => title));
  return [
    titles(PROCESS_COLUMNS), ...rows, titles(SPACE_COLUMNS), ...mms,
    `${threads.size} of ${options.maximumThreads} processes and threads, ${spaces.length} of ${options.maximumSpaces} address spaces; `,
    `memory: ${kilobytes(frames.inUse * PAGE_SIZE)} in pages and ${kilobytes(frames.tableBytes)} in tables of ${kilobytes(frames.total * PAGE_SIZE)}\n`,
  ].join('');
}
