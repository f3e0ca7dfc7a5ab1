/** Arguments of the kernel function a thread is about to enter. */
import { Reg } from '../../emulator/cpu/state.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';

/** An integer or pointer (System V ABI: rdi; i386, UML's kernels are built without regparm: on the stack). */
export function firstArgument(thread: Thread): number {
  const { context } = thread;
  if (thread.wordSize === 8) return context.gprNumber(Reg.rdi);
  const word = thread.space.peek(context.gprNumber(Reg.rsp) + 4, 4);
  return word === undefined ? 0 : new DataView(word.buffer, word.byteOffset).getUint32(0, true);
}
