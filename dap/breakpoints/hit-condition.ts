/** Hit counts: `5` (from the fifth time on), `== 5`, `> 5`, `% 5` … */

export type HitOperator = '>=' | '>' | '==' | '<' | '<=' | '%';

export interface HitCondition {
  readonly operator: HitOperator;
  readonly wanted: number;
}

const TESTS: Readonly<Record<HitOperator, (count: number, wanted: number) => boolean>> = {
  '>=': (count, wanted) => count >= wanted, '>': (count, wanted) => count > wanted, '==': (count, wanted) => count === wanted,
  '<': (count, wanted) => count < wanted, '<=': (count, wanted) => count <= wanted, '%': (count, wanted) => count % wanted === 0,
};
const OPERATORS: Readonly<Record<string, HitOperator>> = { '': '>=', '=': '==', '>=': '>=', '>': '>', '==': '==', '<': '<', '<=': '<=', '%': '%' };

/** Undefined when the text is no hit count. */
export function parseHitCondition(text: string): HitCondition | undefined {
  const [, operator, digits] = /^\s*(>=|<=|==|=|>|<|%|)\s*(\d{1,9})\s*$/.exec(text) ?? [];
  if (digits === undefined || (operator === '%' && Number(digits) === 0)) return undefined;
  return { operator: OPERATORS[operator], wanted: Number(digits) };
}

/** Whether the breakpoint stops the `count`-th time. */
export function holdsAt({ operator, wanted }: HitCondition, count: number): boolean {
  return TESTS[operator](count, wanted);
}
