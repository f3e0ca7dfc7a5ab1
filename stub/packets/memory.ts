/** Memory: `m`, `x` (read), `M`, `X` (write), search and checksum. A read that starts in mapped memory may come back short. */
import { addressAndLength, hexBigInt, hexBytes, split, text } from '../fields.ts';
import { escapeBinary } from '../framing.ts';
import { PACKET_SIZE, PacketErrno, PacketError, packet, type PacketRow } from '../packet.ts';
import type { Session } from '../session.ts';

/** How much is read at a time where a packet may ask for gigabytes. */
const CHUNK = 0x10000;

const noAccess = (address: bigint): PacketError => new PacketError(PacketErrno.EFAULT, `cannot access memory at 0x${address.toString(16)}`);

function read(session: Session, address: bigint, length: number): Uint8Array {
  const bytes = session.target.readMemory(session.generalThread().tid, address, length);
  if (bytes.length === 0 && length > 0) throw noAccess(address);
  return bytes;
}

function write(session: Session, address: bigint, bytes: Uint8Array): string {
  if (bytes.length > 0 && !session.target.writeMemory(session.generalThread().tid, address, bytes)) throw noAccess(address);
  return 'OK';
}

const readHex = packet({
  prefix: 'm',
  needs: 'alive',
  parse: (rest) => addressAndLength(text(rest)),
  handle: (session, { address, length }) => Buffer.from(read(session, address, Math.min(length, PACKET_SIZE >> 1))).toString('hex'),
});

/** gdb 16's answer starts with `b`, LLDB's does not, and LLDB tries with a length of 0 first. Other clients get the empty reply. */
const readBinary = packet({
  prefix: 'x',
  needs: 'alive',
  feature: (_, client) => (client.has('binary-upload') ? 'binary-upload+' : undefined),
  parse: (rest) => addressAndLength(text(rest)),
  handle: (session, { address, length }) => {
    const upload = session.client.has('binary-upload');
    if (!upload && !session.lldb) return '';
    if (!upload && length === 0) return 'OK';
    const bytes = escapeBinary(read(session, address, Math.min(length, PACKET_SIZE >> 1)));
    return upload ? Buffer.concat([Buffer.from('b'), bytes]) : bytes;
  },
});

const writeHex = packet({
  prefix: 'M',
  needs: 'alive',
  controls: true,
  parse: (rest) => {
    const [where, data] = split(text(rest), ':');
    return { ...addressAndLength(where), data: hexBytes(data) };
  },
  handle: (session, { address, length, data }) => {
    if (data.length !== length) throw new PacketError(PacketErrno.EINVAL, `${length} bytes announced, ${data.length} sent`);
    return write(session, address, data);
  },
});

const writeBinary = packet({
  prefix: 'X',
  needs: 'alive',
  controls: true,
  parse: (rest) => {
    const colon = rest.indexOf(':');
    if (colon < 0) throw new PacketError(PacketErrno.EINVAL, "':' expected");
    return { ...addressAndLength(text(rest.subarray(0, colon))), data: rest.subarray(colon + 1) };
  },
  handle: (session, { address, length, data }) => {
    if (data.length !== length) throw new PacketError(PacketErrno.EINVAL, `${length} bytes announced, ${data.length} sent`);
    return write(session, address, data);
  },
});

const search = packet({
  prefix: 'qSearch:memory:',
  needs: 'alive',
  parse: (rest) => {
    const first = rest.indexOf(';');
    const second = rest.indexOf(';', first + 1);
    if (first < 0 || second < 0 || second + 1 >= rest.length) throw new PacketError(PacketErrno.EINVAL, 'ADDRESS;LENGTH;PATTERN expected');
    return { address: hexBigInt(text(rest.subarray(0, first))), length: hexBigInt(text(rest.subarray(first + 1, second))), pattern: rest.subarray(second + 1) };
  },
  handle: async (session, { address, length, pattern }) => {
    const end = address + length;
    let at = address;
    let kept: Buffer = Buffer.alloc(0);
    while (at < end) {
      const want = Number(end - at < BigInt(CHUNK) ? end - at : BigInt(CHUNK));
      const bytes = read(session, at, want);
      const window = Buffer.concat([kept, bytes]);
      const found = window.indexOf(pattern);
      if (found >= 0) return `1,${(at - BigInt(kept.length) + BigInt(found)).toString(16)}`;
      if (bytes.length < want) throw noAccess(at + BigInt(bytes.length));
      kept = Buffer.from(window.subarray(Math.max(0, window.length - pattern.length + 1)));
      at += BigInt(bytes.length);
      // A search over gigabytes must not keep the process from anything else.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return '0';
  },
});

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte << 24;
  for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  return value >>> 0;
});

/** CRC-32 as `compare-sections` wants it: most significant bit first, all ones at the start, nothing at the end. */
const crc = packet({
  prefix: 'qCRC:',
  needs: 'alive',
  parse: (rest) => addressAndLength(text(rest)),
  handle: (session, { address, length }) => {
    let value = 0xffffffff;
    for (let done = 0; done < length; ) {
      const bytes = read(session, address + BigInt(done), Math.min(CHUNK, length - done));
      for (const byte of bytes) value = (value << 8) ^ CRC_TABLE[((value >>> 24) ^ byte) & 0xff];
      done += bytes.length;
    }
    return `C${(value >>> 0).toString(16)}`;
  },
});

/** The memory map is everything: what is mapped changes while the debuggee runs, and gdb would keep an old map. */
export const MEMORY_MAP = [
  '<?xml version="1.0"?>', '<!DOCTYPE memory-map PUBLIC "+//IDN gnu.org//DTD GDB Memory Map V1.0//EN" "http://sourceware.org/gdb/gdb-memory-map.dtd">',
  '<memory-map><memory type="ram" start="0x0" length="0xffffffffffffffff"/></memory-map>', '',
].join('\n');

export const memoryPackets: readonly PacketRow[] = [readHex, readBinary, writeHex, writeBinary, search, crc];
