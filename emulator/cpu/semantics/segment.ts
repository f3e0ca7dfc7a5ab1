/**
 * Segment registers as user code may use them. The descriptors are those of Linux: flat code and data segments, and
 * whatever a selector names otherwise is not present here (#GP(selector)). Bases of fs and gs come from
 * arch_prctl, not from descriptors; loading a selector makes the base 0, as loading a flat or a null descriptor does.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit, Vector } from '../exits.ts';
import { EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, Segment, SEGMENT_BASE, SELECTOR, USER_CS_32, USER_CS_64, USER_DS } from '../state.ts';
import type { I32, Local } from '../wasm/function-builder.ts';
import type { Emitter, Helper } from './emitter.ts';
import { toI32, toWord } from './integer-bits.ts';

/** 0 when done; otherwise an exception has been recorded. */
const loadSelectorHelper: Helper<'i32'> = {
  name: 'loadSelector',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => (segment: number, value: number): number => {
    const selector = value & 0xffff;
    const isNull = selector < 4;
    const readable = selector === USER_DS || selector === USER_CS_64 || selector === USER_CS_32;
    const allowed = segment === Segment.ss ? selector === USER_DS : isNull || readable;
    if (!allowed) {
      env.view.setInt32(FAULT_VECTOR, Vector.generalProtection, true);
      env.view.setInt32(FAULT_ERROR, selector & ~3, true);
      env.view.setInt32(EXIT_REASON, Exit.exception, true);
      return 1;
    }
    env.view.setInt32(SELECTOR + segment * 4, selector, true);
    env.view.setBigInt64(SEGMENT_BASE + segment * 8, 0n, true);
    return 0;
  },
};

/** Loads a segment register, or leaves with #GP. */
export function loadSelector(e: Emitter, segment: number, value: Local<'i32'>): void {
  const { f } = e;
  e.complex(loadSelectorHelper, [f.i32.const(segment), f.get(value)], {});
}

/** MOV Sw, Ew; which segment only the translator knows while emitting, so it travels as a value. */
const loadFromOperand: Semantic = (e) => {
  const { f } = e;
  const value = e.keep(toI32(f, e.read(1)));
  const segment = e.keep(e.registerNumber(0));
  // CS cannot be loaded, 6 and 7 do not exist.
  e.raiseIf(f.i32.or(f.i32.eq(f.get(segment), f.i32.const(Segment.cs)), f.i32.gtU(f.get(segment), f.i32.const(Segment.gs))), Vector.invalidOpcode, 0);
  e.complex(loadSelectorHelper, [f.get(segment), f.get(value)], {});
};

const storeToOperand: Semantic = (e) => {
  const { f } = e;
  const segment = e.keep(e.registerNumber(1));
  e.raiseIf(f.i32.gtU(f.get(segment), f.i32.const(Segment.gs)), Vector.invalidOpcode, 0);
  const selector: I32 = f.load.i32Load(f.i32.shl(f.get(segment), f.i32.const(2)), SELECTOR);
  e.write(0, toWord(f, e.sizeOf(0), selector));
};

export const segmentRows: readonly FormRow[] = [
  ['MOV', '8C /r', 'Rv/Mw Sw', storeToOperand],
  ['MOV', '8E /r', 'Sw Ew', loadFromOperand],
];
