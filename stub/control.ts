/**
 * The clients of one machine: the first to come controls it, the others look. One that controls changes and resumes; each that waits for
 * a stop is told of it. When the one in control goes, the next takes its place.
 */
import type { Session } from './session.ts';
import type { BreakpointRequest, ResumeAction, StopEvent, Target } from './target.ts';

export class Control {
  readonly target: Target;
  /** How often the target has stopped: what a client knows of an earlier stop is old. */
  stops = 0;
  private readonly sessions = new Set<Session>();
  private owner: Session | undefined;
  /** Resumed, and its stop not yet reported. */
  private moving = false;
  private readonly waiting: (() => void)[] = [];
  /** Who has set what is set. */
  private readonly breakpoints = new Map<string, { readonly request: BreakpointRequest; readonly holders: Set<Session> }>();

  constructor(target: Target) {
    this.target = target;
  }

  get running(): boolean {
    return this.moving || this.target.stopped === undefined;
  }

  /** Whether a client has resumed it. */
  get resumed(): boolean {
    return this.moving;
  }

  isOwner(session: Session): boolean {
    return this.owner === session;
  }

  /** All clients that have said something, oldest first. */
  get clients(): readonly Session[] {
    return [...this.sessions];
  }

  /** A client has begun to speak. The first one finds a stopped target: resolved then. */
  join(session: Session): Promise<void> | undefined {
    this.sessions.add(session);
    if (this.owner !== undefined) return undefined;
    this.owner = session;
    return this.halt();
  }

  /** A client is gone. When it was the last, a running target goes on without breakpoints; a stopped one waits for the next. */
  leave(session: Session): void {
    if (!this.sessions.delete(session)) return;
    const owned = this.owner === session;
    if (owned) this.owner = undefined;
    for (const { request, holders } of [...this.breakpoints.values()]) if (holders.has(session)) this.removeBreakpoint(session, request);
    if (!owned) return;
    const [next] = this.sessions;
    if (next === undefined) {
      this.target.processes?.detachAll();
      if (this.target.stopped === undefined || this.target.threads().length === 0) this.detach();
      return;
    }
    this.owner = next;
    void Promise.resolve(this.halt()).then(() => {
      if (!this.running) this.target.processes?.detachAll();
      next.becameOwner();
    });
  }

  /** Gives a client control. The target is stopped then. */
  async take(session: Session): Promise<void> {
    this.owner = session;
    await this.halt();
    session.becameOwner();
  }

  /** Lets the target go; all clients that wait are told of the stop. */
  resume(actions: readonly ResumeAction[]): void {
    this.moving = true;
    try {
      this.target.resume(actions, (event) => this.stopped(event));
    } catch (error) {
      this.moving = false;
      throw error;
    }
  }

  /** Lets the target run without a debugger. */
  detach(): void {
    this.moving = false;
    this.breakpoints.clear();
    this.target.detach();
  }

  kill(): void {
    this.moving = false;
    this.target.kill();
    const { stopped } = this.target;
    if (stopped !== undefined) this.stopped(stopped);
  }

  /** Sets a breakpoint for the one in control. */
  insertBreakpoint(session: Session, request: BreakpointRequest): boolean {
    if (!this.target.insertBreakpoint(request)) return false;
    const key = breakpointKey(request);
    const holders = this.breakpoints.get(key)?.holders ?? new Set();
    this.breakpoints.set(key, { request, holders: holders.add(session) });
    return true;
  }

  /** Removes one that a client has set; others may have set it, too. */
  removeBreakpoint(session: Session, request: BreakpointRequest): boolean {
    const key = breakpointKey(request);
    const holders = this.breakpoints.get(key)?.holders;
    if (holders?.has(session) === true && holders.size > 1) return holders.delete(session);
    this.breakpoints.delete(key);
    return this.target.removeBreakpoint(request);
  }

  /** Whether this client has set it. */
  holds(session: Session, request: BreakpointRequest): boolean {
    return this.breakpoints.get(breakpointKey(request))?.holders.has(session) === true;
  }

  /** Text for the user from what runs in the target; false: nobody is there to see it. */
  print(text: string): boolean {
    const listening = [...this.sessions].filter((session) => session.listening);
    for (const session of listening) session.console(text);
    return listening.length > 0;
  }

  private halt(): Promise<void> | undefined {
    if (!this.running) return undefined;
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      if (this.moving) this.target.interrupt();
      else this.target.attach((event) => this.stopped(event));
    });
  }

  private stopped(event: StopEvent): void {
    this.moving = false;
    this.stops++;
    for (const session of this.sessions) session.stopped(event);
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Breakpoints of different processes at the same address are different ones. */
export const breakpointKey = ({ kind, address, length, pid }: BreakpointRequest): string => `${pid} ${kind} ${address} ${length}`;
