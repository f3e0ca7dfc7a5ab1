/** MXCSR, memory fences and cache hints. Fences and hints do nothing: one engine runs all threads in order. */
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
const nothing: Semantic = () => {};

export const sseControlForms: readonly FormRow[] = [
  ['LDMXCSR', 'NP 0F AE /2', 'Md', load], ['STMXCSR', 'NP 0F AE /3', 'Md', store],
  ['LFENCE', 'NP 0F AE E8+r', '', nothing], ['MFENCE', 'NP 0F AE F0+r', '', nothing], ['SFENCE', 'NP 0F AE F8+r', '', nothing],
  ['CLFLUSH', 'NP 0F AE /7', 'Mb', nothing],
  ['PREFETCHNTA', '0F 18 /0', 'M', nothing], ['PREFETCHT0', '0F 18 /1', 'M', nothing],
  ['PREFETCHT1', '0F 18 /2', 'M', nothing], ['PREFETCHT2', '0F 18 /3', 'M', nothing], ['PREFETCHW', '0F 0D /1', 'M', nothing],
];
