/** Numbers of the socket interface, x86 (include/uapi/asm-generic/socket.h, linux/socket.h, linux/in.h, linux/tcp.h). */
export const Family = { unspecified: 0, unix: 1, inet: 2, inet6: 10, netlink: 16 } as const;
export const SocketType = { stream: 1, datagram: 2, raw: 3, seqpacket: 5 } as const;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const Protocol = { ip: 0, tcp: 6, udp: 17 } as const;
export const MessageFlag = {
  outOfBand: 1, peek: 2, controlTruncated: 8, truncated: 0x20, dontWait: 0x40, waitAll: 0x100, noSignal: 0x4000, waitForOne: 0x10000,
  closeOnExec: 0x40000000,
} as const;
export const SOL_SOCKET = 1;
export const SocketOption = {
  debug: 1, reuseAddress: 2, type: 3, error: 4, dontRoute: 5, broadcast: 6, sendBuffer: 7, receiveBuffer: 8, keepAlive: 9, oobInline: 10, noCheck: 11, priority: 12, linger: 13,
  reusePort: 15, passCredentials: 16, peerCredentials: 17, receiveLowWater: 18, sendLowWater: 19, receiveTimeout: 20, sendTimeout: 21, bindToDevice: 25, timestamp: 29,
  acceptConnections: 30, peerSecurity: 31, sendBufferForce: 32, receiveBufferForce: 33, mark: 36, protocol: 38, domain: 39, peerGroups: 59,
} as const;
export const ScmType = { rights: 1, credentials: 2 } as const;
/** Most descriptors in one message. */
export const SCM_MAX_FD = 253;
export const SOMAXCONN = 4096;
export const DEFAULT_BUFFER = 212992;
/** Datagrams a socket keeps (net.unix.max_dgram_qlen). */
export const MAX_DATAGRAMS = 512;
export const Shutdown = { read: 0, write: 1, both: 2 } as const;
