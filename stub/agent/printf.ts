/** The printf of agent expressions (`set dprintf-style agent`): C's conversions, of 64-bit words. */
import { AgentError } from './bytecode.ts';
import { quoted } from './c-text.ts';
import { errnoText } from './errno-text.ts';

/** Bytes of a string of the target shown at most. */
const STRING_LIMIT = 4096;
const STRING_PIECE = 64;
/** Bytes of a quoted string shown at most, as gdb's print. */
const QUOTED_LIMIT = 200;
const CONVERSION = /%([-+ #0]*)(\d*)(?:\.(\d*))?(hh|h|ll|l|j|z|t)?(.)/gs;
const MOST_ERRNO = 4095n;

type ReadMemory = (address: bigint, length: number) => Uint8Array;

const cannotAccess = (address: bigint): string => `cannot access memory at 0x${address.toString(16)}`;
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', e: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const BITS: Readonly<Record<string, number>> = { hh: 8, h: 16, '': 32, l: 64, ll: 64, j: 64, z: 64, t: 64 };
const BASES: Readonly<Record<string, number>> = { o: 8, x: 16, X: 16, u: 10 };

/** Undoes the escapes of a C string, which gdb leaves in. */
function unescape(format: string): string {
  return format.replace(/\\([0-7]{1,3}|.)/gs, (_, what: string) => (/^[0-7]/.test(what) ? String.fromCharCode(Number.parseInt(what, 8) & 0xff) : (ESCAPES[what] ?? what)));
}

/** A string of the target up to its zero, if that is within the limit. */
function targetString(address: bigint, limit: number, read: ReadMemory): { readonly bytes: Buffer; readonly terminated: boolean } {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (; length < limit; length += STRING_PIECE) {
    const wanted = Math.min(STRING_PIECE, limit - length);
    const piece = read(address + BigInt(length), wanted);
    const end = piece.indexOf(0);
    parts.push(end < 0 ? piece : piece.subarray(0, end));
    if (end >= 0) return { bytes: Buffer.concat(parts), terminated: true };
    if (piece.length < wanted) break;
  }
  return { bytes: Buffer.concat(parts), terminated: false };
}

function plainString(address: bigint, limit: number, read: ReadMemory): string {
  const { bytes, terminated } = targetString(address, limit, read);
  if (!terminated && bytes.length < limit) throw new AgentError(cannotAccess(address + BigInt(bytes.length)));
  return bytes.toString();
}

/** An array of characters. */
function quotedArray(address: bigint, length: number, read: ReadMemory): string {
  const { bytes, terminated } = targetString(address, Math.min(length, QUOTED_LIMIT), read);
  if (bytes.length === 0 && !terminated && length > 0) throw new AgentError(cannotAccess(address));
  return quoted(bytes.toString('latin1'), terminated || length <= QUOTED_LIMIT);
}

/** A pointer to characters, or the error it carries (MAX_ERRNO of include/linux/err.h). */
function quotedPointer(address: bigint, read: ReadMemory): string {
  const negative = BigInt.asIntN(64, address);
  if (negative < 0n && negative >= -MOST_ERRNO) return `ERR_PTR(${errnoText(-negative)})`;
  const text = `0x${address.toString(16)}`;
  if (address === 0n) return text;
  const { bytes, terminated } = targetString(address, QUOTED_LIMIT, read);
  return bytes.length === 0 && !terminated ? `${text} <${cannotAccess(address)}>` : `${text} ${quoted(bytes.toString('latin1'), terminated)}`;
}

function digits(value: bigint, conversion: string, precision: string | undefined, flags: string): string {
  const base = BASES[conversion] ?? 10;
  let text = (value < 0n ? -value : value).toString(base);
  if (precision !== undefined) text = precision !== '0' && precision !== '' ? text.padStart(Number(precision), '0') : value === 0n ? '' : text;
  if (flags.includes('#') && value !== 0n) text = (base === 16 ? '0x' : base === 8 ? '0' : '') + text;
  if (conversion === 'X') text = text.toUpperCase();
  if (BASES[conversion] !== undefined) return text;
  return value < 0n ? `-${text}` : flags.includes('+') ? `+${text}` : flags.includes(' ') ? ` ${text}` : text;
}

/** Fills a number with zeros behind its sign and prefix. */
function zeroFilled(text: string, width: number): string {
  const head = /^[-+ ]?(?:0[xX])?/.exec(text)?.[0] ?? '';
  return head + text.slice(head.length).padStart(width - head.length, '0');
}

/**
 * The text of a format and its values. Beside C's conversions there are, as a debugger prints them, `%.16q`, an array of 16
 * characters, and `%Q`, a pointer to some.
 * @throws AgentError
 */
export function agentPrintf(format: string, values: readonly bigint[], read: ReadMemory): string {
  let next = 0;
  const value = (): bigint => {
    if (next >= values.length) throw new AgentError(`the format has more conversions than the ${values.length} values`);
    return values[next++];
  };
  return unescape(format).replace(CONVERSION, (whole: string, flags: string, width: string, precision: string | undefined, size: string | undefined, conversion: string) => {
    const wide = Math.min(Number(width), STRING_LIMIT);
    const bits = BITS[size ?? ''];
    let text: string;
    switch (conversion) {
      case '%': return '%';
      case 'd': case 'i': text = digits(BigInt.asIntN(bits, value()), conversion, precision, flags); break;
      case 'u': case 'o': case 'x': case 'X': text = digits(BigInt.asUintN(bits, value()), conversion, precision, flags); break;
      case 'p': text = `0x${value().toString(16)}`; break;
      case 'c': text = String.fromCodePoint(Number(BigInt.asUintN(8, value()))); break;
      case 's': text = plainString(value(), Math.min(Number(precision ?? STRING_LIMIT), STRING_LIMIT), read); break;
      case 'q': text = quotedArray(value(), Number(precision ?? QUOTED_LIMIT), read); break;
      case 'Q': text = quotedPointer(value(), read); break;
      default: throw new AgentError(`the conversion ${whole} is not done here`);
    }
    if (flags.includes('-')) return text.padEnd(wide);
    return flags.includes('0') && precision === undefined && 'diuoxX'.includes(conversion) ? zeroFilled(text, wide) : text.padStart(wide);
  });
}
