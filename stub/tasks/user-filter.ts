/** Conditions and commands of breakpoints of a guest process, evaluated with its registers and memory. */
import { Reg } from '../../emulator/cpu/state.ts';
import type { HitFilter } from '../../emulator/debug/hit-filters.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { hitAgent, type AgentHost } from '../agent/hit-agent.ts';
import { ThreadPlace, wordOf } from '../agent/thread-place.ts';
import { ARCHITECTURES, type Architecture, type RegisterSet } from '../registers.ts';
import type { BreakpointRequest } from '../target.ts';
import type { UserProcess } from './user-process.ts';

/** First address that is not a user's. */
const USER_END = 1n << 47n;

/** Registers of a host thread that stands for a UML task are as they are: its system calls are the guest's. */
export const AS_THEY_ARE = { rax: (thread: Thread) => thread.context.gpr(Reg.rax), giveUp: () => true } as const;

class UserPlace extends ThreadPlace {
  private readonly process: UserProcess;

  constructor(process: UserProcess, registers: RegisterSet) {
    super(registers, AS_THEY_ARE);
    this.process = process;
  }

  override register(number: number): bigint | undefined {
    // Where the kernel touches the process's memory, the registers are the kernel's, and mean nothing to the condition.
    return this.thread?.ptrace === undefined ? undefined : super.register(number);
  }

  override word(address: bigint, length: number): bigint | undefined {
    const bytes = this.memory(address, length);
    return bytes.length < length ? undefined : wordOf(bytes);
  }

  override memory(address: bigint, length: number): Uint8Array {
    const { mm } = this.process;
    return mm === undefined || address + BigInt(length) > USER_END ? new Uint8Array() : this.process.memory.read(mm, Number(address), length);
  }
}

/** Undefined when there are neither. */
export function userFilter(process: UserProcess, request: BreakpointRequest, host: AgentHost): HitFilter | undefined {
  const agent = hitAgent(request, host);
  if (agent === undefined) return undefined;
  const architecture: Architecture = ARCHITECTURES[process.kernel.image.wordSize === 8 ? 'x86-64' : 'i386'];
  return agent.filter(new UserPlace(process, architecture.registers));
}
