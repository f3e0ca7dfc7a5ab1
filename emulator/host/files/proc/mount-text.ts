/** /proc/<pid>/mounts and mountinfo. */
import type { Thread } from '../../process/thread.ts';
import { deviceMajor, deviceMinor } from '../file-mode.ts';
import type { Vfs } from '../vfs.ts';

/** Spaces and the like as octal, as the tables need. */
function escape(path: string): string {
  return path.replace(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

interface Row {
  readonly id: number;
  readonly path: string;
  readonly type: string;
  readonly source: string;
  readonly options: string;
  readonly readOnly: boolean;
  readonly device: number;
}

function rows(vfs: Vfs, thread: Thread | undefined): Row[] {
  const found: Row[] = [];
  for (const { id, root } of vfs.mounts) {
    const path = thread === undefined ? root.path : root.pathFrom(thread.fs.root);
    if (path === undefined) continue;
    const { fileSystem } = root.inode;
    found.push({
      id, path: escape(path), type: fileSystem.type, source: fileSystem.source, options: fileSystem.mountOptions, readOnly: fileSystem.readOnly, device: fileSystem.device,
    });
  }
  return found;
}

export function mountsText(vfs: Vfs, thread: Thread | undefined): string {
  return rows(vfs, thread).map((row) => `${row.source} ${row.path} ${row.type} ${row.readOnly ? 'ro' : 'rw'},${row.options} 0 0\n`).join('');
}

export function mountinfoText(vfs: Vfs, thread: Thread | undefined): string {
  return rows(vfs, thread).map((row) => {
    const access = row.readOnly ? 'ro' : 'rw';
    return `${row.id} 1 ${deviceMajor(row.device)}:${deviceMinor(row.device)} / ${row.path} ${access},relatime - ${row.type} ${row.source} ${access}\n`;
  }).join('');
}
