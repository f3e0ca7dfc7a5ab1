/**
 * Where counts lie. They have a memory of their own (wasm memory 1), so that counting changes nothing a guest, a state hash or a
 * memory limit can see. It is cut into banks; all counts of one execution context (an address space, a task) are in one bank.
 *
 * What is counted are control transfers that were taken: with them and with the places where runs began and ended, how often each
 * instruction was executed follows exactly, since between transfers execution is straight.
 */
import { ARENA_END } from '../engine-area.ts';

/** Cells (i64) of the interpreter's records: the cell of a record in the arena is at half its address. */
export const RECORD_CELL_SHIFT = 1;
/** Cells (i64) of direct transfers in regions, by edge number. */
export const EDGE_CELLS = ARENA_END >>> RECORD_CELL_SHIFT;
export const EDGE_CELL_LIMIT = 0x40000;
/** Open hash table of indirect transfers: { site i32 (0: free), jump into another function? i32, target i64, count i64, pad }. */
export const INDIRECT_TABLE = EDGE_CELLS + EDGE_CELL_LIMIT * 8;
export const INDIRECT_ENTRY = 32;
export const INDIRECT_ENTRIES = 0x10000;
export const INDIRECT_TAIL = 4;
export const INDIRECT_TARGET = 8;
export const INDIRECT_COUNT = 16;
/** Places looked at before an entry's neighbours count as full. */
export const INDIRECT_PROBES = 16;

/** A region's site in the indirect table: this plus its number. Smaller ones are addresses of the interpreter's records. */
export const REGION_SITE = 0x80000000;

/** Bytes of a bank. */
export const BANK_BYTES = INDIRECT_TABLE + INDIRECT_ENTRIES * INDIRECT_ENTRY;
/** More contexts than this take turns in the banks. Memory that is not written to costs nothing. */
export const BANKS = 24;
