/** Loading and storing MXCSR. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Vector } from '../exits.ts';
import { MXCSR } from '../state.ts';
import { mxcsr, readI32 } from './sse-operand.ts';

/** Bits of MXCSR that may be set: what FXSAVE stores as MXCSR_MASK. */
export const MXCSR_MASK = 0xffff;

const load: Semantic = (e) => {
  const { f } = e;
  const value = e.keep(readI32(e, 0));
  e.raiseIf(f.i32.and(f.get(value), f.i32.const(~MXCSR_MASK)), Vector.generalProtection, 0);
  f.store.i32Store(f.i32.const(0), f.get(value), MXCSR);
};
const store: Semantic = (e) => e.write(0, mxcsr(e));

export const sseControlForms: readonly FormRow[] = [
  ['LDMXCSR', 'NP 0F AE /2', 'Md', load], ['STMXCSR', 'NP 0F AE /3', 'Md', store],
];
