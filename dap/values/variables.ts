/** Values of the variables a frame has, and of static ones: from constants, expressions and location lists to typed values. */
import { Attribute } from '../../emulator/image/dwarf/constants.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { evaluateLocation, type ExpressionContext, type Location, type PieceLocation } from '../../emulator/image/dwarf/expression.ts';
import { locationAt } from '../../emulator/image/dwarf/location-lists.ts';
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import type { PhysicalFrame } from '../symbols/physical-frame.ts';
import type { SymbolFile } from '../symbols/symbol-file.ts';
import type { TargetMemory } from '../symbols/target-memory.ts';
import { Value, integerBytes, type Content, type Place } from './value.ts';

/** Larger objects in registers or expressions do not exist. */
const LARGEST_PIECED = 1 << 16;

interface Where {
  readonly memory: TargetMemory;
  readonly file: SymbolFile;
  readonly frame: PhysicalFrame | undefined;
  readonly context: ExpressionContext;
}

/** A variable or parameter of a frame. @throws Miss */
export function frameVariable(memory: TargetMemory, file: SymbolFile, frame: PhysicalFrame, die: Die): Value {
  return variable({ memory, file, frame, context: frame.context(die.unit) }, die);
}


/** A variable at a fixed place. @throws Miss */
export function staticVariable(memory: TargetMemory, file: SymbolFile, die: Die, addressSize: 4 | 8): Value {
  return variable({ memory, file, frame: undefined, context: { addressSize, register: () => undefined, memory: () => undefined, unit: die.unit, loadOffset: file.loadOffset } }, die);
}

function variable(where: Where, die: Die): Value {
  const type = where.file.info.types.of(die.inherited((each) => each.reference(Attribute.type)));
  try {
    const location = die.inherited((each) => each.location(Attribute.location));
    if (location === undefined) return constant(where, die, type);
    const block = location.kind === 'expression' ? location.block : where.frame === undefined ? undefined : locationAt(die.unit, location.offset, where.frame.lookup);
    // An empty expression, too, says that the thing is nowhere.
    if (block === undefined) return new Value(where.memory, type, { kind: 'none' }, { kind: 'optimised-out' });
    return located(where, type, evaluateLocation(block, where.context));
  } catch (error) {
    if (error instanceof DwarfError) return new Value(where.memory, type, { kind: 'none' }, { kind: 'unavailable', reason: error.message });
    throw error;
  }
}

function constant({ memory }: Where, die: Die, type: DwarfType): Value {
  const number = die.inherited((each) => each.constant(Attribute.constValue));
  if (number !== undefined) return Value.result(memory, type, integerBytes(number, type.size ?? 8));
  const block = die.inherited((each) => each.block(Attribute.constValue));
  if (block !== undefined) return Value.result(memory, type, new Uint8Array(block.data.bytes.subarray(block.offset, block.end)));
  return new Value(memory, type, { kind: 'none' }, { kind: 'optimised-out' });
}

function located(where: Where, type: DwarfType, location: Location): Value {
  const { memory } = where;
  const make = (place: Place, content: Content): Value => new Value(memory, type, place, content);
  switch (location.kind) {
    case 'entry-value': case 'optimised-out': return make({ kind: 'none' }, { kind: 'optimised-out' });
    case 'unavailable': return make({ kind: 'none' }, { kind: 'unavailable', reason: location.reason });
    case 'memory': return Value.inMemory(memory, type, BigInt(location.address));
    case 'register': {
      const name = where.frame?.world.registers.names[location.register];
      const bytes = pieceBytes(where, location, type.size ?? 0);
      const place: Place = name === undefined || where.frame === undefined ? { kind: 'none' } : { kind: 'register', name, level: where.frame.level };
      return bytes === undefined ? make(place, { kind: 'unavailable', reason: 'not saved' }) : make(place, { kind: 'bytes', bytes, known: undefined });
    }
    case 'value': return Value.result(memory, type, integerBytes(location.value, type.size ?? location.size));
    case 'bytes': return Value.result(memory, type, location.bytes);
    case 'implicit-pointer': return make({ kind: 'none' }, { kind: 'synthetic-pointer', target: () => implicitTarget(where, type, location.entry, location.offset) });
    case 'pieces': return pieced(where, type, location.pieces);
  }
}

function implicitTarget(where: Where, pointer: DwarfType, entry: number, offset: number): Value {
  const die = where.file.info.store.dieAt(entry);
  const target = pointer.stripped.target;
  if (die === undefined) return new Value(where.memory, target, { kind: 'none' }, { kind: 'optimised-out' });
  return variable(where, die).part(target, offset);
}

function pieced(where: Where, type: DwarfType, pieces: Extract<Location, { kind: 'pieces' }>['pieces']): Value {
  const size = Math.min(type.size ?? 0, LARGEST_PIECED);
  const bytes = new Uint8Array(size);
  const known = new Uint8Array(size);
  let at = 0;
  for (const { location, bits, offset } of pieces) {
    const length = Math.ceil((offset + bits) / 8);
    const source = pieceBytes(where, location, length);
    for (let bit = 0; source !== undefined && bit < bits; bit++) {
      const to = at + bit;
      if (to >= size * 8) break;
      const from = offset + bit;
      bytes[to >> 3] |= ((source[from >> 3] >> (from & 7)) & 1) << (to & 7);
      known[to >> 3] = 1;
    }
    at += bits;
  }
  if (!known.includes(1)) return new Value(where.memory, type, { kind: 'none' }, { kind: 'optimised-out' });
  return new Value(where.memory, type, { kind: 'none' }, { kind: 'bytes', bytes, known: known.includes(0) ? known : undefined });
}

/** Bytes of one piece; undefined: not known. */
function pieceBytes({ context, memory }: Where, location: PieceLocation, length: number): Uint8Array | undefined {
  switch (location.kind) {
    case 'memory': return memory.read(BigInt(location.address), length);
    case 'register': {
      const value = context.register(location.register);
      return value === undefined ? undefined : integerBytes(value, length);
    }
    case 'value': return integerBytes(location.value, length);
    case 'bytes': return location.bytes;
    case 'implicit-pointer': case 'optimised-out': return undefined;
  }
}
