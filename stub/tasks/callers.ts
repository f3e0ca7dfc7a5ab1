/** Return addresses on a kernel stack, by the frame information of the kernel. */
import type { FrameRegisters } from '../../emulator/image/dwarf/debug-info.ts';
import type { KernelView } from './kernel-view.ts';

/** Registers in the order of DWARF's numbers (x86-64 psABI, figure 3.36; i386 psABI, table 2.14), and which of them are stack and instruction pointers. */
const ORDERS = {
  8: { names: ['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'], sp: 7, pc: 16 },
  4: { names: ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip'], sp: 4, pc: 8 },
} as const;

/** Where each frame returns to, innermost first, until the information ends or `most` of them. */
export function* callersOf(kernel: KernelView, register: (name: string) => bigint | undefined, most: number): Generator<number, void> {
  const { bias, frames, wordSize } = kernel.image;
  const { names, sp: stack, pc: code } = ORDERS[wordSize];
  let registers: FrameRegisters = names.map(register);
  for (let depth = 0, exact = true; depth < most; depth++) {
    const pc = registers[code];
    const sp = registers[stack];
    if (pc === undefined || sp === undefined) return;
    const inFile = registers.map((value, i) => (i === code ? pc - BigInt(bias) : value));
    const caller = frames.unwind(inFile, kernel.memory, exact);
    if (caller.kind !== 'frame') return;
    const next = caller.registers[stack];
    const address = caller.registers[code];
    // A stack that does not get shorter is none.
    if (address === undefined || next === undefined || next <= sp) return;
    yield Number(address);
    registers = caller.registers;
    exact = caller.signal;
  }
}
