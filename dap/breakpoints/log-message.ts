/** Messages of log points: `{expression}` stands for its value, `{{` and `}}` for braces. */

export type MessagePart = { readonly text: string } | { readonly expression: string };

export function messageParts(message: string): MessagePart[] {
  return [...message.matchAll(/\{\{|\}\}|\{([^{}]*)\}|([^{}]+|[{}])/g)].map(([whole, expression]) =>
    expression !== undefined ? { expression } : { text: whole === '{{' || whole === '}}' ? whole[0] : whole });
}
