/**
 * Where the indirect jump of a `switch` goes: compilers load its target from a table in memory. The table's address is in the
 * instructions, or in a register that still holds it, as the code in question is about to run. Guesses are harmless: a region compares the
 * real target with each of them.
 */
import type { Instruction } from '../decode/instruction.ts';
import { GPR, PAGE_SIZE, TLB_BASE, TLB_MASK, TLB_SHIFT } from '../state.ts';
import type { LinearMemory } from '../../memory/linear-memory.ts';

/** Cases of a `switch` lie near its jump. */
const MAX_DISTANCE = 0x4000;
const MAX_ENTRIES = 256;

/** Addresses in the table, each once, in table order. `before` are the instructions of the jump's block. */
export function readJumpTable(linear: LinearMemory, jump: Instruction, before: readonly Instruction[], mode: 64 | 32): number[] {
  const load = jump.memory ? jump : before.findLast(({ memory, index, form }) => memory && index >= 0 && form?.mnemonic.startsWith('MOV') === true);
  if (load === undefined || load.index < 0 || (load.scale !== 2 && load.scale !== 3)) return [];
  const base = load.base < 0 ? 0 : baseValue(linear, load.base, before);
  const wrap = (address: number): number => (mode === 32 ? address >>> 0 : address);
  const table = wrap(base + load.displacement);
  // Position-independent code loads 32-bit distances from the register it finds the table by: the table's own address, in i386 code the GOT's.
  const relative = load.scale === 2 && !jump.memory && load.base >= 0;
  const targets: number[] = [];
  for (let i = 0; i < MAX_ENTRIES; i++) {
    const entry = peek32(linear, table + (i << load.scale));
    if (entry === undefined) break;
    const target = relative ? wrap(base + entry) : entry >>> 0;
    if (Math.abs(target - jump.address) > MAX_DISTANCE) break;
    if (!targets.includes(target)) targets.push(target);
  }
  return targets;
}

function baseValue(linear: LinearMemory, register: number, before: readonly Instruction[]): number {
  const lea = before.find(({ form, reg, ripRelative }) => form?.mnemonic === 'LEA' && ripRelative && reg === register);
  if (lea !== undefined) return lea.address + lea.length + lea.displacement;
  const at = (GPR + register * 8) >>> 2;
  return linear.u32[at] + linear.u32[at + 1] * 0x100000000;
}

/** The pointer at an address, which is a user's. */
export function readPointer(linear: LinearMemory, address: number, mode: 64 | 32): number | undefined {
  const low = peek32(linear, address);
  const high = mode === 32 ? 0 : peek32(linear, address + 4);
  if (low === undefined || high === undefined || high < 0 || high >= 0x8000) return undefined;
  return high * 0x100000000 + (low >>> 0);
}

/** Guest memory as far as the TLB has it: reading it must not bring pages in. */
function peek32(linear: LinearMemory, address: number): number | undefined {
  if (address < 0 || address % PAGE_SIZE > PAGE_SIZE - 4) return undefined;
  const low = address % 0x100000000 | 0;
  const entry = (linear.i32[TLB_BASE >>> 2] + ((low >>> TLB_SHIFT) & TLB_MASK)) >>> 2;
  if (linear.i32[entry] !== (low & -PAGE_SIZE) || linear.i32[entry + 1] !== Math.floor(address / 0x100000000)) return undefined;
  return linear.view.getInt32((low + linear.i32[entry + 2]) >>> 0, true);
}
