/**
 * All instruction forms of the machine. A new family is one more line here; order gives the forms their numbers and means nothing else.
 */
import type { Form, FormRow } from './form.ts';
import { parseRow, type ParsedRow } from './parse-row.ts';
import { arithmeticRows } from '../semantics/arithmetic.ts';
import { atomicRows } from '../semantics/atomic.ts';
import { bitRows } from '../semantics/bit.ts';
import { controlFlowRows } from '../semantics/control-flow.ts';
import { flagControlRows } from '../semantics/flag-control.ts';
import { logicRows } from '../semantics/logic.ts';
import { moveRows } from '../semantics/move.ts';
import { multiplyDivideRows } from '../semantics/multiply-divide.ts';
import { segmentRows } from '../semantics/segment.ts';
import { sseFloatForms } from '../semantics/sse-float.ts';
import { sseIntegerForms } from '../semantics/sse-integer.ts';
import { sseMoveForms } from '../semantics/sse-move.ts';
import { shiftRows } from '../semantics/shift.ts';
import { stringRows } from '../semantics/string.ts';
import { sseControlForms } from '../semantics/sse-control.ts';
import { sseConvertForms } from '../semantics/sse-convert.ts';
import { sseStringForms } from '../semantics/sse-string.ts';
import { stackRows } from '../semantics/stack.ts';
import { systemRows } from '../semantics/system.ts';
import { mmxForms } from '../semantics/mmx.ts';
import { x87ArithmeticForms } from '../semantics/x87-arithmetic.ts';
import { x87MemoryForms } from '../semantics/x87-memory.ts';
import { x87StateForms } from '../semantics/x87-state.ts';
import { x87TranscendentalForms } from '../semantics/x87-transcendental.ts';

const FAMILIES: readonly (readonly FormRow[])[] = [
  arithmeticRows, logicRows, moveRows, shiftRows, multiplyDivideRows, bitRows, atomicRows, stackRows, controlFlowRows,
  stringRows, flagControlRows, segmentRows, systemRows,
  sseMoveForms, sseIntegerForms, sseFloatForms, sseConvertForms, sseStringForms, sseControlForms,
  mmxForms, x87MemoryForms, x87ArithmeticForms, x87TranscendentalForms, x87StateForms,
];

export const PARSED_ROWS: readonly ParsedRow[] = FAMILIES.flat().map(parseRow);
/** Indexed by {@link Form.id}. */
export const FORMS: readonly Form[] = PARSED_ROWS.map((row) => row.form);
