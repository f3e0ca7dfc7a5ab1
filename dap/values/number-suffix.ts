/** The format an expression asks for: `x,h`. */
import type { NumberFormat } from './format.ts';

const SUFFIXES: Readonly<Record<string, NumberFormat>> = { x: 'hex', h: 'hex', d: 'decimal', o: 'octal', b: 'binary', t: 'binary', c: 'character', a: 'address' };

/** `expression,x`: the expression, and the format its suffix names. `,r` (raw): structures as they are. */
export function splitSuffix(text: string): { readonly expression: string; readonly number: NumberFormat | undefined; readonly raw: boolean } {
  const [, expression, suffix] = /^(.*\S)\s*,\s*([a-z])\s*$/s.exec(text) ?? [];
  if (expression !== undefined && (suffix in SUFFIXES || suffix === 'r')) return { expression, number: SUFFIXES[suffix], raw: suffix === 'r' };
  return { expression: text, number: undefined, raw: false };
}
