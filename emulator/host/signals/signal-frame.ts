/**
 * The frame a handler runs on, exactly as Linux lays out x86-64's rt_sigframe (pretcode, ucontext with sigcontext, siginfo, and above it
 * a 64-byte aligned FXSAVE image), and the way back (rt_sigreturn). CPUID offers no XSAVE, so there is no extended state and no magic word.
 */
import { CPU, FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR, GPR, ORIG_RAX, Reg, RIP, Segment, USER_CS_64, USER_DS } from '../../cpu/state.ts';
import { Flag } from '../../cpu/flags.ts';
import type { Thread } from '../process/thread.ts';
import { onStack, restoreAltStack, stackFlags } from './alternate-stack.ts';
import { FX_BYTES, fxBytes, loadFxState, resetFxState, saveFxState } from './fx-state.ts';
import type { SignalAction } from './process-signals.ts';
import { SIGINFO_BYTES, type SignalInfo } from './signal-info.ts';
import { enterHandler32 } from './signal-frame-32.ts';
import { SaFlag, Signal } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';
import { AltStackFlag, NO_STACK } from './thread-signals.ts';

/** Offsets within struct rt_sigframe (arch/x86/include/asm/sigframe.h, uapi/asm/sigcontext.h). */
export const FrameOffset = {
  pretcode: 0, ucFlags: 8, ucLink: 16, stackBase: 24, stackFlags: 32, stackSize: 40, registers: 48, cs: 192, gs: 194, fs: 196, ss: 198, error: 200,
  trap: 208, oldMask: 216, cr2: 224, fpstate: 232, mask: 304, info: 312,
} as const;
export const FRAME_BYTES = FrameOffset.info + SIGINFO_BYTES;
/** Registers in sigcontext order, r8 … r15 rdi rsi rbp rbx rdx rax rcx rsp rip, 8 bytes each; rflags follows. */
const REGISTERS: readonly number[] = [
  ...[8, 9, 10, 11, 12, 13, 14, 15, Reg.rdi, Reg.rsi, Reg.rbp, Reg.rbx, Reg.rdx, Reg.rax, Reg.rcx, Reg.rsp].map((register) => GPR - CPU + register * 8), RIP - CPU,
];
const SAVED_RSP = 15;
const RFLAGS_AT = FrameOffset.registers + REGISTERS.length * 8;
/** UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS. */
const UC_FLAGS = 6;
/** What the ABI lets leaf functions use below rsp. */
const RED_ZONE = 128;
/** Flags sigreturn restores. */
const RESTORED_FLAGS = Flag.ac | Flag.of | Flag.df | Flag.tf | Flag.sf | Flag.zf | Flag.af | Flag.pf | Flag.cf | Flag.rf;
const USER_SPACE_END = 0x7ffffffff000;

const frame = new Uint8Array(FRAME_BYTES);
const frameView = new DataView(frame.buffer);
/** The part sigreturn reads. */
const frameHead = frame.subarray(0, FrameOffset.info);

/**
 * Makes the thread enter the handler: builds the frame below its stack (or on its alternate one) and sets its registers.
 * False when the stack cannot hold it: the thread is to get SIGSEGV. The caller sets the mask, before which `mask` is what the frame keeps.
 */
export function enterHandler(thread: Thread, info: SignalInfo, action: SignalAction, mask: SignalSet): boolean {
  const { context, kernel, space, signals } = thread;
  const { linear, cpu } = kernel;
  if (action.wordSize === 4) return enterHandler32(thread, info, action, mask);
  if ((action.flags & SaFlag.RESTORER) === 0) return false;

  const userStack = context.gprNumber(Reg.rsp);
  const nested = onStack(signals.altStack, userStack);
  let top = userStack - RED_ZONE;
  const entering = (action.flags & SaFlag.ONSTACK) !== 0 && stackFlags(signals.altStack, top) === 0;
  if (entering) top = signals.altStack.base + signals.altStack.size;
  const { fx, frame: at } = frameBelow(top);
  if (at < 0 || userStack > USER_SPACE_END) return false;
  if ((nested || entering) && !onStack(signals.altStack, at, true)) return false;

  saveFxState(linear, context);
  if (!space.write(fx, fxBytes)) return false;

  frame.fill(0);
  setAddress(FrameOffset.pretcode, action.restorer);
  setAddress(FrameOffset.ucFlags, UC_FLAGS);
  setAddress(FrameOffset.stackBase, signals.altStack.base);
  frameView.setUint32(FrameOffset.stackFlags, signals.altStack.flags >>> 0, true);
  setAddress(FrameOffset.stackSize, signals.altStack.size);
  for (let i = 0; i < REGISTERS.length; i++) {
    const from = (context.slot + REGISTERS[i]) >>> 2;
    frameView.setUint32(FrameOffset.registers + i * 8, linear.u32[from], true);
    frameView.setUint32(FrameOffset.registers + i * 8 + 4, linear.u32[from + 1], true);
  }
  setAddress(RFLAGS_AT, cpu.readRflags(context));
  frameView.setUint16(FrameOffset.cs, context.selector(Segment.cs), true);
  frameView.setUint16(FrameOffset.gs, context.selector(Segment.gs), true);
  frameView.setUint16(FrameOffset.fs, context.selector(Segment.fs), true);
  frameView.setUint16(FrameOffset.ss, context.selector(Segment.ss), true);
  setAddress(FrameOffset.error, linear.u32[context.at(FAULT_ERROR) >>> 2]);
  setAddress(FrameOffset.trap, linear.u32[context.at(FAULT_VECTOR) >>> 2]);
  frameView.setBigUint64(FrameOffset.oldMask, mask.toBig(), true);
  frameView.setBigUint64(FrameOffset.cr2, linear.view.getBigUint64(context.at(FAULT_ADDRESS), true), true);
  setAddress(FrameOffset.fpstate, fx);
  frameView.setBigUint64(FrameOffset.mask, mask.toBig(), true);
  const withInfo = (action.flags & SaFlag.SIGINFO) !== 0;
  if (withInfo) frame.set(info.bytes, FrameOffset.info);
  if (!space.write(at, withInfo ? frame : frameHead)) return false;

  if ((signals.altStack.flags & AltStackFlag.AUTODISARM) !== 0) signals.altStack = NO_STACK;
  context.setGprNumber(Reg.rdi, info.signal);
  context.setGprNumber(Reg.rax, 0);
  context.setGprNumber(Reg.rsi, at + FrameOffset.info);
  context.setGprNumber(Reg.rdx, at + FrameOffset.ucFlags);
  context.setGprNumber(Reg.rsp, at);
  context.rip = action.handler;
  context.setSelector(Segment.cs, USER_CS_64);
  context.setSelector(Segment.ss, USER_DS);
  cpu.writeRflags(context, cpu.readRflags(context) & ~(Flag.df | Flag.rf | Flag.tf));
  resetFxState(linear, context);
  return true;
}

/**
 * Where a thread's ordinary stack ends: its stack pointer or, on the alternate stack, the one the outermost handler there interrupted;
 * undefined when that frame cannot be read.
 */
export function ordinaryStackPointer(thread: Thread): number | undefined {
  const { context, space, signals } = thread;
  const { altStack } = signals;
  const sp = context.gprNumber(Reg.rsp);
  if (!onStack(altStack, sp)) return sp;
  const at = frameBelow(altStack.base + altStack.size).frame;
  const saved = space.peek(at + FrameOffset.registers + SAVED_RSP * 8, 8);
  return saved === undefined ? undefined : Number(new DataView(saved.buffer, saved.byteOffset).getBigUint64(0, true));
}

/** rt_sigreturn: everything back from the frame rsp stands behind. False when that cannot be read or holds nonsense. */
export function leaveHandler(thread: Thread): boolean {
  const { context, kernel, space, signals } = thread;
  const { linear, cpu } = kernel;
  const at = context.gprNumber(Reg.rsp) - 8;
  if (space.readInto(at, frameHead) !== FrameOffset.info) return false;

  const mask = SignalSet.fromBig(frameView.getBigUint64(FrameOffset.mask, true));
  mask.delete(Signal.KILL);
  mask.delete(Signal.STOP);
  signals.blocked.set(mask);
  signals.restartBlock = undefined;

  for (let i = 0; i < REGISTERS.length; i++) {
    const offset = FrameOffset.registers + i * 8;
    const to = (context.slot + REGISTERS[i]) >>> 2;
    linear.u32[to] = frameView.getUint32(offset, true);
    linear.u32[to + 1] = frameView.getUint32(offset + 4, true);
  }
  const flags = frameView.getUint32(RFLAGS_AT, true);
  cpu.writeRflags(context, (cpu.readRflags(context) & ~RESTORED_FLAGS) | (flags & RESTORED_FLAGS));
  context.setSelector(Segment.cs, frameView.getUint16(FrameOffset.cs, true) | 3);
  context.setSelector(Segment.ss, frameView.getUint16(FrameOffset.ss, true) | 3);
  linear.view.setBigInt64(context.at(ORIG_RAX), -1n, true);

  const fx = Number(frameView.getBigUint64(FrameOffset.fpstate, true));
  if (fx === 0) {
    resetFxState(linear, context);
  } else {
    if (space.readInto(fx, fxBytes) !== FX_BYTES || !loadFxState(linear, context)) return false;
  }
  restoreAltStack(signals, context.gprNumber(Reg.rsp), {
    base: Number(frameView.getBigUint64(FrameOffset.stackBase, true)),
    flags: frameView.getUint32(FrameOffset.stackFlags, true),
    size: Number(frameView.getBigUint64(FrameOffset.stackSize, true)),
  });
  return true;
}

/** Where the parts of a frame are on a stack that has been used down to `top`. */
function frameBelow(top: number): { readonly fx: number; readonly frame: number } {
  const fx = roundDown(top - FX_BYTES, 64);
  return { fx, frame: roundDown(fx - FRAME_BYTES, 16) - 8 };
}

function setAddress(offset: number, value: number): void {
  frameView.setUint32(offset, value >>> 0, true);
  frameView.setUint32(offset + 4, Math.floor(value / 0x100000000), true);
}

function roundDown(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}
