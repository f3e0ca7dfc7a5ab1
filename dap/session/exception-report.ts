/** What an exception stop says: the kernel's own message where it has built one, else the arguments that tell what happened. */
import type { Breakpoint } from '../breakpoints/breakpoint.ts';
import type { KernelException } from '../breakpoints/kernel-exceptions.ts';
import { walk } from '../symbols/call-frames.ts';
import { settle } from '../symbols/miss.ts';
import { Value, ValueError } from '../values/value.ts';
import type { FrameInThread, Inspector } from './inspector.ts';
import { formatOptions, valueText } from './value-text.ts';

export interface ExceptionReport {
  readonly id: string;
  readonly label: string;
  readonly message: string;
}

/** gdb's signal numbers that a kernel's own faults come with. */
const SIGNALS: Readonly<Record<number, string>> = { 4: 'SIGILL (illegal instruction)', 6: 'SIGABRT', 8: 'SIGFPE (arithmetic exception)', 10: 'SIGBUS', 11: 'SIGSEGV (bad memory access)', 15: 'SIGTERM' };

export function signalReport(signal: number): ExceptionReport {
  return { id: `signal ${signal}`, label: 'Signal', message: `${SIGNALS[signal] ?? `signal ${signal} (gdb's number)`} which nothing in the target handles` };
}

/** Of several that stop at once the more particular one counts. */
export const particular = (hit: readonly Breakpoint[]): KernelException | undefined =>
  hit.flatMap(({ spec }) => spec.exception ?? []).toSorted((a, b) => Number(b.condition !== undefined) - Number(a.condition !== undefined))[0];

export async function exceptionReport(inspector: Inspector, row: KernelException, thread: string): Promise<ExceptionReport> {
  const innermost = await inspector.innermost(thread);
  const [frame] = await settle(() => walk(innermost, 1).frames);
  if (frame === undefined) return { id: row.filter, label: row.label, message: '' };
  const at: FrameInThread = { thread, frame };
  if (row.message !== undefined) {
    const text = await string(inspector, row.message.variable, at);
    if (text !== undefined && text !== '') return { id: row.filter, label: row.label, message: text.trim() };
  }
  const names = frame.variables().map(({ name }) => name).filter((name) => row.details.includes(name));
  const details: string[] = [];
  for (const name of new Set(names)) {
    const value = await inspector.evaluate(name, at);
    details.push(`${name} = ${await valueText(value, formatOptions(inspector, undefined))}`);
  }
  return { id: row.filter, label: row.label, message: details.join(', ') || `in ${frame.name}` };
}

async function string(inspector: Inspector, name: string, at: FrameInThread): Promise<string | undefined> {
  try {
    const value: Value = await inspector.evaluate(name, at);
    return await settle(() => value.text(1024).text);
  } catch (error) {
    if (error instanceof ValueError || error instanceof Error) return undefined;
    throw error;
  }
}
