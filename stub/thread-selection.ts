/** The threads a client has selected (`Hg`, `Hc`), and how threads are named to it. */
import type { ThreadId } from './fields.ts';
import { PacketErrno, PacketError } from './packet.ts';
import type { Target, TargetThread } from './target.ts';

export class ThreadSelection {
  private readonly target: Target;
  private generalId: number | undefined;
  private continueId: number | undefined;

  constructor(target: Target) {
    this.target = target;
  }

  /** Thread that register and memory packets mean (`Hg`); throws ESRCH. */
  get general(): TargetThread {
    const found = this.generalOrNone;
    if (found === undefined) throw new PacketError(PacketErrno.ESRCH, 'no such thread');
    return found;
  }

  /** The same; undefined: it is gone. */
  get generalOrNone(): TargetThread | undefined {
    const { generalId: tid } = this;
    const threads = this.target.threads();
    const { stopped } = this.target;
    const wanted = tid ?? (stopped !== undefined && 'thread' in stopped ? stopped.thread.tid : undefined);
    return threads.find((thread) => thread.tid === wanted) ?? (tid === undefined ? threads[0] : undefined);
  }

  /** Thread that `c` and `s` step (`Hc`); undefined: all. */
  get continuing(): number | undefined {
    return this.continueId;
  }

  selectGeneral(id: ThreadId): void {
    // "Any" is as good as the one there is: gdb asks which that is after attaching.
    const any = id.tid === 0 && (id.pid === undefined || id.pid === 0);
    if (!any || this.generalId === undefined) this.generalId = this.resolve(id);
  }

  selectContinue(id: ThreadId): void {
    this.continueId = this.resolve(id);
  }

  /** A stop was reported for this thread: clients go on from there. */
  follow(thread: TargetThread): void {
    this.generalId = thread.tid;
  }

  /** The thread with this id; throws ESRCH. */
  find(id: ThreadId): TargetThread {
    const found = this.target.threads().find((thread) => (thread.shown ?? thread.tid) === id.tid && (id.pid === undefined || id.pid === 0 || thread.pid === id.pid));
    if (found === undefined) throw new PacketError(PacketErrno.ESRCH, 'no such thread');
    return found;
  }

  /** Any thread of a process: the selected one if it is its; throws ESRCH. */
  first(pid: number): TargetThread {
    const threads = this.target.threads().filter((thread) => thread.pid === pid);
    const found = threads.find(({ tid }) => tid === this.generalId) ?? threads[0];
    if (found === undefined) throw new PacketError(PacketErrno.ESRCH, `no process ${pid}`);
    return found;
  }

  private resolve(id: ThreadId): number | undefined {
    if (id.tid === undefined || id.tid === 0) {
      if (id.pid === undefined || id.pid === 0) return undefined;
      return this.first(id.pid).tid;
    }
    return this.find(id).tid;
  }
}
