/** Which signal an instruction's exception becomes (arch/x86: traps, mm fault handling), from what the CPU left in the save slot. */
import { FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR, FPU_CONTROL, FPU_STATUS, MXCSR, PAGE_SIZE } from '../../cpu/state.ts';
import { PageFaultError, Vector } from '../../cpu/exits.ts';
import { Access, TouchFault } from '../../memory/page-access.ts';
import type { Thread } from '../process/thread.ts';
import { forceSignal } from './send.ts';
import { faultInfo, kernelInfo, type SignalInfo } from './signal-info.ts';
import { BusCode, FpeCode, IllCode, SegvCode, Signal, signalName, TrapCode } from './signal-numbers.ts';

/** Length of `int n`. */
const INT_BYTES = 2;
const USER_SPACE_END = 0x7ffffffff000;

/** Forces the signal of the exception the thread has just raised (Exit.exception). */
export function raiseException(thread: Thread): void {
  const info = exceptionSignal(thread);
  traceFault(thread, info);
  forceSignal(thread, info);
}

function traceFault(thread: Thread, info: SignalInfo): void {
  const { context, kernel } = thread;
  if (!kernel.trace.on('fault')) return;
  const { linear } = kernel;
  const vector = linear.i32[context.at(FAULT_VECTOR) >>> 2];
  const error = linear.u32[context.at(FAULT_ERROR) >>> 2];
  const address = vector === Vector.pageFault ? ` address 0x${linear.view.getBigUint64(context.at(FAULT_ADDRESS), true).toString(16)}` : '';
  kernel.trace.line('fault', `[${thread.tid}] exception ${vector} error 0x${error.toString(16)}${address} at rip 0x${context.rip.toString(16)}: ${signalName(info.signal)} code ${info.code}`);
}

/** An instruction that does not exist here: SIGILL. The CPU has not stored the vector then. */
export function raiseUndefined(thread: Thread): void {
  const { linear } = thread.kernel;
  linear.i32[thread.context.at(FAULT_VECTOR) >>> 2] = Vector.invalidOpcode;
  linear.i32[thread.context.at(FAULT_ERROR) >>> 2] = 0;
  raiseException(thread);
}

/**
 * The page fault that a write of user code to an address would raise now: as if the instruction at rip had tried, which has not run. False, nothing being raised, when
 * the write would go through.
 */
export function raiseWriteFault(thread: Thread, address: number): boolean {
  const { context, kernel: { linear }, space } = thread;
  const fault = space.touch(Math.floor(address / PAGE_SIZE), Access.write);
  if (fault >= 0) return false;
  linear.i32[context.at(FAULT_VECTOR) >>> 2] = Vector.pageFault;
  linear.i32[context.at(FAULT_ERROR) >>> 2] = PageFaultError.user | PageFaultError.write | (fault === TouchFault.forbidden ? PageFaultError.present : 0);
  linear.view.setBigUint64(context.at(FAULT_ADDRESS), BigInt(address), true);
  thread.origRax = -1;
  thread.phase = 'return';
  raiseException(thread);
  return true;
}

/** `int n`, rip being behind it: 3 and 4 are gates for programs, any other is a #GP of the instruction with the gate's number as its error code. */
export function raiseInterrupt(thread: Thread, vector: number): void {
  const { linear } = thread.kernel;
  const allowed = vector === Vector.breakpoint || vector === Vector.overflow;
  if (!allowed) thread.context.rip -= INT_BYTES;
  linear.i32[thread.context.at(FAULT_VECTOR) >>> 2] = allowed ? vector : Vector.generalProtection;
  linear.i32[thread.context.at(FAULT_ERROR) >>> 2] = allowed ? 0 : vector * 8 + 2;
  raiseException(thread);
}

/** SIGTRAP of a completed single step. */
export function raiseStep(thread: Thread): void {
  const { linear } = thread.kernel;
  linear.i32[thread.context.at(FAULT_VECTOR) >>> 2] = Vector.debug;
  linear.i32[thread.context.at(FAULT_ERROR) >>> 2] = 0;
  forceSignal(thread, faultInfo(Signal.TRAP, TrapCode.TRACE, BigInt(thread.context.rip)));
}

function exceptionSignal(thread: Thread): SignalInfo {
  const { context, kernel } = thread;
  const vector = kernel.linear.i32[context.at(FAULT_VECTOR) >>> 2];
  const rip = BigInt(context.rip);
  switch (vector) {
    case Vector.divide:
      return faultInfo(Signal.FPE, FpeCode.INTDIV, rip);
    case Vector.debug:
      return faultInfo(Signal.TRAP, TrapCode.TRACE, rip);
    case Vector.breakpoint:
      return kernelInfo(Signal.TRAP);
    case Vector.segmentNotPresent:
    case Vector.stackSegment:
      return kernelInfo(Signal.BUS);
    case Vector.overflow:
    case Vector.bound:
    case Vector.generalProtection:
      return kernelInfo(Signal.SEGV);
    case Vector.invalidOpcode:
      return faultInfo(Signal.ILL, IllCode.ILLOPN, rip);
    case Vector.deviceNotAvailable:
      return kernelInfo(Signal.SEGV);
    case Vector.x87:
      return faultInfo(Signal.FPE, x87Code(thread), rip);
    case Vector.simd:
      return faultInfo(Signal.FPE, simdCode(thread), rip);
    case Vector.alignment:
      return faultInfo(Signal.BUS, BusCode.ADRALN, 0n);
    case Vector.pageFault:
      return pageFaultSignal(thread);
    default:
      throw new Error(`exception ${vector} has no signal: pid ${thread.process.pid}, rip 0x${context.rip.toString(16)}`);
  }
}

function pageFaultSignal(thread: Thread): SignalInfo {
  const { context, kernel, space } = thread;
  const address = kernel.linear.view.getBigUint64(context.at(FAULT_ADDRESS), true);
  const error = kernel.linear.i32[context.at(FAULT_ERROR) >>> 2];
  if (address >= BigInt(USER_SPACE_END)) return faultInfo(Signal.SEGV, SegvCode.MAPERR, address);
  const access = (error & PageFaultError.fetch) !== 0 ? Access.execute : (error & PageFaultError.write) !== 0 ? Access.write : Access.read;
  // Asking again tells the reasons apart; nothing has run since the fault, so the answer is the same
  switch (space.touch(Math.floor(Number(address) / PAGE_SIZE), access)) {
    case TouchFault.unmapped:
      return faultInfo(Signal.SEGV, SegvCode.MAPERR, address);
    case TouchFault.beyondFile:
      return faultInfo(Signal.BUS, BusCode.ADRERR, address);
    case TouchFault.noMemory:
      return kernelInfo(Signal.KILL);
    default:
      return faultInfo(Signal.SEGV, SegvCode.ACCERR, address);
  }
}

/** x87 and SSE exception flags, lowest bit first: invalid, denormal, zero divide, overflow, underflow, precision. */
function floatingCode(raised: number): number {
  if ((raised & 0x01) !== 0) return FpeCode.FLTINV;
  if ((raised & 0x04) !== 0) return FpeCode.FLTDIV;
  if ((raised & 0x08) !== 0) return FpeCode.FLTOVF;
  if ((raised & 0x12) !== 0) return FpeCode.FLTUND;
  if ((raised & 0x20) !== 0) return FpeCode.FLTRES;
  return 0;
}

function x87Code(thread: Thread): number {
  const { i32 } = thread.kernel.linear;
  return floatingCode(i32[thread.context.at(FPU_STATUS) >>> 2] & ~i32[thread.context.at(FPU_CONTROL) >>> 2] & 0x3f);
}

function simdCode(thread: Thread): number {
  const mxcsr = thread.kernel.linear.i32[thread.context.at(MXCSR) >>> 2];
  return floatingCode(mxcsr & ~(mxcsr >> 7) & 0x3f);
}
