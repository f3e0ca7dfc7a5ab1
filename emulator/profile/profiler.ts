/**
 * Counts what a machine executes, exactly: which contexts there are (an address space with the thread that runs in it, and the
 * stack it runs on), how long counting goes on, and what was mapped where. profile.ts makes sense of what it has found.
 */
import { Reg } from '../cpu/state.ts';
import type { CallNode } from '../cpu/counting/call-trees.ts';
import { TransferCounters, type CountingContext } from '../cpu/counting/transfer-counters.ts';
import { TransferTotals } from '../cpu/counting/transfer-totals.ts';
import type { Machine } from '../debug/machine.ts';
import type { ThreadContext } from '../host/process/thread-context.ts';
import type { Thread } from '../host/process/thread.ts';
import { onStack } from '../host/signals/alternate-stack.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { PageAccess } from '../memory/page-access.ts';
import { ImageMap, type ImageMapping, type ImageSource } from './image-map.ts';

/** Bytes above a handler's stack pointer that are gone when it has returned (i386's restorer takes the signal's number, too), less than what the signal frame has. */
const RETURN_ADDRESS = 8;

/** A task of a kernel that is the debuggee. */
export interface GuestTask {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Its address space in the guest: what runs for another one before (the guest's kernel, as it makes the process) is something else. 0: none. */
  readonly memory: number;
  /** First address that is not the process's own: what it executes beyond is its kernel's (UML's stub), on a stack of its own. */
  readonly end: number;
  /** Another one when other files are mapped. */
  readonly mappings: string;
  /** Programs and libraries it has mapped. */
  images(): readonly ImageMapping[];
}

/** What ran in one address space, by one thread, on one stack. */
export interface ProfileContext extends CountingContext {
  /** Of the guest's process where a kernel is the debuggee; else of the machine's. */
  readonly pid: number;
  readonly tid: number;
  /** When it was last seen. */
  name: string;
  /** Mappings of the guest's process when they were last looked at. */
  mappings: string;
  /** rip at its first run: its outermost function. */
  readonly start: number;
  readonly images: ImageMap;
  readonly space: AddressSpace;
}

export interface ProfilerOptions {
  /** Keep call trees; costs about as much again as counting. */
  readonly trees: boolean;
  /** The first process only (a UML kernel), or every process of the host. */
  readonly scope: 'debuggee' | 'all';
  readonly images: ImageSource;
  /** The task that a kernel which is the debuggee runs now; none: who runs what is not asked. */
  readonly guests?: () => GuestTask | undefined;
}

/** A thread in an address space. */
interface Runner {
  /** Undefined: it is not asked for. */
  readonly thread: Thread | undefined;
  /** By stack: the debuggee may have several, others have number 0, or that of their memory in the guest. */
  readonly stacks: Map<number, ProfileContext>;
  /** The one that executed last. */
  last: ProfileContext | undefined;
}

export class Profiler {
  readonly options: ProfilerOptions;
  private readonly machine: Machine;
  private readonly counters: TransferCounters;
  private readonly runners = new Map<PageAccess, Map<ThreadContext, Runner>>();
  private all: ProfileContext[] = [];
  /** What is not asked for is counted here, and thrown away. */
  private rest: CountingContext = { totals: new TransferTotals(), flat: true };
  /** Contexts of the guest's kernel by the task they execute for. */
  private readonly inKernel = new Map<number, ProfileContext>();
  private running: ProfileContext | undefined;
  private stack = 0;
  /** The stack whose task was looked at last. */
  private met = 0;
  private counting = false;

  constructor(machine: Machine, options: ProfilerOptions) {
    this.machine = machine;
    this.options = options;
    const { kernel } = machine;
    this.counters = new TransferCounters(kernel.linear, options.trees);
    this.counters.isTailCall = (site, target) => this.isTailCall(site, target);
    kernel.spaces.onDestroy = (space) => this.spaceEnds(space);
    const { signalHooks } = kernel;
    const before = signalHooks.onSignalDelivered;
    signalHooks.onSignalDelivered = (thread, info) => {
      before?.(thread, info);
      this.handlerBegins(thread);
    };
  }

  get active(): boolean {
    return this.counting;
  }

  /** Counts from now on. Only between slices. */
  start(): void {
    if (this.counting) return;
    this.counting = true;
    this.machine.kernel.cpu.setCounting({ counters: this.counters, contextOf: (context, space) => this.contextOf(context, space) });
  }

  /** Counts no longer; what was counted stays. Only between slices. */
  stop(): void {
    if (!this.counting) return;
    this.counting = false;
    this.machine.kernel.cpu.setCounting(undefined);
  }

  /** Forgets what was counted. Only between slices. */
  reset(): void {
    const { counting } = this;
    this.stop();
    for (const context of this.all) this.counters.end(context);
    this.counters.trees?.clear();
    this.runners.clear();
    this.all = [];
    this.rest = { totals: new TransferTotals(), flat: true };
    this.running = undefined;
    if (counting) this.start();
  }

  /**
   * The debuggee goes on with another of its own stacks: a UML kernel switches tasks by longjmp, which no call or return tells
   * of. `stack` names it; 0 is the one it began with.
   */
  switchStack(stack: number): void {
    this.stack = stack;
  }

  /** What was counted so far. */
  contexts(): readonly ProfileContext[] {
    this.counters.collect();
    for (const context of this.all) if (this.runners.has(context.space)) this.look(context);
    return this.all;
  }

  /** Nodes of the call trees, parents before children; empty when none are kept. */
  nodes(): readonly CallNode[] {
    return this.counters.trees?.nodes() ?? [];
  }

  /** Some chains of calls had to be counted for their callers: there were too many. */
  get truncated(): boolean {
    return this.counters.trees?.full === true;
  }

  private contextOf(context: ThreadContext, space: PageAccess): CountingContext {
    const runner = this.runners.get(space)?.get(context) ?? this.newRunner(context, space);
    this.running = undefined;
    if (runner.thread === undefined || this.machine.excursion) return this.rest;
    const isDebuggee = runner.thread.process === this.machine.process;
    // A kernel's own tasks are looked at when it has switched to them.
    const early = !isDebuggee || this.stack !== this.met ? this.options.guests?.() : undefined;
    if (isDebuggee) this.met = this.stack;
    const stack = isDebuggee ? this.stack : early === undefined || context.rip >= early.end ? 0 : early.memory;
    const known = runner.stacks.get(stack);
    const guest = known === undefined ? (early ?? this.options.guests?.()) : early;
    const found = known ?? this.newContext(runner.thread, runner.stacks, stack, guest);
    if (guest !== undefined) this.meet(found, runner, guest);
    runner.last = found;
    return (this.running = found);
  }

  /** A context executes for a task of the guest. */
  private meet(context: ProfileContext, runner: Runner, guest: GuestTask): void {
    // A program gives its name to the kernel's part of it, too, which began as its parent's child.
    for (const each of [context, this.inKernel.get(guest.tid)]) if (each?.tid === guest.tid) each.name = guest.name;
    if (runner.thread?.process === this.machine.process) this.inKernel.set(guest.tid, context);
    else if (context.mappings !== guest.mappings) {
      context.mappings = guest.mappings;
      context.images.add(guest.images());
    }
  }

  private newRunner(context: ThreadContext, space: PageAccess): Runner {
    const thread = [...this.machine.kernel.threads.values()].find((one) => one.context === context);
    const wanted = this.options.scope === 'all' || thread?.process === this.machine.process;
    const runner: Runner = { thread: wanted ? thread : undefined, stacks: new Map(), last: undefined };
    this.runners.set(space, (this.runners.get(space) ?? new Map<ThreadContext, Runner>()).set(context, runner));
    return runner;
  }

  private newContext(thread: Thread, stacks: Map<number, ProfileContext>, stack: number, guest: GuestTask | undefined): ProfileContext {
    const { space } = thread;
    const context: ProfileContext = {
      totals: new TransferTotals(), pid: guest?.pid ?? thread.process.pid, tid: guest?.tid ?? thread.tid, name: guest?.name ?? thread.name, mappings: '', start: thread.context.rip, images: new ImageMap(this.options.images), space,
    };
    context.images.update(space.regions());
    stacks.set(stack, context);
    this.all.push(context);
    return context;
  }

  private spaceEnds(space: AddressSpace): void {
    const runners = this.runners.get(space);
    if (runners === undefined) return;
    this.runners.delete(space);
    for (const context of [...runners.values()].flatMap(({ stacks }) => [...stacks.values()])) {
      this.look(context);
      this.counters.end(context);
    }
  }

  private look({ images, space }: ProfileContext): void {
    images.update(space.regions(), (address, into) => space.peekInto(address, into));
  }

  private handlerBegins(thread: Thread): void {
    const runner = this.runners.get(thread.space)?.get(thread.context);
    const context = thread.process === this.machine.process ? runner?.stacks.get(this.stack) : runner?.last;
    if (context === undefined) return;
    const { altStack } = thread.signals;
    const rsp = thread.context.gprNumber(Reg.rsp);
    const lowest = altStack.size > 0 && onStack(altStack, rsp, true) ? altStack.base : 0;
    // Its return does not end it: what calls sigreturn still runs on its stack, which may be above the interrupted one.
    this.counters.trees?.handler(context, { lowest, highest: rsp + RETURN_ADDRESS });
  }

  /** A jump to another function's entry counts as a call of it, also out of code that no function claims (a procedure linkage table). */
  private isTailCall(site: number, target: number): boolean {
    const { running } = this;
    if (running === undefined) return false;
    const { images, space } = running;
    if (images.at(target) === undefined || images.at(site) === undefined) images.update(space.regions());
    const mapped = images.at(target);
    const to = images.functionAt(target);
    return mapped !== undefined && to !== undefined && to.low + mapped.bias === target && images.functionAt(site) !== to && !to.name.endsWith('.cold');
  }
}
