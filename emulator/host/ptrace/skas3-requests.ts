/**
 * The skas3 host patch's requests (PTRACE_FAULTINFO and its kin). Structures are laid out for the word size of the tracer, who asks; where
 * the offer leaves a request out, the answer is an unpatched host's EIO.
 */
import { FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import { modifyLdt } from '../memory/modify-ldt.ts';
import { ldtChanged, refreshLdtSegments } from '../process/segments.ts';
import { mmOf } from '../proc-mm/mm-file.ts';
import { isOffered, type Skas3Part } from '../proc-mm/offer.ts';
import { SIGSET_BYTES } from '../signals/signal-set-access.ts';
import type { TraceCall, TraceHandler } from './ptrace-call.ts';
import { Request } from './requests.ts';

function offered(part: Skas3Part, handler: TraceHandler): TraceHandler {
  return (request) => (isOffered(request.tracer.kernel.options.skas3, part, request.call.wordSize) ? handler(request) : -Errno.EIO);
}

export const SKAS3_REQUESTS: readonly (readonly [number, TraceHandler])[] = [
  [Request.FAULTINFO, offered('faultinfo', (request) => giveFault(request, false))],
  [Request.SIGPENDING, offered('rest', givePending)],
  [Request.LDT, offered('rest', changeLdt)],
  [Request.SWITCH_MM, offered('rest', switchMm)],
  [Request.EX_FAULTINFO, offered('rest', (request) => giveFault(request, true))],
];

/** struct ptrace_faultinfo { int error code; unsigned long cr2 } of the last fault; the extended one has the trap number behind it. */
function giveFault({ call, tracer, tracee, data }: TraceCall, extended: boolean): number {
  const { i32 } = tracee.kernel.linear;
  const { context } = tracee;
  const word = call.wordSize;
  const bytes = new Uint8Array(word * (extended ? 3 : 2));
  const view = new DataView(bytes.buffer);
  const address = context.at(FAULT_ADDRESS) >>> 2;
  view.setInt32(0, i32[context.at(FAULT_ERROR) >>> 2], true);
  view.setInt32(word, i32[address], true);
  if (word === 8) view.setInt32(word + 4, i32[address + 1], true);
  if (extended) view.setInt32(word * 2, i32[context.at(FAULT_VECTOR) >>> 2], true);
  return tracer.space.write(data, bytes) ? 0 : -Errno.EFAULT;
}

/** The set of signals that have come, blocked or not: the thread's own and its process's. */
function givePending({ tracer, tracee, data }: TraceCall): number {
  const set = tracee.signals.pending.set.copy();
  set.addAll(tracee.process.signals.pending.set);
  const bytes = new Uint8Array(SIGSET_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, set.toBig(), true);
  return tracer.space.write(data, bytes) ? 0 : -Errno.EFAULT;
}

/** struct ptrace_ldt { int func; void *ptr; unsigned long bytecount }: modify_ldt on the tracee's table, with a buffer of the tracer's. */
function changeLdt({ call, tracer, tracee, data }: TraceCall): number {
  const word = call.wordSize;
  const request = tracer.space.readU32(data);
  const address = tracer.space.readWord(data + word, word);
  const byteCount = tracer.space.readWord(data + word * 2, word);
  if (request === undefined || address === undefined || byteCount === undefined) return -Errno.EIO;
  const result = modifyLdt(tracee.space, tracer.space, request, address, byteCount);
  ldtChanged(tracee.kernel, tracee.space);
  return result;
}

/** Moves the tracee into the address space a descriptor of the tracer's stands for; registers stay as they are. */
function switchMm({ call, tracer, tracee }: TraceCall): number {
  const space = mmOf(tracer.descriptors, call.int(3));
  if (typeof space === 'number') return space;
  const old = tracee.space;
  tracee.space = space.retain();
  old.release();
  refreshLdtSegments(tracee);
  return 0;
}
