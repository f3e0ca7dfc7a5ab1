/**
 * What comes with a signal: Linux's siginfo_t, kept as the 128 bytes the x86-64 ABI gives to handlers, signalfd's source, waitid and
 * PTRACE_GETSIGINFO, so that those copy it.
 */
import { ChildCode, SiCode, SysCode } from './signal-numbers.ts';

export const SIGINFO_BYTES = 128;
/** Offsets of the members (include/uapi/asm-generic/siginfo.h, 64-bit). */
export const InfoOffset = {
  signo: 0, errno: 4, code: 8, pid: 16, uid: 20, value: 24, timerId: 16, overrun: 20, status: 24, utime: 32, stime: 40,
  address: 16, band: 16, fd: 24, callAddress: 16, syscall: 24, arch: 28,
} as const;

export class SignalInfo {
  private readonly words = new Int32Array(SIGINFO_BYTES / 4);
  private image: Uint8Array | undefined;

  /** @param bytes a guest's structure, which is copied; undefined: all zeros */
  constructor(bytes?: Uint8Array) {
    if (bytes !== undefined) this.bytes.set(bytes);
  }

  static make(signal: number, code: number, errno = 0): SignalInfo {
    const info = new SignalInfo();
    info.setInt(InfoOffset.signo, signal);
    info.setInt(InfoOffset.errno, errno);
    info.setInt(InfoOffset.code, code);
    return info;
  }

  /** The structure as guests see it. Writing to it changes the info. */
  get bytes(): Uint8Array {
    return (this.image ??= new Uint8Array(this.words.buffer));
  }

  get view(): DataView {
    return new DataView(this.words.buffer);
  }

  get signal(): number {
    return this.words[InfoOffset.signo >> 2];
  }

  get code(): number {
    return this.words[InfoOffset.code >> 2];
  }

  int(offset: number): number {
    return this.words[offset >> 2];
  }

  setInt(offset: number, value: number): void {
    this.words[offset >> 2] = value;
  }

  setLong(offset: number, value: bigint): void {
    this.words[offset >> 2] = Number(BigInt.asIntN(32, value));
    this.words[(offset >> 2) + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }
}

/** From kill, tkill, sigqueue: `code` is SI_USER, SI_TKILL … */
export function userInfo(signal: number, code: number, pid: number, uid: number): SignalInfo {
  const info = SignalInfo.make(signal, code);
  info.setInt(InfoOffset.pid, pid);
  info.setInt(InfoOffset.uid, uid);
  return info;
}

/** Sent by the host itself, with nothing to say about it. */
export function kernelInfo(signal: number): SignalInfo {
  return SignalInfo.make(signal, SiCode.KERNEL);
}

/** An instruction's doing: `address` is what it touched, or its own for SIGILL, SIGFPE, SIGTRAP. */
export function faultInfo(signal: number, code: number, address: bigint): SignalInfo {
  const info = SignalInfo.make(signal, code);
  info.setLong(InfoOffset.address, address);
  return info;
}

/** Expiry of a POSIX timer; `value` is what timer_create was given. */
export function timerInfo(signal: number, timerId: number, overrun: number, value: bigint): SignalInfo {
  const info = SignalInfo.make(signal, SiCode.TIMER);
  info.setInt(InfoOffset.timerId, timerId);
  info.setInt(InfoOffset.overrun, overrun);
  info.setLong(InfoOffset.value, value);
  return info;
}

/** SIGCHLD. `status` is an exit code or a signal; times are in clock ticks. */
export function childInfo(signal: number, code: number, pid: number, uid: number, status: number, utime = 0, stime = 0): SignalInfo {
  const info = userInfo(signal, code, pid, uid);
  info.setInt(InfoOffset.status, status);
  info.setLong(InfoOffset.utime, BigInt(utime));
  info.setLong(InfoOffset.stime, BigInt(stime));
  return info;
}

/** SIGCHLD for a child that is gone, from its wait status. */
export function exitInfo(signal: number, pid: number, uid: number, waitStatus: number, utime = 0): SignalInfo {
  const killer = waitStatus & 0x7f;
  if (killer === 0) return childInfo(signal, ChildCode.EXITED, pid, uid, (waitStatus >> 8) & 0xff, utime);
  return childInfo(signal, (waitStatus & 0x80) !== 0 ? ChildCode.DUMPED : ChildCode.KILLED, pid, uid, killer, utime);
}

/** Readiness of a descriptor with F_SETSIG; `band` is in poll(2) bits. */
export function pollInfo(signal: number, code: number, band: number, fd: number): SignalInfo {
  const info = SignalInfo.make(signal, code);
  info.setLong(InfoOffset.band, BigInt(band));
  info.setInt(InfoOffset.fd, fd);
  return info;
}

/** SIGSYS of a seccomp filter. `errno` is the filter's data, `arch` an AUDIT_ARCH value. */
export function seccompInfo(signal: number, errno: number, callAddress: bigint, syscall: number, arch: number): SignalInfo {
  const info = SignalInfo.make(signal, SysCode.SECCOMP, errno);
  info.setLong(InfoOffset.callAddress, callAddress);
  info.setInt(InfoOffset.syscall, syscall);
  info.setInt(InfoOffset.arch, arch);
  return info;
}
