/** Characters and strings as gdb writes them. */

const ESCAPES: Readonly<Record<number, string>> = { 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 27: '\\033', 92: '\\\\' };

/** A character of a string or (with its quotes) by itself. */
export function characterText(code: number, quote: '"' | "'"): string {
  const inner = code === quote.charCodeAt(0) ? `\\${quote}` : (ESCAPES[code] ?? (code >= 32 && code < 127 ? String.fromCharCode(code) : `\\${code.toString(8).padStart(3, '0')}`));
  return quote === '"' ? inner : `'${inner}'`;
}

/** A string with its quotes, `...` behind it when it is not complete. */
export function quoted(text: string, complete: boolean): string {
  return `"${[...text].map((c) => characterText(c.charCodeAt(0), '"')).join('')}"${complete ? '' : '...'}`;
}
