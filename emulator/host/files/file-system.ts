/** A mounted file system (superblock): what statfs(2) tells, inode numbers, the clock its files are stamped by. */
import type { Quota } from './machine-limits.ts';
import type { Timestamp } from './timestamp.ts';

/** f_type values (include/uapi/linux/magic.h). */
export const FileSystemMagic = {
  tmpfs: 0x01021994,
  proc: 0x9fa0,
  sysfs: 0x62656572,
  devpts: 0x1cd1,
  ext: 0xef53,
  pipe: 0x50495045,
  socket: 0x534f434b,
  anonymous: 0x09041934,
} as const;

export interface FileSystemOptions {
  /** Name in /proc/mounts. */
  readonly type: string;
  readonly magic: number;
  /** Minor number of its anonymous device (major 0). */
  readonly minor: number;
  readonly now: () => Timestamp;
  /** What its inodes in memory are counted against. */
  readonly inodeQuota: Quota;
  readonly readOnly?: boolean;
  /** Its entries come and go by themselves (/proc): dentries are not kept. */
  readonly transient?: boolean;
  /** Mount options as /proc/mounts shows them after ro/rw. */
  readonly mountOptions?: string;
  readonly source?: string;
}

export class FileSystem {
  readonly type: string;
  readonly magic: number;
  readonly device: number;
  readonly readOnly: boolean;
  readonly transient: boolean;
  readonly mountOptions: string;
  readonly source: string;
  readonly now: () => Timestamp;
  readonly inodeQuota: Quota;
  private lastInode = 0;

  constructor(options: FileSystemOptions) {
    this.type = options.type;
    this.magic = options.magic;
    this.device = options.minor;
    this.now = options.now;
    this.inodeQuota = options.inodeQuota;
    this.readOnly = options.readOnly ?? false;
    this.transient = options.transient ?? false;
    this.mountOptions = options.mountOptions ?? 'relatime';
    this.source = options.source ?? options.type;
  }

  nextInode(): number {
    return ++this.lastInode;
  }
}
