/**
 * Frames as the processor made them: one per call that is on the stack, and those of tail calls, which left nothing there but can be told
 * from the calls the compiler describes. Callers are found when asked for; all of it may throw a Miss.
 */
import { evaluateValue, type ExpressionContext } from '../../emulator/image/dwarf/expression.ts';
import { Attribute } from '../../emulator/image/dwarf/constants.ts';
import { sameExpression } from '../../emulator/image/dwarf/call-sites.ts';
import type { Block } from '../../emulator/image/dwarf/cursor.ts';
import type { FunctionInfo, FrameRegisters } from '../../emulator/image/dwarf/debug-info.ts';
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import { locationAt } from '../../emulator/image/dwarf/location-lists.ts';
import type { Unit } from '../../emulator/image/dwarf/unit.ts';
import type { RegisterMap } from './dwarf-registers.ts';
import { interruptedRegisters, isSignalTrampoline } from './signal-trampoline.ts';
import type { SymbolFile } from './symbol-file.ts';
import type { ElfSymbol } from './symbol-table.ts';
import { callsItself, tailCallsBetween } from './tail-calls.ts';
import type { TargetMemory } from './target-memory.ts';

/** What unwinding needs of the target. */
export interface UnwindWorld {
  readonly registers: RegisterMap;
  readonly memory: TargetMemory;
  fileAt(address: number): SymbolFile | undefined;
}

export type FrameKind = 'normal' | 'signal' | 'tail';

export class PhysicalFrame {
  readonly world: UnwindWorld;
  /** `signal`: of the code a signal handler returns to; what it interrupted is its caller. */
  readonly kind: FrameKind;
  /** Address execution stands at or returns to. */
  readonly pc: bigint;
  readonly registers: FrameRegisters;
  /** `pc` is where execution stands, not a return address. */
  readonly exact: boolean;
  readonly level: number;
  readonly file: SymbolFile | undefined;
  /** Address in `file` of the instruction that is running: one byte before a return address. */
  readonly lookup: number;
  readonly function: FunctionInfo | undefined;
  private readonly callee: PhysicalFrame | undefined;
  /** Of a tail call: the addresses of the calls behind it, and the frame that made the first. */
  private readonly pending: readonly bigint[];
  private callerFrame: { readonly frame: PhysicalFrame | undefined } | undefined;
  private ownCfa: bigint | undefined;
  private ownEnd: string | undefined;

  constructor(world: UnwindWorld, parts: {
    kind: FrameKind; registers: FrameRegisters; pc: bigint; exact: boolean; callee: PhysicalFrame | undefined; pending?: readonly bigint[]; cfa?: bigint | undefined;
  }) {
    this.world = world;
    this.kind = parts.kind;
    this.registers = parts.registers;
    this.pc = parts.pc;
    this.exact = parts.exact;
    this.callee = parts.callee;
    this.level = parts.callee === undefined ? 0 : parts.callee.level + 1;
    this.pending = parts.pending ?? [];
    this.ownCfa = parts.cfa;
    const returns = !parts.exact && parts.kind === 'normal';
    const before = signedAddress(parts.pc, world.registers) - 1;
    const trampoline = returns && isTrampoline(world, world.fileAt(before), before, parts.pc);
    if (trampoline) this.kind = 'signal';
    const address = parts.exact || trampoline ? before + 1 : before;
    this.file = world.fileAt(address);
    this.lookup = address - (this.file?.loadOffset ?? 0);
    this.function = this.file?.info.hasTypes === true ? this.file.info.functionAt(this.lookup) : undefined;
  }

  /** The innermost frame of a thread. */
  static innermost(world: UnwindWorld, registers: FrameRegisters): PhysicalFrame | undefined {
    const pc = registers[world.registers.instructionPointer];
    return pc === undefined ? undefined : new PhysicalFrame(world, { kind: 'normal', registers, pc, exact: true, callee: undefined });
  }

  /** Why the stack ends here, where it should not. */
  get end(): string | undefined {
    return this.ownEnd;
  }

  /** The symbol, where there is no debug information. */
  get symbol(): ElfSymbol | undefined {
    return this.file?.symbols.at(this.lookup);
  }

  /** Canonical frame address: the stack pointer before the call that made this frame. */
  get cfa(): bigint | undefined {
    if (this.ownCfa === undefined) void this.unwound();
    return this.ownCfa;
  }

  get caller(): PhysicalFrame | undefined {
    this.callerFrame ??= { frame: this.findCaller() };
    return this.callerFrame.frame;
  }

  /** The value of DW_AT_frame_base. */
  get frameBase(): bigint | undefined {
    const die = this.function?.die;
    const location = die?.location(Attribute.frameBase);
    if (location === undefined || die === undefined) return undefined;
    const block = location.kind === 'expression' ? location.block : locationAt(die.unit, location.offset, this.lookup);
    return block === undefined ? undefined : evaluateValue(block, this.context());
  }

  /** For expressions about this frame which a unit's entries hold; its own function's unless told otherwise. */
  context(unit: Unit | undefined = this.function?.die.unit): ExpressionContext {
    const { world, registers } = this;
    const frame = this;
    return {
      addressSize: world.registers.wordSize,
      register: (number) => registers[number],
      memory: (address, length) => world.memory.read(BigInt(address), length),
      get cfa() { return frame.cfa; },
      frameBase: () => frame.frameBase,
      loadOffset: this.file?.loadOffset,
      unit,
      entryValue: (block) => frame.entryValue(block),
    };
  }

  /** What a register (or what the expression names) held when the function was entered, as the caller's description of the call tells. */
  entryValue(block: Block): bigint | undefined {
    const { caller } = this;
    const start = this.function;
    if (caller === undefined || start?.entry === undefined || caller.file === undefined || caller.function === undefined || caller.kind === 'signal') return undefined;
    const returns = signedAddress(caller.pc, this.world.registers) - caller.file.loadOffset;
    const site = caller.file.callSitesOf(caller.function.die).find(({ returnAddress }) => returnAddress === returns);
    if (site === undefined || this.file === undefined) return undefined;
    let target: number | undefined;
    if (site.callee !== undefined) target = caller.file.functionOf(site.callee)?.entry;
    else if (site.target !== undefined) {
      const value = evaluateValue(site.target, caller.context());
      target = value === undefined ? undefined : signedAddress(value, this.world.registers) - this.file.loadOffset;
    }
    if (target !== start.entry || callsItself(this.file, start)) return undefined;
    const parameter = site.parameters.find(({ location }) => sameExpression(location, block));
    return parameter === undefined ? undefined : evaluateValue(parameter.value, caller.context());
  }

  private findCaller(): PhysicalFrame | undefined {
    const { world, pending } = this;
    if (pending.length > 0) {
      // The next of a chain of tail calls; behind the last one comes the real caller.
      return new PhysicalFrame(world, { kind: 'tail', registers: this.registers, pc: pending[0], exact: false, callee: this, pending: pending.slice(1), cfa: this.cfa });
    }
    if (this.kind === 'tail') return this.real().unwound(this);
    // A debugger's stack ends with main: what called it is of no interest.
    if (this.function?.name === 'main' && this.function.die.flag(Attribute.external)) return undefined;
    const caller = this.unwound();
    if (caller === undefined || this.function === undefined || caller.file === undefined || caller.file !== this.file || caller.exact) return caller;
    const returns = signedAddress(caller.pc, world.registers) - caller.file.loadOffset;
    const chain = tailCallsBetween(caller.file, caller.function, returns, this.function);
    if (chain.length === 0) return caller;
    const addresses = chain.map((address) => BigInt.asUintN(world.registers.wordSize * 8, BigInt(address + (caller.file?.loadOffset ?? 0))));
    return new PhysicalFrame(world, { kind: 'tail', registers: caller.registers, pc: addresses[0], exact: false, callee: this, pending: addresses.slice(1), cfa: this.cfa });
  }

  /** The frame that really is on the stack below a chain of tail calls. */
  private real(): PhysicalFrame {
    let frame: PhysicalFrame = this;
    while (frame.kind === 'tail' && frame.callee !== undefined) frame = frame.callee;
    return frame;
  }

  /** The frame that called this one, as the frame information has it. */
  private unwound(callee: PhysicalFrame = this): PhysicalFrame | undefined {
    const { world, file } = this;
    const fail = (reason: string | undefined): undefined => {
      this.ownEnd = reason;
      return undefined;
    };
    if (file === undefined) return this.interrupted(callee) ?? this.unwoundByGuess(callee) ?? fail('the code belongs to no known file');
    const memory = (address: number, length: number): Uint8Array | undefined => world.memory.read(BigInt(address), length);
    try {
      const shifted = shift(this.registers, world.registers, -file.loadOffset);
      const result = file.info.unwind(shifted, memory, this.exact);
      if (result.kind === 'outermost') return fail(undefined);
      if (result.kind === 'unknown') return this.interrupted(callee) ?? this.unwoundByGuess(callee) ?? fail(result.reason);
      this.ownCfa = result.cfa;
      const pc = result.registers[world.registers.instructionPointer];
      if (pc === undefined || pc === 0n) return fail(undefined);
      const stack = result.registers[world.registers.stackPointer];
      const own = this.registers[world.registers.stackPointer];
      if (stack === own && pc === this.pc) return fail('the caller of this frame is the frame itself');
      return new PhysicalFrame(world, { kind: 'normal', registers: result.registers, pc, exact: this.kind === 'signal', callee });
    } catch (error) {
      if (error instanceof DwarfError) return fail(error.message);
      throw error;
    }
  }

  /** The code a signal has interrupted, where only the trampoline's instructions tell that there was one. */
  private interrupted(callee: PhysicalFrame): PhysicalFrame | undefined {
    const { world } = this;
    const stack = this.registers[world.registers.stackPointer];
    if (this.kind !== 'signal' || stack === undefined) return undefined;
    const registers = interruptedRegisters(world.registers, (address, length) => world.memory.read(address, length), this.pc, stack);
    const pc = registers?.[world.registers.instructionPointer];
    if (registers === undefined || pc === undefined) return undefined;
    this.ownCfa = registers[world.registers.stackPointer];
    return new PhysicalFrame(world, { kind: 'normal', registers, pc, exact: true, callee });
  }

  /**
   * Without frame information (assembler): through the frame pointer where the function sets one up; else the return address of the innermost frame is
   * taken to be on top of the stack, which holds for functions that push nothing. gdb guesses the same.
   */
  private unwoundByGuess(callee: PhysicalFrame): PhysicalFrame | undefined {
    const { world, symbol } = this;
    const { stackPointer, instructionPointer, framePointer, wordSize } = world.registers;
    const registers = [...this.registers];
    const word = (address: bigint): bigint | undefined => world.memory.read(address, wordSize)?.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    const setUp = symbol === undefined ? 0 : framePointerSetUp(world, this.pc - BigInt(this.lookup - symbol.address), BigInt(this.lookup - symbol.address));
    let top: bigint | undefined;
    if (setUp === 2) {
      top = registers[framePointer];
      if (top !== undefined) registers[framePointer] = word(top);
      top = top === undefined ? undefined : top + BigInt(wordSize);
    } else if (this.exact && symbol !== undefined) {
      top = registers[stackPointer];
      if (setUp === 1 && top !== undefined) {
        registers[framePointer] = word(top);
        top += BigInt(wordSize);
      }
    }
    const pc = top === undefined ? undefined : word(top);
    if (top === undefined || pc === undefined || pc === 0n || world.fileAt(signedAddress(pc, world.registers)) === undefined) return undefined;
    registers[instructionPointer] = pc;
    registers[stackPointer] = top + BigInt(wordSize);
    this.ownCfa = top + BigInt(wordSize);
    return new PhysicalFrame(world, { kind: 'normal', registers, pc, exact: false, callee });
  }
}

/** Whether a return address leads into what a signal handler returns to. Frame information of such code begins a byte before it. */
function isTrampoline({ memory, registers }: UnwindWorld, file: SymbolFile | undefined, before: number, pc: bigint): boolean {
  const described = file?.info.frameAt(before - file.loadOffset);
  return described === undefined ? isSignalTrampoline(registers, (address, length) => memory.read(address, length), pc) : described.description.signal;
}

const PUSH_FRAME_POINTER = 0x55;
/** `mov %rsp,%rbp` in its two encodings, without the REX prefix. */
const MOVES = [[0x89, 0xe5], [0x8b, 0xec]] as const;
const ENDBR = [0xf3, 0x0f, 0x1e, 0xfa] as const;

/** How far a function's prologue with a frame pointer has run: 0 not at all (or there is none), 1 it is pushed, 2 it is set. */
function framePointerSetUp(world: UnwindWorld, start: bigint, done: bigint): 0 | 1 | 2 {
  const code = world.memory.readSome(start, 16);
  let at = ENDBR.every((byte, i) => code[i] === byte) ? ENDBR.length : 0;
  if (code[at] !== PUSH_FRAME_POINTER || done <= BigInt(at)) return 0;
  at++;
  const rex = world.registers.wordSize === 8 ? 1 : 0;
  if (rex === 1 && code[at] !== 0x48) return 1;
  const moves = MOVES.some(([first, second]) => code[at + rex] === first && code[at + rex + 1] === second);
  return moves && done > BigInt(at) ? 2 : 1;
}

/** An address as the DWARF reader has them: of 64-bit ones the upper half is negative. */
export function signedAddress(address: bigint, registers: RegisterMap): number {
  return Number(registers.wordSize === 8 ? BigInt.asIntN(64, address) : BigInt.asUintN(32, address));
}

function shift(registers: FrameRegisters, map: RegisterMap, by: number): FrameRegisters {
  const pc = registers[map.instructionPointer];
  if (by === 0 || pc === undefined) return registers;
  const shifted = [...registers];
  shifted[map.instructionPointer] = BigInt.asUintN(map.wordSize * 8, pc + BigInt(by));
  return shifted;
}
