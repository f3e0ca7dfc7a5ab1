/** Region to region through the jump cache: an entry for (address, running code context) leads to a block, the block to its region. */
import { BLOCK_REGION, JUMP_CACHE, JUMP_CACHE_ENTRIES, jumpCacheOffset } from '../engine-area.ts';
import { CODE_CONTEXT, JUMP_SALT } from '../state.ts';
import type { FunctionBuilder, I32, I64, Local } from '../wasm/function-builder.ts';

/** Offsets in a jump cache entry. */
const ENTRY_CONTEXT = 8;
const ENTRY_BLOCK = 12;

/** Pushes the table index of the region at a known address, or 0. */
export function regionAt(f: FunctionBuilder, address: number): I32 {
  const entry = f.keep(f.i32.xor(f.load.i32Load(f.i32.const(0), JUMP_SALT), f.i32.const(jumpCacheOffset(address >>> 0))));
  const found = matching(f, () => f.i64.eq(f.load.i64Load(f.get(entry), JUMP_CACHE), f.i64.const(address)), () => f.get(entry), JUMP_CACHE);
  f.release(entry);
  return found;
}

/** Pushes the table index of the region at the address in a local, or 0. */
export function regionAtLocal(f: FunctionBuilder, address: Local<'i64'>): I32 {
  const low = f.keep(f.convert.i32WrapI64(f.get(address)));
  const hash = f.i32.and(f.i32.xor(f.get(low), f.i32.shrU(f.get(low), f.i32.const(15))), f.i32.const(JUMP_CACHE_ENTRIES - 1));
  const entry = f.keep(f.i32.xor(f.i32.shl(hash, f.i32.const(4)), f.load.i32Load(f.i32.const(0), JUMP_SALT)));
  const rip = (): I64 => f.load.i64Load(f.get(entry), JUMP_CACHE);
  const found = matching(f, () => f.i64.eq(rip(), f.get(address)), () => f.get(entry), JUMP_CACHE);
  f.release(low);
  f.release(entry);
  return found;
}

function matching(f: FunctionBuilder, sameAddress: () => I32, base: () => I32, offset: number): I32 {
  const sameContext = (): I32 => f.i32.eq(f.load.i32Load(base(), offset + ENTRY_CONTEXT), f.load.i32Load(f.i32.const(0), CODE_CONTEXT));
  return f.ifValue(
    'i32',
    f.i32.and(sameAddress(), sameContext()),
    () => f.load.i32Load(f.load.i32Load(base(), offset + ENTRY_BLOCK), BLOCK_REGION),
    () => f.i32.const(0),
    true,
  );
}
