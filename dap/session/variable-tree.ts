/** What the Variables view shows below a value: members, elements, what a pointer points to. */
import type { DwarfType } from '../../emulator/image/dwarf/types.ts';
import { Value, ValueError, isAggregate, isPointer } from '../values/value.ts';

export interface Child {
  readonly name: string;
  /** Undefined: cannot be read, `text` says why. */
  readonly value: Value;
  /** How an expression would name it. */
  readonly expression: string | undefined;
}

/** Elements shown of an array whose length is unknown. */
const SOME = 16;

/** How many elements an array has to page through; undefined: it has members. */
export function elementCount(value: Value): number | undefined {
  const { plain } = value;
  return plain.kind === 'array' ? (plain.dimensions[0] ?? SOME) : undefined;
}

/** Whether there is something to unfold. @throws Miss */
export function canUnfold(value: Value): boolean {
  const { plain, content } = value;
  if (content.kind === 'optimised-out' || content.kind === 'unavailable') return false;
  if (isAggregate(plain)) return plain.members.length > 0;
  if (plain.kind === 'array') return (plain.dimensions[0] ?? SOME) > 0;
  if (!isPointer(plain)) return false;
  if (content.kind === 'synthetic-pointer') return true;
  try {
    return value.integer() !== 0n && unfoldable(plain.target.stripped.complete);
  } catch (error) {
    if (error instanceof ValueError) return false;
    throw error;
  }
}

function unfoldable(target: DwarfType): boolean {
  return target.kind !== 'void' && target.kind !== 'function' && target.kind !== 'unspecified' && target.size !== undefined;
}

/** @throws Miss, ValueError */
export function childrenOf(value: Value, expression: string | undefined, start: number, count: number): Child[] {
  const { plain } = value;
  if (isPointer(plain)) {
    const target = value.dereference();
    if (isAggregate(target.plain)) return members(target, expression === undefined ? undefined : `${wrapped(expression)}->`);
    return [{ name: '*', value: target, expression: expression === undefined ? undefined : `*${wrapped(expression)}` }];
  }
  if (plain.kind === 'array') {
    const length = Math.min(elementCount(value) ?? 0, start + count);
    return Array.from({ length: Math.max(0, length - start) }, (_, i) => ({
      name: `[${start + i}]`, value: value.element(BigInt(start + i)), expression: expression === undefined ? undefined : `${wrapped(expression)}[${start + i}]`,
    }));
  }
  return isAggregate(plain) ? members(value, expression === undefined ? undefined : `${wrapped(expression)}.`) : [];
}

const wrapped = (expression: string): string => (/^[\w$.[\]]+(->[\w$.[\]]+)*$/.test(expression) ? expression : `(${expression})`);

/** Members; those of anonymous structures and unions among them, as C names them. */
function members(value: Value, prefix: string | undefined): Child[] {
  return value.plain.members.flatMap((member) => {
    const inner = value.member(member);
    if (member.name === undefined) return members(inner, prefix);
    return [{ name: member.name, value: inner, expression: prefix === undefined ? undefined : `${prefix}${member.name}` }];
  });
}
