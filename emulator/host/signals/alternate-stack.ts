/** sigaltstack(2): the stack handlers with SA_ONSTACK run on. */
import { Reg } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';
import { AltStackFlag, type AlternateStack, type ThreadSignals } from './thread-signals.ts';

const MINSIGSTKSZ = 2048;
/** struct stack_t: ss_sp, ss_flags (and 4 bytes padding), ss_size. */
const STACK_T = { base: 0, flags: 8, size: 16, bytes: 24 } as const;

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
  const { thread } = call;
  const { space, signals } = thread;
  const [newAddress, oldAddress] = call.args;
  const sp = thread.context.gprNumber(Reg.rsp);
  const old = signals.altStack;
  if (newAddress !== 0) {
    const bytes = space.read(newAddress, STACK_T.bytes);
    if (bytes === undefined) return -Errno.EFAULT;
    const view = new DataView(bytes.buffer, bytes.byteOffset, STACK_T.bytes);
    const result = setAltStack(signals, sp, {
      base: Number(view.getBigUint64(STACK_T.base, true)), flags: view.getUint32(STACK_T.flags, true), size: Number(view.getBigUint64(STACK_T.size, true)),
    });
    if (result < 0) return result;
  }
  if (oldAddress !== 0) {
    const out = new Uint8Array(STACK_T.bytes);
    const view = new DataView(out.buffer);
    view.setBigUint64(STACK_T.base, BigInt(old.base), true);
    view.setUint32(STACK_T.flags, (stackFlags(old, sp) | (old.flags & AltStackFlag.AUTODISARM)) >>> 0, true);
    view.setBigUint64(STACK_T.size, BigInt(old.size), true);
    if (!space.write(oldAddress, out)) return -Errno.EFAULT;
  }
  return 0;
}

export const alternateStackSyscalls: readonly SyscallRow[] = [
  { name: 'sigaltstack', args: ['ptr', 'ptr'], handler: sigaltstack },
];
