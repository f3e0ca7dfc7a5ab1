/** What the adapter can do, as `initialize` answers. Stepping back is offered later, when the target says it can. */
import type { DebugProtocol } from '@vscode/debugprotocol';
import { KERNEL_EXCEPTIONS } from '../breakpoints/kernel-exceptions.ts';

export const CAPABILITIES: DebugProtocol.Capabilities = {
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsDataBreakpoints: true,
  supportsDataBreakpointBytes: true,
  supportsInstructionBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsSetExpression: true,
  supportsCompletionsRequest: true,
  completionTriggerCharacters: ['.', '>', '$'],
  supportsGotoTargetsRequest: true,
  supportsModulesRequest: true,
  supportsTerminateRequest: true,
  supportTerminateDebuggee: true,
  supportSuspendDebuggee: true,
  supportsDelayedStackTraceLoading: true,
  supportsSteppingGranularity: true,
  supportsValueFormattingOptions: true,
  supportsDisassembleRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsExceptionInfoRequest: true,
  supportsExceptionFilterOptions: true,
  supportsBreakpointLocationsRequest: true,
  exceptionBreakpointFilters: KERNEL_EXCEPTIONS.map(({ filter, label, description, default: on }) => ({
    filter, label, description, default: on, supportsCondition: true, conditionDescription: 'an expression at the function the kernel came through',
  })),
};
