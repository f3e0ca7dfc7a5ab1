/** LLDB names the thread at the end of a packet, in place of selecting it first. */
import { threadId } from './fields.ts';
import { PacketErrno, PacketError } from './packet.ts';
import type { Session } from './session.ts';

/** Divides what precedes `;thread:TID;` from that. */
export function splitSuffix(session: Session, body: string): [string, string] {
  const at = session.lldb ? body.indexOf(';thread:') : -1;
  return at < 0 ? [body, ''] : [body.slice(0, at), body.slice(at)];
}

/** The id of the thread `;thread:TID;` names, of the selected one if it is empty. */
export function suffixedThread(session: Session, suffix: string): number {
  if (suffix === '') return session.generalThread().tid;
  const found = /^;thread:([0-9a-fp.]+);?$/.exec(suffix);
  if (found === null) throw new PacketError(PacketErrno.EINVAL, `';thread:TID;' expected, got '${suffix.slice(0, 40)}'`);
  return session.thread(threadId(found[1])).tid;
}
