/**
 * Resuming kernel and guest processes together, and what their stops are to a client. gdb thinks of them as independent; there is one CPU, and no
 * process runs without the kernel.
 */
import type { Debugger } from '../../emulator/debug/debugger.ts';
import { signalName } from '../../emulator/host/signals/signal-numbers.ts';
import { Refusal, type ResumeAction, type StopEvent, type TargetThread } from '../target.ts';
import type { ModuleWatch } from './module-watch.ts';
import type { TaskTarget } from './task-target.ts';
import { FIRST_USER_TID, type UserProcesses } from './user-processes.ts';
import type { UserEvent, UserTask } from './user-side.ts';

/** Bytes of a siginfo_t. */
const SIGINFO_BYTES = 128;

export class UserStops {
  /** What clients hear of instead of the machine's own stop. */
  held: StopEvent | undefined;
  /** False once the client has let the kernel go but not all of its processes. */
  kernelAttached = true;
  private readonly inner: TaskTarget;
  private readonly users: UserProcesses;
  private readonly modules: ModuleWatch;
  private readonly debug: Debugger;
  private kernelResumed = false;
  /** The task that makes a step while gdb takes all others to rest: so it goes over breakpoints. */
  private alone: UserTask | undefined;
  /** That task was told of somebody else's breakpoint, before which the machine stands. */
  private toldOfOther = false;
  /** Processes named in the last resume: an interrupt is theirs. */
  private resumed: readonly number[] = [];
  /** The signal a process is about to get. */
  private signal: { readonly task: UserTask; readonly signal: number; readonly info: number } | undefined;

  constructor(inner: TaskTarget, users: UserProcesses, modules: ModuleWatch, debug: Debugger) {
    this.inner = inner;
    this.users = users;
    this.modules = modules;
    this.debug = debug;
  }

  /** The client is gone, or has let go of everything. */
  reset(): void {
    this.kernelAttached = true;
    this.kernelResumed = false;
    this.held = undefined;
    this.signal = undefined;
  }

  threads(): TargetThread[] {
    return [...(this.kernelAttached ? this.inner.threads() : []), ...this.users.threads()];
  }

  // ── resuming ──────────────────────────────────────────────────────────────────────────────────

  /** Why the client's wish cannot be done as it thinks it can; undefined: it can. */
  objection(actions: readonly ResumeAction[]): string | undefined {
    return this.separation(actions) ?? this.signals(actions);
  }

  /** Nothing moves: the stop is reported again, with the reason. */
  stay(actions: readonly ResumeAction[], message: string): StopEvent {
    const threads = this.threads();
    const named = actions.map(({ tid, pid }) => threads.find((thread) => (tid === undefined ? thread.pid === pid : thread.tid === tid)));
    const thread = named.find((each) => each !== undefined) ?? threads[0];
    // Said again, a signal is passed on by gdb's next `continue`.
    const signalled = this.signal === undefined ? undefined : this.users.thread(this.signal.task);
    if (this.signal !== undefined && signalled !== undefined) return (this.held = { reason: 'signal', thread: signalled, signal: this.signal.signal, message });
    return (this.held = { reason: 'signal', thread, signal: 0, message });
  }

  /** Gives what the kernel's threads are to do; steps of processes are arranged. */
  go(actions: readonly ResumeAction[]): readonly ResumeAction[] {
    const users = actions.filter((action) => this.meansUsers(action));
    const own = actions.filter((action) => !users.includes(action));
    // Only when it has been resumed itself does gdb take notice of what happens in the kernel.
    this.kernelResumed ||= this.users.all.size === 0 || own.some(({ tid, pid }) => tid !== undefined || pid !== undefined);
    this.resumed = own.length > 0 ? [] : [...new Set(users.map(({ tid, pid }) => this.users.task(tid)?.process.pid ?? pid ?? 0))];
    const step = users.find((action) => action.kind === 'step' && action.tid !== undefined);
    const task = this.users.task(step?.tid);
    const range = step?.range === undefined ? undefined : { start: Number(step.range.start), end: Number(step.range.end) };
    this.alone = actions.length === 1 ? task : undefined;
    // Its step would never come to an end before the same breakpoint.
    const { stopped } = this.debug;
    if (this.alone !== undefined && this.toldOfOther && stopped !== undefined && 'thread' in stopped) this.debug.pass(stopped.thread);
    this.toldOfOther = false;
    this.held = undefined;
    this.signal = undefined;
    this.users.changed();
    this.users.side?.go(task === undefined ? undefined : { task: task.address, range });
    return this.kernelAttached ? own : [];
  }

  private meansUsers({ tid, pid }: ResumeAction): boolean {
    return tid === undefined ? pid !== undefined && pid !== this.debug.machine.process.pid : tid >= FIRST_USER_TID;
  }

  /**
   * The kernel and its processes can only run together. A client that means to resume some of them would go on showing the others as they were; what it
   * may do is step one thread while all others rest.
   */
  private separation(actions: readonly ResumeAction[]): string | undefined {
    const all = [...new Set(this.threads().map(({ pid }) => pid))];
    const named = actions.flatMap(({ kind, tid, pid }) => (kind === 'continue' && tid === undefined ? [pid ?? 0] : []));
    if (all.length < 2 || named.length === 0 || named.includes(0) || all.every((pid) => named.includes(pid))) return undefined;
    return 'The kernel and its processes only run together: set schedule-multiple on.';
  }

  /** The guest's kernel delivers signals: the one it is about to deliver cannot be kept back, and no other be sent. */
  private signals(actions: readonly ResumeAction[]): string | undefined {
    const { signal } = this;
    for (const action of actions) {
      const task = this.users.task(action.tid);
      if (task === undefined || action.signal === 0 || (task.address === signal?.task.address && action.signal === signal.signal)) continue;
      return 'Signals are sent to processes of the guest by the guest: use its kill command.';
    }
    if (signal === undefined || actions.some((action) => action.signal === signal.signal && this.users.task(action.tid)?.address === signal.task.address)) return undefined;
    return `The guest is delivering ${signalName(signal.signal)}, which cannot be kept back here: continue passes it on (see 'handle').`;
  }

  // ── stops ─────────────────────────────────────────────────────────────────────────────────────

  /** The machine is held: by a bystander's event, or as it says. */
  happened(event: StopEvent): StopEvent {
    const { side } = this.users;
    const own = side?.event;
    const modules = this.modules.take();
    this.users.changed();
    if (side !== undefined) {
      side.stopped();
      side.event = undefined;
    }
    if (event.reason === 'exited' || event.reason === 'killed') this.users.dropAll();
    else if (own !== undefined) this.held = this.besideStep(own) ?? this.translate(own);
    else if (modules && 'thread' in event) this.held = { reason: 'library', thread: event.thread };
    else this.held = this.interruptOf(event) ?? this.unnoticed(event);
    return this.held ?? event;
  }

  /** Of the signal the thread is about to get: what the handler will be given. Kernels keep the part of it that is used. @throws Refusal */
  siginfo(tid: number): Uint8Array | undefined {
    const signal = this.signalOf(tid);
    if (signal === undefined) return undefined;
    const bytes = signal.task.process.kernel.memory(signal.info, keptOfSiginfo(signal.task));
    if (bytes === undefined) throw new Refusal(`the kernel's information about the signal cannot be read at 0x${signal.info.toString(16)}`);
    const whole = new Uint8Array(SIGINFO_BYTES);
    whole.set(bytes);
    return whole;
  }

  /** False when there is no such signal, or it would be another one. */
  writeSiginfo(tid: number, bytes: Uint8Array): boolean {
    const signal = this.signalOf(tid);
    if (signal === undefined || bytes.length !== SIGINFO_BYTES) return false;
    if (new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true) !== signal.signal) return false;
    const kept = keptOfSiginfo(signal.task);
    if (bytes.subarray(kept).some((byte) => byte !== 0)) return false;
    return this.users.writeKernel(signal.info, bytes.subarray(0, kept));
  }

  private signalOf(tid: number): UserStops['signal'] {
    return this.signal !== undefined && this.users.task(tid)?.address === this.signal.task.address ? this.signal : undefined;
  }

  /**
   * gdb 13 waits for ever when something happens to a process which it has never resumed since it connected, and gives up (an assertion of its own) when it
   * happens to another thread than the one that steps over a breakpoint: then it hears of it from one which it has resumed, and the user of the other.
   */
  private unnoticed({ reason }: StopEvent): StopEvent | undefined {
    if (!this.kernelAttached || (this.kernelResumed && this.alone === undefined)) return undefined;
    this.toldOfOther = this.alone !== undefined && reason === 'breakpoint';
    return this.because(`the kernel, process ${this.debug.machine.process.pid}: ${reason}`);
  }

  /** The same for a breakpoint of another process. */
  private besideStep(event: UserEvent): StopEvent | undefined {
    if (this.alone === undefined || event.kind !== 'breakpoint' || event.task.address === this.alone.address) return undefined;
    this.toldOfOther = true;
    return this.because(`process ${event.task.process.pid}: breakpoint`);
  }

  private because(reason: string): StopEvent | undefined {
    const thread = (this.alone === undefined ? undefined : this.users.thread(this.alone)) ?? this.users.threads()[0];
    return thread === undefined ? undefined : { reason: 'signal', thread, signal: 0, message: `Stopped because of ${reason}` };
  }

  private interruptOf(event: StopEvent): StopEvent | undefined {
    if (event.reason !== 'interrupt') return undefined;
    const wanted = this.kernelAttached ? this.resumed : [...this.users.all.keys()];
    const thread = this.users.threads().find(({ pid }) => wanted.includes(pid));
    return thread === undefined ? undefined : { reason: 'interrupt', thread };
  }

  private translate(event: UserEvent): StopEvent | undefined {
    if (event.kind === 'ended') {
      this.users.drop(event.process.pid);
      const { pid } = event.process;
      const signal = event.status & 0x7f;
      return signal === 0 ? { reason: 'exited', pid, status: event.status >> 8 } : { reason: 'killed', pid, signal };
    }
    const { task } = event;
    const thread = this.users.thread(task);
    if (thread === undefined) return undefined;
    switch (event.kind) {
      case 'step':
        return { reason: 'step', thread };
      case 'exec':
        return { reason: 'exec', thread, path: task.process.executable ?? '' };
      case 'breakpoint':
        return { reason: 'breakpoint', thread, hardware: task.process.breakpoints.get(event.address) === true };
      case 'watchpoint': {
        const found = [...task.process.watchpoints.values()].find(({ id }) => id === event.id);
        return found === undefined ? { reason: 'step', thread } : { reason: 'watchpoint', thread, kind: found.request.kind, address: BigInt(found.request.address) };
      }
      case 'syscall-entry':
      case 'syscall-return':
        return { reason: 'syscall', thread, entry: event.kind === 'syscall-entry', number: event.number };
      case 'fork':
      case 'vfork': {
        const child = this.users.adopt(task.process, event.child);
        return child === undefined ? { reason: 'step', thread } : { reason: event.kind, thread, child };
      }
      case 'vfork-done':
        return { reason: 'vforkdone', thread };
      case 'signal':
        this.signal = event;
        return { reason: 'signal', thread, signal: event.signal };
      case 'entered-kernel': {
        const { stopped } = this.inner;
        return stopped !== undefined && 'thread' in stopped ? { reason: 'step', thread: stopped.thread } : undefined;
      }
    }
  }
}

/** Bytes of a siginfo_t which the kernel has (struct kernel_siginfo, since 4.20 shorter than the user's). */
function keptOfSiginfo({ process }: UserTask): number {
  return Math.min(process.kernel.image.type('struct kernel_siginfo')?.size ?? SIGINFO_BYTES, SIGINFO_BYTES);
}
