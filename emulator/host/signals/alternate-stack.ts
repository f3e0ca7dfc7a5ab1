/** sigaltstack(2): the stack handlers with SA_ONSTACK run on. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { AltStackFlag, type AlternateStack, type ThreadSignals } from './thread-signals.ts';

const MINSIGSTKSZ = 2048;
/** struct stack_t by word size: ss_sp, ss_flags (and, in the larger one, 4 bytes padding), ss_size. */
const STACK_T = { 8: { base: 0, flags: 8, size: 16, bytes: 24 }, 4: { base: 0, flags: 4, size: 8, bytes: 12 } } as const;

/** Is `sp` on the stack? A stack that disarms itself never says so, unless `evenDisarmed`. */
export function onStack(stack: AlternateStack, sp: number, evenDisarmed = false): boolean {
  if (!evenDisarmed && (stack.flags & AltStackFlag.AUTODISARM) !== 0) return false;
  return sp > stack.base && sp - stack.base <= stack.size;
}

/** ss_flags as the guest sees them: SS_DISABLE without a stack, SS_ONSTACK on it, otherwise 0. */
export function stackFlags(stack: AlternateStack, sp: number): number {
  if (stack.size === 0) return AltStackFlag.DISABLE;
  return onStack(stack, sp) ? AltStackFlag.ONSTACK : 0;
}

/** Sets the stack; 0 or a negative errno. */
export function setAltStack(signals: ThreadSignals, sp: number, stack: AlternateStack): number {
  if (onStack(signals.altStack, sp)) return -Errno.EPERM;
  const mode = stack.flags & ~AltStackFlag.AUTODISARM;
  if (mode !== AltStackFlag.DISABLE && mode !== AltStackFlag.ONSTACK && mode !== 0) return -Errno.EINVAL;
  if (mode === AltStackFlag.DISABLE) {
    signals.altStack = { base: 0, size: 0, flags: stack.flags };
    return 0;
  }
  if (stack.size < MINSIGSTKSZ) return -Errno.ENOMEM;
  signals.altStack = stack;
  return 0;
}

/** What rt_sigreturn does with the frame's uc_stack: its errors do not matter. */
export function restoreAltStack(signals: ThreadSignals, sp: number, stack: AlternateStack): void {
  setAltStack(signals, sp, stack);
}

function sigaltstack(call: SyscallCall): SyscallResult {
  const { thread, wordSize } = call;
  const { space, signals } = thread;
  const [newAddress, oldAddress] = call.args;
  const layout = STACK_T[wordSize];
  const sp = thread.context.gprNumber(Reg.rsp);
  const old = signals.altStack;
  if (newAddress !== 0) {
    const bytes = space.read(newAddress, layout.bytes);
    if (bytes === undefined) return -Errno.EFAULT;
    const view = new DataView(bytes.buffer, bytes.byteOffset, layout.bytes);
    const word = (at: number): number => (wordSize === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true));
    const result = setAltStack(signals, sp, { base: word(layout.base), flags: view.getUint32(layout.flags, true), size: word(layout.size) });
    if (result < 0) return result;
  }
  if (oldAddress !== 0) {
    const out = new Uint8Array(layout.bytes);
    const view = new DataView(out.buffer);
    const put = (at: number, value: number): void => (wordSize === 8 ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true));
    put(layout.base, old.base);
    view.setUint32(layout.flags, (stackFlags(old, sp) | (old.flags & AltStackFlag.AUTODISARM)) >>> 0, true);
    put(layout.size, old.size);
    if (!space.write(oldAddress, out)) return -Errno.EFAULT;
  }
  return 0;
}

export const alternateStackSyscalls: readonly SyscallRow[] = [
  { name: 'sigaltstack', args: ['ptr', 'ptr'], handler: sigaltstack },
];
