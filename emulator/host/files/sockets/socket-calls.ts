/** The socket system calls. */
import { Errno } from '../../errno.ts';
import { Wait, type SyscallCall, type SyscallResult, type SyscallRow } from '../../syscall.ts';
import { fileArgument, gather, gatherOnce, MAX_TRANSFER, readVector, scatter, type GuestBuffer } from '../arguments.ts';
import { installFile } from '../open-calls.ts';
import { OpenFlag } from '../open-flags.ts';
import { storePair } from '../pipe-calls.ts';
import { raisePipe } from '../read-write-calls.ts';
import { accept, bind, connect, dissolve, listen } from './connect.ts';
import { buildControl, parseControl } from './control-messages.ts';
import { familyOf, parseAddress, type SocketAddress } from './socket-address.ts';
import { Family, MessageFlag, Protocol, Shutdown, SOCK_CLOEXEC, SOCK_NONBLOCK, SocketType, SOMAXCONN } from './socket-constants.ts';
import { getOption, setOption } from './socket-options.ts';
import { Socket } from './socket.ts';
import { callerCredentials, receive, send, type Arrival } from './transfer.ts';

const ADDRESS_MAX = 128;
const CONTROL_MAX = 20480;
const MMSG_MAX = 1024;
/** What one send takes at most, as it is copied first. */
const LONGEST_SEND = 1 << 28;

function socketArgument(call: SyscallCall, i: number): Socket | number {
  const file = fileArgument(call, i);
  if (file === undefined || (file.flags & OpenFlag.path) !== 0) return -Errno.EBADF;
  return file instanceof Socket ? file : -Errno.ENOTSOCK;
}

/** Checks family, type and protocol, and makes the socket; -errno. */
function makeSocket(call: SyscallCall, family: number, typeAndFlags: number, protocol: number): Socket | number {
  // Raw AF_UNIX sockets are datagram ones.
  const type = family === Family.unix && (typeAndFlags & 0xf) === SocketType.raw ? SocketType.datagram : typeAndFlags & 0xf;
  if ((typeAndFlags & ~(0xf | SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -Errno.EINVAL;
  const isUnix = family === Family.unix;
  if (!isUnix && family !== Family.inet && family !== Family.inet6) return -Errno.EAFNOSUPPORT;
  let actual = protocol;
  if (isUnix) {
    if (protocol !== 0 && protocol !== Family.unix) return -Errno.EPROTONOSUPPORT;
    if (type !== SocketType.stream && type !== SocketType.datagram && type !== SocketType.seqpacket) return -Errno.ESOCKTNOSUPPORT;
    actual = 0;
  } else {
    if (type === SocketType.raw) return -Errno.EPERM;
    if (type !== SocketType.stream && type !== SocketType.datagram) return -Errno.ESOCKTNOSUPPORT;
    const natural = type === SocketType.stream ? Protocol.tcp : Protocol.udp;
    if (protocol !== 0 && protocol !== natural) return -Errno.EPROTONOSUPPORT;
    actual = natural;
  }
  return new Socket(call.thread.kernel, family, type, actual, (typeAndFlags & SOCK_NONBLOCK) !== 0 ? OpenFlag.nonBlock : 0, callerCredentials(call));
}

function socket(call: SyscallCall): number {
  const made = makeSocket(call, call.int(0), call.int(1), call.int(2));
  return typeof made === 'number' ? made : installFile(call, made, (call.int(1) & SOCK_CLOEXEC) !== 0);
}

function socketpair(call: SyscallCall): number {
  if (call.int(0) !== Family.unix) return call.int(0) === Family.inet || call.int(0) === Family.inet6 ? -Errno.EOPNOTSUPP : -Errno.EAFNOSUPPORT;
  const first = makeSocket(call, Family.unix, call.int(1), call.int(2));
  if (typeof first === 'number') return first;
  const second = makeSocket(call, Family.unix, call.int(1), call.int(2));
  if (typeof second === 'number') return second;
  first.join(second);
  first.peerCredentials = second.peerCredentials = callerCredentials(call);
  const closeOnExec = (call.int(1) & SOCK_CLOEXEC) !== 0;
  return storePair(call, installFile(call, first, closeOnExec), installFile(call, second, closeOnExec), call.args[3]);
}

function addressBytes(call: SyscallCall, address: number, length: number): Uint8Array | number {
  if (length < 0 || length > ADDRESS_MAX) return -Errno.EINVAL;
  return call.thread.space.read(address, length) ?? -Errno.EFAULT;
}

function addressAt(call: SyscallCall, address: number, length: number): SocketAddress | number {
  const bytes = addressBytes(call, address, length);
  return typeof bytes === 'number' ? bytes : parseAddress(bytes);
}

function bindCall(call: SyscallCall): number {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  const address = addressAt(call, call.args[1], call.int(2));
  return typeof address === 'number' ? (target.isUnix && address === -Errno.EAFNOSUPPORT ? -Errno.EINVAL : address) : bind(call, target, address);
}

function connectCall(call: SyscallCall): SyscallResult {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  const bytes = addressBytes(call, call.args[1], call.int(2));
  if (typeof bytes === 'number') return bytes;
  if (familyOf(bytes) === Family.unspecified) return dissolve(target);
  const address = parseAddress(bytes);
  return typeof address === 'number' ? address : connect(call, target, address);
}

/** Stores an address and its length where a caller wants them; 0 or -errno. */
function storeAddress(call: SyscallCall, bytes: Uint8Array, address: number, lengthAddress: number): number {
  const { space } = call.thread;
  const room = space.readU32(lengthAddress);
  if (room === undefined) return -Errno.EFAULT;
  if ((room | 0) < 0) return -Errno.EINVAL;
  return space.write(address, bytes.subarray(0, room)) && space.writeU32(lengthAddress, bytes.length) ? 0 : -Errno.EFAULT;
}

function accept4(call: SyscallCall, flags: number): SyscallResult {
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -Errno.EINVAL;
  const listener = socketArgument(call, 0);
  if (typeof listener === 'number') return listener;
  const connection = accept(call, listener);
  if (typeof connection === 'number' || connection instanceof Wait) return connection;
  if ((flags & SOCK_NONBLOCK) !== 0) connection.flags |= OpenFlag.nonBlock;
  if (call.args[1] !== 0) {
    const remote = connection.remote === undefined ? connection.shown({ family: Family.unix, kind: 'unnamed', name: '' }) : connection.shown(connection.remote);
    const stored = storeAddress(call, remote, call.args[1], call.args[2]);
    if (stored !== 0) {
      connection.release();
      return stored;
    }
  }
  return installFile(call, connection, (flags & SOCK_CLOEXEC) !== 0);
}

function listenCall(call: SyscallCall): number {
  const target = socketArgument(call, 0);
  return typeof target === 'number' ? target : listen(call, target, Math.min(call.uint(1), SOMAXCONN));
}

function getsockname(call: SyscallCall): number {
  const target = socketArgument(call, 0);
  return typeof target === 'number' ? target : storeAddress(call, target.shown(target.localName), call.args[1], call.args[2]);
}

function getpeername(call: SyscallCall): number {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  const isConnected = target.isConnectionBased ? target.connected && (target.isUnix || !target.writeClosed || target.peer !== undefined) : target.remote !== undefined || target.peer !== undefined;
  if (!isConnected) return -Errno.ENOTCONN;
  const remote = target.remote ?? target.peer?.localName ?? { family: Family.unix, kind: 'unnamed', name: '' } as const;
  return storeAddress(call, target.shown(remote), call.args[1], call.args[2]);
}

function shutdownCall(call: SyscallCall): number {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  const how = call.int(1);
  if (how < Shutdown.read || how > Shutdown.both) return -Errno.EINVAL;
  if (target.isConnectionBased ? !target.connected : !target.isUnix && target.remote === undefined) {
    if (!(target.isUnix)) return -Errno.ENOTCONN;
  }
  target.shutdown(how);
  return 0;
}

/** SIGPIPE for EPIPE, unless the caller or the kind of socket does not want it. */
function withPipeSignal(call: SyscallCall, target: Socket, flags: number, result: SyscallResult): SyscallResult {
  if (result === -Errno.EPIPE && (flags & MessageFlag.noSignal) === 0 && target.isStream) raisePipe(call);
  return result;
}

function sendto(call: SyscallCall): SyscallResult {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  let to: SocketAddress | undefined;
  if (call.args[4] !== 0) {
    const address = addressAt(call, call.args[4], call.int(5));
    if (typeof address === 'number') return address;
    to = address;
  }
  const bytes = gatherOnce(call, [{ address: call.args[1], length: Math.min(call.args[2], LONGEST_SEND) }]);
  if (bytes === undefined) return -Errno.EFAULT;
  const flags = call.int(3);
  return withPipeSignal(call, target, flags, send(call, target, bytes, flags, { rights: [], to, credentials: undefined }));
}

function newArrival(): Arrival {
  return { from: undefined, rights: [], credentials: undefined, flags: 0 };
}

function recvfrom(call: SyscallCall): SyscallResult {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  const arrival = newArrival();
  const buffer: GuestBuffer = { address: call.args[1], length: Math.min(call.args[2], MAX_TRANSFER) };
  const into = new Uint8Array(Math.min(buffer.length, receiveLimit(target)));
  const result = receive(call, target, into, call.int(3), arrival);
  for (const file of arrival.rights) file.release();
  if (typeof result !== 'number' || result < 0) return result;
  if (!scatter(call, [buffer], into.subarray(0, result))) return -Errno.EFAULT;
  if (call.args[4] !== 0 && call.args[5] !== 0) {
    const stored = storeAddress(call, arrival.from === undefined ? new Uint8Array(0) : target.shown(arrival.from), call.args[4], call.args[5]);
    if (stored !== 0) return stored;
  }
  return result;
}

/** No more than this can come at once. */
function receiveLimit(target: Socket): number {
  return Math.max(65536, target.queuedBytes, target.receiveBuffer);
}

interface MessageHeader {
  readonly name: number;
  readonly nameLength: number;
  readonly buffers: readonly GuestBuffer[];
  readonly control: number;
  readonly controlLength: number;
}

/** Reads a struct msghdr; -errno. */
function readHeader(call: SyscallCall, address: number): MessageHeader | number {
  const word = call.wordSize;
  const { space } = call.thread;
  const fields: number[] = [];
  for (const i of [0, 2, 3, 4, 5]) {
    const value = space.readWord(address + i * word, word);
    if (value === undefined) return -Errno.EFAULT;
    fields.push(value);
  }
  const nameLength = space.readU32(address + word);
  if (nameLength === undefined) return -Errno.EFAULT;
  const [name, vector, count, control, controlLength] = fields;
  if (count > 1024) return -Errno.EMSGSIZE;
  if ((nameLength | 0) < 0) return -Errno.EINVAL;
  const buffers = readVector(call, vector, count);
  if (typeof buffers === 'number') return buffers;
  return { name, nameLength: Math.min(nameLength, ADDRESS_MAX), buffers, control, controlLength };
}

function sendMessage(call: SyscallCall, target: Socket, address: number, flags: number): SyscallResult {
  const header = readHeader(call, address);
  if (typeof header === 'number') return header;
  let to: SocketAddress | undefined;
  if (header.name !== 0 && header.nameLength > 0) {
    const parsed = addressAt(call, header.name, header.nameLength);
    if (typeof parsed === 'number') return parsed;
    to = parsed;
  }
  const bytes = gather(call, header.buffers);
  if (bytes === undefined) return -Errno.EFAULT;
  let control: ReturnType<typeof parseControl> = { rights: [], credentials: undefined };
  if (header.control !== 0 && header.controlLength > 0) {
    if (header.controlLength > CONTROL_MAX) return -Errno.ENOBUFS;
    const raw = call.thread.space.read(header.control, header.controlLength);
    if (raw === undefined) return -Errno.EFAULT;
    control = parseControl(call, raw);
    if (typeof control === 'number') return control;
    if (!target.isUnix && control.rights.length > 0) {
      for (const file of control.rights) file.release();
      return -Errno.EINVAL;
    }
  }
  const isFirst = call.state === undefined;
  const result = send(call, target, bytes, flags, { ...control, to });
  // A message that was not sent, or whose files went with an earlier part, keeps no files.
  if (result instanceof Wait ? !isFirst || !wentOut(call) : result < 0 || !isFirst) for (const file of control.rights) file.release();
  return withPipeSignal(call, target, flags, result);
}

/** True if a sleeping stream send has sent its first part, which took the files along. */
function wentOut(call: SyscallCall): boolean {
  return typeof call.state === 'object' && call.state !== null && 'done' in call.state && typeof call.state.done === 'number' && call.state.done > 0;
}

function sendmsg(call: SyscallCall): SyscallResult {
  const target = socketArgument(call, 0);
  return typeof target === 'number' ? target : sendMessage(call, target, call.args[1], call.int(2));
}

function receiveMessage(call: SyscallCall, target: Socket, address: number, flags: number): SyscallResult {
  const header = readHeader(call, address);
  if (typeof header === 'number') return header;
  const wanted = header.buffers.reduce((sum, buffer) => sum + buffer.length, 0);
  const arrival = newArrival();
  const into = new Uint8Array(Math.min(wanted, receiveLimit(target)));
  const result = receive(call, target, into, flags, arrival);
  if (typeof result !== 'number' || result < 0) return result;
  const { space } = call.thread;
  const word = call.wordSize;
  if (!scatter(call, header.buffers, into.subarray(0, result))) return -Errno.EFAULT;
  if (header.name !== 0) {
    const name = arrival.from === undefined ? new Uint8Array(0) : target.shown(arrival.from);
    if (!space.write(header.name, name.subarray(0, header.nameLength)) || !space.writeU32(address + word, name.length)) return -Errno.EFAULT;
  }
  const control = buildControl(call, target, arrival, Math.min(header.controlLength, CONTROL_MAX), (flags & MessageFlag.closeOnExec) !== 0);
  const good = space.write(header.control, control) && space.writeWord(address + word * 5, control.length, word)
    && space.writeU32(address + word * 6, arrival.flags | (flags & MessageFlag.closeOnExec));
  return good ? result : -Errno.EFAULT;
}

function recvmsg(call: SyscallCall): SyscallResult {
  const target = socketArgument(call, 0);
  return typeof target === 'number' ? target : receiveMessage(call, target, call.args[1], call.int(2));
}

/** sendmmsg and recvmmsg: an array of messages; what has been done when one fails or would wait is the result. */
function many(call: SyscallCall, one: (call: SyscallCall, target: Socket, address: number, flags: number) => SyscallResult, isReceive: boolean): SyscallResult {
  const target = socketArgument(call, 0);
  if (typeof target === 'number') return target;
  const word = call.wordSize;
  const size = word * 8;
  const count = Math.min(call.uint(2), MMSG_MAX);
  let flags = call.int(3);
  let done = 0;
  for (; done < count; done++) {
    const address = call.args[1] + done * size;
    const result = one(call, target, address, flags & ~MessageFlag.waitForOne);
    if (result instanceof Wait) {
      if (done === 0) return result;
      call.state = undefined;
      break;
    }
    if (result < 0) {
      if (done === 0) return result;
      break;
    }
    call.state = undefined;
    if (!call.thread.space.writeU32(address + word * 7, result)) return done > 0 ? done : -Errno.EFAULT;
    if (isReceive && (flags & MessageFlag.waitForOne) !== 0) flags |= MessageFlag.dontWait;
  }
  return done;
}

function option(call: SyscallCall, change: (call: SyscallCall, target: Socket) => number): number {
  const target = socketArgument(call, 0);
  return typeof target === 'number' ? target : change(call, target);
}

export const socketSyscalls: readonly SyscallRow[] = [
  { name: 'socket', args: ['int', 'int', 'int'], handler: socket },
  { name: 'socketpair', args: ['int', 'int', 'int', 'ptr'], handler: socketpair },
  { name: 'bind', args: ['fd', 'ptr', 'int'], handler: bindCall },
  { name: 'connect', args: ['fd', 'ptr', 'int'], handler: connectCall },
  { name: 'listen', args: ['fd', 'int'], handler: listenCall },
  { name: 'accept', args: ['fd', 'ptr', 'ptr'], handler: (call) => accept4(call, 0) },
  { name: 'accept4', args: ['fd', 'ptr', 'ptr', 'flags'], handler: (call) => accept4(call, call.int(3)) },
  { name: 'getsockname', args: ['fd', 'ptr', 'ptr'], handler: getsockname },
  { name: 'getpeername', args: ['fd', 'ptr', 'ptr'], handler: getpeername },
  { name: 'shutdown', args: ['fd', 'int'], handler: shutdownCall },
  { name: 'sendto', args: ['fd', 'buf', 'size', 'flags', 'ptr', 'int'], handler: sendto },
  { name: 'recvfrom', args: ['fd', 'buf', 'size', 'flags', 'ptr', 'ptr'], handler: recvfrom },
  { name: 'sendmsg', args: ['fd', 'ptr', 'flags'], handler: sendmsg },
  { name: 'recvmsg', args: ['fd', 'ptr', 'flags'], handler: recvmsg },
  { name: 'sendmmsg', args: ['fd', 'ptr', 'uint', 'flags'], handler: (call) => many(call, sendMessage, false) },
  { name: 'recvmmsg', args: ['fd', 'ptr', 'uint', 'flags', 'ptr'], handler: (call) => many(call, receiveMessage, true) },
  { name: 'setsockopt', args: ['fd', 'int', 'int', 'ptr', 'int'], handler: (call) => option(call, setOption) },
  { name: 'getsockopt', args: ['fd', 'int', 'int', 'ptr', 'ptr'], handler: (call) => option(call, getOption) },
];
