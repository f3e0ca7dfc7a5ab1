/** Stop replies: `S`, `T`, `W`, `X`, `N` (gdb manual, appendix E.3). */
import { RspError } from './rsp-error.ts';

export type StopReply =
  | {
    readonly kind: 'stopped';
    /** gdb's signal number: 5 is a trap, 2 an interrupt. */
    readonly signal: number;
    /** As the stub wrote it, for `H` packets; undefined when it did not say. */
    readonly thread: string | undefined;
    readonly watch: { readonly kind: 'write' | 'read' | 'access'; readonly address: bigint } | undefined;
    readonly breakpoint: boolean;
    /** `replaylog`: the history ends there. */
    readonly history: 'begin' | 'end' | undefined;
    readonly exec: string | undefined;
    /** Modules have come or gone. */
    readonly libraries: boolean;
    /** Registers sent along, by their number. */
    readonly registers: ReadonlyMap<number, Uint8Array>;
  }
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: number };

const WATCH = { watch: 'write', rwatch: 'read', awatch: 'access' } as const;
const isWatch = (key: string): key is keyof typeof WATCH => key in WATCH;

/** @throws RspError when it is no stop reply */
export function parseStopReply(body: Buffer): StopReply {
  const text = body.toString('latin1');
  const [, letter, digits, rest] = /^([STWX])([0-9a-f]{1,2})(.*)$/is.exec(text) ?? [];
  if (letter === undefined) throw new RspError(text.startsWith('E') ? `the target cannot be resumed: ${errorText(text)}` : `the stub answered a resume with '${text.slice(0, 60)}'`);
  const number = parseInt(digits, 16);
  if (letter === 'W') return { kind: 'exited', status: number };
  if (letter === 'X') return { kind: 'killed', signal: number };
  let thread: string | undefined;
  let watch: Extract<StopReply, { kind: 'stopped' }>['watch'];
  let breakpoint = false;
  let history: 'begin' | 'end' | undefined;
  let exec: string | undefined;
  let libraries = false;
  const registers = new Map<number, Uint8Array>();
  for (const field of rest.split(';')) {
    const colon = field.indexOf(':');
    if (colon < 0) continue;
    const key = field.slice(0, colon);
    const value = field.slice(colon + 1);
    if (key === 'thread') thread = value;
    else if (isWatch(key)) watch = { kind: WATCH[key], address: BigInt(`0x${value || '0'}`) };
    else if (key === 'swbreak' || key === 'hwbreak') breakpoint = true;
    else if (key === 'replaylog') history = value === 'begin' ? 'begin' : 'end';
    else if (key === 'exec') exec = Buffer.from(value, 'hex').toString();
    else if (key === 'library') libraries = true;
    else if (/^[0-9a-f]+$/i.test(key) && /^([0-9a-f]{2})+$/i.test(value)) registers.set(parseInt(key, 16), Buffer.from(value, 'hex'));
  }
  return { kind: 'stopped', signal: number, thread, watch, breakpoint, history, exec, libraries, registers };
}

/** What an `E` reply says, for the user. */
export function errorText(reply: string): string {
  if (reply.startsWith('E.')) return reply.slice(2);
  return `error ${reply.slice(1) || '?'}`;
}
