/** Epoll sets: descriptors watched for good. An item is in the ready list from the event that concerns it until a wait finds nothing there. */
import { Errno } from '../errno.ts';
import { OpenFile, Poll } from './open-file.ts';
import { OpenFlag } from './open-flags.ts';
import { Readiness, type ReadinessWatcher } from './readiness.ts';

export const EpollFlag = { exclusive: 1 << 28, wakeup: 1 << 29, oneShot: 1 << 30, edge: 1 << 31 } as const;
const ALL_FLAGS = EpollFlag.exclusive | EpollFlag.wakeup | EpollFlag.oneShot | EpollFlag.edge;
const ALWAYS = Poll.err | Poll.hup;
/** How deep sets may hold sets. */
const MAX_NESTING = 5;

export interface EpollEvent {
  readonly events: number;
  /** The user's 64 bits, as given. */
  readonly data: Uint8Array;
}

class EpollItem implements ReadinessWatcher {
  readonly fd: number;
  readonly file: OpenFile;
  readonly source: Readiness;
  events: number;
  data: Uint8Array;
  private readonly set: EpollFile;

  constructor(set: EpollFile, fd: number, file: OpenFile, source: Readiness, event: EpollEvent) {
    this.set = set;
    this.fd = fd;
    this.file = file;
    this.source = source;
    this.events = event.events;
    this.data = event.data;
  }

  /** The events that are there and wanted. */
  current(): number {
    const wanted = this.events & ~ALL_FLAGS;
    return wanted === 0 && this.disabled ? 0 : this.file.poll() & (wanted | ALWAYS);
  }

  /** A one-shot item that has fired. */
  disabled = false;

  ready(events: number): void {
    if (this.disabled) return;
    if (events !== 0 && (events & ((this.events & ~ALL_FLAGS) | ALWAYS)) === 0) return;
    this.set.itemReady(this);
  }

  closed = (): void => {
    this.set.forget(this);
  };
}

export class EpollFile extends OpenFile {
  private readonly items = new Map<OpenFile, Map<number, EpollItem>>();
  private readonly list = new Set<EpollItem>();
  private readonly events = new Readiness();

  constructor() {
    super(OpenFlag.readWrite);
  }

  override get description(): string {
    return 'anon_inode:[eventpoll]';
  }

  override get extraInfo(): string {
    let text = '';
    for (const [file, byFd] of this.items) {
      for (const item of byFd.values()) {
        const data = new DataView(item.data.buffer, item.data.byteOffset).getBigUint64(0, true);
        text += `tfd: ${String(item.fd).padStart(8)} events: ${(item.events >>> 0).toString(16).padStart(8)} data: ${data.toString(16).padStart(16)} `
          + ` pos:${file.position} ino:${(file.dentry?.inode.number ?? 0).toString(16)} sdev:${(file.dentry?.inode.fileSystem.device ?? 0).toString(16)}\n`;
      }
    }
    return text;
  }

  override read(): number {
    return -Errno.EINVAL;
  }

  override get readiness(): Readiness {
    return this.events;
  }

  override poll(): number {
    for (const item of this.list) if (item.current() !== 0) return Poll.in | Poll.rdnorm;
    return 0;
  }

  protected override closed(): void {
    for (const byFd of [...this.items.values()]) for (const item of [...byFd.values()]) this.forget(item);
  }

  add(fd: number, file: OpenFile, event: EpollEvent): number {
    const source = file.readiness;
    if (source === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EPERM;
    if (file === this) return -Errno.EINVAL;
    if (file instanceof EpollFile && (file.holds(this, 0) || file.depth() >= MAX_NESTING)) return -Errno.ELOOP;
    let byFd = this.items.get(file);
    if (byFd?.has(fd)) return -Errno.EEXIST;
    if (byFd === undefined) {
      byFd = new Map();
      this.items.set(file, byFd);
    }
    const item = new EpollItem(this, fd, file, source, event);
    byFd.set(fd, item);
    source.watch(item);
    file.onClose(item.closed);
    if (item.current() !== 0) this.itemReady(item);
    return 0;
  }

  modify(fd: number, file: OpenFile, event: EpollEvent): number {
    const item = this.items.get(file)?.get(fd);
    if (item === undefined) return -Errno.ENOENT;
    if ((item.events & EpollFlag.exclusive) !== 0 || (event.events & EpollFlag.exclusive) !== 0) return -Errno.EINVAL;
    item.events = event.events;
    item.data = event.data;
    item.disabled = false;
    if (item.current() !== 0) this.itemReady(item);
    return 0;
  }

  delete(fd: number, file: OpenFile): number {
    const item = this.items.get(file)?.get(fd);
    if (item === undefined) return -Errno.ENOENT;
    this.forget(item);
    return 0;
  }

  /** What is ready now, at most `maximum`; each is looked at once, level-triggered ones go to the end of the line. */
  collect(maximum: number): EpollEvent[] {
    const found: EpollEvent[] = [];
    for (const item of [...this.list]) {
      if (found.length >= maximum) break;
      this.list.delete(item);
      const events = item.current();
      if (events === 0) continue;
      found.push({ events, data: item.data });
      if ((item.events & EpollFlag.oneShot) !== 0) {
        item.events &= ALL_FLAGS;
        item.disabled = true;
      } else if ((item.events & EpollFlag.edge) === 0) this.list.add(item);
    }
    return found;
  }

  itemReady(item: EpollItem): void {
    this.list.add(item);
    this.events.notify(Poll.in | Poll.rdnorm);
  }

  forget(item: EpollItem): void {
    item.source.unwatch(item);
    item.file.offClose(item.closed);
    this.list.delete(item);
    const byFd = this.items.get(item.file);
    byFd?.delete(item.fd);
    if (byFd?.size === 0) this.items.delete(item.file);
  }

  /** True if `other` is in this set, or in one it holds. */
  private holds(other: EpollFile, depth: number): boolean {
    if (depth > MAX_NESTING) return true;
    for (const file of this.items.keys()) if (file === other || (file instanceof EpollFile && file.holds(other, depth + 1))) return true;
    return false;
  }

  private depth(): number {
    let deepest = 0;
    for (const file of this.items.keys()) if (file instanceof EpollFile) deepest = Math.max(deepest, file.depth());
    return deepest + 1;
  }
}
