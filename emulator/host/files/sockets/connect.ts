/** Binding, connecting and accepting. */
import { Errno } from '../../errno.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../../syscall.ts';
import { makeInodeAt } from '../directory-calls.ts';
import { FileType } from '../file-mode.ts';
import { OpenFlag } from '../open-flags.ts';
import { Poll } from '../open-file.ts';
import { walk, walkTo } from '../path-walk.ts';
import { mayAccess, Permission } from '../permissions.ts';
import { SocketInode } from '../special-inode.ts';
import { anyAddress, asFamily, isAny, isLocal, loopback, type InetAddress, type SocketAddress, type UnixAddress } from './socket-address.ts';
import { Family, Protocol, SocketType } from './socket-constants.ts';
import { Socket } from './socket.ts';

function protocolOf(socket: Socket): number {
  return socket.isStream ? Protocol.tcp : Protocol.udp;
}

export function bind(call: SyscallCall, socket: Socket, address: SocketAddress): number {
  if (address.family === Family.unix) {
    if (!socket.isUnix) return -Errno.EAFNOSUPPORT;
    return bindUnix(call, socket, address);
  }
  if (address.family !== socket.family) return socket.family === Family.inet ? -Errno.EAFNOSUPPORT : -Errno.EINVAL;
  if (socket.local !== undefined) return -Errno.EINVAL;
  if (!isLocal(address.address)) return -Errno.EADDRNOTAVAIL;
  return bindPort(socket, address);
}

function bindPort(socket: Socket, address: InetAddress): number {
  const port = socket.kernel.vfs.socketNames.bindPort(socket, protocolOf(socket), address);
  if (port === undefined) return -Errno.EADDRINUSE;
  socket.local = { ...address, port };
  return 0;
}

function bindUnix(call: SyscallCall, socket: Socket, address: UnixAddress): number {
  const { socketNames } = socket.kernel.vfs;
  if (address.kind === 'unnamed') {
    if (socket.local === undefined) socket.local = { family: Family.unix, kind: 'abstract', name: socketNames.autobind(socket) };
    return 0;
  }
  if (address.kind === 'abstract') {
    if (socket.local !== undefined) return -Errno.EINVAL;
    if (!socketNames.bindAbstract(address.name, socket)) return -Errno.EADDRINUSE;
    socket.local = address;
    return 0;
  }
  const place = walk(call.thread, call.thread.fs.cwd, address.name, { follow: false });
  if (typeof place === 'number') return place;
  if (socket.local !== undefined) return place.found === undefined ? -Errno.EINVAL : -Errno.EADDRINUSE;
  const inode = makeInodeAt(call, place, { mode: FileType.socket | 0o777 });
  if (typeof inode === 'number') return inode === -Errno.EEXIST ? -Errno.EADDRINUSE : inode;
  if (!(inode instanceof SocketInode)) return -Errno.EPERM;
  inode.bound = socket;
  socket.bound = inode;
  socket.local = address;
  return 0;
}

/** The socket an address names: a listener for streams, else the receiver of datagrams; -errno. */
export function connectionTarget(call: SyscallCall, socket: Socket, address: SocketAddress): Socket | number {
  const { socketNames } = socket.kernel.vfs;
  if (address.family === Family.unix) {
    if (!socket.isUnix) return -Errno.EAFNOSUPPORT;
    let target: object | undefined;
    if (address.kind === 'unnamed') return -Errno.EINVAL;
    if (address.kind === 'abstract') target = socketNames.findAbstract(socket.type, address.name);
    else {
      const dentry = walkTo(call.thread, call.thread.fs.cwd, address.name, { follow: true });
      if (typeof dentry === 'number') return dentry;
      if (!mayAccess(call.thread, dentry.inode, Permission.write)) return -Errno.EACCES;
      target = dentry.inode instanceof SocketInode ? dentry.inode.bound : undefined;
    }
    if (!(target instanceof Socket)) return -Errno.ECONNREFUSED;
    return target.type === socket.type ? target : -Errno.EPROTOTYPE;
  }
  if (socket.isUnix || (socket.family === Family.inet && address.family !== Family.inet)) return socket.isUnix ? -Errno.EINVAL : -Errno.EAFNOSUPPORT;
  if (!isLocal(address.address)) return -Errno.ENETUNREACH;
  if (socket.local === undefined) {
    const bound = bindPort(socket, { family: address.family, port: 0, address: anyAddress(address.family) });
    if (bound !== 0) return bound;
  }
  return socketNames.findPort(protocolOf(socket), address, socket) ?? -Errno.ECONNREFUSED;
}

export function connect(call: SyscallCall, socket: Socket, address: SocketAddress): SyscallResult {
  if (!socket.isConnectionBased) return connectDatagram(call, socket, address);
  if (socket.connecting) {
    socket.connecting = false;
    if (socket.connected) return 0;
    const result = socket.error === 0 ? -Errno.ECONNABORTED : -socket.error;
    socket.error = 0;
    socket.readClosed = socket.writeClosed = false;
    return result;
  }
  if (socket.connected) return -Errno.EISCONN;
  if (socket.isListening) return socket.isUnix ? -Errno.EINVAL : -Errno.EISCONN;
  const nonBlock = (socket.flags & OpenFlag.nonBlock) !== 0;
  const listener = connectionTarget(call, socket, address);
  const refused = typeof listener === 'number' ? listener : listener.isListening ? 0 : -Errno.ECONNREFUSED;
  if (refused !== 0 || typeof listener === 'number') {
    if (refused !== -Errno.ECONNREFUSED || socket.isUnix || !nonBlock) return refused;
    socket.error = Errno.ECONNREFUSED;
    socket.connecting = socket.readClosed = socket.writeClosed = true;
    socket.notify(Poll.in | Poll.out | Poll.err | Poll.hup);
    return -Errno.EINPROGRESS;
  }
  if (listener.pending.length > listener.backlog) return nonBlock ? -Errno.EAGAIN : new Wait([listener.readiness]);
  establish(call, socket, listener, address);
  if (socket.isUnix || !nonBlock) return 0;
  socket.connecting = true;
  return -Errno.EINPROGRESS;
}

/** Makes the listener's side of the connection and queues it for accept. */
function establish(call: SyscallCall, socket: Socket, listener: Socket, address: SocketAddress): void {
  const server = new Socket(listener.kernel, listener.family, listener.type, listener.protocol, 0, listener.credentials);
  server.passCredentials = listener.passCredentials;
  server.sendBuffer = listener.sendBuffer;
  server.receiveBuffer = listener.receiveBuffer;
  for (const [option, value] of listener.options) server.options.set(option, value);
  if (address.family === Family.unix) {
    if (socket.passCredentials && socket.local === undefined) bindUnix(call, socket, { family: Family.unix, kind: 'unnamed', name: '' });
    server.local = listener.local;
    socket.remote = listener.local;
    server.remote = socket.local;
  } else {
    const target = isAny(address.address) ? loopback(address.family) : address.address;
    const { local } = socket;
    const port = local !== undefined && local.family !== Family.unix ? local.port : 0;
    const own = local !== undefined && local.family !== Family.unix && !isAny(local.address) ? local.address : target;
    socket.local = { family: address.family, port, address: asFamily(own, address.family) };
    socket.remote = { ...address, address: target };
    const family = listener.family === Family.inet ? Family.inet : Family.inet6;
    server.local = { family, port: address.port, address: asFamily(target, family) };
    server.remote = { family, port, address: asFamily(own, family) };
    listener.kernel.vfs.socketNames.sharePort(server, Protocol.tcp, address.port);
  }
  socket.join(server);
  socket.peerCredentials = listener.credentials;
  server.peerCredentials = { pid: call.thread.process.pid, uid: call.thread.process.credentials.euid, gid: call.thread.process.credentials.egid };
  listener.pending.push(server);
  listener.notify(Poll.in | Poll.rdnorm);
}

function connectDatagram(call: SyscallCall, socket: Socket, address: SocketAddress): number {
  const target = connectionTarget(call, socket, address);
  if (typeof target === 'number' && !(target === -Errno.ECONNREFUSED && !socket.isUnix)) return target;
  socket.peer = typeof target === 'number' || !socket.isUnix ? undefined : target;
  socket.remote = address.family === Family.unix || !isAny(address.address) ? address : { ...address, address: loopback(address.family) };
  if (address.family !== Family.unix && socket.local !== undefined && socket.local.family !== Family.unix && isAny(socket.local.address)) {
    socket.local = { ...socket.local, address: loopback(socket.local.family) };
  }
  return 0;
}

/** connect with AF_UNSPEC: a datagram socket forgets its destination. */
export function dissolve(socket: Socket): number {
  if (socket.isConnectionBased) return -Errno.EINVAL;
  socket.peer = undefined;
  socket.remote = undefined;
  return 0;
}

export function listen(call: SyscallCall, socket: Socket, backlog: number): number {
  if (socket.type === SocketType.datagram) return -Errno.EOPNOTSUPP;
  if (socket.connected) return -Errno.EINVAL;
  if (socket.local === undefined) {
    if (socket.family === Family.unix) return -Errno.EINVAL;
    const family = socket.family === Family.inet ? Family.inet : Family.inet6;
    const bound = bindPort(socket, { family, port: 0, address: anyAddress(family) });
    if (bound !== 0) return bound;
  }
  socket.isListening = true;
  socket.backlog = Math.max(0, backlog);
  const { process } = call.thread;
  socket.credentials = { pid: process.pid, uid: process.credentials.euid, gid: process.credentials.egid };
  return 0;
}

/** The next connection, a Wait, or -errno. */
export function accept(call: SyscallCall, listener: Socket): Socket | SyscallResult {
  if (!listener.isConnectionBased) return -Errno.EOPNOTSUPP;
  if (!listener.isListening) return -Errno.EINVAL;
  const connection = listener.pending.shift();
  if (connection !== undefined) {
    listener.notify(0);
    return connection;
  }
  if ((listener.flags & OpenFlag.nonBlock) !== 0) return -Errno.EAGAIN;
  if (listener.receiveTimeout === 0) return listener.wait(undefined);
  const { clock } = call.thread.kernel;
  const deadline = typeof call.state === 'number' ? call.state : clock.monotonic + listener.receiveTimeout;
  call.state = deadline;
  return clock.monotonic >= deadline ? -Errno.EAGAIN : listener.wait(deadline);
}
