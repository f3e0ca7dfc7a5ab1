/**
 * Call trees, kept by emitted code in the counts' memory behind the banks. A node stands for a chain of calls: it is named by its
 * parent, the address behind the call, and the function called. Each execution context has a stack of the calls that have not
 * returned, which is put right by comparing stack pointers: so longjmp, exceptions and handlers that never return do no harm.
 */
import { BANK_BYTES, BANKS } from './bank-layout.ts';

/** Hash table of nodes: addresses (i32) of the first node of each chain. */
export const TREE_BUCKETS = BANKS * BANK_BYTES;
export const TREE_BUCKET_COUNT = 0x80000;
/** Nodes: { next in the chain i32, parent i32, address behind the call i64, target i64, calls i64, instructions i64 }. */
export const TREE_NODES = TREE_BUCKETS + TREE_BUCKET_COUNT * 4;
export const NODE_BYTES = 40;
export const NODE_PARENT = 4;
export const NODE_SITE = 8;
export const NODE_TARGET = 16;
export const NODE_CALLS = 24;
export const NODE_SELF = 32;
export const NODE_LIMIT = 0x300000;
/** Address of the first free node, i32; and whether there were none left, i32. */
export const TREE_STATE = TREE_NODES + NODE_LIMIT * NODE_BYTES;
export const TREE_FREE = TREE_STATE;
export const TREE_FULL = TREE_STATE + 4;
/** Call stacks: { end of frames i32, running node i32, clock at the last event i64 }, frames. */
export const TREE_STACKS = TREE_STATE + 0x10000;
export const STACK_NODE = 4;
export const STACK_CLOCK = 8;
export const STACK_FRAMES = 16;
/** Frames: { highest stack pointer with which the call can still be running i64, lowest i64, the caller's node i32, pad }. */
export const FRAME_BYTES = 24;
export const FRAME_LOWEST = 8;
export const FRAME_NODE = 16;
/** Calls nested deeper are counted for the function at this depth. */
export const FRAME_LIMIT = 2048;
export const STACK_BYTES = 0x10000;
export const STACK_LIMIT = 1024;
/** Bytes of the counts' memory, with and without trees. */
export const COUNTS_BYTES = TREE_STACKS + STACK_LIMIT * STACK_BYTES;
export const COUNTS_BYTES_WITHOUT_TREES = TREE_BUCKETS;

/** What a transfer does to the tree. */
export const TreeEvent = { call: 0, return: 1, tail: 2 } as const;
