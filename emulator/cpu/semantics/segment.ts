/** Segment registers as user code may use them: loading, by the rules in segment-load.ts, and storing; asking about segments. */
import type { FormRow, Semantic } from '../decode/form.ts';
import { Exit } from '../exits.ts';
import { Flag } from '../flags.ts';
import { inspectSelector, loadSegment } from '../segment-load.ts';
import { CPU, EXIT_REASON, FAULT_ERROR, FAULT_VECTOR, SCRATCH, Segment } from '../state.ts';
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

/** LDS, LES, LFS, LGS, LSS: a far pointer, the offset first, the selector behind it. */
const loadFarPointer = (segment: number): Semantic => (e) => {
  const { f } = e;
  const size = e.operandSize;
  const address = e.linearAddress(1, size + 2);
  const offset = e.keep(size === 8 ? e.loadAt('i64Load', address) : e.loadAt(size === 4 ? 'i32Load' : 'i32Load16U', address));
  const selector = e.keep(e.loadAt('i32Load16U', e.keep(f.i64.add(f.get(address), f.i64.const(size)))));
  loadSelector(e, segment, selector);
  e.write(0, f.get(offset));
};

const storeToOperand: Semantic = (e) => e.write(0, toWord(e.f, e.sizeOf(0), e.read(1)));

const Question = { rights: 0, limit: 1, read: 2, write: 3 } as const;

/** `(question, selector) → ZF`; rights and limit are left at SCRATCH. */
const inspectHelper: Helper<'i32'> = {
  name: 'inspectSelector',
  params: ['i32', 'i32'],
  result: 'i32',
  make: (env) => (question: number, selector: number): number => {
    const found = inspectSelector(env.view, CPU, selector, env.ldt());
    if (found === undefined) return 0;
    env.view.setUint32(SCRATCH, question === Question.rights ? found.rights : found.limit, true);
    return question === Question.read ? Number(found.readable) : question === Question.write ? Number(found.writable) : 1;
  },
};

/** LAR and LSL write a register if the segment may be asked about, which ZF says; VERR and VERW only say. */
const inspect = (question: number): Semantic => (e) => {
  const { f } = e;
  const answers = question === Question.rights || question === Question.limit;
  const selector = e.keep(toI32(f, e.read(answers ? 1 : 0)));
  const good = e.keep(e.callHelper(inspectHelper, [f.i32.const(question), f.get(selector)]));
  if (answers) e.when(f.get(good), () => e.write(0, toWord(f, e.sizeOf(0), f.load.i32Load(f.i32.const(0), SCRATCH))));
  e.setAllFlags(f.i32.or(f.i32.and(e.arithmeticFlags(), f.i32.const(~Flag.zf)), f.i32.mul(f.get(good), f.i32.const(Flag.zf))));
};

/** One row per segment register, so that it is known wherever the row is; ModRM.reg 6 and 7 are invalid, and so is loading cs. */
const NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'] as const;

export const segmentRows: readonly FormRow[] = [
  ...NAMES.map((name, n): FormRow => ['MOV', `8C /${n}`, `Rv/Mw ${name}`, storeToOperand]),
  ...NAMES.flatMap((name, n): FormRow[] => (n === Segment.cs ? [] : [['MOV', `8E /${n}`, `${name} Ew`, loadFromOperand(n)]])),
  ['LSS', '0F B2 /r', 'Gv M', loadFarPointer(Segment.ss)],
  ['LFS', '0F B4 /r', 'Gv M', loadFarPointer(Segment.fs)],
  ['LGS', '0F B5 /r', 'Gv M', loadFarPointer(Segment.gs)],
  ['LES', 'C4 /r', 'Gv M', loadFarPointer(Segment.es), 'i64'],
  ['LDS', 'C5 /r', 'Gv M', loadFarPointer(Segment.ds), 'i64'],
  ['LAR', '0F 02 /r', 'Gv Ew', inspect(Question.rights)],
  ['LSL', '0F 03 /r', 'Gv Ew', inspect(Question.limit)],
  ['VERR', '0F 00 /4', 'Ew', inspect(Question.read)],
  ['VERW', '0F 00 /5', 'Ew', inspect(Question.write)],
];
