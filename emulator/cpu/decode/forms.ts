/**
 * All instruction forms of the machine. A new family is one more line here; order gives the forms their numbers and means nothing else.
 */
import type { Form, FormRow } from './form.ts';
import { parseRow, type ParsedRow } from './parse-row.ts';
import { arithmeticRows } from '../semantics/arithmetic.ts';

const FAMILIES: readonly (readonly FormRow[])[] = [
  arithmeticRows,
];

export const PARSED_ROWS: readonly ParsedRow[] = FAMILIES.flat().map(parseRow);
/** Indexed by {@link Form.id}. */
export const FORMS: readonly Form[] = PARSED_ROWS.map((row) => row.form);
