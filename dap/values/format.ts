/** Values as text, in gdb's manner: `97 'a'`, `0x6040… "text"`, `{next = 0x…, prev = 0x…}`, `<optimized out>`. */
import { Encoding } from '../../emulator/image/dwarf/constants.ts';
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import { characterText, quoted } from '../../stub/agent/c-text.ts';
import { errnoText } from '../../stub/agent/errno-text.ts';
import { floatText } from './float-text.ts';
import { prettyText } from './pretty.ts';
import { OPTIMISED_OUT, Value, ValueError, elementType, isAggregate, isCharacter, isFloat, isPointer } from './value.ts';

export type NumberFormat = 'natural' | 'hex' | 'decimal' | 'octal' | 'binary' | 'character' | 'address';

export interface FormatOptions {
  readonly number: NumberFormat;
  /** Name of the function or variable at an address. */
  readonly symbolAt: (address: bigint) => string | undefined;
  /** Known structures as their readers mean them. */
  readonly pretty: boolean;
}

const LONGEST_TEXT = 200;
const LONGEST_SUMMARY = 120;
const MOST_ELEMENTS = 16;
const DEEPEST = 3;

/** Never throws a ValueError: what cannot be read says so in the text. @throws Miss */
export function formatValue(value: Value, options: FormatOptions, depth = 0): string {
  try {
    return format(value, options, depth);
  } catch (error) {
    if (error instanceof ValueError) return error.message;
    throw error;
  }
}

function format(value: Value, options: FormatOptions, depth: number): string {
  const { plain, content } = value;
  if (content.kind === 'optimised-out') return OPTIMISED_OUT;
  if (content.kind === 'unavailable') return `<${content.reason}>`;
  if (content.kind === 'synthetic-pointer') return '(synthetic pointer)';
  if (isPointer(plain)) return formatPointer(value, options, depth);
  if (plain.kind === 'array') return formatArray(value, options, depth);
  if (isAggregate(plain)) {
    const pretty = options.pretty ? prettyText(value, options) : undefined;
    return pretty ?? formatMembers(value, options, depth);
  }
  if (plain.kind === 'function') return `{${String(value.type)}} ${formatAddress(value.address ?? 0n, options)}`;
  if (plain.kind === 'void' || plain.kind === 'unspecified') return 'void';
  return formatScalar(value, options);
}

export function formatScalar(value: Value, options: Pick<FormatOptions, 'number'>): string {
  const { plain } = value;
  if (isFloat(plain)) return floatText(value.read());
  const number = value.integer();
  if (options.number !== 'natural') return formatInteger(number, value.bits?.width ?? value.size * 8, options.number);
  if (plain.kind === 'enumeration') return enumeratorText(plain, number);
  if (plain.encoding === Encoding.boolean) return number === 0n ? 'false' : number === 1n ? 'true' : String(number);
  return isCharacter(plain) && value.size === 1 ? `${number} ${characterText(Number(BigInt.asUintN(8, number)), "'")}` : String(number);
}

export function formatInteger(value: bigint, width: number, format: NumberFormat): string {
  const raw = BigInt.asUintN(width, value);
  switch (format) {
    case 'hex': case 'address': return `0x${raw.toString(16)}`;
    case 'octal': return raw === 0n ? '0' : `0${raw.toString(8)}`;
    case 'binary': return `0b${raw.toString(2)}`;
    case 'character': return characterText(Number(raw & 0xffn), "'");
    default: return String(value);
  }
}

/** Name of an enumerator; of flags `(A | B)`, as gdb writes them; the number otherwise. */
export function enumeratorText(type: DwarfType, value: bigint): string {
  const { enumerators } = type;
  const width = (type.size ?? 8) * 8;
  const same = (a: bigint, b: bigint): boolean => BigInt.asUintN(width, a) === BigInt.asUintN(width, b);
  const exact = enumerators.find((each) => same(each.value, value));
  if (exact !== undefined) return exact.name;
  const isFlag = ({ value: flag }: { value: bigint }): boolean => flag === 0n || (flag > 0n && (flag & (flag - 1n)) === 0n);
  if (value > 0n && enumerators.length > 0 && enumerators.every(isFlag)) {
    const set = enumerators.filter((each) => each.value !== 0n && (value & each.value) !== 0n);
    const rest = set.reduce((left, each) => left & ~each.value, value);
    const names = set.map(({ name }) => name);
    return `(${[...names, ...(rest === 0n ? [] : [`unknown: 0x${rest.toString(16)}`])].join(' | ')})`;
  }
  return String(value);
}

export function formatAddress(address: bigint, options: Pick<FormatOptions, 'symbolAt'>): string {
  const name = options.symbolAt(address);
  return `0x${address.toString(16)}${name === undefined ? '' : ` <${name}>`}`;
}

/** The errors a pointer can carry: MAX_ERRNO of include/linux/err.h. */
const MOST_ERRNO = 4095n;

function formatPointer(value: Value, options: FormatOptions, depth: number): string {
  const address = value.integer();
  const width = value.size * 8;
  const target = value.plain.target.stripped;
  const negative = BigInt.asIntN(width, address);
  if (options.pretty && negative < 0n && negative >= -MOST_ERRNO && target.kind !== 'function') return `ERR_PTR(${errnoText(-negative)})`;
  if (target.kind === 'function') return address === 0n ? '0x0' : `(${String(value.type)}) ${formatAddress(address, options)}`;
  if (address !== 0n && isCharacter(target) && target.size === 1) {
    try {
      const { text, complete } = value.text(LONGEST_TEXT);
      return `0x${address.toString(16)} ${quoted(text, complete)}`;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      return `0x${address.toString(16)} ${error.message}`;
    }
  }
  if (options.pretty && depth === 0 && address !== 0n && isAggregate(target)) {
    try {
      const pretty = prettyText(value.dereference(), options);
      if (pretty !== undefined) return `0x${address.toString(16)} ${pretty}`;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
    }
  }
  return formatAddress(address, options);
}

function formatArray(value: Value, options: FormatOptions, depth: number): string {
  const { plain } = value;
  const element = elementType(plain);
  const [count] = plain.dimensions;
  if (isCharacter(element.stripped) && element.size === 1 && options.number === 'natural' && count !== undefined) {
    const { text, complete } = value.text(Math.min(count, LONGEST_TEXT));
    return quoted(text, complete);
  }
  if (count === undefined) return value.address === undefined ? '{…}' : `0x${value.address.toString(16)}`;
  if (depth >= DEEPEST) return '{…}';
  const parts: string[] = [];
  let length = 0;
  let i = 0;
  for (; i < count && i < MOST_ELEMENTS && length < LONGEST_SUMMARY; i++) {
    const text = formatValue(value.element(BigInt(i)), options, depth + 1);
    parts.push(text);
    length += text.length + 2;
  }
  return `{${parts.join(', ')}${i < count ? ', …' : ''}}`;
}

function formatMembers(value: Value, options: FormatOptions, depth: number): string {
  if (depth >= DEEPEST) return '{…}';
  const parts: string[] = [];
  let length = 0;
  for (const member of value.plain.members) {
    if (length >= LONGEST_SUMMARY) {
      parts.push('…');
      break;
    }
    const text = formatValue(value.member(member), options, depth + 1);
    const part = member.name === undefined ? text : `${member.name} = ${text}`;
    parts.push(part);
    length += part.length + 2;
  }
  return `{${parts.join(', ')}}`;
}
