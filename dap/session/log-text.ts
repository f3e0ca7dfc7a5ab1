/** What a log point says, when the adapter evaluates it. */
import { messageParts } from '../breakpoints/log-message.ts';
import type { FrameInThread, Inspector } from './inspector.ts';
import { formatOptions, valueText } from './value-text.ts';
import { splitSuffix } from '../values/number-suffix.ts';

/** Never rejects: what cannot be evaluated says so in its place. */
export async function logText(inspector: Inspector, message: string, at: FrameInThread): Promise<string> {
  const texts: string[] = [];
  for (const part of messageParts(message)) {
    if ('text' in part) {
      texts.push(part.text);
      continue;
    }
    try {
      const { expression, number, raw } = splitSuffix(part.expression);
      texts.push(await valueText(await inspector.evaluate(expression, at), formatOptions(inspector, undefined, number, raw)));
    } catch (error) {
      texts.push(`<${error instanceof Error ? error.message : String(error)}>`);
    }
  }
  return texts.join('');
}
