/** getsockopt and setsockopt. Options without an effect here are kept and given back. */
import { Errno } from '../../errno.ts';
import type { SyscallCall } from '../../syscall.ts';
import { NANOSECONDS } from '../../time/clock.ts';
import { Protocol, SocketOption, SOL_SOCKET } from './socket-constants.ts';
import type { Socket } from './socket.ts';

/** Highest option number of SOL_SOCKET that Linux 6.1 knows. */
const LAST_OPTION = 75;
const SMALLEST_BUFFER = 2304;
const LARGEST_BUFFER = 212992;
/** Levels whose options are kept as they are: IPPROTO_IP, TCP, UDP, IPV6. */
const KEPT_LEVELS: ReadonlySet<number> = new Set([Protocol.ip, Protocol.tcp, Protocol.udp, 41]);

/** Options that only read or write one integer of the socket. */
function integer(socket: Socket, option: number): number | undefined {
  switch (option) {
    case SocketOption.type:
      return socket.type;
    case SocketOption.domain:
      return socket.family;
    case SocketOption.protocol:
      return socket.protocol;
    case SocketOption.acceptConnections:
      return socket.isListening ? 1 : 0;
    case SocketOption.reuseAddress:
      return socket.reuseAddress ? 1 : 0;
    case SocketOption.reusePort:
      return socket.reusePort ? 1 : 0;
    case SocketOption.passCredentials:
      return socket.passCredentials ? 1 : 0;
    case SocketOption.sendBuffer:
      return socket.sendBuffer;
    case SocketOption.receiveBuffer:
      return socket.receiveBuffer;
    case SocketOption.receiveLowWater:
    case SocketOption.sendLowWater:
      return 1;
    case SocketOption.error: {
      const { error } = socket;
      socket.error = 0;
      return error;
    }
    default:
      return undefined;
  }
}

function timeBytes(call: SyscallCall, nanoseconds: number): Uint8Array {
  const word = call.wordSize;
  const bytes = new Uint8Array(word * 2);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(nanoseconds / NANOSECONDS), true);
  view.setUint32(word, Math.floor((nanoseconds % NANOSECONDS) / 1000), true);
  return bytes;
}

function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function optionBytes(call: SyscallCall, socket: Socket, level: number, option: number): Uint8Array | number {
  if (level === SOL_SOCKET) {
    if (option < 1 || option > LAST_OPTION) return -Errno.ENOPROTOOPT;
    const value = integer(socket, option);
    if (value !== undefined) return int(value);
    switch (option) {
      case SocketOption.peerCredentials: {
        const { pid, uid, gid } = socket.peerCredentials;
        return new Uint8Array(Int32Array.of(pid, socket.connected ? uid : -1, socket.connected ? gid : -1).buffer);
      }
      case SocketOption.receiveTimeout:
        return timeBytes(call, socket.receiveTimeout);
      case SocketOption.sendTimeout:
        return timeBytes(call, socket.sendTimeout);
      case SocketOption.linger:
        return socket.options.get(level * 65536 + option) ?? new Uint8Array(8);
      case SocketOption.peerSecurity:
      case SocketOption.peerGroups:
        return -Errno.ENOPROTOOPT;
      default:
        return socket.options.get(level * 65536 + option) ?? int(0);
    }
  }
  if (socket.isUnix || !KEPT_LEVELS.has(level)) return socket.isUnix ? -Errno.EOPNOTSUPP : -Errno.ENOPROTOOPT;
  return socket.options.get(level * 65536 + option) ?? int(0);
}

export function getOption(call: SyscallCall, socket: Socket): number {
  const { space } = call.thread;
  const room = space.readU32(call.args[4]);
  if (room === undefined) return -Errno.EFAULT;
  if ((room | 0) < 0) return -Errno.EINVAL;
  const bytes = optionBytes(call, socket, call.int(1), call.int(2));
  if (typeof bytes === 'number') return bytes;
  const given = bytes.subarray(0, room);
  return space.write(call.args[3], given) && space.writeU32(call.args[4], given.length) ? 0 : -Errno.EFAULT;
}

export function setOption(call: SyscallCall, socket: Socket): number {
  const level = call.int(1);
  const option = call.int(2);
  const length = call.int(4);
  if (length < 0) return -Errno.EINVAL;
  const bytes = call.thread.space.read(call.args[3], Math.min(length, 4096));
  if (bytes === undefined) return -Errno.EFAULT;
  if (level !== SOL_SOCKET) {
    if (socket.isUnix || !KEPT_LEVELS.has(level)) return socket.isUnix ? -Errno.EOPNOTSUPP : -Errno.ENOPROTOOPT;
    socket.options.set(level * 65536 + option, bytes);
    return 0;
  }
  if (length < 4) return -Errno.EINVAL;
  if (option < 1 || option > LAST_OPTION) return -Errno.ENOPROTOOPT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = view.getInt32(0, true);
  switch (option) {
    case SocketOption.reuseAddress:
      socket.reuseAddress = value !== 0;
      return 0;
    case SocketOption.reusePort:
      socket.reusePort = value !== 0;
      return 0;
    case SocketOption.passCredentials:
      if (!socket.isUnix) return -Errno.EOPNOTSUPP;
      socket.passCredentials = value !== 0;
      return 0;
    case SocketOption.sendBuffer:
    case SocketOption.sendBufferForce:
      socket.sendBuffer = bufferSize(value);
      return 0;
    case SocketOption.receiveBuffer:
    case SocketOption.receiveBufferForce:
      socket.receiveBuffer = bufferSize(value);
      return 0;
    case SocketOption.receiveTimeout:
    case SocketOption.sendTimeout: {
      const word = call.wordSize;
      if (length < word * 2) return -Errno.EINVAL;
      const time = view.getInt32(0, true) * NANOSECONDS + view.getInt32(word, true) * 1000;
      if (view.getInt32(word, true) < 0 || view.getInt32(word, true) >= 1_000_000) return -Errno.EDOM;
      if (option === SocketOption.receiveTimeout) socket.receiveTimeout = Math.max(0, time);
      else socket.sendTimeout = Math.max(0, time);
      return 0;
    }
    case SocketOption.type:
    case SocketOption.error:
    case SocketOption.acceptConnections:
    case SocketOption.peerCredentials:
    case SocketOption.domain:
    case SocketOption.protocol:
      return -Errno.ENOPROTOOPT;
    default:
      socket.options.set(level * 65536 + option, bytes);
      return 0;
  }
}

/** The kernel keeps twice what is asked for, within its bounds. */
function bufferSize(wanted: number): number {
  return Math.max(SMALLEST_BUFFER * 2, Math.min(wanted < 0 ? LARGEST_BUFFER : wanted, LARGEST_BUFFER) * 2);
}
