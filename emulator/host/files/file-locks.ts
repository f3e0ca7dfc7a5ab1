/** Advisory locks of one inode: POSIX record locks (fcntl), open-file-description locks and flock. */
import { WaitQueue } from '../wait-queue.ts';

export const LockType = { read: 0, write: 1, unlock: 2 } as const;

/** Last byte of a lock that reaches to the end of the file, however far that is. */
export const LOCK_TO_END = Number.MAX_SAFE_INTEGER;

export interface RecordLock {
  /** A DescriptorTable (POSIX locks) or an OpenFile (OFD locks). */
  readonly owner: object;
  readonly type: number;
  /** First and last byte, inclusive. */
  readonly start: number;
  readonly end: number;
  /** For F_GETLK; -1 for OFD locks. */
  readonly pid: number;
}

export class FileLocks {
  private records: RecordLock[] = [];
  private readonly flocks = new Map<object, number>();
  /** Woken whenever a lock goes. */
  readonly released = new WaitQueue();

  /** The first lock that stands in the way. */
  conflict(wanted: RecordLock): RecordLock | undefined {
    return this.records.find(
      (held) => held.owner !== wanted.owner && held.start <= wanted.end && wanted.start <= held.end && (held.type === LockType.write || wanted.type === LockType.write),
    );
  }

  /** Sets, converts or (type unlock) removes a range of the owner's; there is no conflict. */
  set(lock: RecordLock): void {
    const others: RecordLock[] = [];
    let { start, end } = lock;
    for (const held of this.records) {
      if (held.owner !== lock.owner) {
        others.push(held);
        continue;
      }
      const adjacent = held.type === lock.type && held.start <= end + 1 && start <= held.end + 1;
      if (adjacent) {
        start = Math.min(start, held.start);
        end = Math.max(end, held.end);
        continue;
      }
      if (held.end < start || held.start > end) {
        others.push(held);
        continue;
      }
      if (held.start < lock.start) others.push({ ...held, end: lock.start - 1 });
      if (held.end > lock.end) others.push({ ...held, start: lock.end + 1 });
    }
    if (lock.type !== LockType.unlock) others.push({ ...lock, start, end });
    this.records = others.sort((a, b) => a.start - b.start);
    this.released.wake();
  }

  releaseOwner(owner: object): void {
    if (!this.records.some((held) => held.owner === owner)) return;
    this.records = this.records.filter((held) => held.owner !== owner);
    this.released.wake();
  }

  /** flock(2): true if taken. */
  flock(owner: object, type: number): boolean {
    for (const [other, held] of this.flocks) {
      if (other !== owner && (type === LockType.write || held === LockType.write)) return false;
    }
    const before = this.flocks.get(owner);
    this.flocks.set(owner, type);
    if (before === LockType.write && type === LockType.read) this.released.wake();
    return true;
  }

  /** LOCK_UN. */
  unlockFlock(owner: object): void {
    if (this.flocks.delete(owner)) this.released.wake();
  }

  /** The open file closes: its flock and OFD locks go. */
  releaseFlock(owner: object): void {
    this.releaseOwner(owner);
    this.unlockFlock(owner);
  }
}
