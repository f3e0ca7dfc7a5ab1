/** Region to region: an address and the running code context lead to a table index, through the region cache or, behind it, the jump cache. */
import {
  BLOCK_REGION, JUMP_CACHE, JUMP_CACHE_ENTRIES, REGION_CACHE, REGION_HASH, REGION_HASH_SHIFT, regionCacheEntry,
} from '../engine-area.ts';
import { FIND_REGION, type ModuleImports } from '../module-imports.ts';
import { CODE_CONTEXT, JUMP_SALT } from '../state.ts';
import type { FunctionBody, FunctionBuilder, I32, I64, Local } from '../wasm/function-builder.ts';

/** Offsets in an entry of either cache. */
const ENTRY_CONTEXT = 8;
const ENTRY_FOUND = 12;

/** Pushes the table index of the region at a known address, or 0. */
export function regionAt(f: FunctionBuilder, imports: ModuleImports, address: number): I32 {
  return cached(f, imports, () => f.i32.const(0), regionCacheEntry(address >>> 0), () => f.i64.const(address));
}

/** Pushes the table index of the region at the address in a local, or 0. */
export function regionAtLocal(f: FunctionBuilder, imports: ModuleImports, address: Local<'i64'>): I32 {
  const entry = f.keep(hashed(f, address));
  const found = cached(f, imports, () => f.get(entry), REGION_CACHE, () => f.get(address));
  f.release(entry);
  return found;
}

/** Offset of an address's entry in the region cache. */
function hashed(f: FunctionBuilder, address: Local<'i64'>): I32 {
  return f.i32.shl(f.i32.shrU(f.i32.mul(f.convert.i32WrapI64(f.get(address)), f.i32.const(REGION_HASH)), f.i32.const(REGION_HASH_SHIFT)), f.i32.const(4));
}

function cached(f: FunctionBuilder, imports: ModuleImports, base: () => I32, offset: number, address: () => I64): I32 {
  return f.ifValue(
    'i32',
    isEntryOf(f, base, offset, address),
    () => f.load.i32Load(base(), offset + ENTRY_FOUND),
    () => f.call(imports.engine(FIND_REGION), [address()], 'i32'),
    true,
  );
}

function isEntryOf(f: FunctionBuilder, base: () => I32, offset: number, address: () => I64): I32 {
  const sameAddress = f.i64.eq(f.load.i64Load(base(), offset), address());
  const sameContext = f.i32.eq(f.load.i32Load(base(), offset + ENTRY_CONTEXT), f.load.i32Load(f.i32.const(0), CODE_CONTEXT));
  return f.i32.and(sameAddress, sameContext);
}

/** The body of FIND_REGION: looks in the jump cache, and puts what it finds into the region cache. */
export function findRegionBody(f: FunctionBuilder): FunctionBody {
  f.begin(FIND_REGION.params, [FIND_REGION.result]);
  const address = f.param(0, 'i64');
  const low = f.keep(f.convert.i32WrapI64(f.get(address)));
  const hash = f.i32.and(f.i32.xor(f.get(low), f.i32.shrU(f.get(low), f.i32.const(15))), f.i32.const(JUMP_CACHE_ENTRIES - 1));
  const entry = f.keep(f.i32.xor(f.i32.shl(hash, f.i32.const(4)), f.load.i32Load(f.i32.const(0), JUMP_SALT)));
  f.if(f.i32.eqz(isEntryOf(f, () => f.get(entry), JUMP_CACHE, () => f.get(address))), () => f.return(f.i32.const(0)));
  // An empty entry leads to linear address 0, where nothing is.
  const region = f.keep(f.load.i32Load(f.load.i32Load(f.get(entry), JUMP_CACHE + ENTRY_FOUND), BLOCK_REGION));
  f.if(f.get(region), () => {
    const own = f.keep(hashed(f, address));
    f.store.i64Store(f.get(own), f.get(address), REGION_CACHE);
    f.store.i32Store(f.get(own), f.load.i32Load(f.i32.const(0), CODE_CONTEXT), REGION_CACHE + ENTRY_CONTEXT);
    f.store.i32Store(f.get(own), f.get(region), REGION_CACHE + ENTRY_FOUND);
    f.release(own);
  });
  f.get(region);
  return f.end();
}
