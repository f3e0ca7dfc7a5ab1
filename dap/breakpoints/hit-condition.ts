/** Hit counts: `5` (from the fifth time on), `== 5`, `> 5`, `% 5` … */
export type HitCondition = (count: number) => boolean;

const TESTS: Readonly<Record<string, (count: number, wanted: number) => boolean>> = {
  '': (count, wanted) => count >= wanted, '>=': (count, wanted) => count >= wanted, '>': (count, wanted) => count > wanted, '=': (count, wanted) => count === wanted,
  '==': (count, wanted) => count === wanted, '<': (count, wanted) => count < wanted, '<=': (count, wanted) => count <= wanted, '%': (count, wanted) => count % wanted === 0,
};

/** Undefined when the text is no hit count. */
export function parseHitCondition(text: string): HitCondition | undefined {
  const [, operator, digits] = /^\s*(>=|<=|==|=|>|<|%|)\s*(\d{1,9})\s*$/.exec(text) ?? [];
  if (digits === undefined || (operator === '%' && Number(digits) === 0)) return undefined;
  const test = TESTS[operator];
  return (count) => test(count, Number(digits));
}
