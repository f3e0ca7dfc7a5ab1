/** Messages of log points: `{expression}` is replaced by its value. */
import type { FrameInThread, Inspector } from './inspector.ts';
import { formatOptions, splitSuffix, valueText } from './value-text.ts';

/** Never rejects: what cannot be evaluated says so in its place. `{{` and `}}` stand for braces. */
export async function interpolate(inspector: Inspector, message: string, at: FrameInThread): Promise<string> {
  const parts: string[] = [];
  for (const [whole, expression, text] of message.matchAll(/\{\{|\}\}|\{([^{}]*)\}|([^{}]+|[{}])/g)) {
    if (whole === '{{' || whole === '}}') parts.push(whole[0]);
    else if (expression === undefined) parts.push(text);
    else {
      try {
        const { expression: inner, number, raw } = splitSuffix(expression);
        parts.push(await valueText(await inspector.evaluate(inner, at), formatOptions(inspector, undefined, number, raw)));
      } catch (error) {
        parts.push(`<${error instanceof Error ? error.message : String(error)}>`);
      }
    }
  }
  return parts.join('');
}
