/**
 * Sockets inside the machine. All are local: a connected stream socket knows its peer object, and sending puts a message into the
 * peer's queue. AF_UNIX and loopback TCP/UDP differ in how peers are found and in what the end of one looks like to the other.
 */
import { Errno } from '../../errno.ts';
import type { Kernel } from '../../kernel.ts';
import { Wait, type SyscallCall, type SyscallResult } from '../../syscall.ts';
import { Dentry } from '../dentry.ts';
import { FileType } from '../file-mode.ts';
import type { FileSystem } from '../file-system.ts';
import { Inode } from '../inode.ts';
import { Ioctl } from '../ioctl-numbers.ts';
import { OpenFile, Poll } from '../open-file.ts';
import { OpenFlag } from '../open-flags.ts';
import { Readiness } from '../readiness.ts';
import type { SocketInode } from '../special-inode.ts';
import { Family, DEFAULT_BUFFER, MAX_DATAGRAMS, Protocol, Shutdown, SocketType } from './socket-constants.ts';
import { asFamily, formatAddress, UNNAMED, type SocketAddress } from './socket-address.ts';
import { receive, send } from './transfer.ts';

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a waiting message costs beside its bytes. */
const MESSAGE_OVERHEAD = 256;

export const NOBODY: PeerCredentials = { pid: 0, uid: 65534, gid: 65534 };

/** Something under way to a socket. */
export interface Message {
  readonly bytes: Uint8Array;
  /** Bytes already read (streams). */
  taken: number;
  readonly from: SocketAddress | undefined;
  readonly sender: Socket;
  readonly credentials: PeerCredentials;
  /** Open files in flight, one reference each. */
  rights: readonly OpenFile[];
}

class SocketFsInode extends Inode {
  constructor(fileSystem: FileSystem) {
    super(fileSystem, FileType.socket | 0o777);
  }

  open(): number {
    return -Errno.ENXIO;
  }
}

export class Socket extends OpenFile {
  readonly kernel: Kernel;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  local: SocketAddress | undefined;
  /** Connected peer, or a datagram socket's default destination. */
  peer: Socket | undefined;
  remote: SocketAddress | undefined;
  /** Stream: a connection was made, whatever has become of it. */
  connected = false;
  /** A non-blocking TCP connect that the caller has not yet heard the end of. */
  connecting = false;
  isListening = false;
  backlog = 0;
  readonly pending: Socket[] = [];
  /** SHUT_RD, SHUT_WR done here or caused by the peer. */
  readClosed = false;
  writeClosed = false;
  /** SO_ERROR, positive. */
  error = 0;
  sendBuffer = DEFAULT_BUFFER;
  receiveBuffer = DEFAULT_BUFFER;
  passCredentials = false;
  reuseAddress = false;
  reusePort = false;
  /** Nanoseconds; 0: none. */
  receiveTimeout = 0;
  sendTimeout = 0;
  /** Other options as they were set, by level × 65536 + name. */
  readonly options = new Map<number, Uint8Array>();
  /** Who made it, or listened. */
  credentials: PeerCredentials;
  peerCredentials: PeerCredentials = NOBODY;
  readonly queue: Message[] = [];
  queuedBytes = 0;
  /** The file system name it is bound to. */
  bound: SocketInode | undefined;
  private readonly events = new Readiness();

  constructor(kernel: Kernel, family: number, type: number, protocol: number, flags: number, credentials: PeerCredentials) {
    const inode = new SocketFsInode(kernel.vfs.sockets);
    super(OpenFlag.readWrite | flags, new Dentry(undefined, `socket:[${inode.number}]`, inode));
    this.kernel = kernel;
    this.family = family;
    this.type = type;
    this.protocol = protocol;
    this.credentials = credentials;
  }

  get isStream(): boolean {
    return this.type === SocketType.stream;
  }

  /** Needs a connection: stream and seqpacket. */
  get isConnectionBased(): boolean {
    return this.type !== SocketType.datagram;
  }

  get isUnix(): boolean {
    return this.family === Family.unix;
  }

  override get readiness(): Readiness {
    return this.events;
  }

  /** Its own address as getsockname tells. */
  get localName(): SocketAddress {
    return this.local ?? (this.isUnix ? UNNAMED : { family: this.family === Family.inet ? Family.inet : Family.inet6, port: 0, address: new Uint8Array(this.family === Family.inet ? 4 : 16) });
  }

  override read(call: SyscallCall, into: Uint8Array): SyscallResult {
    return receive(call, this, into, 0, undefined);
  }

  override write(call: SyscallCall, from: Uint8Array): SyscallResult {
    return send(call, this, from, 0, { rights: [], to: undefined, credentials: undefined });
  }

  override ioctl(call: SyscallCall, request: number, argument: number): SyscallResult {
    const { space } = call.thread;
    switch (request) {
      case Ioctl.FIONREAD: {
        if (this.isListening) return -Errno.EINVAL;
        const count = this.isConnectionBased ? this.queuedBytes : (this.queue[0]?.bytes.length ?? 0);
        return space.writeU32(argument, count) ? 0 : -Errno.EFAULT;
      }
      case Ioctl.TIOCOUTQ:
        return space.writeU32(argument, this.peer === undefined ? 0 : this.peer.queuedBytes) ? 0 : -Errno.EFAULT;
      case Ioctl.SIOCATMARK:
        return space.writeU32(argument, 0) ? 0 : -Errno.EFAULT;
      default:
        return -Errno.ENOTTY;
    }
  }

  override poll(): number {
    let events = 0;
    if (this.error !== 0) events |= Poll.err;
    if (this.isListening) return events | (this.pending.length > 0 ? Poll.in | Poll.rdnorm : 0);
    if (this.readClosed && this.writeClosed) events |= Poll.hup;
    if (this.readClosed) events |= Poll.rdhup | Poll.in | Poll.rdnorm;
    if (this.queue.length > 0) events |= Poll.in | Poll.rdnorm;
    if (this.isConnectionBased && !this.connected && !this.connecting) events |= Poll.hup;
    if (this.canSend) events |= Poll.out | Poll.wrnorm | Poll.wrband;
    return events;
  }

  /** Bytes the peer's queue still takes from this socket. */
  get sendRoom(): number {
    const { peer } = this;
    return peer === undefined ? this.sendBuffer : Math.max(0, this.sendBuffer - peer.queuedBytes);
  }

  private get canSend(): boolean {
    const { peer } = this;
    if (this.writeClosed && !this.isUnix) return true;
    if (peer === undefined) return !this.connecting;
    if (!this.isConnectionBased && peer.queue.length >= MAX_DATAGRAMS) return false;
    return peer.queuedBytes * 4 <= this.sendBuffer;
  }

  /** A message arrives. */
  accept(message: Message): void {
    this.queue.push(message);
    this.queuedBytes += message.bytes.length;
    this.kernel.vfs.socketBytes.force(message.bytes.length + MESSAGE_OVERHEAD);
    this.events.notify(Poll.in | Poll.rdnorm | Poll.rdband);
  }

  /** The oldest message has been read whole. */
  removeFirst(): void {
    if (this.queue.shift() !== undefined) this.kernel.vfs.socketBytes.give(MESSAGE_OVERHEAD);
  }

  /** Bytes were taken out of the queue: senders go on. */
  consumed(count: number, senders: Iterable<Socket>): void {
    this.queuedBytes -= count;
    this.kernel.vfs.socketBytes.give(count);
    for (const sender of senders) sender.events.notify(Poll.out | Poll.wrnorm | Poll.wrband);
  }

  /** Connects two sockets both ways. */
  join(other: Socket): void {
    this.peer = other;
    other.peer = this;
    this.connected = other.connected = true;
  }

  shutdown(how: number): void {
    const closesRead = how !== Shutdown.write;
    const closesWrite = how !== Shutdown.read;
    if (closesRead) this.readClosed = true;
    if (closesWrite) this.writeClosed = true;
    const { peer } = this;
    if (peer !== undefined && this.isConnectionBased) {
      if (closesWrite) peer.readClosed = true;
      // A TCP peer does not learn that nobody reads any more.
      if (closesRead && this.isUnix) peer.writeClosed = true;
      peer.events.notify(peer.readClosed && peer.writeClosed ? Poll.in | Poll.out | Poll.hup | Poll.rdhup : Poll.in | Poll.out | Poll.rdhup);
    }
    this.events.notify(Poll.in | Poll.out | Poll.hup | Poll.rdhup);
  }

  /** Ends the connection: what the peer sees depends on whether anything was left unread here. */
  disconnect(): void {
    const { peer } = this;
    this.peer = undefined;
    if (peer === undefined || peer.peer !== this) return;
    if (!this.isConnectionBased) {
      peer.events.notify(Poll.out);
      return;
    }
    peer.readClosed = true;
    if (this.isUnix) peer.writeClosed = true;
    if (this.queue.length > 0) {
      peer.error = Errno.ECONNRESET;
      peer.writeClosed = true;
    }
    peer.peer = undefined;
    peer.events.notify(peer.writeClosed ? Poll.in | Poll.out | Poll.hup | Poll.rdhup : Poll.in | Poll.out | Poll.rdhup);
  }

  /** Nobody holds it any more; those who send datagrams here find out when they try. */
  isClosed = false;

  notify(events: number): void {
    this.events.notify(events);
  }

  protected override closed(): void {
    this.isClosed = true;
    const { socketNames } = this.kernel.vfs;
    const { local } = this;
    if (this.bound !== undefined) this.bound.bound = undefined;
    if (local?.family === Family.unix && local.kind === 'abstract') socketNames.releaseAbstract(this, local.name);
    if (local !== undefined && local.family !== Family.unix) socketNames.releasePort(this, this.isStream ? Protocol.tcp : Protocol.udp, local.port);
    for (const waiting of this.pending) waiting.release();
    this.disconnect();
    for (const message of this.queue) for (const file of message.rights) file.release();
    this.kernel.vfs.socketBytes.give(this.queuedBytes + this.queue.length * MESSAGE_OVERHEAD);
    this.queue.length = 0;
    this.queuedBytes = 0;
  }

  /** The peer's address as this socket's family shows it. */
  shown(address: SocketAddress): Uint8Array {
    if (address.family === Family.unix || this.isUnix) return formatAddress(address);
    const family = this.family === Family.inet ? Family.inet : Family.inet6;
    return formatAddress({ family, port: address.port, address: asFamily(address.address, family) });
  }

  /** A Wait for this socket's readiness. `timeout`: SO_RCVTIMEO or SO_SNDTIMEO with the time it began. */
  wait(deadline: number | undefined, interrupted?: () => number | undefined): Wait {
    return new Wait([this.events], deadline === undefined ? 'restart' : 'eintr', deadline, interrupted);
  }
}
