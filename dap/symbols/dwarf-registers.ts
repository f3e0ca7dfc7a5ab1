/** Numbers DWARF gives to registers (System V ABI supplements: x86-64 table 3.36, i386 table 2.14) by the names of target descriptions. */
export interface RegisterMap {
  readonly wordSize: 4 | 8;
  readonly stackPointer: number;
  readonly instructionPointer: number;
  readonly framePointer: number;
  /** Names by DWARF number. */
  readonly names: readonly (string | undefined)[];
}

const numbered = (prefix: string, first: number, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${first + i}`);

export const X86_64_MAP: RegisterMap = {
  wordSize: 8, stackPointer: 7, instructionPointer: 16, framePointer: 6,
  names: ['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp', ...numbered('r', 8, 8), 'rip', ...numbered('xmm', 0, 16), ...numbered('st', 0, 8)],
};

export const I386_MAP: RegisterMap = {
  wordSize: 4, stackPointer: 4, instructionPointer: 8, framePointer: 5,
  names: ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi', 'eip', 'eflags', undefined, ...numbered('st', 0, 8), undefined, undefined, ...numbered('xmm', 0, 8)],
};
