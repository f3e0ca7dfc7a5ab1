/** How values are shown: in the client's number format, or in one an expression asks for (`x,h`). */
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { FormatOptions, NumberFormat } from '../values/format.ts';
import { formatValue } from '../values/format.ts';
import { settle } from '../symbols/miss.ts';
import { isPointer, type Value } from '../values/value.ts';
import type { Inspector } from './inspector.ts';

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
