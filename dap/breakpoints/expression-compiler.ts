/**
 * Expressions as bytecode which the stub runs at every hit of a breakpoint, without a stop. What cannot be said in it (calls, floating-point numbers,
 * variables in pieces) is left to the adapter, which evaluates the same expression after a stop: both must mean the same.
 */
import { Attribute, Encoding } from '../../emulator/image/dwarf/constants.ts';
import { Cursor, type Block } from '../../emulator/image/dwarf/cursor.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import { locationAt } from '../../emulator/image/dwarf/location-lists.ts';
import type { DwarfType, Member } from '../../emulator/image/dwarf/types.ts';
import type { Node } from '../expressions/syntax.ts';
import type { Inspector } from '../session/inspector.ts';
import { functionScopes, variablesOf } from '../symbols/scopes.ts';
import type { SymbolFile } from '../symbols/symbol-file.ts';
import { elementType, isAggregate, isPointer, isScalar, isSigned } from '../values/value.ts';
import { AgentCode, type OpName } from './agent-code.ts';

const FLOAT = Encoding.float;
const BOOLEAN = Encoding.boolean;

/** This cannot be said in bytecode. */
export class NotCompilable extends Error {}

/** What the code has left on the stack: a value, or the address of one. */
export interface Operand {
  readonly type: DwarfType;
  readonly held: 'value' | 'address';
  readonly bits?: Member['bits'];
}

const ARITHMETIC: Readonly<Record<string, readonly [signed: OpName, unsigned: OpName]>> = {
  '+': ['add', 'add'], '-': ['sub', 'sub'], '*': ['mul', 'mul'], '/': ['divSigned', 'divUnsigned'], '%': ['remSigned', 'remUnsigned'],
  '&': ['bitAnd', 'bitAnd'], '|': ['bitOr', 'bitOr'], '^': ['bitXor', 'bitXor'], '<<': ['lsh', 'lsh'], '>>': ['rshSigned', 'rshUnsigned'],
};
/** Each as a comparison, with operands swapped and its result negated where needed. */
const COMPARISONS: Readonly<Record<string, { readonly equal?: true; readonly swap?: true; readonly not?: true }>> = {
  '==': { equal: true }, '!=': { equal: true, not: true }, '<': {}, '>': { swap: true }, '<=': { swap: true, not: true }, '>=': { not: true },
};
const LOADS: Readonly<Record<number, OpName>> = { 1: 'ref8', 2: 'ref16', 4: 'ref32', 8: 'ref64' };

/** Compiles for one address of a file, whose variables are meant. */
export class ExpressionCompiler {
  readonly code: AgentCode;
  private readonly inspector: Inspector;
  private readonly file: SymbolFile;
  private readonly address: number;

  constructor(code: AgentCode, inspector: Inspector, file: SymbolFile, address: number) {
    this.code = code;
    this.inspector = inspector;
    this.file = file;
    this.address = address;
  }

  /** Leaves a number; gives its type. */
  value(node: Node): DwarfType {
    return this.load(this.operand(node));
  }

  /** Makes an operand a number; gives its type. */
  load({ type, held, bits }: Operand): DwarfType {
    const plain = type.stripped.complete;
    if (plain.kind === 'array' || plain.kind === 'function') {
      if (held !== 'address') throw new NotCompilable();
      return this.inspector.cTypes.pointer(plain.kind === 'function' ? type : elementType(plain));
    }
    if (!isScalar(plain) || plain.encoding === FLOAT) throw new NotCompilable();
    const size = plain.size ?? 0;
    if (held === 'address') {
      const bytes = bits === undefined ? size : [1, 2, 4, 8].find((each) => each * 8 >= bits.shift + bits.width);
      const load = bytes === undefined ? undefined : LOADS[bytes];
      if (load === undefined) throw new NotCompilable();
      this.code.op(load);
      if (bits !== undefined && bits.shift > 0) {
        this.code.constant(BigInt(bits.shift));
        this.code.op('rshUnsigned');
      }
      this.code.extend(bits?.width ?? size * 8, isSigned(plain));
    }
    return plain;
  }

  /** Leaves a value, or the address of one. */
  operand(node: Node): Operand {
    const { cTypes } = this.inspector;
    switch (node.kind) {
      case 'integer': case 'character': {
        this.code.constant(node.value);
        const wide = node.value >= 1n << 31n;
        const unsigned = node.kind === 'integer' && (node.suffix.includes('u') || node.value >= 1n << 63n || (!node.decimal && wide && node.value < 1n << 32n));
        const long = wide && (node.value >= 1n << 32n || !unsigned);
        const longer = long || (node.kind === 'integer' && node.suffix.includes('l'));
        return { type: cTypes.base(longer ? (unsigned ? 'unsigned long' : 'long') : unsigned ? 'unsigned' : 'int'), held: 'value' };
      }
      case 'name': return this.named(node.name, node.scope);
      case 'register': {
        const register = this.inspector.register(node.name);
        if (register === undefined || register.bits > 64) throw new NotCompilable();
        this.code.register(register.number);
        const signed = register.type.startsWith('int');
        this.code.extend(register.bits, signed);
        return { type: register.type.endsWith('_ptr') ? cTypes.pointer(cTypes.void()) : cTypes.base(register.bits === 64 ? 'long' : register.bits === 32 && signed ? 'int' : 'unsigned'), held: 'value' };
      }
      case 'unary': return this.unary(node);
      case 'binary': return this.binary(node);
      case 'conditional': {
        this.value(node.test);
        const yes = this.code.jump('ifGoto');
        const no = this.value(node.no);
        const end = this.code.jump('goto');
        this.code.land(yes);
        const type = this.value(node.yes);
        this.code.land(end);
        if (no.size !== type.size || isSigned(no) !== isSigned(type)) throw new NotCompilable();
        return { type, held: 'value' };
      }
      case 'member': return this.member(node);
      case 'index': {
        const pointer = this.value(node.object);
        if (!isPointer(pointer)) throw new NotCompilable();
        this.value(node.index);
        this.scale(pointer.target);
        this.code.op('add');
        return { type: pointer.target, held: 'address' };
      }
      case 'cast': {
        const type = cTypes.named(node.type);
        const plain = type.stripped.complete;
        if (!isScalar(plain) || plain.encoding === FLOAT || plain.encoding === BOOLEAN) throw new NotCompilable();
        this.value(node.operand);
        this.code.extend((plain.size ?? 8) * 8, isSigned(plain));
        return { type, held: 'value' };
      }
      default: throw new NotCompilable();
    }
  }

  private unary(node: Extract<Node, { kind: 'unary' }>): Operand {
    const { cTypes } = this.inspector;
    if (node.operator === '&') {
      const operand = this.operand(node.operand);
      if (operand.held !== 'address' || operand.bits !== undefined) throw new NotCompilable();
      return { type: cTypes.pointer(operand.type), held: 'value' };
    }
    const type = this.value(node.operand);
    if (node.operator === '*') {
      if (!isPointer(type)) throw new NotCompilable();
      return { type: type.target, held: 'address' };
    }
    if (node.operator === '!') {
      this.code.op('logNot');
      return { type: cTypes.base('int'), held: 'value' };
    }
    const result = cTypes.promoted(type);
    if (node.operator === '~') this.code.op('bitNot');
    if (node.operator === '-') {
      this.code.constant(0n);
      this.code.op('swap');
      this.code.op('sub');
    }
    this.code.extend((result.size ?? 8) * 8, isSigned(result));
    return { type: result, held: 'value' };
  }

  private binary({ operator, left, right }: Extract<Node, { kind: 'binary' }>): Operand {
    const { cTypes } = this.inspector;
    const int = cTypes.base('int');
    if (operator === '&&' || operator === '||') {
      this.value(left);
      if (operator === '&&') this.code.op('logNot');
      const short = this.code.jump('ifGoto');
      this.value(right);
      this.code.op('logNot');
      this.code.op('logNot');
      const end = this.code.jump('goto');
      this.code.land(short);
      this.code.constant(operator === '&&' ? 0n : 1n);
      this.code.land(end);
      return { type: int, held: 'value' };
    }
    const a = this.value(left);
    const b = this.value(right);
    const comparison = COMPARISONS[operator];
    const pointers = isPointer(a) || isPointer(b);
    if (pointers && comparison === undefined) {
      if (!isPointer(a) || isPointer(b) || (operator !== '+' && operator !== '-')) throw new NotCompilable();
      this.scale(a.target);
      this.code.op(operator === '+' ? 'add' : 'sub');
      return { type: a, held: 'value' };
    }
    const shifts = operator === '<<' || operator === '>>';
    const common = pointers ? cTypes.base('unsigned long') : shifts ? cTypes.promoted(a) : cTypes.common(a, b);
    // Operands are kept with their own sign; an unsigned common type takes their low bits.
    if (!shifts && !isSigned(common)) {
      this.code.extend((common.size ?? 8) * 8, false);
      this.code.op('swap');
      this.code.extend((common.size ?? 8) * 8, false);
      this.code.op('swap');
    }
    const signed = isSigned(common);
    if (comparison !== undefined) {
      if (comparison.swap === true) this.code.op('swap');
      this.code.op(comparison.equal === true ? 'equal' : signed ? 'lessSigned' : 'lessUnsigned');
      if (comparison.not === true) this.code.op('logNot');
      return { type: int, held: 'value' };
    }
    const [signedOp, unsignedOp] = ARITHMETIC[operator];
    this.code.op(signed ? signedOp : unsignedOp);
    this.code.extend((common.size ?? 8) * 8, signed);
    return { type: common, held: 'value' };
  }

  private member({ object, name, arrow }: Extract<Node, { kind: 'member' }>): Operand {
    const held = this.operand(object);
    let type = held.type.stripped.complete;
    if (isPointer(type)) {
      this.load(held);
      type = type.target.stripped.complete;
    } else if (arrow || held.held !== 'address') throw new NotCompilable();
    const member = isAggregate(type) ? type.member(name) : undefined;
    if (member === undefined) throw new NotCompilable();
    if (member.offset !== 0) {
      this.code.constant(BigInt(member.offset));
      this.code.op('add');
    }
    return { type: member.type, held: 'address', bits: member.bits };
  }

  /** The top of the stack as a number of elements, in bytes. */
  private scale(element: DwarfType): void {
    const size = element.stripped.complete.size ?? 1;
    if (size === 1) return;
    this.code.constant(BigInt(size));
    this.code.op('mul');
  }

  private named(name: string, scope: string | undefined): Operand {
    const owner = this.file.info.hasTypes ? this.file.info.functionAt(this.address) : undefined;
    const inner = owner === undefined ? undefined : functionScopes(owner.die, this.address).at(-1);
    const found = inner === undefined || scope !== undefined ? undefined : variablesOf(inner).filter((each) => each.name === name).at(-1);
    if (found !== undefined && owner !== undefined) return this.variable(found.die, owner.die);
    const value = this.inspector.global(name, scope ?? owner?.die.unit.name, scope !== undefined);
    if (value === undefined) throw new NotCompilable();
    if (value.address !== undefined) {
      this.code.constant(value.address);
      return { type: value.type, held: 'address' };
    }
    // An enumerator.
    this.code.constant(value.integer());
    return { type: value.type, held: 'value' };
  }

  private variable(die: Die, functionDie: Die): Operand {
    const type = this.file.info.types.of(die.inherited((each) => each.reference(Attribute.type)));
    const location = die.inherited((each) => each.location(Attribute.location));
    if (location === undefined) {
      const constant = die.inherited((each) => each.constant(Attribute.constValue));
      if (constant === undefined) throw new NotCompilable();
      this.code.constant(constant);
      this.code.extend((type.size ?? 8) * 8, isSigned(type.stripped));
      return { type, held: 'value' };
    }
    const block = location.kind === 'expression' ? location.block : locationAt(die.unit, location.offset, this.address);
    if (block === undefined) throw new NotCompilable();
    return this.located(block, type, functionDie);
  }

  /** The places compilers give to nearly all variables: a register, an address, an offset from a register or the frame. */
  private located(block: Block, type: DwarfType, functionDie: Die): Operand {
    const cursor = Cursor.of(block);
    const op = cursor.u8();
    if (op >= 0x50 && op <= 0x6f && cursor.done) {
      this.dwarfRegister(op - 0x50);
      this.code.extend((type.size ?? 8) * 8, isSigned(type.stripped));
      return { type, held: 'value' };
    }
    if (op === 0x03) this.code.constant(BigInt(cursor.address(this.inspector.map.wordSize) + this.file.loadOffset));
    else if (op >= 0x70 && op <= 0x8f) this.dwarfRegister(op - 0x70, cursor.slebBig());
    else if (op === 0x91) this.frameBase(functionDie, cursor.slebBig());
    else throw new NotCompilable();
    if (cursor.done) return { type, held: 'address' };
    if (cursor.u8() !== 0x9f || !cursor.done) throw new NotCompilable();
    this.code.extend((type.size ?? 8) * 8, isSigned(type.stripped));
    return { type, held: 'value' };
  }

  private dwarfRegister(number: number, offset = 0n): void {
    const name = this.inspector.map.names[number];
    const register = name === undefined ? undefined : this.inspector.register(name);
    if (register === undefined || register.bits > 64) throw new NotCompilable();
    this.code.register(register.number);
    if (offset === 0n) return;
    this.code.constant(offset);
    this.code.op('add');
  }

  private frameBase(functionDie: Die, offset: bigint): void {
    const base = functionDie.location(Attribute.frameBase);
    const cursor = base?.kind === 'expression' ? Cursor.of(base.block) : undefined;
    const row = this.file.info.frameAt(this.address)?.row;
    if (cursor?.u8() !== 0x9c || !cursor.done || row?.cfa.kind !== 'register') throw new NotCompilable();
    this.dwarfRegister(row.cfa.register, BigInt(row.cfa.offset) + offset);
  }
}
