/** Segment registers as user code may use them: loading, by the rules in segment-load.ts, and storing. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit } from '../exits.ts';
import { loadSegment } from '../segment-load.ts';
import { CPU, EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, Segment } from '../state.ts';
import type { Local } from '../wasm/function-builder.ts';
import type { Emitter, Helper } from './emitter.ts';
import { toI32, toWord } from './integer-bits.ts';

/** 0 when done; otherwise an exception has been recorded. */
const loadSelectorHelper: Helper<'i32'> = {
  name: 'loadSelector',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => (segment: number, value: number): number => {
    const result = loadSegment(env.view, CPU, segment, value, env.ldt());
    if (result === 'done') return 0;
    if (result === 'unsupported') {
      env.view.setInt32(EXIT_REASON, Exit.undefined, true);
      return 1;
    }
    env.view.setInt32(FAULT_VECTOR, result.vector, true);
    env.view.setInt32(FAULT_ERROR, result.error, true);
    env.view.setInt32(EXIT_REASON, Exit.exception, true);
    return 1;
  },
};

/** Loads a segment register, or leaves with the exception that is in the way. */
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
