/** Conditions as agent-expression bytecode (gdb manual, appendix F), for stubs which check them themselves. */
import type { BreakpointProgram } from '../rsp/stub.ts';
import type { Inspector } from '../session/inspector.ts';
import type { Breakpoint, StubLocation } from './breakpoint.ts';

/** Undefined: the condition has to be evaluated by the adapter. */
export function compileCondition(inspector: Inspector, breakpoint: Breakpoint, location: StubLocation): BreakpointProgram | undefined {
  void location;
  if (!inspector.stub.has('ConditionalBreakpoints') || breakpoint.spec.condition === undefined) return undefined;
  return undefined;
}
