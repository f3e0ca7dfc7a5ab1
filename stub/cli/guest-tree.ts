/**
 * What of this machine the guest gets to see. `boot`: the kernel, its libraries, the files its command line names. `run`: what ordinary
 * programs need. Both: --share. Everything else is in the machine's memory.
 */
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Vfs } from '../../emulator/host/files/vfs.ts';
import type { ShareRequest } from './command-line.ts';
import { neededLibraries } from './needed-libraries.ts';
import type { ProgramFile } from './program-file.ts';
import { UserError } from './user-error.ts';

interface Entry {
  /** Absolute, the same outside and inside. */
  readonly path: string;
  readonly writable: boolean;
}

/** System folders and files of an ordinary program. Of /etc only what says nothing about this machine's users. */
const SYSTEM_PATHS = [
  '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/opt', '/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/alternatives',
  '/etc/localtime', '/etc/timezone', '/etc/os-release', '/etc/debian_version', '/etc/mime.types', '/etc/services', '/etc/protocols', '/etc/magic', '/etc/terminfo',
  '/etc/perl', '/etc/python3', '/etc/python3.11', '/etc/ssl/certs', '/etc/inputrc', '/etc/locale.alias', '/etc/ImageMagick-6', '/etc/fonts',
];

/** True if `path` is `folder` or below it. */
const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(folder === '/' ? '/' : `${folder}/`);

class Tree {
  private readonly entries: Entry[] = [];
  private readonly links: (readonly [string, string])[] = [];

  /** Adds a path; one that another entry shows already is left out, unless it is to be writable now. */
  add(path: string, writable: boolean): void {
    const above = this.entries.find((entry) => isBelow(path, entry.path));
    if (above !== undefined && (above.writable || !writable)) return;
    this.entries.push({ path, writable });
  }

  /** A folder that may be a symbolic link here is one inside, too. */
  addSystem(path: string): void {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isSymbolicLink() && dirname(path) === '/') this.links.push([path, readlinkSync(path)]);
    else if (existsSync(path)) this.add(path, false);
  }

  /** Links first, outer folders before inner ones. */
  build(vfs: Vfs): void {
    for (const [path, target] of this.links) vfs.makeSymlink(path, target);
    for (const { path, writable } of this.entries.toSorted((a, b) => a.path.length - b.path.length)) {
      vfs.share({ hostPath: path, guestPath: path, writable });
    }
  }
}

function addRequests(tree: Tree, shares: readonly ShareRequest[]): void {
  for (const { path, writable } of shares) {
    const absolute = resolve(path);
    if (absolute === '/') throw new UserError('--share /: give the folders that are needed, not everything');
    if (!existsSync(absolute)) throw new UserError(`--share ${path}: no such file or directory`);
    tree.add(absolute, writable);
  }
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/** Files a kernel's arguments name: `initrd=FILE`, `ubd0=COW,BACKING`, `ubdbr=FILE` … Only disks without the flag r are writable. */
export function argumentFiles(args: readonly string[], folder: string): Entry[] {
  return args.flatMap((argument) => {
    const at = argument.indexOf('=');
    if (at < 0) return [];
    const disk = /^ubd[a-h\d]+([rscd]*)$/.exec(argument.slice(0, at));
    const parts = argument.slice(at + 1).split(',').map((part) => resolve(folder, part));
    // Of a copy-on-write pair only the first is written to.
    return parts.map((path, i) => ({ path, writable: disk !== null && !disk[1].includes('r') && i === 0 })).filter(({ path }) => isFile(path));
  });
}

/** For `skas boot`. */
export function buildBootTree(vfs: Vfs, kernel: ProgramFile, args: readonly string[], shares: readonly ShareRequest[], folder: string): void {
  const tree = new Tree();
  addRequests(tree, shares);
  tree.add(kernel.path, false);
  for (const library of neededLibraries(kernel)) tree.add(library, false);
  for (const { path, writable } of argumentFiles(args, folder)) tree.add(path, writable);
  vfs.makeDirectories(folder);
  tree.build(vfs);
}

/** For `skas run`. */
export function buildRunTree(vfs: Vfs, program: ProgramFile, shares: readonly ShareRequest[], folder: string): void {
  const tree = new Tree();
  addRequests(tree, shares);
  for (const path of SYSTEM_PATHS) tree.addSystem(path);
  if (realpathSync(folder) !== '/') tree.add(folder, false);
  tree.add(program.path, false);
  vfs.makeDirectories(folder);
  tree.build(vfs);
}
