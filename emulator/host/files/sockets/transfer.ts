/** Sending and receiving: streams, datagrams, and the files and credentials that come with them. */
import { Errno } from '../../errno.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../../syscall.ts';
import { OpenFlag } from '../open-flags.ts';
import type { OpenFile } from '../open-file.ts';
import { connectionTarget } from './connect.ts';
import { isAny, loopback, type SocketAddress } from './socket-address.ts';
import { Family, MAX_DATAGRAMS, MessageFlag } from './socket-constants.ts';
import type { Message, PeerCredentials, Socket } from './socket.ts';

/** Longest UDP datagram over IPv4. */
const MAX_UDP = 65507;

/** What goes with the bytes. */
export interface Attachment {
  /** Retained files; taken over when the message is sent. */
  readonly rights: readonly OpenFile[];
  readonly to: SocketAddress | undefined;
  /** SCM_CREDENTIALS as the sender gave them. */
  readonly credentials: PeerCredentials | undefined;
}

/** What came with the bytes. */
export interface Arrival {
  from: SocketAddress | undefined;
  rights: readonly OpenFile[];
  credentials: PeerCredentials | undefined;
  /** MessageFlag bits for msg_flags. */
  flags: number;
}

/** Kept while a call sleeps. */
class Progress {
  done = 0;
  readonly deadline: number | undefined;

  constructor(call: SyscallCall, timeout: number) {
    this.deadline = timeout === 0 ? undefined : call.thread.kernel.clock.monotonic + timeout;
  }
}

function progressOf(call: SyscallCall, timeout: number): Progress {
  if (call.state instanceof Progress) return call.state;
  const progress = new Progress(call, timeout);
  call.state = progress;
  return progress;
}

function expired(call: SyscallCall, progress: Progress): boolean {
  return progress.deadline !== undefined && call.thread.kernel.clock.monotonic >= progress.deadline;
}

function takeError(socket: Socket): number {
  const { error } = socket;
  socket.error = 0;
  return -error;
}

export function callerCredentials(call: SyscallCall): PeerCredentials {
  const { pid, credentials } = call.thread.process;
  return { pid, uid: credentials.euid, gid: credentials.egid };
}

export function send(call: SyscallCall, socket: Socket, bytes: Uint8Array, flags: number, attachment: Attachment): SyscallResult {
  if ((flags & MessageFlag.outOfBand) !== 0) return -Errno.EOPNOTSUPP;
  if (socket.error !== 0) return takeError(socket);
  if (socket.kernel.vfs.socketBytes.left < bytes.length) return -Errno.ENOBUFS;
  return socket.isStream ? sendStream(call, socket, bytes, flags, attachment) : sendDatagram(call, socket, bytes, flags, attachment);
}

function makeMessage(call: SyscallCall, socket: Socket, bytes: Uint8Array, attachment: Attachment, rights: readonly OpenFile[]): Message {
  return { bytes, taken: 0, from: sourceAddress(socket), sender: socket, credentials: attachment.credentials ?? callerCredentials(call), rights };
}

/** The address a message comes from: a socket bound to no particular address sends from the loopback one. */
function sourceAddress(socket: Socket): SocketAddress | undefined {
  const { local } = socket;
  if (local === undefined || local.family === Family.unix || !isAny(local.address)) return local;
  return { ...local, address: loopback(local.family) };
}

function sendStream(call: SyscallCall, socket: Socket, bytes: Uint8Array, flags: number, attachment: Attachment): SyscallResult {
  if (!socket.connected) return attachment.to === undefined || !socket.isUnix ? (socket.isUnix ? -Errno.ENOTCONN : -Errno.EPIPE) : -Errno.EOPNOTSUPP;
  if (attachment.to !== undefined && socket.isUnix) return -Errno.EISCONN;
  const progress = progressOf(call, socket.sendTimeout);
  const { peer } = socket;
  if (socket.writeClosed) return progress.done > 0 ? progress.done : -Errno.EPIPE;
  if (peer === undefined) {
    // The other end of a TCP connection is gone: the first bytes still leave, the answer to them ends it.
    socket.writeClosed = true;
    return bytes.length;
  }
  const room = Math.min(bytes.length - progress.done, socket.sendRoom);
  if (room > 0) {
    peer.accept(makeMessage(call, socket, bytes.slice(progress.done, progress.done + room), attachment, progress.done === 0 ? attachment.rights : []));
    progress.done += room;
  }
  if (progress.done === bytes.length) return bytes.length;
  const mayWait = (socket.flags & OpenFlag.nonBlock) === 0 && (flags & MessageFlag.dontWait) === 0 && !expired(call, progress);
  if (!mayWait) return progress.done > 0 ? progress.done : -Errno.EAGAIN;
  return socket.wait(progress.deadline, () => (progress.done > 0 ? progress.done : undefined));
}

function sendDatagram(call: SyscallCall, socket: Socket, bytes: Uint8Array, flags: number, attachment: Attachment): SyscallResult {
  let target = socket.peer;
  if (!socket.isUnix && bytes.length > MAX_UDP) return -Errno.EMSGSIZE;
  if (socket.isConnectionBased) {
    if (socket.writeClosed && socket.connected) return -Errno.EPIPE;
    if (attachment.to !== undefined && socket.connected) return -Errno.EISCONN;
    if (!socket.connected) return -Errno.ENOTCONN;
    if (target === undefined) return -Errno.EPIPE;
  } else {
    if (socket.writeClosed) return -Errno.EPIPE;
    if (attachment.to !== undefined) {
      const found = connectionTarget(call, socket, attachment.to);
      if (typeof found === 'number') {
        // A UDP datagram to a port nobody has is sent and lost; only a connected socket hears of it.
        return found === -Errno.ECONNREFUSED && !socket.isUnix ? bytes.length : found;
      }
      target = found;
    } else if (target === undefined) {
      if (!socket.isUnix && socket.remote !== undefined) {
        const found = connectionTarget(call, socket, socket.remote);
        if (typeof found === 'number') {
          if (found !== -Errno.ECONNREFUSED) return found;
          socket.error = Errno.ECONNREFUSED;
          return bytes.length;
        }
        target = found;
      } else return socket.isUnix ? -Errno.ENOTCONN : -Errno.EDESTADDRREQ;
    }
  }
  if (target.isClosed) {
    socket.peer = undefined;
    socket.remote = undefined;
    return -Errno.ECONNREFUSED;
  }
  if (bytes.length > socket.sendBuffer) return -Errno.EMSGSIZE;
  if (target.readClosed) return -Errno.EPIPE;
  if (socket.isUnix && !socket.isConnectionBased && target.peer !== undefined && target.peer !== socket) return -Errno.EPERM;
  if (!socket.isUnix && (target.queue.length >= MAX_DATAGRAMS || target.queuedBytes + bytes.length > target.receiveBuffer)) return bytes.length;
  if (target.queue.length >= MAX_DATAGRAMS || (target.queuedBytes > 0 && target.queuedBytes + bytes.length > socket.sendBuffer)) {
    const progress = progressOf(call, socket.sendTimeout);
    const mayWait = (socket.flags & OpenFlag.nonBlock) === 0 && (flags & MessageFlag.dontWait) === 0 && !expired(call, progress);
    return mayWait ? new Wait([socket.readiness, target.readiness], progress.deadline === undefined ? 'restart' : 'eintr', progress.deadline) : -Errno.EAGAIN;
  }
  target.accept(makeMessage(call, socket, bytes.slice(), attachment, attachment.rights));
  return bytes.length;
}

/** @param arrival filled with what came along; undefined: the caller does not care (rights are dropped) */
export function receive(call: SyscallCall, socket: Socket, into: Uint8Array, flags: number, arrival: Arrival | undefined): SyscallResult {
  if ((flags & MessageFlag.outOfBand) !== 0) return socket.isUnix ? -Errno.EOPNOTSUPP : -Errno.EINVAL;
  if (socket.isListening) return socket.isUnix ? -Errno.EINVAL : -Errno.ENOTCONN;
  if (socket.isConnectionBased && !socket.connected) return socket.error !== 0 ? takeError(socket) : socket.isUnix && socket.isStream ? -Errno.EINVAL : -Errno.ENOTCONN;
  return socket.isStream ? receiveStream(call, socket, into, flags, arrival) : receiveDatagram(call, socket, into, flags, arrival);
}

function nothingYet(call: SyscallCall, socket: Socket, flags: number, progress: Progress): SyscallResult {
  if (progress.done > 0 && socket.readClosed) return progress.done;
  if (socket.error !== 0) return progress.done > 0 ? progress.done : takeError(socket);
  if (socket.readClosed) return progress.done;
  const mayWait = (socket.flags & OpenFlag.nonBlock) === 0 && (flags & MessageFlag.dontWait) === 0 && !expired(call, progress);
  if (!mayWait) return progress.done > 0 ? progress.done : -Errno.EAGAIN;
  return socket.wait(progress.deadline, () => (progress.done > 0 ? progress.done : undefined));
}

function receiveStream(call: SyscallCall, socket: Socket, into: Uint8Array, flags: number, arrival: Arrival | undefined): SyscallResult {
  const progress = progressOf(call, socket.receiveTimeout);
  if (into.length === 0) return 0;
  const peek = (flags & MessageFlag.peek) !== 0;
  let copied = progress.done;
  let sawRights = false;
  let consumed = 0;
  let first: PeerCredentials | undefined;
  for (let i = 0; i < socket.queue.length && copied < into.length;) {
    const message = socket.queue[i];
    if (copied > progress.done || sawRights) {
      if (sawRights || message.rights.length > 0) break;
      if (socket.passCredentials && first !== undefined && message.credentials.pid !== first.pid) break;
    }
    first ??= message.credentials;
    const piece = Math.min(message.bytes.length - message.taken, into.length - copied);
    into.set(message.bytes.subarray(message.taken, message.taken + piece), copied);
    copied += piece;
    if (arrival !== undefined) {
      arrival.credentials ??= message.credentials;
      arrival.from ??= message.from;
    }
    if (message.rights.length > 0) {
      sawRights = true;
      takeRights(message, arrival, peek);
    }
    if (peek) {
      i++;
      continue;
    }
    message.taken += piece;
    consumed += piece;
    if (message.taken === message.bytes.length) socket.removeFirst();
  }
  if (consumed > 0) socket.consumed(consumed, socket.peer === undefined ? [] : [socket.peer]);
  if (copied > progress.done) {
    if ((flags & MessageFlag.waitAll) === 0 || copied === into.length || peek || sawRights) return copied;
    progress.done = copied;
  }
  return nothingYet(call, socket, flags, progress);
}

function receiveDatagram(call: SyscallCall, socket: Socket, into: Uint8Array, flags: number, arrival: Arrival | undefined): SyscallResult {
  const [message] = socket.queue;
  if (message === undefined) return nothingYet(call, socket, flags, progressOf(call, socket.receiveTimeout));
  const peek = (flags & MessageFlag.peek) !== 0;
  into.set(message.bytes.subarray(0, into.length));
  if (arrival !== undefined) {
    arrival.from = message.from;
    arrival.credentials = message.credentials;
    if (message.bytes.length > into.length) arrival.flags |= MessageFlag.truncated;
  }
  takeRights(message, arrival, peek);
  if (!peek) {
    socket.removeFirst();
    socket.consumed(message.bytes.length, [message.sender]);
    socket.notify(0);
  }
  return (flags & MessageFlag.truncated) !== 0 ? message.bytes.length : Math.min(message.bytes.length, into.length);
}

function takeRights(message: Message, arrival: Arrival | undefined, peek: boolean): void {
  if (message.rights.length === 0) return;
  if (arrival !== undefined) arrival.rights = peek ? message.rights.map((file) => file.retain()) : message.rights;
  else if (!peek) for (const file of message.rights) file.release();
  if (!peek) message.rights = [];
}
