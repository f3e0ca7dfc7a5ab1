/**
 * Evaluates agent expressions: a stack of 64-bit words, registers and memory of the place where a breakpoint was hit. The bytecode comes
 * from outside, so that everything about it is checked: bounds, stack, steps. Formats and meanings: gdb manual, "Bytecode Descriptions".
 */
import { AGENT_OP_NAMES, AgentOp, UNSUPPORTED_OPS } from './opcodes.ts';

/** What an expression sees. */
export interface AgentContext {
  /** A register by gdb's number; undefined: there is none, or it has more than 64 bits. */
  register(number: number): bigint | undefined;
  /** A little-endian word of 1, 2, 4 or 8 bytes; undefined: it cannot be read. */
  word(address: bigint, length: number): bigint | undefined;
  /** As many bytes as can be read. */
  memory(address: bigint, length: number): Uint8Array;
  /** A trace state variable; undefined: there is none. */
  variable(number: number): bigint | undefined;
  setVariable(number: number, value: bigint): void;
  /** Output of printf. `format` is as the user wrote it. */
  print(format: string, values: readonly bigint[]): void;
}

/** The expression is wrong, or cannot be evaluated here; the message is for the user. */
export class AgentError extends Error {}

/** Words on the stack at most. */
const STACK_LIMIT = 256;
/** Operations at most: a loop that does not end must not hold the machine. */
const STEP_LIMIT = 20_000;
const WORD_BITS = 64;
const SIGN = 1n << 63n;

const signed = (value: bigint): bigint => BigInt.asIntN(WORD_BITS, value);
const word = (value: bigint): bigint => BigInt.asUintN(WORD_BITS, value);
const truth = (value: boolean): bigint => (value ? 1n : 0n);

function nonZero(value: bigint): bigint {
  if (value === 0n) throw new AgentError('division by zero');
  return value;
}

/** A table by operation, quicker to look things up in than what it is made from. */
function byCode<Value>(entries: Readonly<Record<number, Value>>): readonly (Value | undefined)[] {
  return Array.from({ length: 256 }, (_, code): Value | undefined => entries[code]);
}

/** Operations on the two topmost words: `a` was pushed first. Results are cut to 64 bits. */
const BINARY: readonly (((a: bigint, b: bigint) => bigint) | undefined)[] = byCode({
  [AgentOp.add]: (a, b) => a + b,
  [AgentOp.sub]: (a, b) => a - b,
  [AgentOp.mul]: (a, b) => a * b,
  [AgentOp.divSigned]: (a, b) => signed(a) / nonZero(signed(b)),
  [AgentOp.divUnsigned]: (a, b) => a / nonZero(b),
  [AgentOp.remSigned]: (a, b) => signed(a) % nonZero(signed(b)),
  [AgentOp.remUnsigned]: (a, b) => a % nonZero(b),
  [AgentOp.lsh]: (a, b) => (b >= 64n ? 0n : a << b),
  [AgentOp.rshSigned]: (a, b) => signed(a) >> (b >= 64n ? 63n : b),
  [AgentOp.rshUnsigned]: (a, b) => (b >= 64n ? 0n : a >> b),
  [AgentOp.bitAnd]: (a, b) => a & b,
  [AgentOp.bitOr]: (a, b) => a | b,
  [AgentOp.bitXor]: (a, b) => a ^ b,
  [AgentOp.equal]: (a, b) => truth(a === b),
  [AgentOp.lessSigned]: (a, b) => truth((a ^ SIGN) < (b ^ SIGN)),
  [AgentOp.lessUnsigned]: (a, b) => truth(a < b),
});

/** Bytes read by the operations that read memory. */
const REFERENCES = byCode({ [AgentOp.ref8]: 1, [AgentOp.ref16]: 2, [AgentOp.ref32]: 4, [AgentOp.ref64]: 8 });
const CONSTANTS = byCode({ [AgentOp.const8]: 1, [AgentOp.const16]: 2, [AgentOp.const32]: 4, [AgentOp.const64]: 8 });

class Evaluation {
  private readonly code: Uint8Array;
  private readonly context: AgentContext;
  private readonly stack: bigint[] = [];
  private at = 0;

  constructor(code: Uint8Array, context: AgentContext) {
    this.code = code;
    this.context = context;
  }

  /** The top of the stack at the end; undefined: nothing is on it. */
  run(): bigint | undefined {
    for (let steps = 0; steps < STEP_LIMIT; steps++) {
      const op = this.operand(1);
      if (op === AgentOp.end) return this.stack.at(-1);
      this.perform(op);
    }
    throw new AgentError(`the expression does not end within ${STEP_LIMIT} operations`);
  }

  private perform(op: number): void {
    const binary = BINARY[op];
    if (binary !== undefined) {
      const b = this.pop();
      return this.push(binary(this.pop(), b));
    }
    const length = REFERENCES[op];
    if (length !== undefined) return this.push(this.read(this.pop(), length));
    const bytes = CONSTANTS[op];
    if (bytes !== undefined) return this.push(bytes === 8 ? (BigInt(this.operand(4)) << 32n) | BigInt(this.operand(4)) : BigInt(this.operand(bytes)));
    switch (op) {
      case AgentOp.logNot: return this.push(truth(this.pop() === 0n));
      case AgentOp.bitNot: return this.push(~this.pop());
      case AgentOp.ext: {
        const bits = this.width();
        return this.push(BigInt.asIntN(bits, this.pop()));
      }
      case AgentOp.zeroExt: {
        const bits = this.width();
        return this.push(BigInt.asUintN(bits, this.pop()));
      }
      case AgentOp.ifGoto: {
        const target = this.operand(2);
        if (this.pop() !== 0n) this.at = target;
        return;
      }
      case AgentOp.goto:
        this.at = this.operand(2);
        return;
      case AgentOp.reg: return this.push(this.register(this.operand(2)));
      case AgentOp.dup: return this.push(this.peek(0));
      case AgentOp.pop: return void this.pop();
      case AgentOp.swap: {
        const b = this.pop();
        const a = this.pop();
        this.push(b);
        return this.push(a);
      }
      case AgentOp.pick: return this.push(this.peek(this.operand(1)));
      case AgentOp.rot: {
        const c = this.pop();
        const b = this.pop();
        const a = this.pop();
        this.push(c);
        this.push(a);
        return this.push(b);
      }
      case AgentOp.getv: return this.push(this.variable(this.operand(2)));
      case AgentOp.setv: {
        const number = this.operand(2);
        this.variable(number);
        return this.context.setVariable(number, this.peek(0));
      }
      case AgentOp.printf: return this.print();
    }
    const name = AGENT_OP_NAMES.get(op);
    if (UNSUPPORTED_OPS.has(op)) throw new AgentError(`the operation ${name} is for tracepoints or floating point, which are not evaluated here`);
    throw new AgentError(`no operation 0x${op.toString(16).padStart(2, '0')}`);
  }

  private push(value: bigint): void {
    if (this.stack.length >= STACK_LIMIT) throw new AgentError('the stack is full');
    this.stack.push(word(value));
  }

  private pop(): bigint {
    const value = this.stack.pop();
    if (value === undefined) throw new AgentError('the stack is empty');
    return value;
  }

  /** The word with so many above it. */
  private peek(depth: number): bigint {
    const value = this.stack[this.stack.length - 1 - depth];
    if (value === undefined) throw new AgentError('the stack is not that deep');
    return value;
  }

  /** The next bytes of the code, most significant first; 4 at most. */
  private operand(bytes: number): number {
    const { code, at } = this;
    if (at + bytes > code.length) throw new AgentError('the expression ends in the middle');
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + code[at + i];
    this.at = at + bytes;
    return value;
  }

  private width(): number {
    const bits = this.operand(1);
    if (bits === 0 || bits > WORD_BITS) throw new AgentError(`a width of ${bits} bits`);
    return bits;
  }

  private read(address: bigint, length: number): bigint {
    const value = this.context.word(address, length);
    if (value === undefined) throw new AgentError(`cannot access memory at 0x${address.toString(16)}`);
    return value;
  }

  private register(number: number): bigint {
    const value = this.context.register(number);
    if (value === undefined) throw new AgentError(`register ${number} is not available`);
    return value;
  }

  private variable(number: number): bigint {
    const value = this.context.variable(number);
    if (value === undefined) throw new AgentError(`there is no variable ${number}`);
    return value;
  }

  /** printf COUNT LENGTH FORMAT: on the stack are the arguments in reverse, channel and function, which mean nothing here. */
  private print(): void {
    const count = this.operand(1);
    const length = this.operand(2);
    const { code, at } = this;
    if (at + length > code.length || length === 0 || code[at + length - 1] !== 0) throw new AgentError('the format of printf does not end');
    this.at = at + length;
    this.pop();
    this.pop();
    const values = Array.from({ length: count }, () => this.pop());
    this.context.print(Buffer.from(code.subarray(at, at + length - 1)).toString(), values);
  }
}

/**
 * Evaluates an expression. Undefined: it leaves nothing on the stack (a command).
 * @throws AgentError
 */
export function evaluateAgent(code: Uint8Array, context: AgentContext): bigint | undefined {
  return new Evaluation(code, context).run();
}
