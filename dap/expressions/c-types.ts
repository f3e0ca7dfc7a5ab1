/** Types as expressions need them: by the names C programmers write, and the conversions of C (C17, section 6.3) for x86's data models. */
import { Encoding } from '../../emulator/image/dwarf/constants.ts';
import type { DebugInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import { isSigned } from '../values/value.ts';
import { ExpressionError } from './lexer.ts';
import type { TypeName } from './syntax.ts';

interface BaseRow {
  readonly name: string;
  readonly encoding: number;
  /** Size where pointers have 4 bytes, and where they have 8. */
  readonly sizes: readonly [number, number];
}

const { signed, unsigned, signedChar, unsignedChar, float, boolean } = Encoding;
/** By the sorted words of a C type name. */
const BASE_TYPES: Readonly<Record<string, BaseRow>> = {
  'char': { name: 'char', encoding: signedChar, sizes: [1, 1] },
  'char signed': { name: 'signed char', encoding: signedChar, sizes: [1, 1] },
  'char unsigned': { name: 'unsigned char', encoding: unsignedChar, sizes: [1, 1] },
  'short': { name: 'short int', encoding: signed, sizes: [2, 2] },
  'short unsigned': { name: 'short unsigned int', encoding: unsigned, sizes: [2, 2] },
  '': { name: 'int', encoding: signed, sizes: [4, 4] },
  'unsigned': { name: 'unsigned int', encoding: unsigned, sizes: [4, 4] },
  'long': { name: 'long int', encoding: signed, sizes: [4, 8] },
  'long unsigned': { name: 'long unsigned int', encoding: unsigned, sizes: [4, 8] },
  'long long': { name: 'long long int', encoding: signed, sizes: [8, 8] },
  'long long unsigned': { name: 'long long unsigned int', encoding: unsigned, sizes: [8, 8] },
  'float': { name: 'float', encoding: float, sizes: [4, 4] },
  'double': { name: 'double', encoding: float, sizes: [8, 8] },
  '_Bool': { name: '_Bool', encoding: boolean, sizes: [1, 1] },
  'bool': { name: '_Bool', encoding: boolean, sizes: [1, 1] },
};
const WORDS = new Set(['char', 'short', 'int', 'long', 'float', 'double', 'signed', 'unsigned', '_Bool', 'bool', '__signed__']);

export type BaseName = 'int' | 'unsigned' | 'long' | 'unsigned long' | 'long long' | 'unsigned long long' | 'char' | 'double' | 'unsigned char';

export class CTypes {
  readonly wordSize: 4 | 8;
  private readonly infos: readonly DebugInfo[];
  private readonly made = new Map<string, DwarfType>();

  constructor(infos: readonly DebugInfo[], wordSize: 4 | 8) {
    this.infos = infos;
    this.wordSize = wordSize;
  }

  private get maker(): DebugInfo {
    return this.infos[0];
  }

  /** True for the name of a typedef, or a structure's without its tag. */
  isType(name: string): boolean {
    return this.infos.some((info) => info.hasTypes && info.type(name) !== undefined);
  }

  base(name: BaseName): DwarfType {
    return this.baseNamed(name) ?? this.void();
  }

  void(): DwarfType {
    return this.maker.types.of(undefined);
  }

  pointer(target: DwarfType): DwarfType {
    return this.maker.types.derive({ kind: 'pointer', target, size: this.wordSize });
  }

  array(target: DwarfType, ...dimensions: readonly number[]): DwarfType {
    return this.maker.types.derive({ kind: 'array', target, dimensions });
  }

  /** @throws ExpressionError */
  named({ base, pointers, dimensions }: TypeName): DwarfType {
    let type = base === 'void' ? this.void() : this.baseNamed(base);
    for (const info of this.infos) type ??= info.hasTypes ? info.type(base) : undefined;
    if (type === undefined) throw new ExpressionError(`there is no type '${base}'`);
    for (let i = 0; i < pointers; i++) type = this.pointer(type);
    return dimensions.length === 0 ? type : this.array(type, ...dimensions);
  }

  /** Integer promotion: what is narrower than `int` becomes one. */
  promoted(type: DwarfType): DwarfType {
    if (type.encoding === Encoding.float) return type;
    if ((type.size ?? 4) < 4 || type.kind === 'enumeration') return isSigned(type) || (type.size ?? 4) < 4 ? this.base('int') : this.base('unsigned');
    return type;
  }

  /** The type two operands are computed in. */
  common(left: DwarfType, right: DwarfType): DwarfType {
    if (left.encoding === Encoding.float || right.encoding === Encoding.float) return this.base('double');
    const a = this.promoted(left);
    const b = this.promoted(right);
    const sizeA = a.size ?? 4;
    const sizeB = b.size ?? 4;
    if (sizeA !== sizeB) return sizeA > sizeB ? a : b;
    return isSigned(a) ? b : a;
  }

  private baseNamed(name: string): DwarfType | undefined {
    const words = name.split(/\s+/);
    if (!words.every((word) => WORDS.has(word))) return undefined;
    const significant = words.filter((word) => word !== 'int' && !(word.includes('signed') && !word.startsWith('un') && !words.includes('char')));
    const row = BASE_TYPES[significant.sort().join(' ')] ?? undefined;
    if (row === undefined) throw new ExpressionError(`there is no type '${name}'`);
    let type = this.made.get(row.name);
    if (type === undefined) {
      type = this.maker.types.derive({ kind: 'base', name: row.name, size: row.sizes[this.wordSize === 8 ? 1 : 0], encoding: row.encoding });
      this.made.set(row.name, type);
    }
    return type;
  }
}
