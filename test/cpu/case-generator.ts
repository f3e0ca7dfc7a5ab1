/**
 * Makes random instances of instruction forms: bytes from the form's own row, with every operand kind, size, addressing
 * mode and prefix it allows, and a register and memory state that suits it (addresses that mostly exist, divisors that mostly divide).
 * What it writes is checked by decoding it again: an instance which is another form's is thrown away.
 */
import { decode } from '../../emulator/cpu/decode/decoder.ts';
import { Instruction } from '../../emulator/cpu/decode/instruction.ts';
import { Immediate, ImplicitMemory, PrefixClass, resolveSize, type ParsedRow } from '../../emulator/cpu/decode/parse-row.ts';
import { Case, CODE, DATA, DATA_BYTES, FS_BASE, FS_BYTES, GS_BASE, PATCH_BYTES, SLOT } from './case-layout.ts';
import { extended, integer, vectorQuad, type Random } from './random-values.ts';

/** What only the operating system answers, what stops, and what changes the segments the harness needs. */
const NOT_RUN = new Set([
  'SYSCALL', 'SYSENTER', 'INT', 'INT1', 'INT3', 'CPUID', 'RDTSC', 'SGDT', 'SIDT', 'SLDT', 'STR', 'SMSW', 'RDPMC',
]);

/** Whether instances of the form can be run on the host. */
export function runnable(row: ParsedRow, mode: 64 | 32): boolean {
  const { mnemonic, operands, attributes } = row.form;
  if (attributes.has(mode === 64 ? 'i64' : 'o64') || (mode === 32 && row.wide) || NOT_RUN.has(mnemonic)) return false;
  // Control and debug registers beyond those that exist are #UD before they are privileged; that is nobody's concern here.
  if (row.map === 1 && row.opcode >= 0x20 && row.opcode <= 0x23) return false;
  // Loading a segment register: fs and gs are what the harness's data hangs on.
  return !/^L[DEFGS]S$/.test(mnemonic) && !(operands[0]?.method === 'segment' && (mnemonic === 'MOV' || mnemonic === 'POP'));
}

/** Where branches go in a slot: behind what the instruction of the slot before may have put there, before the slot's own. */
const TARGET = 14;
const MASK64 = (1n << 64n) - 1n;
const R = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 } as const;

/** What the checker needs to know of a case besides its record. */
export interface CaseFacts {
  readonly row: ParsedRow;
  readonly mode: 64 | 32;
  readonly bytes: Uint8Array;
  readonly address: number;
  readonly operandSize: number;
  /** Shift count, where operands say one. */
  readonly count: number;
}

export class CaseGenerator {
  private readonly random: Random;
  private readonly mode: 64 | 32;
  private readonly gpr = new BigUint64Array(16);
  private readonly patch = new Uint8Array(PATCH_BYTES);
  private readonly patchView = new DataView(this.patch.buffer);
  private patchOffset = 0;
  private readonly code = new Uint8Array(64);
  private readonly decoded = new Instruction();

  constructor(random: Random, mode: 64 | 32) {
    this.random = random;
    this.mode = mode;
  }

  /** Writes case `slot` of `row` to `record` and its code to `image` (from CODE on). Undefined when no valid instance came out. */
  make(row: ParsedRow, slot: number, record: DataView, image: Uint8Array): CaseFacts | undefined {
    const { random } = this;
    for (let n = 0; n < 16; n++) this.gpr[n] = integer(random);
    const vectors = row.form.operands.some(({ method }) => /^(xmm|mmx)/.test(method));
    const kind = random.below(8);
    for (let at = 0; at < PATCH_BYTES; at += 8) this.patchView.setBigUint64(at, vectors ? vectorQuad(random, kind) : integer(random), true);
    this.patchOffset = 512 + 16 * random.below(16);
    this.gpr[R.rsp] = BigInt(this.place(16));
    const slotAddress = CODE + slot * SLOT;
    // Now and then the instruction crosses into the next page of code.
    const crossing = slot % 64 === 63 && (slot + 2) * SLOT <= image.length && random.chance(0.7);
    const address = slotAddress + (crossing ? SLOT - 1 - random.below(7) : 16);
    const length = this.encode(row, address, slotAddress);
    if (length === 0) return undefined;
    const bytes = this.code.slice(0, length);
    image.set(bytes, address - CODE);
    this.writeRecord(row, record, address, kind, vectors);
    const { decoded } = this;
    const countOperand = row.form.operands.at(-1);
    const count = countOperand?.method === 'one' ? 1 : countOperand?.method === 'imm' ? decoded.immediate : Number(this.gpr[R.rcx] & 0xffn);
    const first = row.form.operands[0];
    const operandSize = first === undefined ? decoded.operandSize : resolveSize(first, decoded.operandSize, decoded.memory);
    return { row, mode: this.mode, bytes, address, operandSize, count };
  }

  /** An address in the data for an access of `bytes` bytes; the patch mostly moves there. */
  private place(bytes: number): number {
    const { random } = this;
    const kind = random.below(100);
    const align = bytes >= 8 ? Math.min(bytes, 16) : Math.max(bytes, 1);
    let address: number;
    if (kind < 60) address = DATA + this.patchOffset + Math.floor(random.below(32) / align) * align;
    else if (kind < 80) address = DATA + this.patchOffset + random.below(32);
    else if (kind < 86) address = DATA + 4096 - random.below(bytes + 2);
    else if (kind < 90) address = DATA + 8192 - random.below(bytes + 2);
    else if (kind < 93) address = DATA + 8192 + random.below(256);
    else if (kind < 96) address = DATA + 12288 - random.below(bytes + 2);
    else if (kind < 98) address = DATA + 12288 + random.below(4096);
    else address = DATA + 0x100000 + random.below(1 << 20);
    // Data where the access is, if it is in the data at all.
    const offset = Math.max(0, address - DATA - 16);
    if (kind >= 80 && offset + PATCH_BYTES <= DATA_BYTES && random.chance(0.8)) this.patchOffset = offset;
    return address;
  }

  // ── encoding ──────────────────────────────────────────────────────────────────────────────────

  private encode(row: ParsedRow, address: number, slotAddress: number): number {
    for (let attempt = 0; attempt < 8; attempt++) {
      const length = this.attempt(row, address, slotAddress);
      this.code.fill(0xcc, length);
      if (length > 0 && length <= 15 && decode(this.code, 0, length, address, this.mode, this.decoded) === 'ok' && this.decoded.form === row.form && this.decoded.length === length) return length;
    }
    return 0;
  }

  private attempt(row: ParsedRow, address: number, slotAddress: number): number {
    const { random, code, gpr } = this;
    const { form } = row;
    const long = this.mode === 64;
    let at = 0;
    const put = (byte: number): void => {
      code[at++] = byte & 0xff;
    };
    const sized = form.operands.some(({ size }) => typeof size === 'string') || /^(MOVS|STOS|LODS|CMPS|SCAS|CBW|CWD|PUSHF|POPF|LEAVE|ENTER|RET)/.test(form.mnemonic);
    // In 32-bit mode a branch with 66 goes to a 16-bit address.
    const branch = /^(J|LOOP|CALL|RET)/.test(form.mnemonic);
    const want66 = sized && (long || !branch) && row.prefix !== PrefixClass.operandSize && row.prefix !== PrefixClass.none && random.chance(0.25);
    const memoryForm = row.modrm && row.mod !== 'register' && form.operands.some(({ method }) => /^(rm|mem|xmmRm|mmxRm)$/.test(method));
    const memory = memoryForm && (row.mod === 'memory' || random.chance(0.5));
    const usesMemory = memory || row.implicitMemory !== ImplicitMemory.none || row.immediates[0] === Immediate.offset;
    const address32 = long && (usesMemory || /^(LOOP|JRCXZ|STOS|SCAS)/.test(form.mnemonic)) && random.chance(0.06);
    const segment = usesMemory && random.chance(0.06) ? random.pick([0x64, 0x65]) : 0;
    const junk = random.chance(0.02);
    // A write through cs is #GP in 32-bit mode, which this engine's flat segments do not know.
    if (junk) put(random.pick([0x36, 0x3e, 0x26, ...(long ? [0x2e, 0x40 + random.below(16)] : [])]));
    if (want66) put(0x66);
    if (address32) put(0x67);
    if (segment !== 0) put(segment);
    if (form.attributes.has('lock') && memory && random.chance(0.2)) put(0xf0);
    if (form.attributes.has('rep') && random.chance(0.6)) {
      put(random.pick([0xf2, 0xf3]));
      // With 32-bit addresses CPUs clear the upper half of rcx even when the first element faults; not interesting.
      if (address32) gpr[R.rcx] &= 0xffffffffn;
      if (random.chance(0.9)) gpr[R.rcx] = BigInt(random.below(40));
    }
    if (row.prefix === PrefixClass.operandSize) put(0x66);
    if (row.prefix === PrefixClass.repne) put(0xf2);
    if (row.prefix === PrefixClass.rep) put(0xf3);
    // REX: W when the form wants it or may have it, R X B at random.
    const wide = row.wide || (long && sized && random.chance(0.4));
    const rexBits = long && random.chance(0.5) ? random.below(8) : 0;
    const rex = wide ? 0x48 | rexBits : rexBits !== 0 || (long && random.chance(0.1)) ? 0x40 | rexBits : 0;
    if (rex !== 0) put(rex);
    if (row.map > 0) put(0x0f);
    if (row.map > 1) put(row.map === 2 ? 0x38 : 0x3a);
    put(row.opcodeRegister ? row.opcode | random.below(8) : row.opcode);
    const operandSize = wide || (long && form.attributes.has('f64')) ? 8 : want66 ? 2 : long && form.attributes.has('d64') ? 8 : 4;

    const offset = segment === 0x64 ? BigInt(FS_BASE) : segment === 0x65 ? BigInt(GS_BASE) : 0n;
    let ripDisplacement = -1;
    let target = 0n;
    if (row.modrm) {
      const reg = row.reg ?? random.below(8);
      if (memory) {
        const spec = form.operands.find(({ method }) => /^(rm|mem|xmmRm|mmxRm)$/.test(method));
        const size = spec === undefined ? 8 : resolveSize(spec, operandSize, true);
        target = BigInt(this.place(Math.max(size, 1))) - offset;
        // About where fs ends.
        if (!long && segment === 0x64 && random.chance(0.3)) target = BigInt(FS_BYTES - random.below(Math.max(size, 1) + 2));
        ripDisplacement = this.putMemory(put, () => at, reg, rex, target, address32, form.attributes.has('pops-base') ? BigInt(operandSize) : 0n);
      } else put(0xc0 | (reg << 3) | (row.rm ?? random.below(8)));
    }
    this.prepare(row, operandSize, memory, slotAddress, offset);
    for (const immediate of row.immediates) this.putImmediate(put, row, immediate, operandSize, address32, address + at, slotAddress, offset);
    if (ripDisplacement >= 0) {
      const displacement = Number(BigInt.asIntN(32, target - BigInt(address + at)));
      new DataView(code.buffer).setInt32(ripDisplacement, displacement, true);
    }
    return at;
  }

  /** ModRM with mod ≠ 3, SIB and displacement for `target`; sets the base register. Returns where a rip-relative displacement is to go, or -1. */
  private putMemory(put: (byte: number) => void, at: () => number, reg: number, rex: number, target: bigint, address32: boolean, popped: bigint): number {
    const { random, gpr } = this;
    const put32 = (value: number): void => {
      for (let i = 0; i < 4; i++) put(value >> (8 * i));
    };
    const shape = random.below(10);
    if (shape === 0) {
      put((reg << 3) | 5);
      put32(this.mode === 64 ? 0 : Number(BigInt.asIntN(32, target)));
      return this.mode === 64 ? at() - 4 : -1;
    }
    if (shape === 1) {
      // No base: [disp32] or [index × scale + disp32].
      const scale = random.below(4);
      const index = random.below(8);
      const register = index | ((rex & 2) << 2);
      const indexed = register !== 4;
      if (indexed) gpr[register] = BigInt(random.below(64)) | (address32 ? BigInt(random.u32()) << 32n : 0n);
      put((reg << 3) | 4);
      put((scale << 6) | (index << 3) | 5);
      put32(Number(BigInt.asIntN(32, target - (indexed ? (gpr[register] & 0xffffffffn) << BigInt(scale) : 0n))));
      return -1;
    }
    const mod = random.below(3);
    const displacement = mod === 0 ? 0 : mod === 1 ? random.below(256) - 128 : random.chance(0.8) ? random.below(4096) - 2048 : random.u32() | 0;
    let sum = BigInt(displacement);
    let base = random.below(8);
    const needsSib = shape < 6 || base === 4;
    if (base === 5 && mod === 0) base = 3;
    const baseRegister = base | ((rex & 1) << 3);
    if (needsSib) {
      let index = random.below(8);
      if ((index | ((rex & 2) << 2)) === baseRegister) index = (index + 1) % 8;
      const scale = random.below(4);
      const register = index | ((rex & 2) << 2);
      if (register !== 4) {
        if (random.chance(0.6)) gpr[register] = BigInt.asUintN(64, BigInt(random.below(256) - 128));
        sum += gpr[register] << BigInt(scale);
      }
      put((mod << 6) | (reg << 3) | 4);
      put((scale << 6) | (index << 3) | base);
    } else put((mod << 6) | (reg << 3) | base);
    if (mod === 1) put(displacement);
    else if (mod === 2) put32(displacement);
    const value = (target - sum - (baseRegister === 4 ? popped : 0n)) & MASK64;
    gpr[baseRegister] = address32 && baseRegister !== 4 ? (value & 0xffffffffn) | (BigInt(random.u32()) << 32n) : value;
    return -1;
  }

  private putImmediate(
    put: (byte: number) => void, row: ParsedRow, kind: Immediate, operandSize: number, address32: boolean, position: number, slotAddress: number, offset: bigint,
  ): void {
    const { random } = this;
    const bytes = (value: bigint, count: number): void => {
      for (let i = 0; i < count; i++) put(Number((value >> BigInt(8 * i)) & 0xffn));
    };
    const isBranch = row.form.operands[0]?.method === 'rel';
    if (isBranch) {
      const size = kind === Immediate.relative ? 4 : 1;
      const next = position + size;
      // An instruction at the end of its slot has less room behind it: the next slot's instruction is near.
      const room = position - slotAddress > 32 ? 1 : 16;
      const target = random.chance(0.9) || size === 1 ? (random.chance(0.5) ? slotAddress + TARGET + random.below(2) : next + random.below(room)) : DATA + 0x200000;
      const distance = target - next;
      bytes(BigInt(size === 1 && (distance < -128 || distance > 127) ? 4 : distance), size);
      return;
    }
    switch (kind) {
      case Immediate.byte:
      case Immediate.signedByte:
        bytes(BigInt(random.chance(0.5) ? random.below(256) : random.below(34)), 1);
        return;
      case Immediate.word:
        bytes(BigInt(random.chance(0.7) ? random.below(64) * 8 : random.below(65536)), 2);
        return;
      case Immediate.offset:
        bytes(BigInt(this.place(8)) - offset, address32 || this.mode === 32 ? 4 : 8);
        return;
      case Immediate.v:
        bytes(integer(random), operandSize);
        return;
      default:
        bytes(integer(random), operandSize === 2 ? 2 : 4);
    }
  }

  // ── state ─────────────────────────────────────────────────────────────────────────────────────

  /** Values without which an instruction would mostly fault or do nothing. */
  private prepare(row: ParsedRow, operandSize: number, memory: boolean, slotAddress: number, offset: bigint): void {
    const { random, gpr } = this;
    const { mnemonic } = row.form;
    const fill = (value: () => bigint): void => {
      for (let at = 0; at < PATCH_BYTES; at += 8) this.patchView.setBigUint64(at, value(), true);
    };
    const target = (): bigint => BigInt(random.chance(0.9) ? slotAddress + TARGET + random.below(2) : DATA + 0x200000 + random.below(64));
    const codeTarget = (): bigint => (this.mode === 64 ? target() : target() | (target() << 32n));
    switch (mnemonic) {
      case 'DIV':
      case 'IDIV':
        if (random.chance(0.7)) gpr[R.rdx] = random.chance(0.5) ? BigInt(random.below(16)) : gpr[R.rax] >> 63n ? MASK64 : 0n;
        return;
      case 'RET':
        fill(codeTarget);
        gpr[R.rsp] = BigInt(DATA + this.patchOffset + 8 * random.below(4));
        return;
      case 'JMP':
      case 'CALL':
        if (row.form.operands[0]?.method !== 'rm') return;
        fill(codeTarget);
        if (!memory) for (let n = 0; n < 16; n++) if (n !== R.rsp) gpr[n] = codeTarget();
        return;
      case 'POPF':
        // TF and AC would stop or trip the harness.
        fill(() => random.u64() & 0x0000_0cd5_0000_0cd5n);
        gpr[R.rsp] = BigInt(DATA + this.patchOffset + 4 * random.below(8));
        return;
      case 'ENTER':
      case 'LEAVE':
        gpr[R.rbp] = BigInt(this.place(16));
        return;
      case 'XLAT':
        gpr[R.rbx] = BigInt(this.place(64)) - offset;
        return;
      case 'MOVS':
      case 'CMPS':
      case 'LODS':
      case 'STOS':
      case 'SCAS':
        gpr[R.rsi] = BigInt(this.place(operandSize)) - offset;
        gpr[R.rdi] = BigInt(this.place(operandSize));
        if (random.chance(0.3)) gpr[R.rdi] = gpr[R.rsi] + BigInt(random.below(33) - 16);
        if (random.chance(0.3)) fill(() => gpr[R.rax]);
        return;
      case 'MASKMOVDQU':
      case 'MASKMOVQ':
        gpr[R.rdi] = BigInt(this.place(16)) - offset;
        return;
      case 'BT':
      case 'BTS':
      case 'BTR':
      case 'BTC':
        // As a bit offset a random register reaches anywhere.
        if (memory && row.form.operands[1]?.method === 'reg' && random.chance(0.9)) this.smallOffsets();
        return;
      case 'CMPXCHG':
      case 'CMPXCHG8B':
      case 'CMPXCHG16B':
        if (random.chance(0.5)) fill(() => gpr[R.rax]);
        if (random.chance(0.5)) gpr[R.rdx] = mnemonic === 'CMPXCHG8B' ? gpr[R.rax] >> 32n : gpr[R.rax];
        return;
      default:
    }
  }

  // Every register that is not an address becomes a small offset.
  private smallOffsets(): void {
    const { random, gpr } = this;
    for (let n = 0; n < 16; n++) {
      const address = gpr[n] >= BigInt(DATA) - 0x10000n && gpr[n] < BigInt(DATA) + 0x10000n;
      if (!address && gpr[n] >> 20n !== 0n && gpr[n] >> 16n !== 0xffffffffffffn) gpr[n] = BigInt.asUintN(64, BigInt(random.below(400) - 200));
    }
  }

  private writeRecord(row: ParsedRow, record: DataView, address: number, kind: number, vectors: boolean): void {
    const { random } = this;
    for (let n = 0; n < 16; n++) record.setBigUint64(Case.gpr + n * 8, this.mode === 64 ? this.gpr[n] : n < 8 ? this.gpr[n] & 0xffffffffn : 0n, true);
    record.setBigUint64(Case.rip, BigInt(address), true);
    const direction = /^(MOVS|STOS|LODS|CMPS|SCAS)$/.test(row.form.mnemonic) ? random.chance(0.3) : random.chance(0.02);
    record.setBigUint64(Case.rflags, BigInt(0x202 | (random.u32() & 0x8d5) | (direction ? 0x400 : 0)), true);
    record.setUint32(Case.mxcsr, this.mxcsr(vectors), true);
    record.setUint32(Case.patchOffset, this.patchOffset, true);
    for (let at = 0; at < 256; at += 8) record.setBigUint64(Case.xmm + at, vectors ? vectorQuad(random, random.chance(0.7) ? kind : random.below(8)) : random.u64(), true);
    this.writeX87(row, record);
    for (let at = 0; at < PATCH_BYTES; at++) record.setUint8(Case.patch + at, this.patch[at]);
  }

  private mxcsr(vectors: boolean): number {
    const { random } = this;
    if (!vectors || random.chance(0.6)) return 0x1f80;
    const rounding = random.below(4) << 13;
    const zeroing = random.chance(0.2) ? random.pick([0x8000, 0x40, 0x8040]) : 0;
    const unmasked = random.chance(0.1) ? random.below(64) << 7 : 0;
    return (0x1f80 & ~unmasked) | rounding | zeroing | (random.chance(0.2) && unmasked === 0 ? random.below(64) : 0);
  }

  private writeX87(row: ParsedRow, record: DataView): void {
    const { random } = this;
    const used = row.opcode >= 0xd8 && row.opcode <= 0xdf && row.map === 0;
    const control = used && random.chance(0.4) ? 0x37f & ~0xf00 | (random.pick([0, 2, 3]) << 8) | (random.below(4) << 10) : 0x37f;
    // Now and then some exceptions are unmasked, or pending.
    const waits = used || row.form.operands.some(({ method }) => method.startsWith('mmx'));
    const unmasked = waits && random.chance(0.2) ? random.below(64) : 0;
    const flags = random.chance(0.15) ? random.below(64) : 0;
    const pending = (flags & unmasked) !== 0 ? 0x8080 : 0;
    record.setUint16(Case.fcw, control & ~unmasked, true);
    const top = random.below(8);
    record.setUint16(Case.fsw, flags | pending | (top << 11) | (random.chance(0.3) ? random.below(8) << 8 : 0), true);
    // Abridged tags count physical registers.
    record.setUint16(Case.ftw, random.chance(0.7) ? 0xff : random.below(256), true);
    record.setUint16(Case.fop, 0, true);
    for (let n = 0; n < 8; n++) {
      const [high, significand] = extended(random);
      record.setBigUint64(Case.st + n * 16, significand, true);
      record.setUint16(Case.st + n * 16 + 8, high, true);
      for (let pad = 10; pad < 16; pad++) record.setUint8(Case.st + n * 16 + pad, 0);
    }
  }
}
