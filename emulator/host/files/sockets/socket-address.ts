/** Socket addresses: sockaddr_un, sockaddr_in and sockaddr_in6 in guest memory, and what they name. */
import { Errno } from '../../errno.ts';
import { byteString } from '../arguments.ts';
import { Family } from './socket-constants.ts';

export interface UnixAddress {
  readonly family: typeof Family.unix;
  /** A path; an abstract name (kept without its NUL); nothing. */
  readonly kind: 'path' | 'abstract' | 'unnamed';
  readonly name: string;
}

export interface InetAddress {
  readonly family: typeof Family.inet | typeof Family.inet6;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly port: number;
}

export type SocketAddress = UnixAddress | InetAddress;

export const UNNAMED: UnixAddress = { family: Family.unix, kind: 'unnamed', name: '' };
const SUN_PATH = 2;
const SUN_PATH_MAX = 108;
const INET_BYTES = 16;
const INET6_BYTES = 28;
const LOOPBACK_6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Reads a sockaddr; -errno. The family of the result may differ from the socket's. */
export function parseAddress(bytes: Uint8Array): SocketAddress | number {
  if (bytes.length < 2) return -Errno.EINVAL;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (view.getUint16(0, true)) {
    case Family.unix: {
      const name = bytes.subarray(SUN_PATH);
      if (name.length === 0) return UNNAMED;
      if (name.length > SUN_PATH_MAX) return -Errno.EINVAL;
      if (name[0] === 0) return { family: Family.unix, kind: 'abstract', name: byteString(name.subarray(1)) };
      const end = name.indexOf(0);
      return { family: Family.unix, kind: 'path', name: byteString(end < 0 ? name : name.subarray(0, end)) };
    }
    case Family.inet:
      if (bytes.length < INET_BYTES) return -Errno.EINVAL;
      return { family: Family.inet, port: view.getUint16(2), address: bytes.slice(4, 8) };
    case Family.inet6:
      if (bytes.length < INET6_BYTES - 4) return -Errno.EINVAL;
      return { family: Family.inet6, port: view.getUint16(2), address: bytes.slice(8, 24) };
    default:
      return -Errno.EAFNOSUPPORT;
  }
}

/** The family member of a sockaddr, undefined if it is too short for one. */
export function familyOf(bytes: Uint8Array): number | undefined {
  return bytes.length < 2 ? undefined : bytes[0] | (bytes[1] << 8);
}

export function formatAddress(address: SocketAddress): Uint8Array {
  if (address.family === Family.unix) {
    const name = Buffer.from(address.name, 'latin1');
    const bytes = new Uint8Array(2 + (address.kind === 'unnamed' ? 0 : name.length + 1));
    bytes[0] = Family.unix;
    bytes.set(name, address.kind === 'abstract' ? 3 : 2);
    return bytes;
  }
  const bytes = new Uint8Array(address.family === Family.inet ? INET_BYTES : INET6_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, address.family, true);
  view.setUint16(2, address.port);
  bytes.set(address.address, address.family === Family.inet ? 4 : 8);
  return bytes;
}

export function anyAddress(family: InetAddress['family']): Uint8Array {
  return new Uint8Array(family === Family.inet ? 4 : 16);
}

export function loopback(family: InetAddress['family']): Uint8Array {
  return family === Family.inet ? Uint8Array.of(127, 0, 0, 1) : LOOPBACK_6;
}

export function isAny(address: Uint8Array): boolean {
  return address.every((byte) => byte === 0);
}

/** An IPv4-mapped IPv6 address as IPv4; other addresses as they are. */
export function plainAddress(address: Uint8Array): Uint8Array {
  const isMapped = address.length === 16 && MAPPED_PREFIX.every((byte, i) => address[i] === byte);
  return isMapped ? address.subarray(12) : address;
}

/** True for addresses of this machine: 127/8, ::1 and "any". */
export function isLocal(address: Uint8Array): boolean {
  const plain = plainAddress(address);
  if (isAny(plain)) return true;
  return plain.length === 4 ? plain[0] === 127 : plain.every((byte, i) => byte === LOOPBACK_6[i]);
}

/** An address as a socket of `family` shows it: IPv4 peers of IPv6 sockets are mapped. */
export function asFamily(address: Uint8Array, family: InetAddress['family']): Uint8Array {
  const plain = plainAddress(address);
  if (family === Family.inet || plain.length === 16) return plain;
  return Uint8Array.of(...MAPPED_PREFIX, ...plain);
}

export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  const x = plainAddress(a);
  const y = plainAddress(b);
  return x.length === y.length && x.every((byte, i) => byte === y[i]);
}
