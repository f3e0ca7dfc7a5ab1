/** Words of a C expression. */
export class ExpressionError extends Error {}

export type Token =
  | { readonly kind: 'number'; readonly value: bigint; readonly suffix: string; readonly decimal: boolean; readonly at: number }
  | { readonly kind: 'float'; readonly value: number; readonly at: number }
  | { readonly kind: 'character'; readonly value: bigint; readonly at: number }
  | { readonly kind: 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'name' | 'register' | 'operator' | 'end'; readonly text: string; readonly at: number };

/** Longest first. */
const OPERATORS = [
  '<<=', '>>=', '...', '->', '<<', '>>', '<=', '>=', '==', '!=', '&&', '||', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '::',
  '+', '-', '*', '/', '%', '&', '|', '^', '~', '!', '<', '>', '=', '?', ':', '(', ')', '[', ']', '{', '}', '.', ',', '@',
];
const ESCAPES: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, 0: 0, a: 7, b: 8, v: 11, f: 12, e: 27 };
const LONGEST = 10_000;

function escaped(text: string, at: number): { code: number; length: number } {
  if (text[at] !== '\\') return { code: text.charCodeAt(at), length: 1 };
  const [hex] = /^\\x[0-9a-f]+/i.exec(text.slice(at)) ?? [];
  if (hex !== undefined) return { code: parseInt(hex.slice(2), 16) & 0xff, length: hex.length };
  const [octal] = /^\\[0-7]{1,3}/.exec(text.slice(at)) ?? [];
  if (octal !== undefined) return { code: parseInt(octal.slice(1), 8) & 0xff, length: octal.length };
  const next = text[at + 1] ?? '';
  return { code: ESCAPES[next] ?? next.charCodeAt(0), length: 2 };
}

/** @throws ExpressionError */
export function tokenize(text: string): Token[] {
  if (text.length > LONGEST) throw new ExpressionError('the expression is too long');
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at);
    const [space] = /^\s+/.exec(rest) ?? [];
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const [float] = /^(\d+\.\d*|\.\d+)(e[+-]?\d+)?f?|^\d+e[+-]?\d+/i.exec(rest) ?? [];
    const [number, digits, suffix] = /^(0x[0-9a-f]+|0b[01]+|\d+)([ul]*)\b/i.exec(rest) ?? [];
    const [name] = /^[A-Za-z_]\w*/.exec(rest) ?? [];
    const [register] = /^\$\w*/.exec(rest) ?? [];
    if (float !== undefined) {
      tokens.push({ kind: 'float', value: parseFloat(float), at });
      at += float.length;
    } else if (number !== undefined) {
      const octal = /^0[0-7]+$/.test(digits);
      if (/^0\d+$/.test(digits) && !octal) throw new ExpressionError(`${digits} is not an octal number`);
      tokens.push({ kind: 'number', value: BigInt(octal ? `0o${digits.slice(1)}` : digits), suffix: suffix.toLowerCase(), decimal: /^[1-9]/.test(digits), at });
      at += number.length;
    } else if (/^\d/.test(rest)) throw new ExpressionError(`'${/^\w+/.exec(rest)?.[0] ?? ''}' is not a number`);
    else if (name !== undefined) {
      tokens.push({ kind: 'name', text: name, at });
      at += name.length;
    } else if (register !== undefined) {
      tokens.push({ kind: 'register', text: register.slice(1), at });
      at += register.length;
    } else if (rest.startsWith("'")) {
      const { code, length } = escaped(text, at + 1);
      if (text[at + 1 + length] !== "'") throw new ExpressionError("a character ends with '");
      tokens.push({ kind: 'character', value: BigInt(code), at });
      at += length + 2;
    } else if (rest.startsWith('"')) {
      let content = '';
      let end = at + 1;
      while (end < text.length && text[end] !== '"') {
        const { code, length } = escaped(text, end);
        content += String.fromCharCode(code);
        end += length;
      }
      if (text[end] !== '"') throw new ExpressionError('a string ends with "');
      tokens.push({ kind: 'string', text: content, at });
      at = end + 1;
    } else {
      const operator = OPERATORS.find((each) => rest.startsWith(each));
      if (operator === undefined) throw new ExpressionError(`'${rest[0]}' has no meaning here`);
      tokens.push({ kind: 'operator', text: operator, at });
      at += operator.length;
    }
  }
  return [...tokens, { kind: 'end', text: 'end of the expression', at: text.length }];
}
