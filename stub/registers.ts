/**
 * The registers gdb sees, in the order of the `g` packet, grouped as gdbserver groups them. One table gives the target
 * description, the sizes and the numbers. The grouping matters: gdb 13 aborts on float calls if xmm is not in a feature of its own.
 */

export interface RegisterRow {
  readonly name: string;
  readonly bits: number;
  /** Type name as target descriptions spell it. */
  readonly type: string;
  readonly group?: 'float' | 'vector';
}

export interface RegisterFeature {
  readonly name: string;
  readonly registers: readonly RegisterRow[];
}

const many = (names: readonly string[], bits: number, type: string, group?: 'float' | 'vector'): RegisterRow[] =>
  names.map((name) => ({ name, bits, type, ...(group === undefined ? {} : { group }) }));

const numbered = (prefix: string, from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${prefix}${from + i}`);

/** The end of both core features. */
const COMMON_CORE: readonly RegisterRow[] = [
  { name: 'eflags', bits: 32, type: 'i386_eflags' },
  ...many(['cs', 'ss', 'ds', 'es', 'fs', 'gs'], 32, 'int32'),
  ...many(numbered('st', 0, 7), 80, 'i387_ext'),
  ...many(['fctrl', 'fstat', 'ftag', 'fiseg', 'fioff', 'foseg', 'fooff', 'fop'], 32, 'int', 'float'),
];

const X86_64_FEATURES: readonly RegisterFeature[] = [
  {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...many(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi'], 64, 'int64'),
      ...many(['rbp', 'rsp'], 64, 'data_ptr'),
      ...many(numbered('r', 8, 15), 64, 'int64'),
      { name: 'rip', bits: 64, type: 'code_ptr' },
      ...COMMON_CORE,
    ],
  },
  {
    name: 'org.gnu.gdb.i386.sse',
    registers: [...many(numbered('xmm', 0, 15), 128, 'vec128'), { name: 'mxcsr', bits: 32, type: 'i386_mxcsr', group: 'vector' }],
  },
  { name: 'org.gnu.gdb.i386.linux', registers: [{ name: 'orig_rax', bits: 64, type: 'int' }] },
  { name: 'org.gnu.gdb.i386.segments', registers: many(['fs_base', 'gs_base'], 64, 'int') },
];

/** As gdbserver shows a 32-bit process; the segment bases are not among them. */
const I386_FEATURES: readonly RegisterFeature[] = [
  {
    name: 'org.gnu.gdb.i386.core',
    registers: [
      ...many(['eax', 'ecx', 'edx', 'ebx'], 32, 'int32'),
      ...many(['esp', 'ebp'], 32, 'data_ptr'),
      ...many(['esi', 'edi'], 32, 'int32'),
      { name: 'eip', bits: 32, type: 'code_ptr' },
      ...COMMON_CORE,
    ],
  },
  {
    name: 'org.gnu.gdb.i386.sse',
    registers: [...many(numbered('xmm', 0, 7), 128, 'vec128'), { name: 'mxcsr', bits: 32, type: 'i386_mxcsr', group: 'vector' }],
  },
  { name: 'org.gnu.gdb.i386.linux', registers: [{ name: 'orig_eax', bits: 32, type: 'int' }] },
];

/** Everything about one architecture's registers. Register numbers are indexes into `registers`. */
export class RegisterSet {
  readonly features: readonly RegisterFeature[];
  readonly registers: readonly RegisterRow[];
  private readonly numbers = new Map<string, number>();

  constructor(features: readonly RegisterFeature[]) {
    this.features = features;
    this.registers = features.flatMap((feature) => feature.registers);
    this.registers.forEach((row, number) => this.numbers.set(row.name, number));
  }

  /** Size in bytes. */
  size(register: number): number {
    return this.registers[register].bits >>> 3;
  }

  number(name: string): number {
    const number = this.numbers.get(name);
    if (number === undefined) throw new Error(`no register named ${name}`);
    return number;
  }
}

export const X86_64_REGISTERS = new RegisterSet(X86_64_FEATURES);

export const I386_REGISTERS = new RegisterSet(I386_FEATURES);

/** What the server has to know of an architecture. */
export interface Architecture {
  /** BFD's name. */
  readonly name: string;
  readonly registers: RegisterSet;
  readonly wordSize: 4 | 8;
  /** Register numbers: of the instruction pointer, of a call's result, and of its number. */
  readonly pc: number;
  readonly result: number;
  readonly syscall: number;
  /** Sent with every stop, so that gdb need not ask. */
  readonly expedited: readonly number[];
}

function architecture(name: string, wordSize: 4 | 8, registers: RegisterSet, result: string, expedited: readonly [string, string, string]): Architecture {
  return {
    name, registers, wordSize, pc: registers.number(expedited[2]), result: registers.number(result), syscall: registers.number(`orig_${result}`), 
    expedited: expedited.map((register) => registers.number(register)),
  };
}

export const ARCHITECTURES = {
  'x86-64': architecture('i386:x86-64', 8, X86_64_REGISTERS, 'rax', ['rbp', 'rsp', 'rip']),
  i386: architecture('i386', 4, I386_REGISTERS, 'eax', ['ebp', 'esp', 'eip']),
} as const;

/** Numbers which other code asks for by name. */
export const X86_64_REGISTER = {
  rax: X86_64_REGISTERS.number('rax'), rbp: X86_64_REGISTERS.number('rbp'), rsp: X86_64_REGISTERS.number('rsp'),
  rip: X86_64_REGISTERS.number('rip'), eflags: X86_64_REGISTERS.number('eflags'), cs: X86_64_REGISTERS.number('cs'),
  st0: X86_64_REGISTERS.number('st0'), fctrl: X86_64_REGISTERS.number('fctrl'), xmm0: X86_64_REGISTERS.number('xmm0'),
  mxcsr: X86_64_REGISTERS.number('mxcsr'), origRax: X86_64_REGISTERS.number('orig_rax'),
  fsBase: X86_64_REGISTERS.number('fs_base'), gsBase: X86_64_REGISTERS.number('gs_base'),
} as const;
