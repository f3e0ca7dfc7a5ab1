/**
 * What a whole machine may have of things that live outside its page frames, so that no guest can use up the emulator's own memory.
 * Each answers with the error Linux gives.
 */

/** Something counted against a limit. */
export class Quota {
  readonly limit: number;
  private taken = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get used(): number {
    return this.taken;
  }

  get left(): number {
    return Math.max(0, this.limit - this.taken);
  }

  /** Takes `count` if there is room for all of it. */
  take(count: number): boolean {
    if (this.taken + count > this.limit) return false;
    this.taken += count;
    return true;
  }

  /** Takes it, room or not. */
  force(count: number): void {
    this.taken += count;
  }

  give(count: number): void {
    this.taken -= count;
  }
}

/** Open file descriptions (fs.file-max): ENFILE. */
export const MAXIMUM_OPEN_FILES = 262144;
/** Inodes of all file systems in memory: ENOSPC. */
export const MAXIMUM_INODES = 262144;
/** Bytes waiting in sockets: ENOBUFS. */
export const MAXIMUM_SOCKET_BYTES = 128 * 1024 * 1024;
/** Capacity of all pipes together, beyond which new ones are small (fs.pipe-user-pages-soft). */
export const PIPE_CAPACITY_SOFT = 64 * 1024 * 1024;
