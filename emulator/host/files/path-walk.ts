/**
 * Path resolution (path_resolution(7)). Paths are strings of bytes (latin1). The walk never leaves the process's root: `..` stops
 * there, absolute links start there.
 */
import { Errno } from '../errno.ts';
import type { Thread } from '../process/thread.ts';
import type { Dentry } from './dentry.ts';
import { isDirectoryInode } from './inode.ts';
import { mayAccess, Permission } from './permissions.ts';

export const PATH_MAX = 4096;
const NAME_MAX = 255;
const MAX_LINKS = 40;

/** Constraints of openat2's `resolve` field. */
export interface WalkLimits {
  readonly noLinks?: boolean;
  readonly noMagicLinks?: boolean;
  /** Neither `..` nor a link may lead above the starting directory: -EXDEV. */
  readonly beneath?: boolean;
  /** The starting directory is taken as the root. */
  readonly inRoot?: boolean;
  readonly noMounts?: boolean;
}

export interface WalkOptions {
  /** Follow a symbolic link in the last place. */
  readonly follow: boolean;
  /** The last name itself is meant (to be removed, made, renamed): not even a trailing slash makes its link followed. */
  readonly name?: boolean;
  readonly limits?: WalkLimits;
}

/** Where a path leads, which may be a name that does not exist (yet). */
export interface WalkResult {
  /** Directory the last name is in. */
  readonly parent: Dentry;
  /** Last name; '.', '..' or '/' when the path ends in such. */
  readonly name: string;
  /** What is there, undefined if nothing. */
  readonly found: Dentry | undefined;
  /** The path ended in a slash: only a directory will do. */
  readonly slash: boolean;
}

/** Walks `path` from `base` (for relative paths); a result, or -errno. */
export function walk(thread: Thread, base: Dentry, path: string, options: WalkOptions): WalkResult | number {
  if (path.length === 0) return -Errno.ENOENT;
  if (path.length >= PATH_MAX) return -Errno.ENAMETOOLONG;
  const limits = options.limits ?? {};
  const root = limits.inRoot || limits.beneath ? base : thread.fs.root;
  if (limits.beneath && path.startsWith('/')) return -Errno.EXDEV;
  let at = path.startsWith('/') ? root.top() : base;
  let rest = components(path);
  let slash = path.endsWith('/');
  let links = 0;
  let result: WalkResult = { parent: at, name: '/', found: at, slash };

  for (;;) {
    const name = rest.shift();
    if (name === undefined) return result;
    const last = rest.length === 0;
    if (!isDirectoryInode(at.inode)) return -Errno.ENOTDIR;
    if (!mayAccess(thread, at.inode, Permission.execute)) return -Errno.EACCES;
    if (name === '.') {
      result = { parent: at, name, found: at, slash };
      continue;
    }
    if (name === '..') {
      if (limits.beneath && at === root) return -Errno.EXDEV;
      const above = at.up(root);
      if (limits.noMounts && above.inode.fileSystem !== at.inode.fileSystem) return -Errno.EXDEV;
      result = { parent: at, name, found: above, slash };
      at = above;
      continue;
    }
    if (name.length > NAME_MAX) return -Errno.ENAMETOOLONG;
    const inode = at.deleted ? -Errno.ENOENT : at.inode.lookup(name, thread);
    if (typeof inode === 'number') {
      if (inode !== -Errno.ENOENT) return inode;
      at.forget(name);
      return last ? { parent: at, name, found: undefined, slash } : -Errno.ENOENT;
    }
    const plain = at.child(name, inode);
    const child = plain.top();
    if (limits.noMounts && child !== plain) return -Errno.EXDEV;
    if (child.inode.isSymlink && (!last || options.follow || (slash && options.name !== true))) {
      if (limits.noLinks) return -Errno.ELOOP;
      if (++links > MAX_LINKS) return -Errno.ELOOP;
      const jump = child.inode.follow(thread);
      if (typeof jump === 'number') return jump;
      if (jump !== undefined) {
        if (limits.noMagicLinks || limits.beneath || limits.inRoot) return -Errno.ELOOP;
        at = jump;
        result = { parent: jump.parent ?? jump, name: jump.name, found: jump, slash };
        continue;
      }
      const target = child.inode.readLink(thread);
      if (typeof target === 'number') return target;
      if (target.length === 0) return -Errno.ENOENT;
      if (target.startsWith('/')) {
        if (limits.beneath) return -Errno.EXDEV;
        at = root.top();
        result = { parent: at, name: '/', found: at, slash };
      }
      if (last && target.endsWith('/')) slash = true;
      rest = [...components(target), ...rest];
      continue;
    }
    result = { parent: at, name, found: child, slash };
    at = child;
  }
}

/** The dentry a path leads to; -errno, -ENOENT when it is not there. */
export function walkTo(thread: Thread, base: Dentry, path: string, options: WalkOptions): Dentry | number {
  const result = walk(thread, base, path, options);
  if (typeof result === 'number') return result;
  if (result.found === undefined) return -Errno.ENOENT;
  if (result.slash && !result.found.inode.isDirectory) return -Errno.ENOTDIR;
  return result.found;
}

function components(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
