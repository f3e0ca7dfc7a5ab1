/**
 * How translated code (a *region*: one wasm function for several basic blocks) and the dispatcher meet.
 *
 * A region is called through table 0 with all architectural state in memory, RIP at its entry and CODE_CONTEXT one it was
 * validated for. It comes back with all state in memory again and one of:
 *
 * - 0 (Exit.none): go on at RIP. Nothing is pending; RIP may be anywhere, regions or not.
 * - INTERPRET: go on at RIP, but run at least the block there in the interpreter: the budget may end inside the region
 *   (it is checked at region entries, loop heads and return points only), so the other tier has to find the exact end.
 * - anything else: EXIT_REASON, which the region (or the slow path it called) has stored already.
 *
 * BUDGET is exact whenever a region calls out or returns. A guest call is a wasm call: the surprising consequence is that other
 * regions may be suspended on the native stack; so whatever drops code or changes CODE_CONTEXT must make the running
 * region return non-zero (the slow path answers 0 with `Exit.slowStep`), which unwinds them all.
 *
 * After a TLB miss a region comes back with INTERPRET: the interpreter does the access, which fills the TLB.
 */
import type { ValType } from '../wasm/function-builder.ts';

/** Parameter: how many more nested guest calls the native stack has room for. */
export const REGION_PARAMS: readonly ValType[] = ['i32'];
/** Result: what to do next, see above. */
export const REGION_RESULTS: readonly ValType[] = ['i32'];
/** Status: run the block at RIP in the interpreter. Never stored at EXIT_REASON. */
export const INTERPRET = -1;
/** What the dispatcher passes as depth. Node's default stack (984 KB) has room for about 8 000 small region frames. */
export const CALL_DEPTH = 500;
