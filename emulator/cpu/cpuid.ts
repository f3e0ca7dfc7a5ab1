/**
 * CPUID: an x86-64-v2 processor without AVX (SDM vol. 2A, CPUID). Exactly what the machine implements, the same on every host.
 * MONITOR, XSAVE, RDRAND, TSX and the like are absent, so nothing a guest sees depends on the machine underneath.
 */

/** eax, ebx, ecx, edx. */
export type CpuidResult = readonly [number, number, number, number];

const ZERO: CpuidResult = [0, 0, 0, 0];
const BRAND = 'skas virtual CPU';
/** Family 6, model 0x2c, stepping 2: what programs that look at it expect of an x86-64-v2 processor. */
const SIGNATURE = 0x000206c2;

/** Bit masks by bit number. */
const bits = (...numbers: readonly number[]): number => numbers.reduce((mask, n) => mask | (1 << n), 0);

/** Leaf 1 ecx: SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT, hypervisor present. */
const FEATURES_ECX = bits(0, 9, 13, 19, 20, 23, 31);
/** Leaf 1 edx: FPU, TSC, CX8, SEP, CMOV, MMX, FXSR, SSE, SSE2. */
const FEATURES_EDX = bits(0, 4, 8, 11, 15, 23, 24, 25, 26);
/** Leaf 0x80000001 ecx: LAHF/SAHF in 64-bit mode; edx: SYSCALL, NX, long mode. */
const EXTENDED_ECX = bits(0);
const EXTENDED_EDX = bits(11, 20, 29);

/** Cache parameters by sub-leaf (leaf 4): L1 data, L1 code, L2; 64-byte lines. */
const CACHES: readonly CpuidResult[] = [
  [0x00000121, ways(8), 63, 0],
  [0x00000122, ways(8), 63, 0],
  [0x00000143, ways(8), 511, 0],
];

export function cpuid(leaf: number, subleaf: number): CpuidResult {
  switch (leaf >>> 0) {
    case 0:
      return [0xd, ...text('GenuineIntel', [0, 8, 4])] as const;
    case 1:
      // CLFLUSH line size 8 × 8, one logical processor, APIC id 0.
      return [SIGNATURE, 0x00010800, FEATURES_ECX, FEATURES_EDX];
    case 2:
      // Descriptor 0xff: the caches are in leaf 4.
      return [0x00ffff01, 0, 0, 0];
    case 4:
      return CACHES[subleaf >>> 0] ?? ZERO;
    case 0x80000000:
      return [0x80000008 | 0, 0, 0, 0];
    case 0x80000001:
      return [0, 0, EXTENDED_ECX, EXTENDED_EDX];
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = ((leaf >>> 0) - 0x80000002) * 16;
      const [a, b, c] = text(BRAND.padEnd(64, '\0'), [at, at + 4, at + 8]);
      const [d] = text(BRAND.padEnd(64, '\0'), [at + 12, 0, 0]);
      return [a, b, c, d];
    }
    case 0x80000006:
      // L2: 256 KiB, 8 ways, 64-byte lines.
      return [0, 0, 0x01006040, 0];
    case 0x80000008:
      // 40 physical and 48 linear address bits.
      return [0x3028, 0, 0, 0];
    default:
      return ZERO;
  }
}

function ways(n: number): number {
  return ((n - 1) << 22) | 63;
}

/** Four characters each from the given places, as registers hold them. */
function text(from: string, places: readonly [number, number, number]): readonly [number, number, number] {
  const word = (at: number): number => from.charCodeAt(at) | (from.charCodeAt(at + 1) << 8) | (from.charCodeAt(at + 2) << 16) | (from.charCodeAt(at + 3) << 24);
  return [word(places[0]), word(places[1]), word(places[2])];
}
