/** How values are shown: in the client's number format, or in one an expression asks for (`x,h`). */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { FormatOptions, NumberFormat } from '../values/format.ts';
import { formatValue } from '../values/format.ts';
import { settle } from '../symbols/miss.ts';
import { isPointer, type Value } from '../values/value.ts';
import type { Inspector } from './inspector.ts';

const SUFFIXES: Readonly<Record<string, NumberFormat>> = { x: 'hex', h: 'hex', d: 'decimal', o: 'octal', b: 'binary', t: 'binary', c: 'character', a: 'address' };

/** `expression,x`: the expression, and the format its suffix names. `,r` (raw): structures as they are. */
export function splitSuffix(text: string): { readonly expression: string; readonly number: NumberFormat | undefined; readonly raw: boolean } {
  const [, expression, suffix] = /^(.*\S)\s*,\s*([a-z])\s*$/s.exec(text) ?? [];
  if (expression !== undefined && (suffix in SUFFIXES || suffix === 'r')) return { expression, number: SUFFIXES[suffix], raw: suffix === 'r' };
  return { expression: text, number: undefined, raw: false };
}

export function formatOptions(inspector: Inspector, format: DebugProtocol.ValueFormat | undefined, number?: NumberFormat, raw = false): FormatOptions {
  return { number: number ?? (format?.hex === true ? 'hex' : 'natural'), symbolAt: (address) => inspector.symbolAt(address), pretty: !raw };
}

export function valueText(value: Value, options: FormatOptions): Promise<string> {
  return settle(() => formatValue(value, options));
}

/** What the memory view opens at: where the value is, or what it points to. */
export async function memoryReference(value: Value): Promise<string | undefined> {
  try {
    const address = isPointer(value.plain) ? await settle(() => value.integer()) : value.address;
    return address === undefined ? undefined : `0x${address.toString(16)}`;
  } catch {
    return undefined;
  }
}
