/** struct stat of x86-64 (arch/x86/include/uapi/asm/stat.h). */
import type { Inode } from './inode.ts';

export const STAT_BYTES = 144;
const BLOCK_SIZE = 4096;

export function writeStat64(inode: Inode, view: DataView): void {
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
}
