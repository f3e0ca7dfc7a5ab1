/** Return addresses on a kernel stack, by the frame information of the kernel. */
import type { FrameRegisters } from '../../emulator/image/dwarf/debug-info.ts';
import type { KernelView } from './kernel-view.ts';

/** Registers in the order of DWARF's numbers (x86-64 psABI, figure 3.36). */
const DWARF_ORDER = ['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'] as const;
const SP = 7;
const PC = 16;

/** Where each frame returns to, innermost first, until the information ends or `most` of them. */
export function* callersOf(kernel: KernelView, register: (name: string) => bigint | undefined, most: number): Generator<number, void> {
  const { bias, info } = kernel.image;
  let registers: FrameRegisters = DWARF_ORDER.map(register);
  for (let depth = 0, exact = true; depth < most; depth++) {
    const pc = registers[PC];
    const sp = registers[SP];
    if (pc === undefined || sp === undefined) return;
    const inFile = registers.map((value, i) => (i === PC ? pc - BigInt(bias) : value));
    const caller = info.unwind(inFile, kernel.memory, exact);
    if (caller.kind !== 'frame') return;
    const next = caller.registers[SP];
    const address = caller.registers[PC];
    // A stack that does not get shorter is none.
    if (address === undefined || next === undefined || next <= sp) return;
    yield Number(address);
    registers = caller.registers;
    exact = caller.signal;
  }
}
