/** Signal numbers, their default actions and the codes that go with them (include/uapi/asm-generic/signal.h, siginfo.h; x86 values). */

export const Signal = {
  HUP: 1, INT: 2, QUIT: 3, ILL: 4, TRAP: 5, ABRT: 6, BUS: 7, FPE: 8, KILL: 9, USR1: 10, SEGV: 11, USR2: 12, PIPE: 13, ALRM: 14, TERM: 15,
  STKFLT: 16, CHLD: 17, CONT: 18, STOP: 19, TSTP: 20, TTIN: 21, TTOU: 22, URG: 23, XCPU: 24, XFSZ: 25, VTALRM: 26, PROF: 27, WINCH: 28, IO: 29,
  PWR: 30, SYS: 31,
} as const;
/** Real-time signals are queued, SIGRTMIN and up. */
export const SIGRTMIN = 32;
export const SIGRTMAX = 64;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Signal).map(([name, number]) => [number, `SIG${name}`]));

/** `SIGSEGV`, `SIGRT_2` … as strace prints them. */
export function signalName(signal: number): string {
  return NAMES.get(signal) ?? (signal >= SIGRTMIN && signal <= SIGRTMAX ? `SIGRT_${signal - SIGRTMIN}` : String(signal));
}

/** What happens when a signal meets SIG_DFL (man 7 signal). `core` is `terminate` with a core dump where limits allow one. */
export type DefaultAction = 'terminate' | 'core' | 'ignore' | 'stop' | 'continue';

const SPECIAL_DEFAULTS: ReadonlyMap<number, DefaultAction> = new Map<number, DefaultAction>([
  [Signal.QUIT, 'core'], [Signal.ILL, 'core'], [Signal.TRAP, 'core'], [Signal.ABRT, 'core'], [Signal.BUS, 'core'], [Signal.FPE, 'core'],
  [Signal.SEGV, 'core'], [Signal.XCPU, 'core'], [Signal.XFSZ, 'core'], [Signal.SYS, 'core'],
  [Signal.CHLD, 'ignore'], [Signal.URG, 'ignore'], [Signal.WINCH, 'ignore'], [Signal.CONT, 'continue'],
  [Signal.STOP, 'stop'], [Signal.TSTP, 'stop'], [Signal.TTIN, 'stop'], [Signal.TTOU, 'stop'],
]);

export function defaultAction(signal: number): DefaultAction {
  return SPECIAL_DEFAULTS.get(signal) ?? 'terminate';
}

/** Signals that instructions cause; they are delivered before all others. */
export const SYNCHRONOUS_SIGNALS: readonly number[] = [Signal.SEGV, Signal.BUS, Signal.ILL, Signal.TRAP, Signal.FPE, Signal.SYS];
export const STOP_SIGNALS: readonly number[] = [Signal.STOP, Signal.TSTP, Signal.TTIN, Signal.TTOU];

/** si_code: where a signal comes from. */
export const SiCode = { USER: 0, KERNEL: 0x80, QUEUE: -1, TIMER: -2, MESGQ: -3, ASYNCIO: -4, SIGIO: -5, TKILL: -6 } as const;
export const IllCode = { ILLOPN: 2 } as const;
export const FpeCode = { INTDIV: 1, INTOVF: 2, FLTDIV: 3, FLTOVF: 4, FLTUND: 5, FLTRES: 6, FLTINV: 7 } as const;
export const SegvCode = { MAPERR: 1, ACCERR: 2 } as const;
export const BusCode = { ADRALN: 1, ADRERR: 2 } as const;
export const TrapCode = { BRKPT: 1, TRACE: 2, BRANCH: 3, HWBKPT: 4 } as const;
export const ChildCode = { EXITED: 1, KILLED: 2, DUMPED: 3, TRAPPED: 4, STOPPED: 5, CONTINUED: 6 } as const;
export const PollCode = { IN: 1, OUT: 2, MSG: 3, ERR: 4, PRI: 5, HUP: 6 } as const;
export const SysCode = { SECCOMP: 1 } as const;

/** sa_flags. */
export const SaFlag = {
  NOCLDSTOP: 0x1, NOCLDWAIT: 0x2, SIGINFO: 0x4, RESTORER: 0x04000000, ONSTACK: 0x08000000, RESTART: 0x10000000, NODEFER: 0x40000000,
  RESETHAND: 0x80000000,
} as const;
export const SIG_DFL = 0;
export const SIG_IGN = 1;
