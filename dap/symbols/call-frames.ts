/** The call stack as the source shows it: physical frames with the calls inlined into each as frames of their own. */
import { Attribute } from '../../emulator/image/dwarf/constants.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import type { PhysicalFrame } from './physical-frame.ts';
import { functionScopes, variablesOf, type DeclaredVariable, type FunctionScope } from './scopes.ts';

export interface SourcePosition {
  /** Path as the compiler knew it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export class CallFrame {
  readonly physical: PhysicalFrame;
  readonly scope: FunctionScope | undefined;
  /** How many calls are inlined around this one, in the same physical frame: 0 for the function itself. */
  readonly inlineDepth: number;
  readonly position: SourcePosition | undefined;

  constructor(physical: PhysicalFrame, scope: FunctionScope | undefined, inlineDepth: number, position: SourcePosition | undefined) {
    this.physical = physical;
    this.scope = scope;
    this.inlineDepth = inlineDepth;
    this.position = position;
  }

  get name(): string {
    const { physical, scope } = this;
    if (scope !== undefined) return scope.die.name ?? '??';
    const { symbol } = physical;
    if (symbol === undefined) return `0x${physical.pc.toString(16)}`;
    const offset = physical.lookup - symbol.address;
    return offset === 0 || symbol.isFunction ? symbol.name : `${symbol.name}+${offset}`;
  }

  get inlined(): boolean {
    return this.inlineDepth > 0;
  }

  /** Parameters and variables of the scope, innermost block last. */
  variables(): DeclaredVariable[] {
    return this.scope === undefined ? [] : variablesOf(this.scope);
  }

  /** Tells this frame from all others of the thread, as long as it lives. @throws Miss */
  get identity(): string {
    const { physical } = this;
    return `${physical.cfa?.toString(16) ?? '?'}/${physical.function?.die.offset ?? physical.symbol?.address ?? physical.pc}/${this.scope?.die.offset ?? ''}/${physical.kind === 'tail' ? physical.level : ''}`;
  }
}

/** The frames of one physical frame, innermost first. */
export function callFramesOf(physical: PhysicalFrame): CallFrame[] {
  const { function: running, file } = physical;
  const row = file?.info.shownLineAt(physical.lookup);
  const position = row === undefined || row.line === 0 ? undefined : { file: row.file, line: row.line, column: row.column };
  if (running === undefined) return [new CallFrame(physical, undefined, 0, position)];
  const scopes = functionScopes(running.die, physical.lookup);
  const frames: CallFrame[] = [];
  let here = position;
  for (let depth = scopes.length - 1; depth >= 0; depth--) {
    const scope = scopes[depth];
    frames.push(new CallFrame(physical, scope, depth, here));
    here = callPosition(physical, scope.die) ?? here;
  }
  return frames;
}

/** Where an inlined call stands in the function around it. */
function callPosition(physical: PhysicalFrame, inlined: Die): SourcePosition | undefined {
  const line = inlined.number(Attribute.callLine);
  const number = inlined.number(Attribute.callFile);
  if (line === undefined || number === undefined) return undefined;
  const file = physical.file?.info.linesOf(inlined.unit)?.files[number];
  return file === undefined ? undefined : { file, line, column: inlined.number(Attribute.callColumn) ?? 0 };
}

/** At most `limit` frames, innermost first; `more` says that the stack goes on. @throws Miss */
export function walk(innermost: PhysicalFrame | undefined, limit: number): { readonly frames: readonly CallFrame[]; readonly more: boolean } {
  const frames: CallFrame[] = [];
  let physical = innermost;
  while (physical !== undefined && frames.length < limit) {
    frames.push(...callFramesOf(physical));
    physical = physical.caller;
  }
  return { frames: frames.slice(0, limit), more: physical !== undefined || frames.length > limit };
}
