/**
 * Code a signal handler returns to, where no frame information describes it: known by its instructions, which are sigreturn's system call; the interrupted registers lie on the
 * stack above it (arch/x86/include/uapi/asm/sigcontext.h, ucontext.h; struct sigframe, rt_sigframe).
 */
import type { RegisterMap } from './dwarf-registers.ts';

interface Trampoline {
  readonly code: readonly number[];
  /** From the stack pointer there to the saved registers. `pointer`: what lies there is the address of the ucontext, which holds them. */
  readonly saved: number;
  readonly pointer?: boolean;
}

/** Of saved registers, in their order; undefined: none of interest. */
type Layout = readonly (string | undefined)[];

const SIGCONTEXT_32: Layout = [undefined, undefined, undefined, undefined, 'edi', 'esi', 'ebp', 'esp', 'ebx', 'edx', 'ecx', 'eax', undefined, undefined, 'eip'];
const SIGCONTEXT_64: Layout = ['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rdi', 'rsi', 'rbp', 'rbx', 'rdx', 'rax', 'rcx', 'rsp', 'rip'];
/** Of the registers in a ucontext. */
const MCONTEXT = { 4: 20, 8: 40 } as const;

const SYSTEM: Readonly<Record<4 | 8, { readonly layout: Layout; readonly trampolines: readonly Trampoline[] }>> = {
  4: {
    layout: SIGCONTEXT_32,
    trampolines: [
      // pop %eax; mov $__NR_sigreturn,%eax; int $0x80
      { code: [0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80], saved: 4 },
      // mov $__NR_rt_sigreturn,%eax; int $0x80
      { code: [0xb8, 0xad, 0, 0, 0, 0xcd, 0x80], saved: 8, pointer: true },
    ],
  },
  // mov $__NR_rt_sigreturn,%rax; syscall
  8: { layout: SIGCONTEXT_64, trampolines: [{ code: [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], saved: MCONTEXT[8] }] },
};
const LONGEST = 9;

/** All bytes asked for, or undefined. */
type ReadMemory = (address: bigint, length: number) => Uint8Array | undefined;

function trampolineAt({ wordSize }: RegisterMap, read: ReadMemory, pc: bigint): Trampoline | undefined {
  const code = read(pc, LONGEST);
  return code === undefined ? undefined : SYSTEM[wordSize].trampolines.find((each) => each.code.every((byte, i) => code[i] === byte));
}

export const isSignalTrampoline = (map: RegisterMap, read: ReadMemory, pc: bigint): boolean => trampolineAt(map, read, pc) !== undefined;

/** Registers of the interrupted code, by DWARF number; undefined: there is no such trampoline, or its stack cannot be read. */
export function interruptedRegisters(map: RegisterMap, read: ReadMemory, pc: bigint, stack: bigint): (bigint | undefined)[] | undefined {
  const { wordSize, names } = map;
  const trampoline = trampolineAt(map, read, pc);
  const word = (address: bigint): bigint | undefined => read(address, wordSize)?.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  if (trampoline === undefined) return undefined;
  const place = stack + BigInt(trampoline.saved);
  const context = trampoline.pointer === true ? word(place) : place;
  if (context === undefined) return undefined;
  const first = trampoline.pointer === true ? context + BigInt(MCONTEXT[wordSize]) : context;
  const registers: (bigint | undefined)[] = names.map(() => undefined);
  for (const [i, name] of SYSTEM[wordSize].layout.entries()) {
    if (name !== undefined) registers[names.indexOf(name)] = word(first + BigInt(i * wordSize));
  }
  return registers;
}
