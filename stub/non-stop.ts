/**
 * Non-stop mode (gdb manual, "Remote Non-Stop"): each thread stops and goes on by itself. The machine stops as a whole; here its stop becomes that of
 * the thread it is about, and the others are let go again at once. Stops are told in notifications, which the client fetches one after the other.
 */
import { PacketErrno, PacketError } from './packet.ts';
import type { Session } from './session.ts';
import type { ResumeAction, StopEvent, TargetThread } from './target.ts';

/** What a thread that goes on is to do; undefined in the map: it stays. */
type Order = Omit<ResumeAction, 'tid' | 'pid'>;

const CONTINUE: Order = { kind: 'continue', signal: 0 };

export class NonStop {
  private readonly session: Session;
  /** Threads that stay, with what they stopped for. */
  private readonly held = new Map<number, StopEvent>();
  /** Orders of threads that have others than to continue. */
  private readonly orders = new Map<number, Order>();
  /** Threads that were asked to stop. */
  private readonly asked = new Set<number>();
  /** Stops the client has not been told of yet, in order. */
  private untold: StopEvent[] = [];
  /** The client is fetching stops: the next is told when it asks. */
  private telling = false;
  /** The machine is stopped only to give it new orders. */
  private changing = false;

  constructor(session: Session) {
    this.session = session;
    const { stopped } = session.target;
    if (stopped === undefined || session.control.running) return;
    for (const thread of session.target.threads()) this.held.set(thread.tid, ownEvent(stopped, thread));
  }

  /** `?`: the first of the threads that stay, the others follow when the client asks. */
  status(): string {
    const { stopped } = this.session.target;
    this.untold = stopped !== undefined && this.session.target.threads().length === 0 ? [stopped] : [...this.held.values()];
    this.telling = true;
    return this.next();
  }

  /** `vStopped`: the client has taken the last one. */
  next(): string {
    const event = this.untold.shift();
    if (event !== undefined) return this.session.describe(event);
    this.telling = false;
    return 'OK';
  }

  /** `vCont`: takes the actions and lets go whom they mean. */
  resume(actions: readonly ResumeAction[]): void {
    const { control, target } = this.session;
    for (const thread of target.threads()) {
      const action = actions.find(({ tid, pid }) => (tid === undefined ? pid === undefined || pid === thread.pid : tid === thread.tid));
      if (action === undefined) continue;
      if (action.kind === 'stop') {
        if (!this.held.has(thread.tid)) this.asked.add(thread.tid);
      } else if (this.held.delete(thread.tid)) {
        // Those that go on already are not told again.
        const { kind, signal, range } = action;
        this.orders.set(thread.tid, { kind, signal, ...(range === undefined ? {} : { range }) });
      }
    }
    if (control.running) this.change();
    else this.go();
  }

  /** `vCtrlC`: as Ctrl-C would in all-stop mode, the stop being that of one thread. */
  interrupt(): void {
    this.session.target.interrupt();
  }

  /** A process is debugged from now on: its threads stay, and the client is told so. */
  attached(pid: number): void {
    const { control, target } = this.session;
    for (const thread of target.threads()) if (thread.pid === pid) this.asked.add(thread.tid);
    if (control.running) this.change();
    else this.holdAsked();
  }

  /** A process is not debugged any more. */
  forget(pid: number): void {
    this.untold = this.untold.filter((event) => ('thread' in event ? event.thread.pid : event.pid) !== pid);
    this.prune();
  }

  /** The machine has stopped. */
  stopped(event: StopEvent): void {
    const { session } = this;
    const own = event.reason === 'interrupt' && this.changing;
    this.changing = false;
    this.prune();
    // What is gone is not held, and the thread it is told with goes on.
    if (!('thread' in event) || event.reason === 'thread-exited') this.tell(event);
    else if (!own) this.hold(event.thread, event);
    // The client hears of the child by its parent's stop.
    if (event.reason === 'fork' || event.reason === 'vfork') this.held.set(event.child.tid, { reason: 'signal', thread: event.child, signal: 0 });
    this.holdAsked();
    // Another client has taken over: then the machine is its to let go.
    if (session.inControl) this.go();
  }

  private holdAsked(): void {
    for (const thread of this.session.target.threads()) {
      if (!this.asked.delete(thread.tid) || this.held.has(thread.tid)) continue;
      this.hold(thread, { reason: 'signal', thread, signal: 0 });
    }
  }

  /** Forgets threads that are gone. */
  private prune(): void {
    const there = new Set(this.session.target.threads().map(({ tid }) => tid));
    for (const about of [this.held, this.orders, this.asked]) for (const tid of [...about.keys()]) if (!there.has(tid)) about.delete(tid);
  }

  private hold(thread: TargetThread, event: StopEvent): void {
    this.orders.delete(thread.tid);
    this.held.set(thread.tid, event);
    this.tell(event);
  }

  private tell(event: StopEvent): void {
    this.untold.push(event);
    if (this.telling) return;
    this.telling = true;
    this.session.notify(`Stop:${this.next()}`);
  }

  /** The machine gets the orders as they are now. */
  private change(): void {
    this.changing = true;
    this.session.target.interrupt();
  }

  /** Lets go all that do not stay, new threads among them. One thread steps at a time: the others that are to step wait for it. */
  private go(): void {
    const { control, target } = this.session;
    const { stopped } = target;
    if (stopped === undefined) return;
    let stepping = false;
    let running = false;
    const actions = target.threads().map(({ tid }): ResumeAction => {
      const order = this.held.has(tid) ? undefined : (this.orders.get(tid) ?? CONTINUE);
      if (order === undefined || (order.kind === 'step' && stepping)) return { kind: 'stop', tid, signal: 0 };
      running = true;
      if (order.kind === 'step') stepping = true;
      // A signal is delivered once.
      else this.orders.delete(tid);
      return { ...order, tid };
    });
    if (!running) return;
    control.resume([...actions, { ...CONTINUE, tid: undefined }]);
    for (const [tid, order] of this.orders) if (order.signal !== 0) this.orders.set(tid, { ...order, signal: 0 });
  }
}

/** A thread's part in a stop of all. */
function ownEvent(stopped: StopEvent, thread: TargetThread): StopEvent {
  return 'thread' in stopped && stopped.thread.tid === thread.tid ? stopped : { reason: 'signal', thread, signal: 0 };
}

/** For `QNonStop:1`. @throws PacketError */
export function nonStop(session: Session): NonStop {
  if (session.target.nonStop !== true) throw new PacketError(PacketErrno.ENOSYS, 'threads of this target cannot run while others are stopped: they share one');
  return new NonStop(session);
}
