/** Requests about a target that is there and changes nothing in how it runs: breakpoints, threads, values, memory. */
import { InvalidatedEvent, MemoryEvent } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { locationsNamed } from '../symbols/code-locations.ts';
import type { BreakpointRequests } from './breakpoint-requests.ts';
import type { Debuggee } from './debuggee.ts';
import { parseReference, type MemoryRequests } from './memory-requests.ts';
import { RequestSession } from './request-session.ts';
import { RequestError, type StackRequests } from './stack-requests.ts';

export abstract class TargetSession extends RequestSession {
  protected debuggee: Debuggee | undefined;
  protected stack: StackRequests | undefined;
  protected breakpointRequests: BreakpointRequests | undefined;
  protected memory: MemoryRequests | undefined;
  /** Exception filters of launch.json. */
  protected exceptionsAlways: readonly string[] = [];
  /** What the client said of itself. */
  protected client: DebugProtocol.InitializeRequestArguments | undefined;

  protected needStopped(): Debuggee {
    const debuggee = this.need(this.debuggee);
    if (debuggee.execution.isRunning) throw new RequestError('the target is running: pause it first');
    return debuggee;
  }

  // ── breakpoints ───────────────────────────────────────────────────────────────────────────────

  protected override setBreakPointsRequest(response: DebugProtocol.SetBreakpointsResponse, args: DebugProtocol.SetBreakpointsArguments): void {
    this.answer(response, async () => ({ breakpoints: await this.need(this.breakpointRequests).source(args) }));
  }

  protected override setFunctionBreakPointsRequest(response: DebugProtocol.SetFunctionBreakpointsResponse, args: DebugProtocol.SetFunctionBreakpointsArguments): void {
    this.answer(response, async () => ({ breakpoints: await this.need(this.breakpointRequests).functions(args) }));
  }

  protected override setInstructionBreakpointsRequest(response: DebugProtocol.SetInstructionBreakpointsResponse, args: DebugProtocol.SetInstructionBreakpointsArguments): void {
    this.answer(response, async () => ({ breakpoints: await this.need(this.breakpointRequests).instructions(args) }));
  }

  protected override setDataBreakpointsRequest(response: DebugProtocol.SetDataBreakpointsResponse, args: DebugProtocol.SetDataBreakpointsArguments): void {
    this.answer(response, async () => ({ breakpoints: await this.need(this.breakpointRequests).data(args) }));
  }

  protected override dataBreakpointInfoRequest(response: DebugProtocol.DataBreakpointInfoResponse, args: DebugProtocol.DataBreakpointInfoArguments): void {
    this.answer(response, () => this.need(this.breakpointRequests).dataInfo(args));
  }

  protected override setExceptionBreakPointsRequest(response: DebugProtocol.SetExceptionBreakpointsResponse, args: DebugProtocol.SetExceptionBreakpointsArguments): void {
    this.answer(response, async () => ({ breakpoints: await this.need(this.breakpointRequests).exceptions(args, this.exceptionsAlways) }));
  }

  protected override breakpointLocationsRequest(response: DebugProtocol.BreakpointLocationsResponse, args: DebugProtocol.BreakpointLocationsArguments): void {
    this.answer(response, async () => {
      const { inspector, sources } = this.need(this.debuggee);
      const path = sources.compiled(args.source.path ?? '');
      const lines = new Set<number>();
      const last = Math.min(args.endLine ?? args.line, args.line + 200);
      for (let line = args.line; line <= last; line++) {
        for (const file of inspector.files) for (const { position } of locationsNamed(file, path, line)) if (position !== undefined && position.line <= last) lines.add(position.line);
      }
      return { breakpoints: [...lines].sort((a, b) => a - b).map((line) => ({ line })) };
    });
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────

  protected override threadsRequest(response: DebugProtocol.ThreadsResponse): void {
    this.answer(response, async () => ({ threads: await this.need(this.stack).listThreads() }));
  }

  protected override stackTraceRequest(response: DebugProtocol.StackTraceResponse, args: DebugProtocol.StackTraceArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      return this.need(this.stack).stackTrace(args);
    });
  }

  protected override scopesRequest(response: DebugProtocol.ScopesResponse, args: DebugProtocol.ScopesArguments): void {
    this.answer(response, async () => ({ scopes: this.need(this.stack).scopes(args.frameId) }));
  }

  protected override variablesRequest(response: DebugProtocol.VariablesResponse, args: DebugProtocol.VariablesArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      return { variables: await this.need(this.stack).variables(args) };
    });
  }

  protected override evaluateRequest(response: DebugProtocol.EvaluateResponse, args: DebugProtocol.EvaluateArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      const body = await this.need(this.stack).evaluate(args);
      // Whatever was called or assigned shows elsewhere, too.
      if (args.context === 'repl') this.changed();
      return body;
    });
  }

  protected changed(): void {
    if (this.client?.supportsInvalidatedEvent === true) this.sendEvent(new InvalidatedEvent(['variables']));
  }

  protected override setVariableRequest(response: DebugProtocol.SetVariableResponse, args: DebugProtocol.SetVariableArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      return this.need(this.stack).setVariable(args);
    });
  }

  protected override setExpressionRequest(response: DebugProtocol.SetExpressionResponse, args: DebugProtocol.SetExpressionArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      return this.need(this.stack).setExpression(args);
    });
  }

  protected override completionsRequest(response: DebugProtocol.CompletionsResponse, args: DebugProtocol.CompletionsArguments): void {
    this.answer(response, async () => ({ targets: await this.need(this.stack).completions(args) }));
  }

  // ── memory and code ───────────────────────────────────────────────────────────────────────────

  protected override readMemoryRequest(response: DebugProtocol.ReadMemoryResponse, args: DebugProtocol.ReadMemoryArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      return this.need(this.memory).read(args);
    });
  }

  protected override writeMemoryRequest(response: DebugProtocol.WriteMemoryResponse, args: DebugProtocol.WriteMemoryArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      const body = await this.need(this.memory).write(args);
      if (this.client?.supportsMemoryEvent === true) this.sendEvent(new MemoryEvent(`0x${parseReference(args.memoryReference).toString(16)}`, args.offset ?? 0, body?.bytesWritten ?? 0));
      this.changed();
      return body;
    });
  }

  protected override disassembleRequest(response: DebugProtocol.DisassembleResponse, args: DebugProtocol.DisassembleArguments): void {
    this.answer(response, async () => {
      this.needStopped();
      return { instructions: await this.need(this.memory).disassemble(args) };
    });
  }
}
