/**
 * Test support: runs single x87 and SSE operations on the real processor. A C program is generated with one case per
 * operation, built with gcc in a temporary directory, and fed all cases at once. Unmasked exceptions are caught.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One operation: assembly text. x87 code works on st(0) = a, st(1) = b; SSE code on xmm0 = a, xmm1 = b; both may use memory `m` and eax. */
export interface NativeOperation {
  readonly unit: 'x87' | 'sse';
  readonly asm: string;
}

export interface NativeCase {
  readonly operation: number;
  /** MXCSR, or the x87 control word. */
  readonly control: number;
  /** 16 bytes each; x87 uses the first ten. */
  readonly a: bigint;
  readonly b: bigint;
  readonly memory: bigint;
}

export interface NativeResult {
  readonly trapped: boolean;
  /** x87 status word, MXCSR afterwards. */
  readonly status: number;
  readonly mxcsr: number;
  /** x87 tag word. */
  readonly tags: number;
  /** st(0), st(1), st(2) as 80 bits. */
  readonly stack: readonly [bigint, bigint, bigint];
  readonly xmm0: bigint;
  readonly memory: bigint;
  readonly rax: bigint;
  readonly eflags: number;
}

/** Whether this machine's processor is AMD's, whose choices differ from Intel's here and there. skas makes Intel's. */
export const HOST_IS_AMD = /^vendor_id\s*: AuthenticAMD$/m.test(readFileSync('/proc/cpuinfo', 'latin1'));

const INPUT_BYTES = 64;
const OUTPUT_BYTES = 192;

function source(operations: readonly NativeOperation[]): string {
  const cases = operations.map(({ unit, asm }, i) => {
    const text = JSON.stringify(asm.replace(/%(?!\[)/g, '%%'));
    if (unit === 'x87') {
      return `case ${i}: asm volatile("fninit\\n fldt %[b]\\n fldt %[a]\\n fnclex\\n fldcw %[cw]\\n" ${text} "\\n fnsave %[env]\\n pushfq\\n popq %[fl]"
        : [env] "=m"(out->env), [fl] "=r"(flags), "+a"(rax), "+m"(out->memory) : [a] "m"(in->a), [b] "m"(in->b), [cw] "m"(in->control), [m] "r"(out->memory) : "memory", "cc"); break;`;
    }
    return `case ${i}: asm volatile("movdqu %[a], %%xmm0\\n movdqu %[b], %%xmm1\\n ldmxcsr %[cw]\\n" ${text} "\\n pushfq\\n popq %[fl]\\n stmxcsr %[mx]\\n ldmxcsr %[safe]\\n movdqu %%xmm0, %[x]"
        : [x] "=m"(out->xmm0), [mx] "=m"(out->mxcsr), [fl] "=r"(flags), "+a"(rax) : [a] "m"(in->a), [b] "m"(in->b), [cw] "m"(in->control), [m] "r"(out->memory), [safe] "m"(safe) : "xmm0", "xmm1", "memory", "cc"); break;`;
  });
  return `#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
struct input { uint32_t operation, control; uint64_t pad; unsigned char a[16], b[16], memory[16]; };
struct output { unsigned char env[112], xmm0[16], memory[16]; uint64_t rax, eflags; uint32_t mxcsr, trapped; unsigned char pad[24]; };
static sigjmp_buf back;
static uint32_t trapped_mxcsr, safe = 0x1f80;
static struct _libc_fpstate trapped_state;
static void on_fpe(int n, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  trapped_mxcsr = u->uc_mcontext.fpregs->mxcsr;
  trapped_state = *u->uc_mcontext.fpregs;
  siglongjmp(back, 1);
}
static void run(struct input *in, struct output *out) {
  uint64_t flags = 0, rax = 0x1122334455667788;
  memcpy(out->memory, in->memory, 16);
  switch (in->operation) { ${cases.join('\n')} }
  out->rax = rax; out->eflags = flags;
}
int main(void) {
  struct sigaction sa = { .sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO | SA_NODEFER };
  sigaction(SIGFPE, &sa, 0);
  struct input in; static struct output out;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    memset(&out, 0, sizeof out);
    if (sigsetjmp(back, 1)) {
      out.trapped = 1; out.mxcsr = trapped_mxcsr;
      memcpy(out.env, &trapped_state.cwd, 2); memcpy(out.env + 4, &trapped_state.swd, 2);
      for (int i = 0; i < 8; i++) memcpy(out.env + 28 + 10 * i, &trapped_state._st[i], 10);
      asm volatile("fninit\\n ldmxcsr %0" : : "m"(safe));
    } else run(&in, &out);
    fwrite(&out, sizeof out, 1, stdout);
  }
  return 0;
}
`;
}

/** Runs all cases natively. Throws when gcc is missing or refuses. */
export function runNative(operations: readonly NativeOperation[], cases: readonly NativeCase[]): NativeResult[] {
  const directory = mkdtempSync(join(tmpdir(), 'skas-float-'));
  try {
    writeFileSync(join(directory, 'oracle.c'), source(operations));
    const built = spawnSync('gcc', ['-O1', '-o', join(directory, 'oracle'), join(directory, 'oracle.c')], { encoding: 'utf8' });
    if (built.status !== 0) throw new Error(`gcc: ${built.stderr || built.error?.message}`);
    const input = Buffer.alloc(cases.length * INPUT_BYTES);
    cases.forEach((c, i) => {
      const at = i * INPUT_BYTES;
      input.writeUInt32LE(c.operation, at);
      input.writeUInt32LE(c.control, at + 4);
      writeWide(input, at + 16, c.a);
      writeWide(input, at + 32, c.b);
      writeWide(input, at + 48, c.memory);
    });
    const ran = spawnSync(join(directory, 'oracle'), [], { input, maxBuffer: cases.length * OUTPUT_BYTES + 4096 });
    if (ran.status !== 0 || ran.stdout.length !== cases.length * OUTPUT_BYTES) throw new Error(`oracle ended with ${ran.status} ${ran.signal}, ${ran.stdout.length} bytes`);
    return cases.map((_, i) => readResult(ran.stdout.subarray(i * OUTPUT_BYTES, (i + 1) * OUTPUT_BYTES)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function writeWide(buffer: Buffer, at: number, value: bigint): void {
  buffer.writeBigUInt64LE(value & 0xffffffffffffffffn, at);
  buffer.writeBigUInt64LE((value >> 64n) & 0xffffffffffffffffn, at + 8);
}

const readWide = (buffer: Buffer, at: number): bigint => buffer.readBigUInt64LE(at) | (buffer.readBigUInt64LE(at + 8) << 64n);
const readExtended = (buffer: Buffer, at: number): bigint => buffer.readBigUInt64LE(at) | (BigInt(buffer.readUInt16LE(at + 8)) << 64n);

function readResult(bytes: Buffer): NativeResult {
  return {
    trapped: bytes.readUInt32LE(164) !== 0,
    status: bytes.readUInt16LE(4),
    tags: bytes.readUInt16LE(8),
    stack: [readExtended(bytes, 28), readExtended(bytes, 38), readExtended(bytes, 48)],
    xmm0: readWide(bytes, 112),
    memory: readWide(bytes, 128),
    rax: bytes.readBigUInt64LE(144),
    eflags: bytes.readUInt32LE(152),
    mxcsr: bytes.readUInt32LE(160),
  };
}

/** Deterministic random numbers (xorshift128): tests must repeat. */
export class Random {
  private readonly state: Uint32Array;

  constructor(seed: number) {
    this.state = Uint32Array.of(seed, 0x9e3779b9, 0x243f6a88, 0xb7e15162);
    for (let i = 0; i < 16; i++) this.u32();
  }

  u32(): number {
    const s = this.state;
    const t = s[3] ^ (s[3] << 11);
    s[3] = s[2];
    s[2] = s[1];
    s[1] = s[0];
    s[0] ^= (s[0] >>> 19) ^ t ^ (t >>> 8);
    return s[0];
  }

  below(limit: number): number {
    return this.u32() % limit;
  }

  bits(count: number): bigint {
    let value = 0n;
    for (let i = 0; i < count; i += 32) value = (value << 32n) | BigInt(this.u32());
    return BigInt.asUintN(count, value);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }
}

/** A bit pattern of a float with `fraction` fraction bits (explicit integer bit included for 80-bit) that likes to be an edge case. */
export function interestingFloat(random: Random, exponentBits: number, fractionBits: number): bigint {
  const top = (1 << exponentBits) - 1;
  const bias = top >> 1;
  const exponent = random.pick([0, 0, 1, 2, top, top, top - 1, bias, bias, bias + 1, bias + random.below(70) - 35, bias + random.below(70) - 35, random.below(top + 1)]);
  const fraction = random.pick([
    0n, 0n, 1n, (1n << BigInt(fractionBits)) - 1n, 1n << BigInt(fractionBits - 1), (1n << BigInt(fractionBits - 1)) - 1n,
    random.bits(fractionBits), random.bits(fractionBits), random.bits(fractionBits),
    random.bits(8) << BigInt(fractionBits - 8), 1n << BigInt(random.below(fractionBits)), random.bits(fractionBits) & ~0x1fffffn,
  ]);
  return (BigInt(random.below(2)) << BigInt(exponentBits + fractionBits)) | (BigInt(exponent) << BigInt(fractionBits)) | BigInt.asUintN(fractionBits, fraction);
}
