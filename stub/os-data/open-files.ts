/** Open files of a task (struct files_struct). */
import type { GuestObject } from '../tasks/guest-object.ts';
import type { KernelView } from '../tasks/kernel-view.ts';
import { fileInode, filePath } from '../tasks/paths.ts';
import type { Task } from '../tasks/task.ts';
import type { OsRow } from './table.ts';

/** More than a task may have open. */
const MOST = 1 << 20;
const ACCESS = ['r', 'w', 'rw', ''];

/** Pipes, sockets and the like have no path, but a kind and a number. */
function nameOf(kernel: KernelView, file: GuestObject): string {
  const inode = fileInode(file);
  const kind = inode?.follow('i_sb')?.follow('s_type')?.text('name') ?? '';
  if (kind === 'pipefs' || kind === 'sockfs') return `${kind === 'pipefs' ? 'pipe' : 'socket'}:[${inode?.number('i_ino')}]`;
  const path = filePath(kernel, file);
  return kind === 'anon_inodefs' ? `anon_inode:${path.replace(/^\//, '')}` : path;
}

function* descriptors(task: Task): Generator<readonly [number, GuestObject]> {
  const files = task.object.follow('files');
  // Before 2.6.14 the table is part of the structure.
  const table = files?.find('fdt')?.follow() ?? files;
  if (table === undefined) return;
  const count = Math.min(table.number('max_fds'), MOST);
  const array = table.at('fd');
  for (let fd = 0; fd < count; fd++) {
    const file = array.element(fd).follow();
    if (file !== undefined) yield [fd, file];
  }
}

export function openFiles(kernel: KernelView, tasks: readonly Task[]): OsRow[] {
  return tasks.flatMap((task) => [...descriptors(task)].map(([fd, file]) => ({
    pid: task.pid, command: task.comm, fd, mode: ACCESS[file.number('f_flags') & 3], position: file.number('f_pos'), name: nameOf(kernel, file),
  })));
}
