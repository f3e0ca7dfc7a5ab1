/** The printf of agent expressions (`set dprintf-style agent`): C's conversions, of 64-bit words. */
import { AgentError } from './bytecode.ts';

/** Bytes of a string of the target shown at most. */
const STRING_LIMIT = 4096;
const STRING_PIECE = 64;
const CONVERSION = /%([-+ #0]*)(\d*)(?:\.(\d*))?(hh|h|ll|l|j|z|t)?(.)/gs;
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', e: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const BITS: Readonly<Record<string, number>> = { hh: 8, h: 16, '': 32, l: 64, ll: 64, j: 64, z: 64, t: 64 };
const BASES: Readonly<Record<string, number>> = { o: 8, x: 16, X: 16, u: 10 };

/** Undoes the escapes of a C string, which gdb leaves in. */
function unescape(format: string): string {
  return format.replace(/\\([0-7]{1,3}|.)/gs, (_, what: string) => (/^[0-7]/.test(what) ? String.fromCharCode(Number.parseInt(what, 8) & 0xff) : (ESCAPES[what] ?? what)));
}

/** A zero-terminated string of the target. */
function targetString(address: bigint, limit: number, read: (address: bigint, length: number) => Uint8Array): string {
  const parts: Uint8Array[] = [];
  for (let length = 0; length < limit; length += STRING_PIECE) {
    const wanted = Math.min(STRING_PIECE, limit - length);
    const piece = read(address + BigInt(length), wanted);
    const end = piece.indexOf(0);
    parts.push(end < 0 ? piece : piece.subarray(0, end));
    if (end >= 0) break;
    if (piece.length < wanted) throw new AgentError(`cannot access memory at 0x${(address + BigInt(length + piece.length)).toString(16)}`);
  }
  return Buffer.concat(parts).toString();
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
 * The text of a format and its values.
 * @throws AgentError
 */
export function agentPrintf(format: string, values: readonly bigint[], read: (address: bigint, length: number) => Uint8Array): string {
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
      case 's': text = targetString(value(), Math.min(Number(precision ?? STRING_LIMIT), STRING_LIMIT), read); break;
      default: throw new AgentError(`the conversion ${whole} is not done here`);
    }
    if (flags.includes('-')) return text.padEnd(wide);
    return flags.includes('0') && precision === undefined && 'diuoxX'.includes(conversion) ? zeroFilled(text, wide) : text.padStart(wide);
  });
}
