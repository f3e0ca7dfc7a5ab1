/** x87 loads, stores, register moves and constants, and the instructions that handle control, status and tags. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { FPU_CONTROL, FPU_REGS, FPU_STATUS, FPU_TAGS, FPU_TOP, SCRATCH } from '../state.ts';
import { type Extended, extended } from '../soft-float/extended.ts';
import { Rounding } from '../soft-float/rounding.ts';
import type { I32, I64, Local } from '../wasm/function-builder.ts';
import type { Emitter } from './emitter.ts';
import { readI32 } from './sse-operand.ts';
import * as fast from './x87-fast.ts';
import { fastHelper } from './x87-fast.ts';
import { checkPending, constants, stackIndex, x87Action, x87Query } from './x87-helpers.ts';
import { MEMORY_BYTES, MemoryKind } from './x87-operations.ts';
import { Status } from './x87-unit.ts';

/** Exception masks of the control word. */
const ALL_MASKED = 0x3f;
const asKind = (value: number): MemoryKind => value as MemoryKind;
const loadHelper = fastHelper('x87Load', fast.load, x87Action('x87LoadExact', 1, (x, kind) => x.load(asKind(kind))));
const storeHelper = fastHelper('x87Store', fast.store, x87Query('x87StoreExact', 3, (x, kind, pop, truncate) => x.store(asKind(kind), pop !== 0, truncate !== 0)));
const previewHelper = x87Query('x87PreviewStore', 2, (x, kind, truncate) => x.previewStore(asKind(kind), truncate !== 0));
const loadRegisterHelper = fastHelper('x87LoadRegister', fast.loadRegister, x87Action('x87LoadRegisterExact', 1, (x, i) => x.loadRegister(i)));
const storeRegisterHelper = fastHelper('x87StoreRegister', fast.storeRegister, x87Action('x87StoreRegisterExact', 2, (x, i, pop) => x.storeRegister(i, pop !== 0)));
const storeUncheckedHelper = x87Action('x87StoreUnchecked', 1, (x, i) => {
  if (!x.unit.isEmpty(0)) return x.storeRegister(i, true);
  x.unit.report(0, false);
  x.unit.pop();
});
const exchangeHelper = fastHelper('x87Exchange', fast.exchange, x87Action('x87ExchangeExact', 1, (x, i) => x.exchange(i)));
const conditionalMoveHelper = x87Action('x87ConditionalMove', 2, (x, i, taken) => x.conditionalMove(i, taken));
const controlHelper = x87Action('x87SetControl', 1, (x, value) => {
  x.unit.control = value;
});
const initialiseHelper = x87Action('x87Initialise', 0, (x) => x.unit.initialise());
const clearHelper = x87Action('x87ClearExceptions', 0, (x) => x.unit.clearExceptions());
const freeHelper = x87Action('x87Free', 2, (x, i, pop) => {
  x.unit.report(0, false);
  x.unit.free(i);
  if (pop !== 0) x.unit.pop();
});
const turnHelper = x87Action('x87TurnStack', 1, (x, by) => {
  x.unit.top = x.unit.top + by;
  x.unit.report(0, false);
});

function offsetAddress(e: Emitter, address: Local<'i64'>, by: number): Local<'i64'> {
  return e.keep(e.f.i64.add(e.f.get(address), e.f.i64.const(by)));
}

/** Memory operand 0 into SCRATCH. */
export function loadScratch(e: Emitter, kind: MemoryKind): void {
  const { f } = e;
  const address = e.linearAddress(0, MEMORY_BYTES[kind]);
  const zero = (): I32 => f.i32.const(0);
  switch (MEMORY_BYTES[kind]) {
    case 2:
      return f.store.i32Store(zero(), e.loadAt('i32Load16U', address), SCRATCH);
    case 4:
      return f.store.i32Store(zero(), e.loadAt('i32Load', address), SCRATCH);
    case 8:
      return f.store.i64Store(zero(), e.loadAt('i64Load', address), SCRATCH);
    case 10: {
      const low = e.keep(e.loadAt('i64Load', address));
      const high = e.keep(e.loadAt('i32Load16U', offsetAddress(e, address, 8)));
      f.store.i64Store(zero(), f.get(low), SCRATCH);
      return f.store.i32Store16(zero(), f.get(high), SCRATCH + 8);
    }
  }
}

const load = (kind: MemoryKind): Semantic => (e) => {
  checkPending(e);
  loadScratch(e, kind);
  e.callVoid(loadHelper, constants(e, kind));
};

/**
 * The address is checked first: once the helper has changed the stack, the store must not fail. But an unmasked exception that keeps
 * the store from happening also keeps its page fault from happening, so that it must be foreseen.
 */
const store = (kind: MemoryKind, pop: boolean, truncate = false): Semantic => (e) => {
  checkPending(e);
  const { f } = e;
  const bytes = MEMORY_BYTES[kind];
  const address = e.linearAddress(0, 0);
  const tail = bytes === 10 ? offsetAddress(e, address, 8) : undefined;
  const zero = (): I32 => f.i32.const(0);
  const exponentAt = (offset: I64): I64 => f.i64.add(offset, f.i64.const(8));
  const stores = e.keep(f.i32.const(1));
  const masks = f.i32.and(f.load.i32Load(zero(), FPU_CONTROL), f.i32.const(ALL_MASKED));
  f.if(f.i32.ne(masks, f.i32.const(tail === undefined ? ALL_MASKED : -1)), () => f.set(stores, e.callHelper(previewHelper, constants(e, kind, truncate ? 1 : 0))), undefined, false);
  f.if(f.get(stores), () => {
    e.linearAddress(0, Math.min(bytes, 8));
    e.probeWrite(address, Math.min(bytes, 8));
    if (tail === undefined) return;
    // On the processor the first eight bytes are in memory even when the other two fault.
    e.storeAt('i64Store', address, f.load.i64Load(zero(), SCRATCH));
    e.linearAddress(0, 2, exponentAt);
    e.probeWrite(tail, 2);
  });
  const status = e.callHelper(storeHelper, constants(e, kind, pop ? 1 : 0, truncate ? 1 : 0));
  f.if(status, () => {
    if (bytes === 2) e.storeAt('i32Store16', address, f.load.i32Load16U(zero(), SCRATCH));
    else if (bytes === 4) e.storeAt('i32Store', address, f.load.i32Load(zero(), SCRATCH));
    else e.storeAt('i64Store', address, f.load.i64Load(zero(), SCRATCH));
    if (tail !== undefined) e.storeAt('i32Store16', tail, f.load.i32Load16U(zero(), SCRATCH + 8));
  });
};

/**
 * FSTP m80 changes nothing but the format of the storage, so that it needs no helper unless the stack is empty. Its two stores
 * are two: the significand is in memory even when the exponent faults, as on the processor.
 */
const storeExtended: Semantic = (e) => {
  const { f } = e;
  const top = e.keep(f.load.i32Load(f.i32.const(0), FPU_TOP));
  f.if(
    f.i32.and(f.i32.shrU(f.load.i32Load(f.i32.const(0), FPU_TAGS), f.get(top)), f.i32.const(1)),
    () => {
      checkPending(e);
      const address = e.linearAddress(0, 8);
      const register = e.keep(f.i32.shl(f.get(top), f.i32.const(4)));
      e.storeAt('i64Store', address, f.load.i64Load(f.get(register), FPU_REGS));
      const exponent = e.linearAddress(0, 2, (offset) => f.i64.add(offset, f.i64.const(8)));
      e.storeAt('i32Store16', exponent, f.load.i32Load16U(f.get(register), FPU_REGS + 8));
      f.store.i32Store(f.i32.const(0), f.i32.and(f.load.i32Load(f.i32.const(0), FPU_TAGS), f.i32.rotl(f.i32.const(-2), f.get(top))), FPU_TAGS);
      f.store.i32Store(f.i32.const(0), f.i32.and(f.i32.add(f.get(top), f.i32.const(1)), f.i32.const(7)), FPU_TOP);
      f.store.i32Store(f.i32.const(0), f.i32.and(f.load.i32Load(f.i32.const(0), FPU_STATUS), f.i32.const(~Status.c1)), FPU_STATUS);
    },
    () => store(MemoryKind.float80, true)(e),
    true,
  );
};

const loadRegister: Semantic = (e) => {
  checkPending(e);
  e.callVoid(loadRegisterHelper, [stackIndex(e, 0)]);
};
const storeRegister = (pop: boolean): Semantic => (e) => {
  checkPending(e);
  e.callVoid(storeRegisterHelper, [stackIndex(e, 0), ...constants(e, pop ? 1 : 0)]);
};
/** FSTPNCE: an FSTP that only pops when the stack is empty. */
const storeUnchecked: Semantic = (e) => {
  checkPending(e);
  e.callVoid(storeUncheckedHelper, [stackIndex(e, 0)]);
};
const exchange: Semantic = (e) => {
  checkPending(e);
  e.callVoid(exchangeHelper, [stackIndex(e, 0)]);
};
const free = (pop: boolean): Semantic => (e) => {
  checkPending(e);
  e.callVoid(freeHelper, [stackIndex(e, 0), ...constants(e, pop ? 1 : 0)]);
};
const turn = (by: number): Semantic => (e) => {
  checkPending(e);
  e.callVoid(turnHelper, constants(e, by));
};

/** FCMOVcc: the condition code in Jcc's encoding. */
const conditionalMove = (code: number): Semantic => (e) => {
  checkPending(e);
  const taken = e.keep(e.condition(code));
  e.callVoid(conditionalMoveHelper, [stackIndex(e, 1), e.f.get(taken)]);
};

/** A constant between `below` and `below + 1` in units of its last place, `nearer` being the closer of the two: RC decides. */
const constant = (name: string, exponent: number, below: bigint, nearer: 0n | 1n): Semantic => {
  const value = (mode: Rounding): Extended => {
    const up = mode === Rounding.nearest ? nearer : mode === Rounding.up ? 1n : 0n;
    return extended(0, exponent, below + up);
  };
  const helper = x87Action(name, 0, (x) => x.loadConstant(value));
  return (e) => {
    checkPending(e);
    e.callVoid(helper, []);
  };
};
const exactConstant = (name: string, exponent: number, significand: bigint): Semantic => {
  const helper = x87Action(name, 0, (x) => x.loadConstant(() => extended(0, exponent, significand)));
  return (e) => {
    checkPending(e);
    e.callVoid(helper, []);
  };
};

function statusWord(e: Emitter): I32 {
  const { f } = e;
  return f.i32.or(f.load.i32Load(f.i32.const(0), FPU_STATUS), f.i32.shl(f.load.i32Load(f.i32.const(0), FPU_TOP), f.i32.const(11)));
}

const storeStatus: Semantic = (e) => {
  const value = e.keep(statusWord(e));
  e.write(0, e.f.get(value));
};
const storeControl: Semantic = (e) => e.write(0, e.f.load.i32Load(e.f.i32.const(0), FPU_CONTROL));
const loadControl: Semantic = (e) => {
  checkPending(e);
  e.callVoid(controlHelper, [readI32(e, 0)]);
};

export const x87MemoryForms: readonly FormRow[] = [
  ['FLD', 'D9 /0', 'Md', load(MemoryKind.float32)], ['FLD', 'DD /0', 'Mq', load(MemoryKind.float64)], ['FLD', 'DB /5', 'Mt', load(MemoryKind.float80)],
  ['FILD', 'DF /0', 'Mw', load(MemoryKind.int16)], ['FILD', 'DB /0', 'Md', load(MemoryKind.int32)], ['FILD', 'DF /5', 'Mq', load(MemoryKind.int64)],
  ['FBLD', 'DF /4', 'Mt', load(MemoryKind.decimal)],
  ['FST', 'D9 /2', 'Md', store(MemoryKind.float32, false)], ['FST', 'DD /2', 'Mq', store(MemoryKind.float64, false)],
  ['FSTP', 'D9 /3', 'Md', store(MemoryKind.float32, true)], ['FSTP', 'DD /3', 'Mq', store(MemoryKind.float64, true)], ['FSTP', 'DB /7', 'Mt', storeExtended],
  ['FIST', 'DF /2', 'Mw', store(MemoryKind.int16, false)], ['FIST', 'DB /2', 'Md', store(MemoryKind.int32, false)],
  ['FISTP', 'DF /3', 'Mw', store(MemoryKind.int16, true)], ['FISTP', 'DB /3', 'Md', store(MemoryKind.int32, true)], ['FISTP', 'DF /7', 'Mq', store(MemoryKind.int64, true)],
  ['FISTTP', 'DF /1', 'Mw', store(MemoryKind.int16, true, true)], ['FISTTP', 'DB /1', 'Md', store(MemoryKind.int32, true, true)], ['FISTTP', 'DD /1', 'Mq', store(MemoryKind.int64, true, true)],
  ['FBSTP', 'DF /6', 'Mt', store(MemoryKind.decimal, true)],

  ['FLD', 'D9 C0+r', 'STi', loadRegister], ['FXCH', 'D9 C8+r', 'STi', exchange], ['FXCH', 'DD C8+r', 'STi', exchange], ['FXCH', 'DF C8+r', 'STi', exchange],
  ['FST', 'DD D0+r', 'STi', storeRegister(false)], ['FSTP', 'DD D8+r', 'STi', storeRegister(true)],
  ['FSTP', 'DF D0+r', 'STi', storeRegister(true)], ['FSTP', 'DF D8+r', 'STi', storeRegister(true)],
  // Leftovers of the 8087 and 287: the one stores, the others do nothing.
  ['FSTPNCE', 'D9 D8+r', 'STi', storeUnchecked], ['FNENI', 'DB E0', '', () => {}], ['FNDISI', 'DB E1', '', () => {}], ['FNSETPM', 'DB E4', '', () => {}],
  ['FFREE', 'DD C0+r', 'STi', free(false)], ['FFREEP', 'DF C0+r', 'STi', free(true)],
  ['FDECSTP', 'D9 F6', '', turn(-1)], ['FINCSTP', 'D9 F7', '', turn(1)], ['FNOP', 'D9 D0', '', checkPending], ['FWAIT', '9B', '', checkPending],
  ['FCMOVB', 'DA C0+r', 'ST0 STi', conditionalMove(2)], ['FCMOVE', 'DA C8+r', 'ST0 STi', conditionalMove(4)],
  ['FCMOVBE', 'DA D0+r', 'ST0 STi', conditionalMove(6)], ['FCMOVU', 'DA D8+r', 'ST0 STi', conditionalMove(10)],
  ['FCMOVNB', 'DB C0+r', 'ST0 STi', conditionalMove(3)], ['FCMOVNE', 'DB C8+r', 'ST0 STi', conditionalMove(5)],
  ['FCMOVNBE', 'DB D0+r', 'ST0 STi', conditionalMove(7)], ['FCMOVNU', 'DB D8+r', 'ST0 STi', conditionalMove(11)],

  ['FLD1', 'D9 E8', '', exactConstant('x87LoadOne', 0x3fff, 0x8000000000000000n)], ['FLDZ', 'D9 EE', '', exactConstant('x87LoadZero', 0, 0n)],
  ['FLDL2T', 'D9 E9', '', constant('x87LoadLog2Of10', 0x4000, 0xd49a784bcd1b8afen, 0n)], ['FLDL2E', 'D9 EA', '', constant('x87LoadLog2OfE', 0x3fff, 0xb8aa3b295c17f0bbn, 1n)],
  ['FLDPI', 'D9 EB', '', constant('x87LoadPi', 0x4000, 0xc90fdaa22168c234n, 1n)], ['FLDLG2', 'D9 EC', '', constant('x87LoadLog10Of2', 0x3ffd, 0x9a209a84fbcff798n, 1n)],
  ['FLDLN2', 'D9 ED', '', constant('x87LoadLnOf2', 0x3ffe, 0xb17217f7d1cf79abn, 1n)],

  ['FNSTSW', 'DF E0', 'AX', storeStatus], ['FNSTSW', 'DD /7', 'Mw', storeStatus], ['FNSTCW', 'D9 /7', 'Mw', storeControl], ['FLDCW', 'D9 /5', 'Mw', loadControl],
  ['FNINIT', 'DB E3', '', (e) => e.callVoid(initialiseHelper, [])], ['FNCLEX', 'DB E2', '', (e) => e.callVoid(clearHelper, [])],
];
