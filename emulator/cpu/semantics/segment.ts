/**
 * Segment registers as user code may use them. The descriptors are those of Linux: flat code and data segments, and
 * whatever a selector names otherwise is not present here (#GP(selector)). Bases of fs and gs come from
 * arch_prctl, not from descriptors; loading a selector makes the base 0, as loading a flat or a null descriptor does.
 */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit, Vector } from '../exits.ts';
import { EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, Segment, SEGMENT_BASE, SELECTOR, USER_CS_32, USER_CS_64, USER_DS } from '../state.ts';
import type { Local } from '../wasm/function-builder.ts';
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

const loadFromOperand = (segment: number): Semantic => (e) => loadSelector(e, segment, e.keep(toI32(e.f, e.read(1))));

const storeToOperand: Semantic = (e) => e.write(0, toWord(e.f, e.sizeOf(0), e.read(1)));

/** One row per segment register, so that it is known wherever the row is; ModRM.reg 6 and 7 are invalid, and so is loading cs. */
const NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;

export const segmentRows: readonly FormRow[] = [
  ...NAMES.map((name, n): FormRow => ['MOV', `8C /${n}`, `Rv/Mw ${name}`, storeToOperand]),
  ...NAMES.flatMap((name, n): FormRow[] => (n === Segment.cs ? [] : [['MOV', `8E /${n}`, `${name} Ew`, loadFromOperand(n)]])),
];
