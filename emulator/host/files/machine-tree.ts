/** The file tree a fresh machine starts with: directories, /etc, /dev. Shares are mounted over it afterwards. */
import type { Kernel } from '../kernel.ts';
import { mmDevices } from '../proc-mm/mm-entries.ts';
import { characterDevices } from './devices.ts';
import { FileType } from './file-mode.ts';
import { FileSystemMagic } from './file-system.ts';
import { DevptsDirectory, PseudoTerminals, PTMX } from './pseudo-terminal-table.ts';
import { DeviceInode } from './special-inode.ts';
import { TmpfsDirectory } from './tmpfs.ts';

const DIRECTORIES: readonly (readonly [string, number])[] = [
  ['/dev', 0o755], ['/etc', 0o755], ['/home', 0o755], ['/proc', 0o555], ['/root', 0o700], ['/run', 0o755],
  ['/sys', 0o555], ['/tmp', 0o1777], ['/var/tmp', 0o1777],
];
const FILES: readonly (readonly [string, string])[] = [
  ['/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n'],
  ['/etc/group', 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
  ['/etc/hosts', '127.0.0.1\tlocalhost skas\n::1\tlocalhost\n'],
  ['/etc/hostname', 'skas\n'],
  ['/etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files\n'],
  ['/etc/resolv.conf', ''],
];
const LINKS: readonly (readonly [string, string])[] = [
  ['/dev/fd', '/proc/self/fd'], ['/dev/stdin', '/proc/self/fd/0'], ['/dev/stdout', '/proc/self/fd/1'], ['/dev/stderr', '/proc/self/fd/2'], ['/dev/ptmx', 'pts/ptmx'],
  ['/etc/mtab', '/proc/self/mounts'], ['/var/run', '/run'],
];

/** /sys: one processor, no huge pages. */
const SYSTEM = {
  'devices/system/cpu/online': '0\n', 'devices/system/cpu/possible': '0\n', 'devices/system/cpu/present': '0\n', 'devices/system/cpu/kernel_max': '0\n',
  'devices/system/node/online': '0\n', 'kernel/mm/transparent_hugepage/enabled': 'always madvise [never]\n',
};

/** Builds the tree; called once by the kernel. */
export function buildTree(kernel: Kernel): void {
  const { vfs } = kernel;
  for (const [path, mode] of DIRECTORIES) vfs.makeDirectories(path, mode);
  for (const [path, contents] of FILES) vfs.writeFile(path, contents);
  vfs.mountTmpfs('/tmp', 0o1777);
  const dev = vfs.mountTmpfs('/dev', 0o755);
  vfs.makeDirectories('/dev/shm');
  vfs.mountTmpfs('/dev/shm', 0o1777);
  const pts = vfs.newFileSystem({ type: 'devpts', magic: FileSystemMagic.devpts, mountOptions: 'gid=5,mode=620,ptmxmode=666' });
  const ptys = new PseudoTerminals(kernel, pts);
  ptys.mounted(vfs.mount(new DevptsDirectory(pts, ptys), vfs.makeDirectories('/dev/pts')));
  vfs.devices.register(PTMX, (_call, dentry, flags) => ptys.openMaster(dentry, flags));
  vfs.ptys = ptys;
  vfs.mountProc(kernel);
  vfs.mountTexts('/sys', { type: 'sysfs', magic: FileSystemMagic.sysfs }, SYSTEM);
  for (const [path, target] of LINKS) vfs.makeSymlink(path, target);
  if (!(dev.inode instanceof TmpfsDirectory)) throw new Error('/dev is no tmpfs');
  for (const { name, number, mode, open } of [...characterDevices, ...mmDevices(kernel.options.skas3)]) {
    vfs.devices.register(number, open);
    const inode = new DeviceInode(dev.inode.fileSystem, FileType.character | mode, number);
    inode.accessed = inode.modified = inode.changed = vfs.now();
    if (name !== undefined) dev.inode.place(name, inode);
  }
}
