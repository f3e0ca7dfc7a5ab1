/** Reading the fields of packet bodies: hexadecimal numbers, hex-coded bytes, thread ids. All throw PacketError on anything else. */
import { PacketErrno, PacketError } from './packet.ts';

const malformed = (what: string, text: string): PacketError => new PacketError(PacketErrno.EINVAL, `${what} expected, got '${text.slice(0, 40)}'`);

/** A 64-bit number in hexadecimal, without prefix. */
export function hexBigInt(text: string): bigint {
  if (!/^[0-9a-fA-F]{1,16}$/.test(text)) throw malformed('hexadecimal number', text);
  return BigInt(`0x${text}`);
}

/** A number below 2^32 in hexadecimal. */
export function hexNumber(text: string): number {
  if (!/^0*[0-9a-fA-F]{1,8}$/.test(text)) throw malformed('hexadecimal number', text);
  return Number.parseInt(text, 16);
}

/** Bytes written as two hexadecimal digits each. */
export function hexBytes(text: string): Buffer {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw malformed('hexadecimal bytes', text);
  return Buffer.from(text, 'hex');
}

/** Splits at the first separator; throws when there is none. */
export function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  if (at < 0) throw malformed(`'${separator}'`, text);
  return [text.slice(0, at), text.slice(at + separator.length)];
}

/** For packets without arguments. */
export function nothing(rest: Buffer): undefined {
  if (rest.length > 0) throw malformed('end of packet', rest.toString('latin1'));
  return undefined;
}

export const text = (rest: Buffer): string => rest.toString('latin1');

/** Body of `name,…` and `name:…` packets as text without the delimiter. */
export const textAfterDelimiter = (rest: Buffer): string => rest.toString('latin1').slice(1);

/** A thread id: undefined parts stand for "all" (-1), 0 for "any". `pid` is undefined also without the multiprocess extension. */
export interface ThreadId {
  readonly pid: number | undefined;
  readonly tid: number | undefined;
}

function idPart(text: string): number | undefined {
  return text === '-1' ? undefined : hexNumber(text);
}

/** `TID`, `pPID`, `pPID.TID`. */
export function threadId(text: string): ThreadId {
  if (!text.startsWith('p')) return { pid: undefined, tid: idPart(text) };
  const [pid, tid] = text.slice(1).split('.', 2);
  return { pid: idPart(pid), tid: tid === undefined ? undefined : idPart(tid) };
}

/** `ADDR,LENGTH`. */
export function addressAndLength(text: string): { address: bigint; length: number } {
  const [address, length] = split(text, ',');
  return { address: hexBigInt(address), length: hexNumber(length) };
}
