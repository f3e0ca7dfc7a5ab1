/**
 * What a breakpoint asks of the stub at each hit, so that only those that count are stops: its condition, counting, and the message of a log point.
 * Undefined: the adapter has to do it after a stop, which must come out the same.
 */
import { Encoding } from '../../emulator/image/dwarf/constants.ts';
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { ExpressionError } from '../expressions/lexer.ts';
import type { BreakpointProgram } from '../rsp/stub.ts';
import type { Inspector } from '../session/inspector.ts';
import { splitSuffix } from '../values/number-suffix.ts';
import { elementType, isCharacter, isPointer, isScalar, isSigned } from '../values/value.ts';
import { AgentCode } from './agent-code.ts';
import { isCode, type Breakpoint, type StubLocation } from './breakpoint.ts';
import { ExpressionCompiler, NotCompilable } from './expression-compiler.ts';
import type { HitCondition } from './hit-condition.ts';
import { messageParts } from './log-message.ts';

/** Variables of agent expressions and `%q`: gdb's manual has the ones for tracepoints only, and not the other. */
export const COUNTING_FEATURE = 'skas-agent';

const BOOLEAN = Encoding.boolean;

/** Finds the variables an expression names at the breakpoint. @throws NotCompilable */
type Expressions = (code: AgentCode) => ExpressionCompiler;

export function compileProgram(inspector: Inspector, { id, spec }: Breakpoint, location: StubLocation): BreakpointProgram | undefined {
  const { condition, hit, logMessage } = spec;
  const { stub } = inspector;
  if ((condition ?? hit ?? logMessage) === undefined || !stub.has('ConditionalBreakpoints')) return undefined;
  if ((hit !== undefined || logMessage !== undefined) && !stub.has(COUNTING_FEATURE)) return undefined;
  const expressions: Expressions = (code) => {
    const at = inspector.address(location.address);
    // Who touches watched data is not known beforehand, and so not what names mean there.
    const file = isCode(location) ? inspector.fileAt(at) : undefined;
    if (file === undefined) throw new NotCompilable();
    return new ExpressionCompiler(code, inspector, file, at - file.loadOffset);
  };
  try {
    return {
      ...(condition === undefined && hit === undefined ? {} : { condition: conditionCode(inspector, expressions, condition, hit, id) }),
      ...(logMessage === undefined ? {} : { command: logCode(inspector, expressions, logMessage) }),
    };
  } catch (error) {
    if (error instanceof NotCompilable || error instanceof ExpressionError || error instanceof DwarfError) return undefined;
    throw error;
  }
}

/** Hits are counted when the condition holds, in the variable of the breakpoint's number. */
function conditionCode(inspector: Inspector, expressions: Expressions, condition: string | undefined, hit: HitCondition | undefined, variable: number): Uint8Array {
  const code = new AgentCode();
  if (condition !== undefined) expressions(code).value(inspector.parse(condition));
  if (hit === undefined) return code.finish();
  let no: number | undefined;
  if (condition !== undefined) {
    code.op('logNot');
    no = code.jump('ifGoto');
  }
  code.variable('getv', variable);
  code.constant(1n);
  code.op('add');
  code.variable('setv', variable);
  countTest(code, hit);
  if (no !== undefined) {
    const end = code.jump('goto');
    code.land(no);
    code.constant(0n);
    code.land(end);
  }
  return code.finish();
}

function countTest(code: AgentCode, { operator, wanted }: HitCondition): void {
  code.constant(BigInt(wanted));
  switch (operator) {
    case '<': return code.op('lessUnsigned');
    case '>=':
      code.op('lessUnsigned');
      return code.op('logNot');
    case '>': case '<=':
      code.op('swap');
      code.op('lessUnsigned');
      return operator === '>' ? undefined : code.op('logNot');
    case '==': return code.op('equal');
    case '%':
      code.op('remUnsigned');
      return code.op('logNot');
  }
}

/** `printf` with the text and the values. */
function logCode(inspector: Inspector, expressions: Expressions, message: string): Uint8Array {
  const code = new AgentCode();
  const parts = messageParts(message);
  const formats: string[] = [];
  // Its arguments lie on the stack in reverse, the channel and the function on top.
  for (const part of parts.toReversed()) formats.unshift('text' in part ? part.text.replace(/[%\\]/g, (special) => special + special) : logValue(inspector, expressions(code), part.expression));
  code.constant(0n);
  code.constant(0n);
  code.printf(parts.filter((part) => 'expression' in part).length, `${formats.join('')}\\n`);
  return code.finish();
}

/** Leaves the value of an expression; gives the conversion that writes it as the adapter would. */
function logValue(inspector: Inspector, compiler: ExpressionCompiler, text: string): string {
  const { expression, number = 'natural', raw } = splitSuffix(text);
  const operand = compiler.operand(inspector.parse(expression));
  const plain = operand.type.stripped.complete;
  if (plain.kind === 'array') {
    const element = elementType(plain).stripped;
    const [count] = plain.dimensions;
    if (operand.held !== 'address' || number !== 'natural' || count === undefined || !isCharacter(element) || element.size !== 1) throw new NotCompilable();
    return `%.${count}q`;
  }
  const type = compiler.load(operand).stripped.complete;
  if (isPointer(type)) {
    const target = type.target.stripped;
    if (raw || !isCharacter(target) || target.size !== 1) throw new NotCompilable();
    return '%Q';
  }
  if (!isScalar(type) || type.kind === 'enumeration') throw new NotCompilable();
  if (number === 'natural') {
    if (type.encoding === BOOLEAN || isCharacter(type)) throw new NotCompilable();
    return isSigned(type) ? '%ld' : '%lu';
  }
  if (number === 'decimal') return isSigned(type) ? '%ld' : '%lu';
  if (number !== 'hex' && number !== 'address') throw new NotCompilable();
  compiler.code.extend(operand.bits?.width ?? (type.size ?? 8) * 8, false);
  return '0x%lx';
}
