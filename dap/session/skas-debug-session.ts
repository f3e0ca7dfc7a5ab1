/** One debug session of a client: requests in, responses and events out. What they mean is in the files beside this one. */
import type { ChildProcess } from 'node:child_process';
import { basename } from 'node:path';
import { InitializedEvent, StoppedEvent, TerminatedEvent, ExitedEvent, BreakpointEvent, CapabilitiesEvent, ProgressEndEvent, ProgressStartEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { RspClosedError, RspError } from '../rsp/rsp-error.ts';
import { SymbolFile, SymbolFileError } from '../symbols/symbol-file.ts';
import { locationsNamed } from '../symbols/code-locations.ts';
import { integerBytes } from '../values/value.ts';
import { BootProgress } from './boot-progress.ts';
import { BreakpointRequests } from './breakpoint-requests.ts';
import { CAPABILITIES } from './capabilities.ts';
import { Debuggee } from './debuggee.ts';
import { exceptionReport, particular, signalReport, type ExceptionReport } from './exception-report.ts';
import type { Stop } from './execution.ts';
import { KernelViews, isViewRequest } from './kernel-views.ts';
import { readAttributes, type LaunchAttributes } from './launch-attributes.ts';
import { LaunchError, machineCommand, startMachine, type MachineCommand } from './machine-process.ts';
import { MemoryRequests } from './memory-requests.ts';
import { RequestError, StackRequests } from './stack-requests.ts';
import type { StepKind } from './stepper.ts';
import { TargetSession } from './target-session.ts';
import { logText } from './log-text.ts';

/** How long the machine may take until it listens. */
const BOOT_MS = 20_000;
const RETRY_MS = 50;

export class SkasDebugSession extends TargetSession {
  private attributes: LaunchAttributes | undefined;
  private launched = false;
  private views: KernelViews | undefined;
  private machine: ChildProcess | undefined;
  private exception: ExceptionReport | undefined;
  private boot: BootProgress | undefined;
  private stoppedThread: string | undefined;
  private readonly targets: bigint[] = [];

  // ── beginning and end ─────────────────────────────────────────────────────────────────────────

  protected override initializeRequest(response: DebugProtocol.InitializeResponse, args: DebugProtocol.InitializeRequestArguments): void {
    this.client = args;
    response.body = CAPABILITIES;
    this.sendResponse(response);
  }

  protected override launchRequest(response: DebugProtocol.LaunchResponse, args: DebugProtocol.LaunchRequestArguments): void {
    this.answer(response, async () => {
      const attributes = readAttributes('launch', { ...args });
      const command = await machineCommand(attributes);
      this.launched = true;
      await this.startMachine(command, attributes);
      await this.connect('127.0.0.1', command.port, attributes, true);
      return undefined;
    });
  }

  protected override attachRequest(response: DebugProtocol.AttachResponse, args: DebugProtocol.AttachRequestArguments): void {
    this.answer(response, async () => {
      const attributes = readAttributes('attach', { ...args });
      await this.connect(attributes.host, attributes.port, attributes, false);
      return undefined;
    });
  }

  private async startMachine(command: MachineCommand, { console: where, program }: LaunchAttributes): Promise<void> {
    if (where !== 'internalConsole' && this.client?.supportsRunInTerminalRequest === true) {
      const kind = where === 'externalTerminal' ? 'external' : 'integrated';
      const reply = await new Promise<DebugProtocol.RunInTerminalResponse>((resolve) => {
        this.runInTerminalRequest({ kind, title: `skas: ${basename(program)}`, cwd: command.cwd, args: [...command.words], env: { ELECTRON_RUN_AS_NODE: '1' } }, BOOT_MS, resolve);
      });
      if (!reply.success) throw new LaunchError(`the terminal did not start the machine: ${reply.message ?? 'no reason given'}`);
      return;
    }
    this.machine = startMachine(command, (category, text) => this.tell(text, category));
  }

  private async connect(host: string, port: number, attributes: LaunchAttributes, patient: boolean): Promise<void> {
    this.attributes = attributes;
    const progress = this.client?.supportsProgressReporting === true;
    if (progress) this.sendEvent(new ProgressStartEvent('connect', patient ? 'Starting the machine' : 'Connecting', 'loading symbols'));
    try {
      const debuggee = await this.debuggeeAt(host, port, attributes, patient);
      this.debuggee = debuggee;
      this.stack = new StackRequests(debuggee);
      this.breakpointRequests = new BreakpointRequests(debuggee, this.stack);
      this.memory = new MemoryRequests(debuggee);
      this.views = new KernelViews(debuggee, this.stack);
      debuggee.breakpoints.onChange = (breakpoint) => this.sendEvent(new BreakpointEvent('changed', this.need(this.breakpointRequests).shown(breakpoint)));
      debuggee.execution.onLog = (message, at) => {
        debuggee.execution.logged = logText(debuggee.inspector, message, at).then((text) => this.logged(`${text}\n`));
      };
      debuggee.stub.client.onOutput = (text) => this.logged(text);
      debuggee.stub.client.onClosed = (reason) => this.lost(reason);
      if (debuggee.stub.reverse) this.sendEvent(new CapabilitiesEvent({ supportsStepBack: true }));
      this.exceptionsAlways = attributes.exceptions;
      if (!attributes.tasks) await debuggee.stub.monitor('tasks off').catch(() => undefined);
      const reason = await debuggee.stub.reason();
      if (reason.kind !== 'stopped') throw new RspError('the target has already ended');
      const [first] = await this.stack.threads.list();
      this.stoppedThread = reason.thread ?? first?.id;
      debuggee.inspector.useThread(this.stoppedThread);
      await debuggee.modules.refresh();
      // A client that knows no filters gets them, too.
      if (attributes.exceptions.length > 0) await this.breakpointRequests.exceptions({ filters: [] }, attributes.exceptions);
    } catch (error) {
      this.machine?.kill();
      throw error;
    } finally {
      if (progress) this.sendEvent(new ProgressEndEvent('connect'));
    }
    this.sendEvent(new InitializedEvent());
  }

  private logged(text: string): void {
    if (this.boot?.hears(text) !== true) this.tell(text, 'stdout');
  }

  private async debuggeeAt(host: string, port: number, attributes: LaunchAttributes, patient: boolean): Promise<Debuggee> {
    const end = performance.now() + BOOT_MS;
    // While the machine starts. Which names there are is asked of nearly every session.
    const symbols = patient ? SymbolFile.open(attributes.program) : undefined;
    if (symbols?.info.hasTypes === true) void symbols.info.index;
    const log = attributes.trace ? (line: string): void => this.tell(`rsp ${line}\n`) : undefined;
    for (;;) {
      try {
        return await Debuggee.connect(host, port, attributes, { log, tell: (text) => this.tell(text, 'important') }, symbols);
      } catch (error) {
        if (error instanceof SymbolFileError || !patient || performance.now() > end) throw error;
        if (this.machine !== undefined && (this.machine.exitCode !== null || this.machine.signalCode !== null)) {
          throw new LaunchError('the machine ended before the debugger could connect: its message is in the debug console');
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  protected override configurationDoneRequest(response: DebugProtocol.ConfigurationDoneResponse): void {
    this.answer(response, async () => {
      const debuggee = this.need(this.debuggee);
      const { stopOnEntry, stopAt, program } = this.need(this.attributes);
      if (this.launched && this.client?.supportsProgressReporting === true && (await this.need(this.breakpointRequests).logFirstProgram())) this.boot = new BootProgress(basename(program), (event) => this.sendEvent(event));
      const thread = this.need(this.stoppedThread);
      if (stopOnEntry) {
        setImmediate(() => this.report({ kind: 'step', thread }, 'entry'));
        return undefined;
      }
      const first = stopAt === '' ? undefined : this.need(this.breakpointRequests).firstStop(stopAt);
      if (stopAt !== '' && first === undefined) this.tell(`"stopAt": there is no function '${stopAt}'\n`, 'important');
      setImmediate(() => {
        if (first === undefined) this.run(() => debuggee.execution.continue(thread));
        else this.run(async () => {
          const result = await debuggee.execution.runTo(thread, debuggee.inspector.unsigned(first.address + first.file.loadOffset), undefined);
          return 'kind' in result ? result : { kind: 'step', thread: result.thread };
        }, 'entry');
      });
      return undefined;
    });
  }

  protected override disconnectRequest(response: DebugProtocol.DisconnectResponse, args: DebugProtocol.DisconnectArguments | undefined): void {
    void this.answerNow(response, async () => {
      await this.close(args?.terminateDebuggee ?? this.launched ? 'end' : args?.suspendDebuggee === true ? 'stay' : 'go');
      return undefined;
    });
  }

  protected override terminateRequest(response: DebugProtocol.TerminateResponse): void {
    void this.answerNow(response, async () => {
      await this.close('end');
      this.terminated();
      return undefined;
    });
  }

  /** Leaves the target, which ends, stays as it is, or goes on. */
  private async close(fate: 'end' | 'stay' | 'go'): Promise<void> {
    const { debuggee, machine } = this;
    this.ended = true;
    if (debuggee !== undefined && !debuggee.stub.client.closed) {
      debuggee.stub.client.onClosed = undefined;
      try {
        await Promise.race([debuggee.execution.whileStopped(async () => {
          if (fate === 'end') await debuggee.stub.kill();
          else if (fate === 'go') await debuggee.stub.detach();
        }), new Promise((resolve) => setTimeout(resolve, 3000))]);
      } catch (error) {
        if (!(error instanceof RspError)) throw error;
      }
      debuggee.stub.client.end();
    }
    if (fate === 'end') machine?.kill();
  }

  private lost(reason: string): void {
    if (this.ended) return;
    this.tell(`The connection to the target is gone: ${reason}.\n`, 'important');
    this.terminated();
  }

  private terminated(): void {
    this.ended = true;
    this.boot?.stopped();
    this.sendEvent(new TerminatedEvent());
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────

  /** Lets the target run and reports how it stopped. */
  private run(work: () => Promise<Stop>, reason?: string): void {
    this.stack?.forget();
    this.exception = undefined;
    this.boot?.resumed();
    void work().then((stop) => this.report(stop, reason), (error: unknown) => {
      if (error instanceof RspClosedError || this.ended) return;
      const text = error instanceof Error ? error.message : String(error);
      this.tell(`The target cannot be run: ${text}\n`, 'important');
      if (this.stoppedThread !== undefined) void this.report({ kind: 'pause', thread: this.stoppedThread });
    });
  }

  private async report(stop: Stop, reason?: string): Promise<void> {
    if (this.ended) return;
    this.boot?.stopped();
    if (stop.kind === 'ended') {
      if (stop.signal !== undefined) this.tell(`The target was ended by signal ${stop.signal}.\n`);
      this.sendEvent(new ExitedEvent(stop.status ?? 128 + (stop.signal ?? 0)));
      this.debuggee?.stub.client.end();
      this.terminated();
      return;
    }
    const debuggee = this.need(this.debuggee);
    const stack = this.need(this.stack);
    this.stoppedThread = stop.thread;
    debuggee.inspector.useThread(stop.thread);
    if (await debuggee.modules.refresh()) await debuggee.breakpoints.replaceAll();
    await stack.threads.list();
    const event: DebugProtocol.StoppedEvent = new StoppedEvent(reason ?? stop.kind, stack.threads.number(stop.thread));
    event.body.allThreadsStopped = true;
    if (stop.kind === 'history') Object.assign(event.body, { reason: 'pause', description: stop.end === 'begin' ? 'Beginning of the history' : 'End of the history', text: 'no more reverse-execution history' });
    if (stop.kind === 'signal') {
      this.exception = signalReport(stop.signal);
      Object.assign(event.body, { reason: 'exception', description: this.exception.label, text: this.exception.message });
    }
    if (stop.kind === 'breakpoint') {
      const exceptional = particular(stop.hit);
      const kind = stop.hit[0]?.spec.kind ?? 'source';
      event.body.reason = kind === 'data' ? 'data breakpoint' : kind === 'function' ? 'function breakpoint' : kind === 'instruction' ? 'instruction breakpoint' : 'breakpoint';
      event.body.hitBreakpointIds = stop.hit.map(({ id }) => id);
      if (exceptional !== undefined) {
        this.exception = await exceptionReport(debuggee.inspector, exceptional, stop.thread);
        Object.assign(event.body, { reason: 'exception', description: this.exception.label, text: this.exception.message });
      }
    }
    this.sendEvent(event);
  }

  private runRequest(response: DebugProtocol.Response, threadId: number, work: (debuggee: Debuggee, thread: string) => Promise<Stop>): void {
    this.answer(response, async () => {
      const debuggee = this.needStopped();
      const thread = this.need(this.stack).threadOf(threadId);
      // The response comes before the events of running.
      setImmediate(() => this.run(() => work(debuggee, thread)));
      return undefined;
    });
  }

  protected override continueRequest(response: DebugProtocol.ContinueResponse, args: DebugProtocol.ContinueArguments): void {
    response.body = { allThreadsContinued: true };
    this.runRequest(response, args.threadId, (debuggee, thread) => debuggee.execution.continue(this.stoppedThread ?? thread));
  }

  protected override reverseContinueRequest(response: DebugProtocol.ReverseContinueResponse, args: DebugProtocol.ReverseContinueArguments): void {
    this.runRequest(response, args.threadId, (debuggee, thread) => debuggee.execution.continue(thread, true));
  }

  /**
   * The protocol takes a request without a granularity for one by statements; but clients' buttons send none, and in optimised code a line has many
   * statements which come in any order: those step by lines, as gdb does.
   */
  private step(response: DebugProtocol.Response, { threadId, granularity = 'line' }: DebugProtocol.NextArguments, kind: StepKind, backwards = false): void {
    this.runRequest(response, threadId, ({ stepper }, thread) =>
      (granularity === 'instruction' ? stepper.instruction(thread, kind, backwards) : stepper.source(thread, { kind, unit: granularity, backwards })));
  }

  protected override nextRequest(response: DebugProtocol.NextResponse, args: DebugProtocol.NextArguments): void {
    this.step(response, args, 'over');
  }

  protected override stepInRequest(response: DebugProtocol.StepInResponse, args: DebugProtocol.StepInArguments): void {
    this.step(response, args, 'in');
  }

  protected override stepOutRequest(response: DebugProtocol.StepOutResponse, args: DebugProtocol.StepOutArguments): void {
    this.runRequest(response, args.threadId, ({ stepper }, thread) => stepper.out(thread));
  }

  protected override stepBackRequest(response: DebugProtocol.StepBackResponse, args: DebugProtocol.StepBackArguments): void {
    this.step(response, args, 'over', true);
  }

  protected override pauseRequest(response: DebugProtocol.PauseResponse): void {
    void this.answerNow(response, async () => {
      this.need(this.debuggee).execution.pause();
      return undefined;
    });
  }

  // ── exceptions and jumps ──────────────────────────────────────────────────────────────────────

  protected override exceptionInfoRequest(response: DebugProtocol.ExceptionInfoResponse): void {
    this.answer(response, async () => {
      const { id, label, message } = this.exception ?? { id: 'none', label: 'none', message: '' };
      return { exceptionId: label, description: message, breakMode: 'always' as const, details: { message, typeName: id } };
    });
  }

  protected override gotoTargetsRequest(response: DebugProtocol.GotoTargetsResponse, args: DebugProtocol.GotoTargetsArguments): void {
    this.answer(response, async () => {
      const { inspector, sources } = this.needStopped();
      const frame = await inspector.innermost(this.need(this.stoppedThread));
      const { file } = frame ?? {};
      if (frame === undefined || file === undefined) return { targets: [] };
      // Exact only: the line itself, in the function that is running.
      const found = locationsNamed(file, sources.compiled(args.source.path ?? ''), args.line).filter(({ address, position }) => position?.line === args.line && file.info.functionAt(address)?.entry === frame.function?.entry);
      return { targets: found.map(({ address }) => {
        const target = inspector.unsigned(address + file.loadOffset);
        return { id: this.targets.push(target), label: `line ${args.line}`, line: args.line, instructionPointerReference: `0x${target.toString(16)}` };
      }) };
    });
  }

  protected override gotoRequest(response: DebugProtocol.GotoResponse, args: DebugProtocol.GotoArguments): void {
    this.answer(response, async () => {
      const { inspector, stub } = this.needStopped();
      const target = this.targets[args.targetId - 1];
      const register = inspector.register('pc');
      const thread = this.need(this.stoppedThread);
      if (target === undefined || register === undefined) throw new RequestError('the place to go to is not known any more');
      await stub.writeRegister(thread, register, integerBytes(target, inspector.map.wordSize));
      inspector.forget();
      this.stack?.forget();
      setImmediate(() => void this.report({ kind: 'step', thread }, 'goto'));
      return undefined;
    });
  }

  // ── the extension's own requests ──────────────────────────────────────────────────────────────

  /** The base class does not know it. */
  private modulesRequest(response: DebugProtocol.ModulesResponse): void {
    this.answer(response, async () => {
      const modules = this.need(this.debuggee).modules.list();
      return { modules, totalModules: modules.length };
    });
  }

  protected override customRequest(command: string, response: DebugProtocol.Response, args: Record<string, string> | undefined): void {
    if (command === 'modules') {
      this.modulesRequest({ ...response, body: { modules: [] } });
      return;
    }
    if (!isViewRequest(command)) {
      super.customRequest(command, response, args);
      return;
    }
    this.answer(response, async () => {
      const views = this.need(this.views);
      const body = await views.answer(command, args ?? {});
      if (views.moves(command)) {
        const reason = await this.need(this.debuggee).stub.reason();
        const thread = reason.kind === 'stopped' ? reason.thread : undefined;
        setImmediate(() => void this.report({ kind: 'step', thread: thread ?? this.need(this.stoppedThread) }, 'switch'));
      }
      return body;
    });
  }
}

