/**
 * Evaluates C expressions on the stopped target. Names come from the frame, then from static variables, functions and enumerators. Changing
 * anything (assignment, a call) is asked of the {@link Effects}, by throwing a Miss: an evaluation may run several times.
 */
import { Encoding } from '../../emulator/image/dwarf/constants.ts';
import { floatBits, floatOf } from '../../emulator/image/dwarf/base-value.ts';
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import type { TargetMemory } from '../symbols/target-memory.ts';
import { fromExtended, toExtended } from '../values/extended.ts';
import { Value, integerBytes, isAggregate, isFloat, isPointer, isScalar, littleEndian } from '../values/value.ts';
import type { CTypes } from './c-types.ts';
import { ExpressionError } from './lexer.ts';
import type { BinaryOperator, Node } from './syntax.ts';

/** Where names come from. */
export interface Names {
  /** A variable, function (its type is one) or enumerator. */
  lookup(name: string, scope: string | undefined): Value | undefined;
  register(name: string): Value | undefined;
}

export interface Effects {
  /** The result of calling a function of the target, once per node of an expression. @throws Miss, ExpressionError */
  call(node: Node, address: bigint, args: readonly bigint[]): bigint;
}

/** Longest arrays `x@n` makes. */
const MOST_REPEATED = 1n << 20n;

const COMPARISONS = ['<', '>', '<=', '>=', '==', '!='] as const;
type Comparison = (typeof COMPARISONS)[number];
const isComparison = (operator: BinaryOperator): operator is Comparison => COMPARISONS.some((one) => one === operator);

export class Evaluator {
  private readonly memory: TargetMemory;
  private readonly types: CTypes;
  private readonly names: Names;
  private readonly effects: Effects | undefined;

  constructor(memory: TargetMemory, types: CTypes, names: Names, effects: Effects | undefined) {
    this.memory = memory;
    this.types = types;
    this.names = names;
    this.effects = effects;
  }

  /** @throws ExpressionError, ValueError, Miss */
  evaluate(node: Node): Value {
    const { types } = this;
    switch (node.kind) {
      case 'integer': return this.integerLiteral(node.value, node.suffix, node.decimal);
      case 'float': return this.float(node.value);
      case 'character': return this.integer(types.base('char'), node.value);
      case 'string': {
        const bytes = Buffer.from(`${node.text}\0`, 'latin1');
        return Value.result(this.memory, types.array(types.base('char'), bytes.length), bytes);
      }
      case 'name': {
        const value = this.names.lookup(node.name, node.scope);
        if (value === undefined) throw new ExpressionError(node.scope === undefined ? `there is no '${node.name}' here` : `there is no '${node.name}' in ${node.scope}`);
        return value;
      }
      case 'register': {
        const value = this.names.register(node.name);
        if (value === undefined) throw new ExpressionError(`there is no register $${node.name}`);
        return value;
      }
      case 'unary': return this.unary(node.operator, node.operand);
      case 'binary': return this.binary(node.operator, node.left, node.right);
      case 'conditional': return this.evaluate(this.truth(this.evaluate(node.test)) ? node.yes : node.no);
      case 'member': return this.member(this.evaluate(node.object), node.name, node.arrow);
      case 'index': return this.index(this.evaluate(node.object), this.evaluate(node.index));
      case 'repeat': return this.repeat(this.evaluate(node.object), this.number(this.evaluate(node.count)));
      case 'cast': return this.cast(this.evaluate(node.operand), types.named(node.type));
      case 'sizeof': {
        const type = node.type === undefined ? (node.operand === undefined ? undefined : this.evaluate(node.operand).type) : types.named(node.type);
        const size = type?.stripped.complete.size;
        if (size === undefined) throw new ExpressionError(`the size of ${String(type)} is not known`);
        return this.integer(types.base('unsigned long'), BigInt(size));
      }
      case 'offsetof': return this.integer(types.base('unsigned long'), BigInt(this.offsetOf(types.named(node.type), node.member)));
      case 'containerOf': {
        const type = types.named(node.type);
        const address = this.number(this.decayed(this.evaluate(node.pointer)));
        return this.integer(types.pointer(type), address - BigInt(this.offsetOf(type, node.member)));
      }
      case 'call': return this.call(node, node.callee, node.arguments);
      case 'assign': throw new ExpressionError('an assignment can only stand alone');
    }
  }

  /** The bytes to store for `target = value` (or `target += value`). @throws ExpressionError */
  assigned(node: Extract<Node, { kind: 'assign' }>): { readonly target: Value; readonly bytes: Uint8Array } {
    const target = this.evaluate(node.target);
    const value = node.operator === undefined ? this.evaluate(node.value) : this.binary(node.operator, node.target, node.value);
    return { target, bytes: this.stored(target, value) };
  }

  /** The bytes to store for a value in a target: a number as its type has it, text, or the whole of a structure. @throws ExpressionError */
  stored(target: Value, value: Value): Uint8Array {
    if (target.place.kind === 'none') throw new ExpressionError(`${String(target.type)} cannot be changed: it is not in memory or in a register of this frame`);
    const { plain } = target;
    if (isScalar(plain)) return this.cast(value, target.type).read(target.size);
    if (plain.kind === 'array' && value.plain.kind === 'array') {
      const bytes = value.read();
      if (bytes.length > target.size) throw new ExpressionError(`${bytes.length} bytes do not fit into ${target.size}`);
      return bytes;
    }
    if (value.plain.die?.offset !== plain.die?.offset || value.size !== target.size) throw new ExpressionError(`${String(value.type)} cannot be assigned to ${String(target.type)}`);
    return value.read();
  }

  truth(value: Value): boolean {
    const decayed = this.decayed(value);
    return isFloat(decayed.plain) ? this.floatNumber(decayed) !== 0 : decayed.integer() !== 0n;
  }

  private integer(type: DwarfType, value: bigint): Value {
    return Value.integer(this.memory, type, value);
  }

  private float(value: number): Value {
    return Value.result(this.memory, this.types.base('double'), integerBytes(floatBits(value, 8), 8));
  }

  private integerLiteral(value: bigint, suffix: string, decimal: boolean): Value {
    const { types } = this;
    const long = suffix.includes('l');
    const unsignedWanted = suffix.includes('u');
    const longBits = types.wordSize * 8;
    if (value >= 1n << 64n) throw new ExpressionError(`${value} is too large`);
    if (!long && !unsignedWanted && value < 1n << 31n) return this.integer(types.base('int'), value);
    if (!long && (unsignedWanted || !decimal) && value < 1n << 32n) return this.integer(types.base('unsigned'), value);
    if (!unsignedWanted && value < 1n << BigInt(longBits - 1)) return this.integer(types.base('long'), value);
    return this.integer(types.base(value < 1n << BigInt(longBits) ? 'unsigned long' : 'unsigned long long'), value);
  }

  /** Arrays and functions become pointers, as nearly everywhere in C. */
  private decayed(value: Value): Value {
    const { plain } = value;
    if (plain.kind !== 'array' && plain.kind !== 'function') return value;
    if (value.address === undefined) throw new ExpressionError('the array is not in memory');
    const target = plain.kind === 'function' ? value.type : plain.dimensions.length < 2 ? plain.target : plain.inner();
    return this.integer(this.types.pointer(target), value.address);
  }

  private number(value: Value): bigint {
    const { plain } = value;
    if (isFloat(plain)) return BigInt(Math.trunc(this.floatNumber(value)));
    if (!isScalar(plain)) throw new ExpressionError(`${String(value.type)} is not a number`);
    return value.integer();
  }

  private floatNumber(value: Value): number {
    if (!isFloat(value.plain)) return Number(this.number(value));
    return floatOf(littleEndian(value.read()), value.size) ?? fromExtended(value.read());
  }

  private unary(operator: Extract<Node, { kind: 'unary' }>['operator'], operandNode: Node): Value {
    const operand = this.evaluate(operandNode);
    const { types } = this;
    switch (operator) {
      case '&': {
        if (operand.bits !== undefined) throw new ExpressionError('a bit-field has no address');
        if (operand.address === undefined) throw new ExpressionError(operand.place.kind === 'register' ? `it is in register $${operand.place.name}, so has no address` : 'it has no address');
        return this.integer(types.pointer(operand.type), operand.address);
      }
      case '*': {
        const pointer = this.decayed(operand);
        if (pointer.plain.kind === 'base') throw new ExpressionError(`${String(pointer.type)} is not a pointer: cast it first`);
        if (pointer.plain.target.stripped.kind === 'void') throw new ExpressionError('what a void pointer points to has no type: cast it first');
        return pointer.dereference();
      }
      case '!': return this.integer(types.base('int'), this.truth(operand) ? 0n : 1n);
      default: {
        if (isFloat(operand.plain)) return this.float(operator === '-' ? -this.floatNumber(operand) : this.floatNumber(operand));
        const type = isPointer(operand.plain) ? types.base('unsigned long') : types.promoted(operand.plain);
        const value = this.number(operand);
        return this.integer(type, operator === '-' ? -value : operator === '~' ? ~value : value);
      }
    }
  }

  private binary(operator: BinaryOperator, leftNode: Node, rightNode: Node): Value {
    const { types } = this;
    if (operator === '&&') return this.logical(this.truth(this.evaluate(leftNode)) && this.truth(this.evaluate(rightNode)));
    if (operator === '||') return this.logical(this.truth(this.evaluate(leftNode)) || this.truth(this.evaluate(rightNode)));
    const left = this.decayed(this.evaluate(leftNode));
    const right = this.decayed(this.evaluate(rightNode));
    if (operator === '+' || operator === '-') {
      const moved = this.pointerArithmetic(operator, left, right);
      if (moved !== undefined) return moved;
    }
    if (isFloat(left.plain) || isFloat(right.plain)) return this.floatBinary(operator, this.floatNumber(left), this.floatNumber(right));
    const type = isPointer(left.plain) || isPointer(right.plain) ? types.base('unsigned long') : types.common(left.plain, right.plain);
    const shifts = operator === '<<' || operator === '>>';
    const computed = shifts ? types.promoted(left.plain) : type;
    const a = this.cast(left, computed).integer();
    const b = shifts ? this.number(right) : this.cast(right, computed).integer();
    if (isComparison(operator)) return this.compared(operator, a, b);
    switch (operator) {
      case '/': case '%':
        if (b === 0n) throw new ExpressionError('division by zero');
        return this.integer(computed, operator === '/' ? a / b : a % b);
      case '<<': case '>>': {
        if (b < 0n || b >= BigInt((computed.size ?? 4) * 8)) throw new ExpressionError(`shift by ${b}`);
        return this.integer(computed, operator === '<<' ? a << b : a >> b);
      }
      case '+': return this.integer(computed, a + b);
      case '-': return this.integer(computed, a - b);
      case '*': return this.integer(computed, a * b);
      case '&': return this.integer(computed, a & b);
      case '^': return this.integer(computed, a ^ b);
      case '|': return this.integer(computed, a | b);
    }
  }

  private logical(value: boolean): Value {
    return this.integer(this.types.base('int'), value ? 1n : 0n);
  }

  private compared<T extends bigint | number>(operator: Comparison, a: T, b: T): Value {
    switch (operator) {
      case '<': return this.logical(a < b);
      case '>': return this.logical(a > b);
      case '<=': return this.logical(a <= b);
      case '>=': return this.logical(a >= b);
      case '==': return this.logical(a === b);
      case '!=': return this.logical(a !== b);
    }
  }

  private pointerArithmetic(operator: '+' | '-', left: Value, right: Value): Value | undefined {
    const step = (pointer: Value): bigint => BigInt(pointer.plain.target.stripped.complete.size ?? 1);
    if (isPointer(left.plain) && isPointer(right.plain)) {
      if (operator === '+') throw new ExpressionError('pointers cannot be added');
      const bytes = BigInt.asIntN(this.types.wordSize * 8, left.integer() - right.integer());
      return this.integer(this.types.base('long'), bytes / (step(left) === 0n ? 1n : step(left)));
    }
    if (isPointer(left.plain)) {
      const distance = this.number(right) * step(left);
      return this.integer(left.type, operator === '+' ? left.integer() + distance : left.integer() - distance);
    }
    return isPointer(right.plain) && operator === '+' ? this.integer(right.type, right.integer() + this.number(left) * step(right)) : undefined;
  }

  private floatBinary(operator: BinaryOperator, a: number, b: number): Value {
    if (isComparison(operator)) return this.compared(operator, a, b);
    switch (operator) {
      case '+': return this.float(a + b);
      case '-': return this.float(a - b);
      case '*': return this.float(a * b);
      case '/': return this.float(a / b);
      default: throw new ExpressionError(`'${operator}' does not work on floating-point numbers`);
    }
  }

  private member(object: Value, name: string, arrow: boolean): Value {
    // As gdb: `.` on a pointer does what was meant.
    const holder = isPointer(object.plain) || object.plain.kind === 'array' ? this.decayed(object).dereference() : object;
    if (arrow && holder === object) throw new ExpressionError(`${String(object.type)} is not a pointer: use '.${name}'`);
    if (!isAggregate(holder.plain)) throw new ExpressionError(`${String(holder.type)} has no members`);
    const member = holder.plain.member(name);
    if (member === undefined) throw new ExpressionError(holder.plain.declaration ? `${String(holder.type)} is only declared` : `${String(holder.type)} has no member '${name}'`);
    return holder.member(member);
  }

  private index(object: Value, index: Value): Value {
    const position = this.number(index);
    if (object.plain.kind !== 'array' && !isPointer(object.plain)) throw new ExpressionError(`${String(object.type)} is not an array`);
    return object.element(position);
  }

  private repeat(object: Value, count: bigint): Value {
    if (object.address === undefined) throw new ExpressionError('only what is in memory can be repeated with @');
    if (count < 1n || count > MOST_REPEATED) throw new ExpressionError(`@${count}: between 1 and ${MOST_REPEATED} elements are possible`);
    return Value.inMemory(this.memory, this.types.array(object.type, Number(count)), object.address);
  }

  private cast(value: Value, type: DwarfType): Value {
    const plain = type.stripped.complete;
    if (!isScalar(plain)) {
      if (isAggregate(plain) || plain.kind === 'array') {
        if (value.address !== undefined && value.bits === undefined && !isScalar(value.plain)) return value.cast(type);
        throw new ExpressionError(`${String(value.type)} cannot become ${String(type)}`);
      }
      return value.cast(type);
    }
    const from = this.decayed(value);
    if (isFloat(plain)) {
      const size = plain.size ?? 8;
      const number = this.floatNumber(from);
      return Value.result(this.memory, type, size > 8 ? toExtended(number, size) : integerBytes(floatBits(number, size), size));
    }
    const number = this.number(from);
    return this.integer(type, plain.encoding === Encoding.boolean ? (number === 0n ? 0n : 1n) : number);
  }

  private offsetOf(type: DwarfType, path: string): number {
    const member = type.stripped.complete.path(path);
    if (member === undefined) throw new ExpressionError(`${String(type)} has no member '${path}'`);
    return member.offset;
  }

  private call(node: Node, calleeNode: Node, argumentNodes: readonly Node[]): Value {
    if (calleeNode.kind === 'name') {
      const builtin = this.perCpu(calleeNode.name, argumentNodes);
      if (builtin !== undefined) return builtin;
    }
    let callee = this.evaluate(calleeNode);
    if (isPointer(callee.plain)) callee = callee.dereference();
    if (callee.plain.kind !== 'function' || callee.address === undefined) throw new ExpressionError(`${String(callee.type)} is not a function`);
    if (this.effects === undefined) throw new ExpressionError('functions cannot be called here');
    const parameters = callee.plain.parameters;
    const args = argumentNodes.map((each, i) => {
      const value = this.decayed(this.evaluate(each));
      if (!isScalar(value.plain) || isFloat(value.plain)) throw new ExpressionError('only integers and pointers can be handed to a function');
      return i < parameters.length ? this.cast(value, parameters[i]).integer() : this.number(value);
    });
    if (args.length < parameters.length) throw new ExpressionError(`the function takes ${parameters.length} arguments`);
    const result = callee.plain.target;
    const returned = this.effects.call(node, callee.address, args);
    if (result.stripped.kind === 'void') return new Value(this.memory, result, { kind: 'none' }, { kind: 'bytes', bytes: new Uint8Array(0), known: undefined });
    if (!isScalar(result.stripped) || isFloat(result.stripped)) throw new ExpressionError(`the function returns ${String(result)}, which is not supported`);
    return this.integer(result, returned);
  }

  /** `per_cpu(variable, cpu)`, `per_cpu_ptr(pointer, cpu)`: without SMP the variable itself. */
  private perCpu(name: string, nodes: readonly Node[]): Value | undefined {
    if (name !== 'per_cpu' && name !== 'per_cpu_ptr' && name !== 'this_cpu_ptr') return undefined;
    const [objectNode, cpuNode] = nodes;
    if (objectNode === undefined) throw new ExpressionError(`${name} needs a variable`);
    const object = this.evaluate(objectNode);
    const offsets = this.names.lookup('__per_cpu_offset', undefined);
    const cpu = cpuNode === undefined ? 0n : this.number(this.evaluate(cpuNode));
    if (offsets === undefined && cpu !== 0n) throw new ExpressionError(`there is no CPU ${cpu}`);
    const offset = offsets === undefined ? 0n : offsets.element(cpu).integer();
    if (name !== 'per_cpu') return this.integer(object.type, this.number(this.decayed(object)) + offset);
    if (object.address === undefined) throw new ExpressionError('the variable has no address');
    return Value.inMemory(this.memory, object.type, object.address + offset);
  }
}

