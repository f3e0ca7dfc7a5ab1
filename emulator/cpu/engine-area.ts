/**
 * Where the engine keeps its own tables in linear memory: between state.ts ENGINE_AREA and linear-memory.ts ENGINE_BYTES.
 * Nothing here is guest state; all of it can be thrown away and made again.
 */
import { ENGINE_AREA } from './state.ts';
import { ENGINE_BYTES } from '../memory/linear-memory.ts';

/** Interpreter's record pointer and block header when it left in the middle of a block, i32 each. */
export const LEFT_AT = ENGINE_AREA;
export const LEFT_IN = ENGINE_AREA + 4;
/** A block which is used once (end of a budget, single step): header and records. */
export const SINGLE_BLOCK = 0x4000;
/**
 * What regions look at to find each other: direct-mapped, entries of 16 bytes { rip i64, code context i32, region's table index i32 }, each an address's
 * only place. It is small and hashed well, so that it stays in the host's caches; what it does not have, the jump cache may.
 */
export const REGION_CACHE = 0x80000;
const REGION_CACHE_BITS = 13;
/** Jump cache: direct-mapped, entries of 16 bytes { rip i64, code context i32, block i32 }. A block address of 0 is an empty entry. */
export const JUMP_CACHE = 0x100000;
export const JUMP_CACHE_ENTRIES = 0x40000;
/** Block headers and records, allocated upwards; when full, everything is flushed. */
export const ARENA = JUMP_CACHE + JUMP_CACHE_ENTRIES * 16;
export const ARENA_END = Math.min(ENGINE_BYTES, 0x4000000);

/** Block header: 32 bytes, records follow. */
export const BLOCK_HEADER = 32;
/** Guest address of the first instruction, i64. */
export const BLOCK_RIP = 0;
/** Instructions in it, i32. */
export const BLOCK_COUNT = 8;
/** How often the interpreter ran it, i32. */
export const BLOCK_RUNS = 12;
/** Table index of the region which starts here, or 0; i32. */
export const BLOCK_REGION = 16;
/** Bytes of code in it, u16. */
export const BLOCK_BYTES = 20;
/** u16, non-zero: may only be entered through the jump cache, not through a chain (dropped, crosses a page, or a region starts here somewhere). */
export const BLOCK_UNCHAINED = 22;
/** Linear addresses of the frames it was decoded from; the second is 0 unless its last instruction crosses into one. */
export const BLOCK_FRAME = 24;
export const BLOCK_FRAME2 = 28;

/** Records: { handler u16, length u8, reg u8, rm u8, base u8, index u8, scale u8, displacement i32, immediate i32 }. */
export const RECORD = 16;
export const RECORD_HANDLER = 0;
export const RECORD_LENGTH = 2;
/** Byte offsets into the general register file (or 16 × number for xmm, mmx; the number for st). */
export const RECORD_REG = 3;
export const RECORD_RM = 4;
/** Byte offsets into the general register file; ZERO and PAGE_BASE follow it. */
export const RECORD_BASE = 5;
export const RECORD_INDEX = 6;
export const RECORD_SCALE = 7;
export const RECORD_DISPLACEMENT = 8;
export const RECORD_IMMEDIATE = 12;

/** Conditional branches: instructions of the block that come after it, u8: BUDGET gets them back when it is taken. */
export const RECORD_REMAINING = 3;
/** Other jumps, calls and returns, while transfers are counted: counting/transfer.ts TransferCode, u8. */
export const RECORD_TRANSFER = 3;
/** Direct branches and the end of a block: the block where they lead, once known, i32. Only to the same page. */
export const RECORD_CHAIN = 4;

/** Most instructions in a block. A block goes on after a conditional branch; this many of them, and not beyond so many instructions. */
export const BLOCK_LIMIT = 64;
export const BLOCK_BRANCHES = 4;
export const BRANCHING_BLOCK_LIMIT = 24;

/** Table 0: slots below are the interpreter's handlers (their numbers), from here on regions. */
export const FIRST_REGION_SLOT = 65536;

/**
 * Byte offset in the jump cache of an address given by its low 32 bits, for code context 0; for others it is to be XORed with
 * their {@link jumpCacheSalt}. Without that, processes which run the same code would take each other's entries away.
 */
export function jumpCacheOffset(ripLow: number): number {
  return ((ripLow ^ (ripLow >>> 15)) & (JUMP_CACHE_ENTRIES - 1)) << 4;
}

/** Linear address of an address's entry in the region cache; {@link REGION_HASH_SHIFT} tells emitted code the same. */
export function regionCacheEntry(ripLow: number): number {
  return REGION_CACHE + ((Math.imul(ripLow, REGION_HASH) >>> REGION_HASH_SHIFT) << 4);
}
export const REGION_HASH = 0x9e3779b1;
export const REGION_HASH_SHIFT = 32 - REGION_CACHE_BITS;

/** The golden ratio spreads contexts, which are numbered as they come. */
export function jumpCacheSalt(codeContext: number): number {
  return ((Math.imul(codeContext, 0x9e3779b1) >>> 14) & (JUMP_CACHE_ENTRIES - 1)) << 4;
}
