/** struct user_desc (arch/x86/include/uapi/asm/ldt.h): how programs describe segments, and the descriptors it becomes (asm/desc.h). */
import { descriptorBase } from '../../cpu/segment-load.ts';
import { RecordLayout } from '../../image/record.ts';
import type { GuestMemory } from '../../memory/guest-copy.ts';

export interface UserDesc {
  /** Unsigned: −1 is 0xffffffff. */
  readonly entry: number;
  readonly base: number;
  readonly limit: number;
  readonly flags: number;
}

const USER_DESC = RecordLayout.little('user_desc').u32('entry').u32('base').u32('limit').u32('flags');
export const USER_DESC_BYTES = 16;
/** Bits of user_desc's last word; `contents` is two bits wide. */
export const DescFlag = { is32Bit: 0x01, contents: 1, readExecuteOnly: 0x08, limitInPages: 0x10, notPresent: 0x20, useable: 0x40, longMode: 0x80 } as const;

/** Undefined: EFAULT. */
export function readUserDesc(space: GuestMemory, address: number): UserDesc | undefined {
  const bytes = space.read(address, USER_DESC_BYTES);
  return bytes === undefined ? undefined : USER_DESC.read(bytes);
}

export function writeUserDesc(space: GuestMemory, address: number, { entry, base, limit, flags }: UserDesc): boolean {
  return space.write(address, new Uint8Array(Uint32Array.of(entry, base, limit, flags).buffer));
}

/** LDT_empty: nothing but "read/execute only" and "not present". */
export function isEmpty({ base, limit, flags }: UserDesc): boolean {
  return base === 0 && limit === 0 && (flags & 0xff) === (DescFlag.readExecuteOnly | DescFlag.notPresent);
}

/** The descriptor of an accessed segment of privilege 3. High word: base 31–24 and 23–16, limit 19–16, attributes. */
export function descriptorOf({ base, limit, flags }: UserDesc): readonly [low: number, high: number] {
  const has = (flag: number, bit: number): number => ((flags & flag) === 0 ? 0 : bit);
  const type = (has(DescFlag.readExecuteOnly, 1) === 0 ? 2 : 0) | (((flags >>> DescFlag.contents) & 3) << 2) | 1;
  const access = (type << 8) | (1 << 12) | (3 << 13) | ((has(DescFlag.notPresent, 1) ^ 1) << 15);
  const size = has(DescFlag.useable, 1 << 20) | has(DescFlag.is32Bit, 1 << 22) | has(DescFlag.limitInPages, 1 << 23);
  return [((base & 0xffff) << 16) | (limit & 0xffff), (base & 0xff000000) | ((base >>> 16) & 0xff) | (limit & 0xf0000) | access | size];
}

/** What describes a descriptor. */
export function describe(entry: number, low: number, high: number): UserDesc {
  const when = (bit: number, flag: number): number => ((high & bit) === 0 ? 0 : flag);
  const type = (high >>> 8) & 0xf;
  const flags = when(1 << 22, DescFlag.is32Bit) | (((type >>> 2) & 3) << DescFlag.contents) | ((type & 2) === 0 ? DescFlag.readExecuteOnly : 0)
    | when(1 << 23, DescFlag.limitInPages) | ((high & 0x8000) === 0 ? DescFlag.notPresent : 0) | when(1 << 20, DescFlag.useable) | when(1 << 21, DescFlag.longMode);
  return { entry, base: descriptorBase(low, high), limit: (high & 0xf0000) | (low & 0xffff), flags };
}
