/** A process's place in the tree (Linux's fs_struct): working directory, root, umask. */
import type { Dentry } from './dentry.ts';

export class FsState {
  root: Dentry;
  cwd: Dentry;
  umask: number;

  constructor(root: Dentry, cwd: Dentry, umask = 0o22) {
    this.root = root;
    this.cwd = cwd;
    this.umask = umask;
  }

  clone(): FsState {
    return new FsState(this.root, this.cwd, this.umask);
  }
}
