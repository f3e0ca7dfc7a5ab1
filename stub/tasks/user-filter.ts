/** Conditions and commands of breakpoints of a guest process, evaluated with its registers and memory. */
import { Reg } from '../../emulator/cpu/state.ts';
import type { HitFilter } from '../../emulator/debug/hit-filters.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import { hitAgent, type HitPlace } from '../agent/hit-agent.ts';
import { ARCHITECTURES, type Architecture } from '../registers.ts';
import type { BreakpointRequest } from '../target.ts';
import { readThreadRegister } from '../thread-registers.ts';
import type { UserProcess } from './user-process.ts';

/** First address that is not a user's. */
const USER_END = 1n << 47n;

/** Registers of a host thread that stands for a UML task are as they are: its system calls are the guest's. */
export const AS_THEY_ARE = { rax: (thread: Thread) => thread.context.gpr(Reg.rax), giveUp: () => true } as const;

/** Undefined when there are neither. */
export function userFilter(process: UserProcess, request: BreakpointRequest, print: (text: string) => void): HitFilter | undefined {
  const agent = hitAgent(request, print);
  if (agent === undefined) return undefined;
  const architecture: Architecture = ARCHITECTURES[process.kernel.image.wordSize === 8 ? 'x86-64' : 'i386'];
  const { registers } = architecture.registers;
  const place = (thread: Thread): HitPlace => ({
    // Where the kernel touches the process's memory, the registers are the kernel's, and mean nothing to the condition.
    register: (number) => (thread.ptrace === undefined || number >= registers.length ? undefined : readThreadRegister(thread, registers[number].name, AS_THEY_ARE)),
    memory: (address, length) => {
      const { mm } = process;
      return mm === undefined || address + BigInt(length) > USER_END ? new Uint8Array() : process.memory.read(mm, Number(address), length);
    },
  });
  return { holds: (thread) => agent.holds(place(thread)), ...(agent.acts ? { act: (thread: Thread): void => agent.act(place(thread)) } : {}) };
}
