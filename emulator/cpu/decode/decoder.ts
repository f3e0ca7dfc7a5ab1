/**
 * The instruction decoder: bytes to an {@link Instruction}, for 64- and 32-bit mode, with tables made from the forms.
 *
 * It reads bytes without checking the limit and looks at the end how far it got: the caller's array must be readable
 * (any content) for 15 bytes after the limit, or the bytes there count as zero.
 */
import type { Instruction } from './instruction.ts';
import { FORMS, PARSED_ROWS } from './forms.ts';
import { FormInfo, OpcodeMap } from './opcode-map.ts';
import { Immediate, ImplicitMemory } from './parse-row.ts';

/** `truncated`: needs bytes at or beyond the limit. `invalid`: no instruction this machine has (#UD), or longer than 15 bytes. */
export type DecodeResult = 'ok' | 'truncated' | 'invalid';

const MAP_64 = new OpcodeMap(PARSED_ROWS, 64);
const MAP_32 = new OpcodeMap(PARSED_ROWS, 32);
const MAX_LENGTH = 15;

/** What a byte is before the opcode (SDM vol. 2A, section 2.1.1). REX applies in 64-bit mode only. */
const Prefix = { none: 0, operandSize: 1, addressSize: 2, repeat: 3, lock: 4, segment: 5, rex: 6 } as const;
const PREFIX_64 = prefixTable(true);
const PREFIX_32 = prefixTable(false);
const SEGMENT_OF_PREFIX = new Int8Array(256).fill(-1);
for (const [prefix, segment] of [[0x26, 0], [0x2e, 1], [0x36, 2], [0x3e, 3], [0x64, 4], [0x65, 5]]) SEGMENT_OF_PREFIX[prefix] = segment;
/** 16-bit addressing (SDM vol. 2A, table 2-1): base and index by ModRM.rm. */
const BASE_16 = new Int8Array([3, 3, 5, 5, 6, 7, 5, 3]);
const INDEX_16 = new Int8Array([6, 7, 6, 7, -1, -1, -1, -1]);
const IMPLICIT_BASE = new Int8Array(4);
IMPLICIT_BASE[ImplicitMemory.rsi] = 6;
IMPLICIT_BASE[ImplicitMemory.rbx] = 3;
IMPLICIT_BASE[ImplicitMemory.rdi] = 7;

function prefixTable(rex: boolean): Uint8Array {
  const table = new Uint8Array(256);
  table[0x66] = Prefix.operandSize;
  table[0x67] = Prefix.addressSize;
  table[0xf2] = table[0xf3] = Prefix.repeat;
  table[0xf0] = Prefix.lock;
  for (const segment of [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65]) table[segment] = Prefix.segment;
  if (rex) table.fill(Prefix.rex, 0x40, 0x50);
  return table;
}

/**
 * Decodes the instruction at `bytes[offset]`, guest address `address`, which may use bytes below `limit`.
 * @returns `ok` and a complete `into`; otherwise `into.form` is undefined and `into.length` is what was looked at.
 */
export function decode(bytes: Uint8Array, offset: number, limit: number, address: number, mode: 64 | 32, into: Instruction): DecodeResult {
  const long = mode === 64;
  const map = long ? MAP_64 : MAP_32;
  const prefixes = long ? PREFIX_64 : PREFIX_32;
  const end = Math.min(limit, offset + MAX_LENGTH);
  into.form = undefined;
  into.address = address;
  let at = offset;
  let rex = 0;
  let has66 = false;
  let has67 = false;
  let repeat = 0;
  let lock = false;
  let segment = -1;
  let byte = bytes[at++];
  for (let kind = prefixes[byte]; kind !== Prefix.none; kind = prefixes[byte]) {
    if (kind === Prefix.rex) rex = byte;
    else {
      // A REX prefix counts only directly before the opcode.
      rex = 0;
      if (kind === Prefix.operandSize) has66 = true;
      else if (kind === Prefix.addressSize) has67 = true;
      else if (kind === Prefix.repeat) repeat = byte;
      else if (kind === Prefix.lock) lock = true;
      // The other four segments are flat, and their prefixes do not take back an earlier fs or gs in 64-bit mode.
      else if (byte >= 0x64 || !long) segment = byte >= 0x64 ? SEGMENT_OF_PREFIX[byte] : -1;
    }
    if (at >= end) return incomplete(into, at + 1, offset, limit);
    byte = bytes[at++];
  }

  let opcode = byte;
  if (byte === 0x0f) {
    byte = bytes[at++];
    opcode = 0x100 | byte;
    if (byte === 0x38 || byte === 0x3a) {
      opcode = (byte === 0x38 ? 0x200 : 0x300) | bytes[at++];
    }
  } else if (byte === 0x90 && (rex & 1) !== 0) {
    // XCHG r8, rAX: `90` is NOP only for rAX itself. The row of 91 is the same form.
    opcode = 0x91;
  }
  const base = map.base[opcode];
  if (base < 0) return incomplete(into, at, offset, limit);
  const wide = (rex >> 3) & 1;
  const prefixClass = repeat !== 0 ? (repeat === 0xf2 ? 2 : 3) : has66 ? 1 : 0;
  let entry = base + prefixClass * map.prefixWeight[opcode] + wide * map.wideWeight[opcode];
  let modrm = 0;
  const hasModrm = map.modrm[opcode] !== 0;
  if (hasModrm) {
    modrm = bytes[at++];
    entry += ((modrm >= 0xc0 ? 8 : 0) + ((modrm >> 3) & 7)) * map.regWeight[opcode] + (modrm & 7) * map.rmWeight[opcode];
  }
  const id = map.entries[entry];
  if (id < 0) return incomplete(into, at, offset, limit);
  const info = map.info[id];

  let addressSize: 2 | 4 | 8;
  let operandSize: 2 | 4 | 8;
  const operand16 = has66 && (info & FormInfo.takes66) === 0;
  if (long) {
    addressSize = has67 ? 4 : 8;
    if (wide !== 0 || (info & FormInfo.forced64) !== 0) operandSize = 8;
    else if (operand16) operandSize = 2;
    else operandSize = (info & FormInfo.defaults64) !== 0 ? 8 : 4;
  } else {
    addressSize = has67 ? 2 : 4;
    operandSize = operand16 ? 2 : 4;
  }

  let memory = false;
  let baseRegister = -1;
  let index = -1;
  let scale = 0;
  let displacement = 0;
  let ripRelative = false;
  if (modrm < 0xc0 && hasModrm) {
    memory = true;
    const mod = modrm >> 6;
    const rm = modrm & 7;
    if (addressSize === 2) {
      if (mod === 0 && rm === 6) {
        displacement = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
        at += 2;
      } else {
        baseRegister = BASE_16[rm];
        index = INDEX_16[rm];
        if (mod === 1) displacement = (bytes[at++] << 24) >> 24;
        else if (mod === 2) {
          displacement = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
          at += 2;
        }
      }
    } else {
      let wideDisplacement = mod === 2;
      if (rm === 4) {
        const sib = bytes[at++];
        scale = sib >> 6;
        index = ((sib >> 3) & 7) | ((rex & 2) << 2);
        if (index === 4) {
          index = -1;
          scale = 0;
        }
        if ((sib & 7) === 5 && mod === 0) wideDisplacement = true;
        else baseRegister = (sib & 7) | ((rex & 1) << 3);
      } else if (rm === 5 && mod === 0) {
        wideDisplacement = true;
        ripRelative = long;
      } else baseRegister = rm | ((rex & 1) << 3);
      if (wideDisplacement) {
        displacement = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
        at += 4;
      } else if (mod === 1) displacement = (bytes[at++] << 24) >> 24;
    }
    if ((info & FormInfo.popsBase) !== 0 && baseRegister === 4) displacement = (displacement + operandSize) | 0;
  } else {
    const implicit = (info >> FormInfo.implicitMemoryShift) & 3;
    if (implicit !== ImplicitMemory.none) {
      memory = true;
      baseRegister = IMPLICIT_BASE[implicit];
    }
  }

  into.immediate = 0;
  into.immediateHigh = 0;
  into.immediate2 = 0;
  switch (info & FormInfo.immediateMask) {
    case Immediate.none:
      break;
    case Immediate.byte:
      into.immediate = bytes[at++];
      break;
    case Immediate.signedByte:
      into.immediate = (bytes[at++] << 24) >> 24;
      into.immediateHigh = into.immediate >> 31;
      break;
    case Immediate.word:
      into.immediate = bytes[at] | (bytes[at + 1] << 8);
      at += 2;
      break;
    case Immediate.offset:
      memory = true;
      if (addressSize === 2) {
        displacement = bytes[at] | (bytes[at + 1] << 8);
        at += 2;
      } else {
        displacement = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
        at += 4;
        if (addressSize === 8) {
          into.immediateHigh = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
          at += 4;
        }
      }
      break;
    default: {
      const kind = info & FormInfo.immediateMask;
      if (operandSize === 2 && !(kind === Immediate.relative && long)) {
        into.immediate = ((bytes[at] | (bytes[at + 1] << 8)) << 16) >> 16;
        at += 2;
      } else {
        into.immediate = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
        at += 4;
      }
      into.immediateHigh = into.immediate >> 31;
      if (kind === Immediate.v && operandSize === 8) {
        into.immediateHigh = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
        at += 4;
      }
    }
  }
  if (((info >> FormInfo.secondImmediateShift) & FormInfo.immediateMask) !== 0) into.immediate2 = bytes[at++];

  if (at > end) return incomplete(into, at, offset, limit);
  if (lock && ((info & FormInfo.lock) === 0 || !memory)) return incomplete(into, at, offset, limit);
  into.form = FORMS[id];
  into.length = at - offset;
  into.operandSize = operandSize;
  into.addressSize = addressSize;
  into.lock = lock;
  into.rep = (info & FormInfo.rep) !== 0 ? (repeat as 0 | 0xf2 | 0xf3) : 0;
  into.segment = segment;
  into.rex = rex !== 0;
  into.memory = memory;
  into.reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
  into.rm = (modrm & 7) | ((rex & 1) << 3);
  into.opcodeReg = (byte & 7) | ((rex & 1) << 3);
  into.base = baseRegister;
  into.index = index;
  into.scale = scale;
  into.displacement = displacement;
  into.ripRelative = ripRelative;
  return 'ok';
}

/** What it is when decoding stopped having looked at the bytes before `at`. */
function incomplete(into: Instruction, at: number, offset: number, limit: number): DecodeResult {
  into.length = Math.min(at, limit, offset + MAX_LENGTH) - offset;
  return at > limit && limit - offset < MAX_LENGTH ? 'truncated' : 'invalid';
}
