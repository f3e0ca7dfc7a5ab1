/**
 * vFile: gdb fetches the executable, libraries and /proc files through it. Read-only. Numbers of errors and modes are those of
 * gdb's file I/O protocol, and its stat structure is big-endian.
 */
import { hexBigInt, hexBytes, hexNumber, split, text } from '../fields.ts';
import { escapeBinary } from '../framing.ts';
import { PACKET_SIZE, packet, type PacketRow, type Reply } from '../packet.ts';
import type { Session } from '../session.ts';
import { Refusal } from '../target.ts';

const FileError = { ENOENT: 2, EBADF: 9, EINVAL: 22, EMFILE: 24, EROFS: 30, EUNKNOWN: 9999 } as const;
const ACCESS_MODE = 3;
const O_APPEND = 0x8;
const O_CREAT = 0x200;
const O_TRUNC = 0x400;
const REGULAR_READABLE = 0o100444;
const FIRST_DESCRIPTOR = 3;
const MOST_DESCRIPTORS = 64;
const STAT_BYTES = 64;
const BLOCK = 512;

const failure = (errno: number): string => `F-1,${errno.toString(16)}`;

const setfs = packet({ prefix: 'vFile:setfs:', needs: 'any', parse: (rest) => hexNumber(text(rest)), handle: (session, pid) => {
  session.fileProcess = pid;
  return 'F0';
} });

/** Contents of a file as the process of the last setfs sees it; 'refused': there is such a file, but it cannot be had. */
function contentsOf({ target, fileProcess }: Session, path: string): Uint8Array | 'refused' | undefined {
  try {
    return target.processes === undefined || fileProcess === 0 ? target.openFile(path) : target.processes.openFile(fileProcess, path);
  } catch (error) {
    // The protocol's errors of files are numbers: the reason is not for it to say.
    if (error instanceof Refusal) return 'refused';
    throw error;
  }
}

const open = packet({
  prefix: 'vFile:open:',
  needs: 'any',
  parse: (rest) => {
    const [path, flags, mode] = text(rest).split(',');
    hexNumber(mode ?? '');
    return { path: hexBytes(path).toString(), flags: hexNumber(flags ?? '') };
  },
  handle: (session, { path, flags }) => {
    const contents = contentsOf(session, path);
    if ((flags & (ACCESS_MODE | O_APPEND | O_CREAT | O_TRUNC)) !== 0) return failure(FileError.EROFS);
    if (contents === undefined) return failure(FileError.ENOENT);
    if (contents === 'refused') return failure(FileError.EUNKNOWN);
    if (session.files.size >= MOST_DESCRIPTORS) return failure(FileError.EMFILE);
    let descriptor = FIRST_DESCRIPTOR;
    while (session.files.has(descriptor)) descriptor++;
    session.files.set(descriptor, contents);
    return `F${descriptor.toString(16)}`;
  },
});

/** Answers with `F COUNT;bytes`. */
const attachment = (bytes: Uint8Array): Reply => Buffer.concat([Buffer.from(`F${bytes.length.toString(16)};`), escapeBinary(bytes)]);

/** How many bytes of `wanted` fit into a packet once escaped. */
function fitting(wanted: Uint8Array): Uint8Array {
  let room = PACKET_SIZE - 32;
  for (let i = 0; i < wanted.length; i++) {
    const byte = wanted[i];
    room -= byte === 0x24 || byte === 0x23 || byte === 0x7d || byte === 0x2a ? 2 : 1;
    if (room < 0) return wanted.subarray(0, i);
  }
  return wanted;
}

const pread = packet({
  prefix: 'vFile:pread:',
  needs: 'any',
  parse: (rest) => {
    const [descriptor, where] = split(text(rest), ',');
    const [count, offset] = split(where, ',');
    return { descriptor: hexNumber(descriptor), count: hexNumber(count), offset: Number(hexBigInt(offset)) };
  },
  handle: (session, { descriptor, count, offset }) => {
    const file = session.files.get(descriptor);
    if (file === undefined) return failure(FileError.EBADF);
    return attachment(fitting(file.subarray(Math.min(offset, file.length), Math.min(offset + Math.min(count, PACKET_SIZE), file.length))));
  },
});

const close = packet({
  prefix: 'vFile:close:',
  needs: 'any',
  parse: (rest) => hexNumber(text(rest)),
  handle: (session, descriptor) => (session.files.delete(descriptor) ? 'F0' : failure(FileError.EBADF)),
});

function statBytes(file: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(STAT_BYTES);
  bytes.writeUInt32BE(REGULAR_READABLE, 8);
  bytes.writeUInt32BE(1, 12);
  bytes.writeBigUInt64BE(BigInt(file.length), 28);
  bytes.writeBigUInt64BE(BigInt(BLOCK), 36);
  bytes.writeBigUInt64BE(BigInt(Math.ceil(file.length / BLOCK)), 44);
  return bytes;
}

const fstat = packet({
  prefix: 'vFile:fstat:',
  needs: 'any',
  parse: (rest) => hexNumber(text(rest)),
  handle: (session: Session, descriptor): Reply => {
    const file = session.files.get(descriptor);
    return file === undefined ? failure(FileError.EBADF) : attachment(statBytes(file));
  },
});

const stat = packet({
  prefix: 'vFile:stat:',
  needs: 'any',
  parse: (rest) => hexBytes(text(rest)).toString(),
  handle: (session, path): Reply => {
    const file = contentsOf(session, path);
    if (file === 'refused') return failure(FileError.EUNKNOWN);
    return file === undefined ? failure(FileError.ENOENT) : attachment(statBytes(file));
  },
});

const readlink = packet({
  prefix: 'vFile:readlink:',
  needs: 'any',
  parse: (rest) => hexBytes(text(rest)).toString(),
  handle: (session, path): Reply => {
    const target = session.target.readLink(path);
    if (target !== undefined) return attachment(Buffer.from(target));
    return failure(contentsOf(session, path) === undefined ? FileError.ENOENT : FileError.EINVAL);
  },
});

const readOnly = ['vFile:pwrite:', 'vFile:unlink:'].map((prefix) => packet({ prefix, needs: 'any', parse: () => undefined, handle: () => failure(FileError.EROFS) }));

export const filePackets: readonly PacketRow[] = [setfs, open, pread, close, fstat, stat, readlink, ...readOnly];
