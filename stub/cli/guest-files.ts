/** Whole guest files for gdb, through the debuggee's own eyes: shares, files in memory, and the /proc/<pid>/maps gdb asks for. */
import { FileInode } from '../../emulator/host/files/file-inode.ts';
import type { Machine } from '../../emulator/debug/machine.ts';
import type { AddressSpace } from '../../emulator/memory/address-space.ts';

const MAPS = /^\/proc\/(\d+)\/(?:task\/(\d+)\/)?maps$/;
/** Larger files are not handed out: gdb would want all of it. */
const LARGEST = 1 << 30;

function mapsText(space: AddressSpace): string {
  return space.regions().map(({ start, end, prot, shared, offset, inode, name }) => {
    const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
    const rights = `${(prot & 1) !== 0 ? 'r' : '-'}${(prot & 2) !== 0 ? 'w' : '-'}${(prot & 4) !== 0 ? 'x' : '-'}${shared ? 's' : 'p'}`;
    return `${hex(start, 8)}-${hex(end, 8)} ${rights} ${hex(offset, 8)} 00:00 ${inode} ${name === '' ? '' : `  ${name}`}\n`;
  }).join('');
}

/** Contents of a guest file; undefined: there is none, or it is no regular file. */
export function readGuestFile(machine: Machine, path: string): Uint8Array | undefined {
  const { kernel, process } = machine;
  const maps = MAPS.exec(path);
  if (maps !== null) {
    const thread = kernel.threads.get(Number(maps[2] ?? maps[1]));
    return thread === undefined || thread.state.kind === 'dead' ? undefined : Buffer.from(mapsText(thread.space));
  }
  const { leader } = process;
  if (!path.startsWith('/') || process.exitStatus !== undefined) return undefined;
  const dentry = kernel.vfs.resolve(leader, Buffer.from(path, 'utf8').toString('latin1'), { follow: true }, leader.fs.root);
  if (typeof dentry === 'number' || !(dentry.inode instanceof FileInode)) return undefined;
  const { inode } = dentry;
  inode.refresh();
  if (inode.size > LARGEST) return undefined;
  const bytes = new Uint8Array(inode.size);
  inode.opened(0);
  const read = inode.pages.readBytes(0, bytes);
  inode.closed();
  return read < 0 ? undefined : bytes.subarray(0, read);
}
