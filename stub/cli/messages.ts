/** Our own messages: on standard error, one line each. */
export const say = (text: string): void => void process.stderr.write(`skas: ${text}\n`);
