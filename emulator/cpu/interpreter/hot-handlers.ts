/**
 * Handlers which live inside the interpreter function, by key text (handler-key.ts), most frequent first. Measured, not chosen:
 * dynamic frequencies over boots and user programs. A line whose form is gone is ignored.
 */
export const HOT_HANDLERS: readonly string[] = [];
