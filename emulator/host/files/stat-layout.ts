/**
 * The structures stat and its kin fill, by ABI (arch/x86/include/uapi/asm/stat.h). i386 has three: of the first Linux, with 16-bit ids; the
 * one of `stat`, with 32-bit sizes; and that of `stat64`. What does not fit is EOVERFLOW.
 */
import { Errno } from '../errno.ts';
import { lowId } from '../misc/small-ids.ts';
import { oldDevice } from './file-mode.ts';
import type { Inode } from './inode.ts';

const BLOCK_SIZE = 4096;
const MAX_32 = 0xffffffff;
const MAX_LONG_32 = 0x7fffffff;

export type StatLayout = 'x86-64' | 'i386' | 'i386-64' | 'i386-old';

export function statSize(layout: StatLayout): number {
  return SIZES[layout];
}

/** The structure's bytes, or -errno. `before`: what is there now, as some padding is left alone. */
export function statBytes(inode: Inode, layout: StatLayout, before: () => Uint8Array | undefined): Uint8Array | number {
  const bytes = layout === 'i386-64' ? before() : new Uint8Array(SIZES[layout]);
  if (bytes === undefined) return -Errno.EFAULT;
  return WRITERS[layout](inode, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)) ? bytes : -Errno.EOVERFLOW;
}

const SIZES: Readonly<Record<StatLayout, number>> = { 'x86-64': 144, i386: 64, 'i386-64': 96, 'i386-old': 32 };
const WRITERS: Readonly<Record<StatLayout, (inode: Inode, view: DataView) => boolean>> = {
  'x86-64': writeStat, i386: writeStat32, 'i386-64': writeStat64, 'i386-old': writeOldStat,
};

function writeStat(inode: Inode, view: DataView): boolean {
  view.setBigUint64(0, BigInt(inode.fileSystem.device), true);
  view.setBigUint64(8, BigInt(inode.number), true);
  view.setBigUint64(16, BigInt(inode.links), true);
  view.setUint32(24, inode.mode, true);
  view.setUint32(28, inode.uid, true);
  view.setUint32(32, inode.gid, true);
  view.setBigUint64(40, BigInt(inode.device), true);
  view.setBigInt64(48, BigInt(inode.size), true);
  view.setBigInt64(56, BigInt(BLOCK_SIZE), true);
  view.setBigInt64(64, BigInt(inode.blocks), true);
  [inode.accessed, inode.modified, inode.changed].forEach((time, i) => {
    view.setBigInt64(72 + i * 16, BigInt(time.seconds), true);
    view.setBigUint64(80 + i * 16, BigInt(time.nanoseconds), true);
  });
  return true;
}

function writeStat32(inode: Inode, view: DataView): boolean {
  if (inode.number > MAX_32 || inode.size > MAX_LONG_32 || inode.links > 0xffff) return false;
  view.setUint32(0, inode.fileSystem.device, true);
  view.setUint32(4, inode.number, true);
  view.setUint16(8, inode.mode, true);
  view.setUint16(10, inode.links, true);
  view.setUint16(12, lowId(inode.uid), true);
  view.setUint16(14, lowId(inode.gid), true);
  view.setUint32(16, inode.device, true);
  view.setUint32(20, inode.size, true);
  view.setUint32(24, BLOCK_SIZE, true);
  view.setUint32(28, inode.blocks, true);
  writeTimes32(inode, view, 32);
  return true;
}

function writeStat64(inode: Inode, view: DataView): boolean {
  view.setBigUint64(0, BigInt(inode.fileSystem.device), true);
  view.setUint32(12, inode.number, true);
  view.setUint32(16, inode.mode, true);
  view.setUint32(20, inode.links, true);
  view.setUint32(24, inode.uid, true);
  view.setUint32(28, inode.gid, true);
  view.setBigUint64(32, BigInt(inode.device), true);
  view.setBigInt64(44, BigInt(inode.size), true);
  view.setUint32(52, BLOCK_SIZE, true);
  view.setBigInt64(56, BigInt(inode.blocks), true);
  writeTimes32(inode, view, 64);
  view.setBigUint64(88, BigInt(inode.number), true);
  return true;
}

function writeTimes32(inode: Inode, view: DataView, at: number): void {
  [inode.accessed, inode.modified, inode.changed].forEach((time, i) => {
    view.setInt32(at + i * 8, time.seconds, true);
    view.setUint32(at + i * 8 + 4, time.nanoseconds, true);
  });
}

/** struct __old_kernel_stat. */
function writeOldStat(inode: Inode, view: DataView): boolean {
  if (inode.number > 0xffff || inode.links > 0xffff || inode.size > MAX_LONG_32) return false;
  view.setUint16(0, oldDevice(inode.fileSystem.device), true);
  view.setUint16(2, inode.number, true);
  view.setUint16(4, inode.mode, true);
  view.setUint16(6, inode.links, true);
  view.setUint16(8, lowId(inode.uid), true);
  view.setUint16(10, lowId(inode.gid), true);
  view.setUint16(12, oldDevice(inode.device), true);
  view.setUint32(16, inode.size, true);
  [inode.accessed, inode.modified, inode.changed].forEach((time, i) => view.setInt32(20 + i * 4, time.seconds, true));
  return true;
}
