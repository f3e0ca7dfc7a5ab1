/**
 * Names in the tree (Linux's dentries): a name, its parent and its inode. Every file system is mounted at one place only, so
 * a dentry alone says where one is; the root of a mounted file system knows the dentry it covers.
 */
import type { Inode } from './inode.ts';

export class Dentry {
  parent: Dentry | undefined;
  name: string;
  readonly inode: Inode;
  /** For the root of a mounted file system: the dentry it is mounted on. */
  covers: Dentry | undefined;
  /** Root of the file system mounted here. */
  mounted: Dentry | undefined;
  /** The name has been removed; open files still show it. */
  deleted = false;
  private readonly children = new Map<string, Dentry>();

  constructor(parent: Dentry | undefined, name: string, inode: Inode) {
    this.parent = parent;
    this.name = name;
    this.inode = inode;
  }

  /** The dentry for `name`, which the directory says is `inode`: one and the same object while that holds. */
  child(name: string, inode: Inode): Dentry {
    const known = this.children.get(name);
    if (known !== undefined && known.inode === inode) return known;
    if (known !== undefined) known.deleted = true;
    const made = new Dentry(this, name, inode);
    if (!inode.fileSystem.transient) this.children.set(name, made);
    return made;
  }

  known(name: string): Dentry | undefined {
    return this.children.get(name);
  }

  forget(name: string): void {
    const known = this.children.get(name);
    if (known === undefined) return;
    known.deleted = true;
    this.children.delete(name);
  }

  /** Follows a rename: open files and working directories show the new path from now on. */
  moved(name: string, target: Dentry, newName: string): void {
    target.forget(newName);
    const known = this.children.get(name);
    if (known === undefined) return;
    this.children.delete(name);
    known.parent = target;
    known.name = newName;
    target.children.set(newName, known);
  }

  swapped(name: string, target: Dentry, newName: string): void {
    const one = this.children.get(name);
    const other = target.children.get(newName);
    this.children.delete(name);
    target.children.delete(newName);
    if (one !== undefined) {
      one.parent = target;
      one.name = newName;
      target.children.set(newName, one);
    }
    if (other !== undefined) {
      other.parent = this;
      other.name = name;
      this.children.set(name, other);
    }
  }

  /** What is visible here: the root of what is mounted on it, if anything. */
  top(): Dentry {
    let at: Dentry = this;
    while (at.mounted !== undefined) at = at.mounted;
    return at;
  }

  /** One step up, across mounts, stopping at `root`. */
  up(root: Dentry): Dentry {
    let at: Dentry = this;
    while (at !== root && at.parent === undefined && at.covers !== undefined) at = at.covers;
    if (at === root || at.parent === undefined) return at;
    return at.parent.top();
  }

  /** Absolute path below `root`, without " (deleted)"; undefined when it is not below it. */
  pathFrom(root: Dentry): string | undefined {
    const names: string[] = [];
    let at: Dentry = this;
    while (at !== root) {
      if (at.parent !== undefined) {
        names.push(at.name);
        at = at.parent;
      } else if (at.covers !== undefined) at = at.covers;
      else return undefined;
    }
    return '/' + names.reverse().join('/');
  }

  /** Path in the whole machine, as /proc shows it. */
  get path(): string {
    const names: string[] = [];
    let at: Dentry = this;
    for (;;) {
      if (at.parent !== undefined) {
        names.push(at.name);
        at = at.parent;
      } else if (at.covers !== undefined) at = at.covers;
      else break;
    }
    const detached = at.name !== '';
    const path = detached && names.length === 0 ? at.name : '/' + names.reverse().join('/');
    return this.deleted ? `${path} (deleted)` : path;
  }

  /** True if this is `other` or lies below it. */
  isWithin(other: Dentry): boolean {
    for (let at: Dentry | undefined = this; at !== undefined; at = at.parent ?? at.covers) if (at === other) return true;
    return false;
  }
}
