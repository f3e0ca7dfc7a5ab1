/**
 * C types. Each object reads what it points to on demand, so recursive types cost nothing; the same entry gives the same object.
 */
import { Attribute, Tag } from './constants.ts';
import { Cursor } from './cursor.ts';
import type { Die } from './die.ts';
import type { NameIndex } from './name-index.ts';

/** Longest chain of typedefs and qualifiers followed. */
const LONGEST_CHAIN = 64;
const OP_PLUS_UCONST = 0x23;

export type TypeKind =
  | 'base' | 'pointer' | 'reference' | 'structure' | 'union' | 'enumeration' | 'array' | 'typedef' | 'const' | 'volatile' | 'restrict' | 'atomic'
  | 'function' | 'void' | 'unspecified';

const kinds = new Map<number, TypeKind>([
  [Tag.baseType, 'base'], [Tag.pointerType, 'pointer'], [Tag.referenceType, 'reference'], [Tag.rvalueReferenceType, 'reference'],
  [Tag.structureType, 'structure'], [Tag.classType, 'structure'], [Tag.unionType, 'union'], [Tag.enumerationType, 'enumeration'],
  [Tag.arrayType, 'array'], [Tag.typedef, 'typedef'], [Tag.constType, 'const'], [Tag.volatileType, 'volatile'], [Tag.restrictType, 'restrict'],
  [Tag.atomicType, 'atomic'], [Tag.subroutineType, 'function'], [Tag.subprogram, 'function'], [Tag.unspecifiedType, 'unspecified'],
]);
const TRANSPARENT = new Set<TypeKind>(['typedef', 'const', 'volatile', 'restrict', 'atomic']);
/** Names compilers give to C's types, as C programmers (and gdb) write them. */
const spellings: Readonly<Record<string, string>> = {
  'long int': 'long', 'long unsigned int': 'unsigned long', 'short int': 'short', 'short unsigned int': 'unsigned short', 'long long int': 'long long',
  'long long unsigned int': 'unsigned long long',
};
const prefixes: Partial<Record<TypeKind, string>> = { structure: 'struct', union: 'union', enumeration: 'enum' };

export interface Member {
  /** Undefined for an anonymous structure or union. */
  readonly name: string | undefined;
  readonly type: DwarfType;
  /** Bytes from the start of the structure it was looked up in. */
  readonly offset: number;
  /** Of a bit-field: its lowest bit, counted from bit 0 of byte `offset`, and its width. */
  readonly bits: { readonly shift: number; readonly width: number } | undefined;
}

export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
}

export class DwarfType {
  readonly kind: TypeKind;
  /** Undefined for `void`. */
  readonly die: Die | undefined;
  private readonly types: TypeReader;
  private memberList: readonly Member[] | undefined;

  constructor(types: TypeReader, kind: TypeKind, die: Die | undefined) {
    this.types = types;
    this.kind = kind;
    this.die = die;
  }

  get name(): string | undefined {
    return this.die?.text(Attribute.name);
  }

  /** Only declared in its unit: see {@link complete}. */
  get declaration(): boolean {
    return this.die?.flag(Attribute.declaration) ?? false;
  }

  /** Bytes; undefined when incomplete (a declaration, `void`, a function, an array without a bound). */
  get size(): number | undefined {
    return this.sizeWithin(0);
  }

  /** What it points to, is an array of, qualifies or returns. */
  get target(): DwarfType {
    return this.types.of(this.die?.reference(Attribute.type));
  }

  /** The type behind typedefs and qualifiers. */
  get stripped(): DwarfType {
    let type: DwarfType = this;
    for (let hops = 0; TRANSPARENT.has(type.kind); hops++) {
      if (hops > LONGEST_CHAIN) throw this.error('chain of typedefs without an end');
      type = type.target;
    }
    return type;
  }

  /** For the declaration of a structure, union or enumeration its definition in whatever unit; itself otherwise. */
  get complete(): DwarfType {
    return this.declaration && this.die !== undefined ? (this.types.definition(this.die) ?? this) : this;
  }

  /** DW_ATE_… of a base type ({@link Encoding}). */
  get encoding(): number | undefined {
    return this.die?.number(Attribute.encoding);
  }

  /** Elements in each dimension of an array; undefined for one without a bound. */
  get dimensions(): readonly (number | undefined)[] {
    const dimensions: (number | undefined)[] = [];
    for (const child of this.die?.children() ?? []) {
      if (child.tag === Tag.subrangeType) dimensions.push(bound(child));
    }
    return dimensions;
  }

  /** Of an array of arrays: the type of one of its rows. */
  inner(): DwarfType {
    return this.types.derive({ kind: 'array', target: this.target, dimensions: this.dimensions.slice(1) });
  }

  /** Members of a structure or union as they were written. */
  get members(): readonly Member[] {
    return (this.memberList ??= [...(this.die?.children() ?? [])].filter(({ tag }) => tag === Tag.member).map((die) => this.readMember(die)));
  }

  /** Finds a member, also inside anonymous structures and unions. Works through typedefs and declarations. */
  member(name: string): Member | undefined {
    return findMember(this.stripped.complete, name, new Set());
  }

  /** A path such as `thread.switch_buf` from here: its last member, with its offset from the start of this type. */
  path(path: string): Member | undefined {
    let offset = 0;
    let found: Member | undefined;
    let type: DwarfType = this;
    for (const name of path.split('.')) {
      found = type.member(name);
      if (found === undefined) return undefined;
      offset += found.offset;
      type = found.type;
    }
    return found === undefined ? undefined : { ...found, offset };
  }

  get enumerators(): readonly Enumerator[] {
    const found: Enumerator[] = [];
    for (const child of this.die?.children() ?? []) {
      const value = child.tag === Tag.enumerator ? child.constant(Attribute.constValue) : undefined;
      if (value !== undefined) found.push({ name: child.name ?? '', value });
    }
    return found;
  }

  /** Parameters of a function type. */
  get parameters(): readonly DwarfType[] {
    return [...(this.die?.children() ?? [])].filter(({ tag }) => tag === Tag.formalParameter).map((die) => this.types.of(die.reference(Attribute.type)));
  }

  /** As C writes it, without a declarator: `struct list_head *`, `char [16]`, `int (*)(void)`. */
  toString(): string {
    return declare(this, '', 0);
  }

  private sizeWithin(depth: number): number | undefined {
    const { die } = this;
    if (depth > LONGEST_CHAIN) throw this.error('type that contains itself');
    const own = die?.number(Attribute.byteSize);
    if (own !== undefined) return own;
    if (die === undefined) return undefined;
    if (this.kind === 'pointer' || this.kind === 'reference') return die.unit.addressSize;
    if (TRANSPARENT.has(this.kind)) return this.target.sizeWithin(depth + 1);
    if (this.kind === 'array') {
      let size = this.target.sizeWithin(depth + 1);
      for (const count of this.dimensions) size = size === undefined || count === undefined ? undefined : size * count;
      return size;
    }
    const { complete } = this;
    return complete === this ? undefined : complete.sizeWithin(depth + 1);
  }

  private readMember(die: Die): Member {
    const type = this.types.of(die.reference(Attribute.type));
    const offset = memberOffset(die);
    const width = die.number(Attribute.bitSize);
    const name = die.text(Attribute.name);
    if (width === undefined) return { name, type, offset, bits: undefined };
    const fromStart = die.number(Attribute.dataBitOffset);
    if (fromStart !== undefined) return { name, type, offset: Math.floor(fromStart / 8), bits: { shift: fromStart % 8, width } };
    // To DWARF 3 the bits are counted from the most significant one of the storage unit.
    const storage = (die.number(Attribute.byteSize) ?? type.size ?? 0) * 8;
    const shift = storage - (die.number(Attribute.bitOffset) ?? 0) - width;
    if (shift < 0) throw die.error('bit-field outside its storage unit');
    return { name, type, offset: offset + Math.floor(shift / 8), bits: { shift: shift % 8, width } };
  }

  private error(what: string): Error {
    return this.die?.error(what) ?? new Error(what);
  }
}

/** `seen` ends the search in structures that claim to contain themselves. */
/** What a type made for an expression is: no entry describes it. */
export type DerivedKind =
  | { readonly kind: 'pointer'; readonly target: DwarfType; readonly size: 4 | 8 }
  | { readonly kind: 'array'; readonly target: DwarfType; readonly dimensions: readonly (number | undefined)[] }
  | { readonly kind: 'base'; readonly name: string; readonly size: number; readonly encoding: number };

class DerivedType extends DwarfType {
  private readonly made: DerivedKind;

  constructor(types: TypeReader, made: DerivedKind) {
    super(types, made.kind, undefined);
    this.made = made;
  }

  override get name(): string | undefined {
    return this.made.kind === 'base' ? this.made.name : undefined;
  }

  override get size(): number | undefined {
    const { made } = this;
    if (made.kind !== 'array') return made.size;
    return made.dimensions.reduce<number | undefined>((size, count) => (size === undefined || count === undefined ? undefined : size * count), made.target.size);
  }

  override get target(): DwarfType {
    return this.made.kind === 'base' ? super.target : this.made.target;
  }

  override get encoding(): number | undefined {
    return this.made.kind === 'base' ? this.made.encoding : undefined;
  }

  override get dimensions(): readonly (number | undefined)[] {
    return this.made.kind === 'array' ? this.made.dimensions : [];
  }
}

function findMember(type: DwarfType, name: string, seen: Set<DwarfType>): Member | undefined {
  if (seen.has(type)) return undefined;
  seen.add(type);
  for (const member of type.members) if (member.name === name) return member;
  for (const member of type.members) {
    if (member.name !== undefined) continue;
    const inner = findMember(member.type.stripped, name, seen);
    if (inner !== undefined) return { ...inner, offset: inner.offset + member.offset };
  }
  return undefined;
}

function memberOffset(die: Die): number {
  const block = die.block(Attribute.dataMemberLocation);
  if (block === undefined) return die.number(Attribute.dataMemberLocation) ?? 0;
  const cursor = Cursor.of(block);
  if (cursor.u8() !== OP_PLUS_UCONST) throw die.error('member whose place has to be computed');
  return cursor.uleb();
}

function bound(die: Die): number | undefined {
  const count = die.number(Attribute.count);
  if (count !== undefined) return count;
  const upper = die.constant(Attribute.upperBound);
  if (upper === undefined) return undefined;
  // `[0]` has the bound -1, in whatever form.
  return Number(BigInt.asUintN(64, upper - (die.constant(Attribute.lowerBound) ?? 0n) + 1n));
}

function declare(type: DwarfType, inner: string, depth: number): string {
  if (depth > LONGEST_CHAIN) return `… ${inner}`;
  const spaced = inner === '' ? '' : ` ${inner}`;
  const wrapped = inner.startsWith('*') ? `(${inner})` : inner;
  switch (type.kind) {
    case 'void': return `void${spaced}`;
    case 'pointer': return declare(type.target, `*${inner}`, depth + 1);
    case 'reference': return declare(type.target, `&${inner}`, depth + 1);
    case 'array': return declare(type.target, `${wrapped}${type.dimensions.map((count) => `[${count ?? ''}]`).join('')}`, depth + 1);
    case 'function': return declare(type.target, `${wrapped}(${type.parameters.map((parameter) => declare(parameter, '', depth + 1)).join(', ') || 'void'})`, depth + 1);
    case 'const': case 'volatile': case 'restrict': case 'atomic': {
      const word = type.kind === 'atomic' ? '_Atomic' : type.kind;
      // gcc marks a constant array and its elements.
      if (type.target.kind === 'array' && isQualified(type.target.target, type.kind)) return declare(type.target, inner, depth + 1);
      return type.target.kind === 'pointer' ? declare(type.target, ` ${word}${inner.startsWith('[') ? inner : spaced}`, depth + 1) : `${word} ${declare(type.target, inner, depth + 1)}`;
    }
    default: {
      const prefix = prefixes[type.kind];
      if (type.kind === 'base' && type.name !== undefined) return `${spellings[type.name] ?? type.name}${spaced}`;
      return `${prefix === undefined ? '' : `${prefix} `}${type.name ?? (prefix === undefined ? '?' : '{...}')}${spaced}`;
    }
  }
}

/** Whether a type has a qualifier, among others or behind more dimensions. */
function isQualified(type: DwarfType, kind: TypeKind): boolean {
  for (let hops = 0, at = type; hops < LONGEST_CHAIN; hops++, at = at.target) {
    if (at.kind === kind) return true;
    if (at.kind !== 'array' && at.kind !== 'const' && at.kind !== 'volatile') return false;
  }
  return false;
}

export class TypeReader {
  private readonly index: () => NameIndex;
  private readonly cache = new Map<number, DwarfType>();
  private readonly nothing = new DwarfType(this, 'void', undefined);

  /** The index is only made when a declaration has to be completed. */
  constructor(index: () => NameIndex) {
    this.index = index;
  }

  /** The type an entry describes; `void` for none. @throws DwarfError when it is not a type */
  of(die: Die | undefined): DwarfType {
    if (die === undefined) return this.nothing;
    let type = this.cache.get(die.offset);
    if (type === undefined) {
      const kind = kinds.get(die.tag);
      if (kind === undefined) throw die.error(`entry with tag 0x${die.tag.toString(16)} is not a type`);
      // With type units gcc leaves an empty entry which names the unit.
      type = new DwarfType(this, kind, die.reference(Attribute.signature) ?? die);
      this.cache.set(die.offset, type);
    }
    return type;
  }

  /** A type no entry describes: a pointer, an array or a number made for an expression. */
  derive(made: DerivedKind): DwarfType {
    return new DerivedType(this, made);
  }

  definition(declaration: Die): DwarfType | undefined {
    const name = declaration.text(Attribute.name);
    const found = name === undefined ? undefined : this.index().types(name, new Set([declaration.tag]))[0];
    return found === undefined ? undefined : this.of(found);
  }
}
