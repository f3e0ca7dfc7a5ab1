/** How 32-bit code enters the host: `int 0x80`, and `sysenter` by its convention. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { Thread } from './thread.ts';

/** What a vDSO's __kernel_vsyscall has pushed when it executes `sysenter` with ebp = esp: ebp (the sixth argument), edx, ecx, and the address it returns to. */
const FRAME_BYTES = 16;
const RETURN_ADDRESS = 12;

/** Where a `sysenter` stood, to make its call again. */
export interface SysenterPlace {
  readonly rip: number;
  readonly stack: number;
}

/** `int 0x80`: the call's number and arguments are in the registers; rip is behind the instruction. */
export function enterByInterrupt(thread: Thread): void {
  thread.sysenter = undefined;
  begin(thread);
}

/**
 * `sysenter`. The processor does not keep the place it comes from: Linux goes on in its vDSO, which pops what it pushed and returns. There is no
 * vDSO here, so the host does that part itself.
 */
export function enterBySysenter(thread: Thread): void {
  const { context, space } = thread;
  const stack = context.gprLow(Reg.rbp) >>> 0;
  const frame = space.read(stack, FRAME_BYTES);
  if (frame === undefined) {
    context.setGprNumber(Reg.rax, -Errno.EFAULT);
    return;
  }
  const view = new DataView(frame.buffer);
  thread.sysenter = { rip: context.rip, stack };
  context.setGprNumber(Reg.rbp, view.getUint32(0, true));
  context.setGprNumber(Reg.rsp, (stack + FRAME_BYTES) % 0x100000000);
  context.rip = view.getUint32(RETURN_ADDRESS, true);
  begin(thread);
}

function begin(thread: Thread): void {
  const { context } = thread;
  thread.origRax = context.gprLow(Reg.rax);
  context.setGprNumber(Reg.rax, -Errno.ENOSYS);
  thread.callWordSize = 4;
  thread.phase = 'entry';
}
