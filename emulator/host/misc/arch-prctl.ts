/** arch_prctl: the bases of fs and gs. What newer codes are about (CPUID faulting, XSAVE permissions, shadow stacks) this CPU does not have. */
import { Segment } from '../../cpu/state.ts';
import { Errno } from '../errno.ts';
import type { SyscallCall, SyscallResult, SyscallRow } from '../syscall.ts';

const Code = { SET_GS: 0x1001, SET_FS: 0x1002, GET_FS: 0x1003, GET_GS: 0x1004, GET_CPUID: 0x1011, SET_CPUID: 0x1012 } as const;
const USER_SPACE_END = 0x7ffffffff000;

function archPrctl(call: SyscallCall): SyscallResult {
  const { context, space } = call.thread;
  const code = call.int(0);
  const [, address] = call.args;
  // i386 has it for what newer codes are about
  if (call.wordSize === 4 && code < Code.GET_CPUID) return -Errno.EINVAL;
  switch (code) {
    case Code.SET_FS:
    case Code.SET_GS: {
      if (address >= USER_SPACE_END) return -Errno.EPERM;
      const segment = code === Code.SET_FS ? Segment.fs : Segment.gs;
      context.setSelector(segment, 0);
      context.setSegmentBase(segment, call.big(1));
      return 0;
    }
    case Code.GET_FS:
    case Code.GET_GS:
      return space.writeBigU64(address, context.segmentBase(code === Code.GET_FS ? Segment.fs : Segment.gs)) ? 0 : -Errno.EFAULT;
    case Code.GET_CPUID:
      return 1;
    case Code.SET_CPUID:
      return -Errno.ENODEV;
    default:
      return -Errno.EINVAL;
  }
}

export const archPrctlSyscalls: readonly SyscallRow[] = [{ name: 'arch_prctl', args: ['hex', 'ptr'], handler: archPrctl }];
