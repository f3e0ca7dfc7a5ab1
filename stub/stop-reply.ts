/** Stop replies: `T`, `W` and `X` packets with the registers gdb always wants next. */
import { gdbSignal } from './gdb-signals.ts';
import type { Session } from './session.ts';
import type { StopEvent } from './target.ts';

const SIGINT = 2;
const SIGTRAP = 5;
const SIGSTOP = 19;
const WATCH_NAMES = { write: 'watch', read: 'rwatch', access: 'awatch' } as const;

const hexByte = (value: number): string => (value & 0xff).toString(16).padStart(2, '0');

/** What the reply says besides signal, registers and thread. */
function reason(session: Session, event: StopEvent): string {
  if (event.reason === 'watchpoint') return `${WATCH_NAMES[event.kind]}:${event.address.toString(16)};`;
  if (event.reason === 'thread-created') return 'create:;';
  if (event.reason === 'exec') return `exec:${Buffer.from(event.path).toString('hex')};`;
  if (event.reason === 'library' || event.reason === 'vforkdone') return `${event.reason}:;`;
  if (event.reason === 'syscall') return `${event.entry ? 'syscall_entry' : 'syscall_return'}:${event.number.toString(16)};`;
  if (event.reason === 'fork' || event.reason === 'vfork') return `${event.reason}:${session.threadText(event.child)};`;
  if (event.reason === 'breakpoint') {
    const name = event.hardware ? 'hwbreak' : 'swbreak';
    return session.client.has(name) ? `${name}:;` : '';
  }
  return '';
}

/** Linux's number. */
export function signalOf(event: StopEvent): number {
  if (event.reason === 'signal') return event.signal;
  if (event.reason === 'attached') return 0;
  return event.reason === 'interrupt' ? SIGINT : SIGTRAP;
}

/** LLDB's word for why a thread stopped. */
export function reasonName(event: StopEvent): string {
  switch (event.reason) {
    case 'step': return 'trace';
    case 'breakpoint': case 'watchpoint': case 'exec': case 'fork': case 'vfork': return event.reason;
    default: return 'signal';
  }
}

/** What LLDB wants to know besides. */
function lldbPart(session: Session, event: StopEvent): string {
  const threads = session.target.threads();
  const list = session.listsThreads ? `threads:${threads.map((thread) => (thread.shown ?? thread.tid).toString(16)).join(',')};` : '';
  const name = 'thread' in event ? `name:${event.thread.name.replace(/[;:$#}*]/g, '_')};` : '';
  return `${list}${name}reason:${reasonName(event)};`;
}

export function stopReply(session: Session, event: StopEvent): string {
  const process = (pid: number): string => (session.client.has('multiprocess') ? `;process:${pid.toString(16)}` : '');
  if (event.reason === 'exited') return `W${hexByte(event.status)}${process(event.pid)}`;
  if (event.reason === 'killed') return `X${hexByte(session.lldb ? event.signal : gdbSignal(event.signal))}${process(event.pid)}`;
  if (event.reason === 'thread-exited') return `w${hexByte(event.status)};${session.threadText({ ...event.thread, tid: event.tid })}`;
  // Before the first instruction LLDB takes a trap for a breakpoint of its own there, and goes on.
  const signal = session.lldb ? (event.reason === 'entry' ? SIGSTOP : signalOf(event)) : gdbSignal(signalOf(event));
  let text = `T${hexByte(signal)}${reason(session, event)}`;
  // When a process is new to gdb, it does not know yet what its registers look like.
  for (const register of event.reason === 'attached' ? [] : session.architectureOf(event.thread).expedited) {
    const value = session.target.readRegister(event.thread.tid, register);
    if (value !== undefined) text += `${hexByte(register)}:${Buffer.from(value).toString('hex')};`;
  }
  return `${text}thread:${session.threadText(event.thread)};core:0;${session.lldb ? lldbPart(session, event) : ''}`;
}
