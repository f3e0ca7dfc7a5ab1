/** Who is bound to which abstract name or port, in the whole machine. Ephemeral ports and autobind names are given in order. */
import { isAny, sameAddress, type InetAddress } from './socket-address.ts';
import { Family, Protocol } from './socket-constants.ts';
import type { Socket } from './socket.ts';

const FIRST_EPHEMERAL = 32768;
const LAST_EPHEMERAL = 60999;

export class SocketNames {
  /** By type and name: sockets of different types do not meet. */
  private readonly abstract = new Map<string, Socket>();
  private readonly ports = new Map<number, Set<Socket>>();
  private nextPort = FIRST_EPHEMERAL;
  private nextAutobind = 0;

  findAbstract(type: number, name: string): Socket | undefined {
    return this.abstract.get(`${type} ${name}`);
  }

  /** False when the name is taken. */
  bindAbstract(name: string, socket: Socket): boolean {
    const key = `${socket.type} ${name}`;
    if (this.abstract.has(key)) return false;
    this.abstract.set(key, socket);
    return true;
  }

  /** Binds to a fresh abstract name of five hexadecimal digits, as autobind does. */
  autobind(socket: Socket): string {
    let name: string;
    do {
      this.nextAutobind = (this.nextAutobind + 1) & 0xfffff;
      name = this.nextAutobind.toString(16).padStart(5, '0');
    } while (!this.bindAbstract(name, socket));
    return name;
  }

  releaseAbstract(socket: Socket, name: string): void {
    const key = `${socket.type} ${name}`;
    if (this.abstract.get(key) === socket) this.abstract.delete(key);
  }

  /** Binds to a port (0: an ephemeral one); the port, or undefined when it is taken. */
  bindPort(socket: Socket, protocol: number, address: InetAddress): number | undefined {
    let { port } = address;
    if (port === 0) {
      const first = this.nextPort;
      do {
        port = this.nextPort;
        this.nextPort = this.nextPort >= LAST_EPHEMERAL ? FIRST_EPHEMERAL : this.nextPort + 1;
        if (this.nextPort === first) return undefined;
      } while (this.users(protocol, port).size > 0);
    } else if ([...this.users(protocol, port)].some((other) => this.inConflict(socket, other, address))) return undefined;
    this.users(protocol, port).add(socket);
    return port;
  }

  /** An accepted connection shares its listener's port. */
  sharePort(socket: Socket, protocol: number, port: number): void {
    this.users(protocol, port).add(socket);
  }

  releasePort(socket: Socket, protocol: number, port: number): void {
    const users = this.ports.get(portKey(protocol, port));
    users?.delete(socket);
    if (users?.size === 0) this.ports.delete(portKey(protocol, port));
  }

  /** The socket that takes what is sent to an address: a listener (TCP) or a datagram socket, the most exactly bound one. */
  findPort(protocol: number, to: InetAddress, from: Socket | undefined): Socket | undefined {
    let best: Socket | undefined;
    let bestScore = -1;
    for (const socket of this.ports.get(portKey(protocol, to.port)) ?? []) {
      const { local } = socket;
      if (local === undefined || local.family === Family.unix) continue;
      if (protocol === Protocol.tcp && !socket.isListening) continue;
      if (protocol === Protocol.udp && !hears(socket, from)) continue;
      let score: number;
      if (isAny(local.address)) score = local.address.length === to.address.length ? 1 : local.address.length === 16 ? 0 : -1;
      else score = sameAddress(local.address, to.address) || isAny(to.address) ? 2 : -1;
      if (score > bestScore) {
        best = socket;
        bestScore = score;
      }
    }
    return best;
  }

  private inConflict(socket: Socket, other: Socket, address: InetAddress): boolean {
    const { local } = other;
    if (local === undefined || local.family === Family.unix) return false;
    const overlap = isAny(local.address) || isAny(address.address) || sameAddress(local.address, address.address);
    if (!overlap) return false;
    if (socket.reusePort && other.reusePort) return false;
    return !(socket.reuseAddress && other.reuseAddress && !other.isListening);
  }

  private users(protocol: number, port: number): Set<Socket> {
    let users = this.ports.get(portKey(protocol, port));
    if (users === undefined) {
      users = new Set();
      this.ports.set(portKey(protocol, port), users);
    }
    return users;
  }
}

/** A connected datagram socket takes only what its peer sends. */
function hears(socket: Socket, from: Socket | undefined): boolean {
  const { remote } = socket;
  if (remote === undefined || remote.family === Family.unix) return true;
  return from?.local !== undefined && from.local.family !== Family.unix && from.local.port === remote.port;
}

function portKey(protocol: number, port: number): number {
  return protocol * 65536 + port;
}
