/**
 * The frames of i386 handlers as Linux lays them out (arch/x86/include/asm/sigframe.h: sigframe_ia32, rt_sigframe_ia32), and the way back
 * (sigreturn, rt_sigreturn). Above a frame is the x87 state as FSAVE stores it, and behind that, 64-byte aligned, the FXSAVE image.
 * Which frame it is the action's SA_SIGINFO says.
 */
import { Flag } from '../../cpu/flags.ts';
import { FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR, Reg, Segment, USER_CS_32, USER_DS } from '../../cpu/state.ts';
import { setSegment } from '../process/segments.ts';
import type { Thread } from '../process/thread.ts';
import { onStack, restoreAltStack, stackFlags } from './alternate-stack.ts';
import { FX_BYTES, fxBytes, loadFxState, resetFxState, saveFxState } from './fx-state.ts';
import { I387_BYTES, i387FromFx, i387ToFx } from './i387-state.ts';
import type { SignalAction } from './process-signals.ts';
import { infoBytes } from './signal-info-layout.ts';
import type { SignalInfo } from './signal-info.ts';
import { SaFlag, Signal } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';
import { AltStackFlag, NO_STACK } from './thread-signals.ts';

/** Where the parts of the two frames are. */
const OldFrame = { pretcode: 0, signal: 4, context: 8, extraMask: 720, code: 724, bytes: 732 } as const;
const RtFrame = {
  pretcode: 0, signal: 4, infoPointer: 8, contextPointer: 12, info: 16, flags: 144, stackBase: 152, stackFlags: 156, stackSize: 160, context: 164, mask: 252, code: 260, bytes: 268,
} as const;
/** struct sigcontext_32: selectors, general registers from edi to eax, and the rest. */
const Context = {
  gs: 0, fs: 4, es: 8, ds: 12, general: 16, trap: 48, error: 52, ip: 56, cs: 60, flags: 64, sp: 68, ss: 72, fpstate: 76, oldMask: 80, cr2: 84, bytes: 88,
} as const;
const GENERAL = [Reg.rdi, Reg.rsi, Reg.rbp, Reg.rsp, Reg.rbx, Reg.rdx, Reg.rcx, Reg.rax] as const;
/** struct fregs_state: the i387 structure, the status word again, and a word that says that an FXSAVE image follows. */
const FREGS_BYTES = 112;
const RESTORED_FLAGS = Flag.ac | Flag.of | Flag.df | Flag.tf | Flag.sf | Flag.zf | Flag.af | Flag.pf | Flag.cf | Flag.rf;
/** What a handler without a restorer returns to: code in the frame that makes the system call. */
const OLD_CODE = [0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80] as const;
const RT_CODE = [0xb8, 173, 0, 0, 0, 0xcd, 0x80, 0] as const;

/** As signal-frame.ts's enterHandler. */
export function enterHandler32(thread: Thread, info: SignalInfo, action: SignalAction, mask: SignalSet): boolean {
  const { context, kernel, space, signals } = thread;
  const { linear, cpu } = kernel;
  const withInfo = (action.flags & SaFlag.SIGINFO) !== 0;
  const layout = withInfo ? RtFrame : OldFrame;

  const userStack = context.gprLow(Reg.rsp) >>> 0;
  const nested = onStack(signals.altStack, userStack);
  const entering = (action.flags & SaFlag.ONSTACK) !== 0 && stackFlags(signals.altStack, userStack) === 0;
  const top = entering ? signals.altStack.base + signals.altStack.size : userStack;
  const fx = roundDown(top - FX_BYTES, 64);
  const fregs = fx - FREGS_BYTES;
  const at = roundDown(fregs - layout.bytes + 4, 16) - 4;
  if (at < 0) return false;
  if ((nested || entering) && !onStack(signals.altStack, at, true)) return false;

  const frame = new Uint8Array(layout.bytes);
  const view = new DataView(frame.buffer);
  const restorer = (action.flags & SaFlag.RESTORER) !== 0 ? action.restorer : at + layout.code;
  view.setUint32(layout.pretcode, restorer, true);
  view.setUint32(layout.signal, info.signal, true);
  frame.set(withInfo ? RT_CODE : OLD_CODE, layout.code);
  writeContext(thread, new DataView(frame.buffer, layout.context, Context.bytes), fregs, mask);
  if (withInfo) {
    view.setUint32(RtFrame.infoPointer, at + RtFrame.info, true);
    view.setUint32(RtFrame.contextPointer, at + RtFrame.flags, true);
    frame.set(infoBytes(info, 4), RtFrame.info);
    view.setUint32(RtFrame.stackBase, signals.altStack.base, true);
    view.setUint32(RtFrame.stackFlags, signals.altStack.flags >>> 0, true);
    view.setUint32(RtFrame.stackSize, signals.altStack.size, true);
    view.setUint32(RtFrame.mask, mask.lo, true);
    view.setUint32(RtFrame.mask + 4, mask.hi, true);
  } else {
    view.setUint32(OldFrame.extraMask, mask.hi, true);
  }
  if (!writeFloatingState(thread, fregs) || !space.write(at, frame)) return false;

  if ((signals.altStack.flags & AltStackFlag.AUTODISARM) !== 0) signals.altStack = NO_STACK;
  context.setGprNumber(Reg.rax, info.signal);
  context.setGprNumber(Reg.rdx, withInfo ? at + RtFrame.info : 0);
  context.setGprNumber(Reg.rcx, withInfo ? at + RtFrame.flags : 0);
  context.setGprNumber(Reg.rsp, at);
  context.rip = action.handler;
  context.setSelector(Segment.cs, USER_CS_32);
  for (const segment of [Segment.ss, Segment.ds, Segment.es]) context.setSelector(segment, USER_DS);
  cpu.writeRflags(context, cpu.readRflags(context) & ~(Flag.df | Flag.rf | Flag.tf));
  resetFxState(linear, context);
  return true;
}

function writeContext(thread: Thread, view: DataView, fpstate: number, mask: SignalSet): void {
  const { context, kernel } = thread;
  const { linear, cpu } = kernel;
  view.setUint16(Context.gs, context.selector(Segment.gs), true);
  view.setUint16(Context.fs, context.selector(Segment.fs), true);
  view.setUint16(Context.es, context.selector(Segment.es), true);
  view.setUint16(Context.ds, context.selector(Segment.ds), true);
  GENERAL.forEach((register, i) => view.setUint32(Context.general + i * 4, context.gprLow(register), true));
  view.setUint32(Context.trap, linear.u32[context.at(FAULT_VECTOR) >>> 2], true);
  view.setUint32(Context.error, linear.u32[context.at(FAULT_ERROR) >>> 2], true);
  view.setUint32(Context.ip, context.rip % 0x100000000, true);
  view.setUint16(Context.cs, context.selector(Segment.cs), true);
  view.setUint32(Context.flags, cpu.readRflags(context), true);
  view.setUint32(Context.sp, context.gprLow(Reg.rsp), true);
  view.setUint16(Context.ss, context.selector(Segment.ss), true);
  view.setUint32(Context.fpstate, fpstate, true);
  view.setUint32(Context.oldMask, mask.lo, true);
  view.setUint32(Context.cr2, linear.u32[context.at(FAULT_ADDRESS) >>> 2], true);
}

function writeFloatingState(thread: Thread, at: number): boolean {
  const { context, kernel, space } = thread;
  saveFxState(kernel.linear, context);
  const fregs = new Uint8Array(FREGS_BYTES);
  fregs.set(i387FromFx(context.selector(Segment.cs), context.selector(Segment.ds)));
  fregs.set(fxBytes.subarray(2, 4), I387_BYTES);
  return space.write(at + FREGS_BYTES, fxBytes) && space.write(at, fregs);
}

/** sigreturn: back from a frame without siginfo, esp standing behind its signal number. */
export function leaveOldHandler32(thread: Thread): boolean {
  const at = (thread.context.gprLow(Reg.rsp) >>> 0) - 8;
  const frame = thread.space.read(at, OldFrame.bytes);
  if (frame === undefined) return false;
  const view = new DataView(frame.buffer);
  const mask = new SignalSet(view.getUint32(OldFrame.context + Context.oldMask, true), view.getUint32(OldFrame.extraMask, true));
  return restore(thread, new DataView(frame.buffer, OldFrame.context, Context.bytes), mask);
}

/** rt_sigreturn: esp stands behind the return address. */
export function leaveHandler32(thread: Thread): boolean {
  const at = (thread.context.gprLow(Reg.rsp) >>> 0) - 4;
  const frame = thread.space.read(at, RtFrame.bytes);
  if (frame === undefined) return false;
  const view = new DataView(frame.buffer);
  const mask = new SignalSet(view.getUint32(RtFrame.mask, true), view.getUint32(RtFrame.mask + 4, true));
  if (!restore(thread, new DataView(frame.buffer, RtFrame.context, Context.bytes), mask)) return false;
  restoreAltStack(thread.signals, thread.context.gprNumber(Reg.rsp), {
    base: view.getUint32(RtFrame.stackBase, true), flags: view.getUint32(RtFrame.stackFlags, true), size: view.getUint32(RtFrame.stackSize, true),
  });
  return true;
}

function restore(thread: Thread, view: DataView, mask: SignalSet): boolean {
  const { context, kernel, signals } = thread;
  const { cpu } = kernel;
  mask.delete(Signal.KILL);
  mask.delete(Signal.STOP);
  signals.blocked.set(mask);
  signals.restartBlock = undefined;
  GENERAL.forEach((register, i) => context.setGprNumber(register, view.getUint32(Context.general + i * 4, true)));
  context.rip = view.getUint32(Context.ip, true);
  const flags = view.getUint32(Context.flags, true);
  cpu.writeRflags(context, (cpu.readRflags(context) & ~RESTORED_FLAGS) | (flags & RESTORED_FLAGS));
  context.setSelector(Segment.cs, view.getUint16(Context.cs, true) | 3);
  context.setSelector(Segment.ss, view.getUint16(Context.ss, true) | 3);
  for (const [segment, at] of [[Segment.gs, Context.gs], [Segment.fs, Context.fs], [Segment.ds, Context.ds], [Segment.es, Context.es]] as const) {
    const selector = view.getUint16(at, true);
    setSegment(thread, segment, selector > 3 ? selector | 3 : selector);
  }
  thread.origRax = -1;
  return readFloatingState(thread, view.getUint32(Context.fpstate, true));
}

function readFloatingState(thread: Thread, at: number): boolean {
  const { context, kernel, space } = thread;
  if (at === 0) {
    resetFxState(kernel.linear, context);
    return true;
  }
  const i387 = space.read(at, I387_BYTES);
  if (i387 === undefined || space.readInto(at + FREGS_BYTES, fxBytes) !== FX_BYTES) return false;
  i387ToFx(i387);
  return loadFxState(kernel.linear, context);
}

function roundDown(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}
