/**
 * The debug information of an ELF file by name and by address. Opening reads the headers of units; everything else waits for the
 * question that needs it (the first name or function looked up scans .debug_info once).
 */
import { ElfMachine, type ElfFile } from '../elf.ts';
import { Attribute, Tag } from './constants.ts';
import type { Block } from './cursor.ts';
import type { Die } from './die.ts';
import { evaluateLocation, evaluateValue, type MemoryReader } from './expression.ts';
import { frameTables, type FrameDescription, type FrameRow, type FrameTable, type RegisterRule } from './frames.ts';
import { lineTableOf, type LineRow, type LineTable } from './lines.ts';
import { NameIndex } from './name-index.ts';
import { containsAddress, rangesOf, type AddressRange } from './ranges.ts';
import type { SectionPlacement } from './sections.ts';
import { DwarfStore } from './store.ts';
import { TypeReader, type DwarfType } from './types.ts';
import type { Unit } from './unit.ts';

const typeTags: Readonly<Record<string, readonly number[]>> = {
  struct: [Tag.structureType, Tag.classType], union: [Tag.unionType], enum: [Tag.enumerationType],
};
const plainTags = [Tag.typedef, Tag.baseType] as const;

export interface StaticVariable {
  readonly name: string;
  readonly die: Die;
  readonly type: DwarfType;
  /** Undefined when it is not at a fixed address: optimised out, or thread-local. */
  readonly address: number | undefined;
}

export interface FunctionInfo {
  readonly name: string;
  readonly die: Die;
  readonly ranges: readonly AddressRange[];
  /** Where it is entered. */
  readonly entry: number | undefined;
}

/** Register values by DWARF number (x86-64: 7 is rsp, 16 rip; i386: 4 and 8); undefined when not known. */
export type FrameRegisters = readonly (bigint | undefined)[];

export type Unwound =
  | { readonly kind: 'frame'; readonly cfa: bigint; readonly registers: FrameRegisters; readonly signal: boolean }
  /** The return address is undefined by the frame information: there is no caller. */
  | { readonly kind: 'outermost' }
  | { readonly kind: 'unknown'; readonly reason: string };

export class DebugInfo {
  readonly store: DwarfStore;
  readonly types: TypeReader;
  private readonly elf: ElfFile;
  private names: NameIndex | undefined;
  private frames: readonly FrameTable[] | undefined;
  private readonly lineTables = new Map<Unit, LineTable | undefined>();
  private unitCode: { readonly low: number; readonly high: number; readonly unit: Unit }[] | undefined;

  private constructor(elf: ElfFile, placement: SectionPlacement | undefined) {
    this.elf = elf;
    this.store = new DwarfStore(elf, placement);
    this.types = new TypeReader(() => this.index);
  }

  /**
   * @param placement of an unlinked file (a kernel module): where its sections are in memory
   * @throws DwarfError
   */
  static open(elf: ElfFile, placement?: SectionPlacement): DebugInfo {
    return new DebugInfo(elf, placement);
  }

  /** False for a file without .debug_info: names and lines are then not known, frames may be. */
  get hasTypes(): boolean {
    return this.store.units.length > 0;
  }

  get index(): NameIndex {
    return (this.names ??= new NameIndex(this.store));
  }

  /** `struct task_struct`, `union x`, `enum pid_type`, `u32`, `unsigned int`; a name alone also finds a structure, union or enumeration. */
  type(name: string): DwarfType | undefined {
    return this.typesNamed(name)[0];
  }

  /** All different ones of this name, in the order of their units. */
  typesNamed(name: string): DwarfType[] {
    const [, word = '', plain = ''] = /^(?:(struct|union|enum)\s+)?(.*)$/.exec(name.trim()) ?? [];
    const find = (tags: readonly number[]): DwarfType[] => this.index.types(plain, new Set(tags)).map((die) => this.types.of(die));
    const tags = typeTags[word];
    return tags !== undefined ? find(tags) : [...find(plainTags), ...Object.values(typeTags).flatMap(find)];
  }

  /** `struct NAME` with its members. */
  structure(name: string): DwarfType | undefined {
    return this.type(`struct ${name}`);
  }

  /** Value of an enumerator such as `PIDTYPE_PID`. */
  enumerator(name: string): bigint | undefined {
    return this.index.enumerator(name)?.constant(Attribute.constValue);
  }

  /** The first one with an address, else the first. */
  variable(name: string): StaticVariable | undefined {
    const all = this.variablesNamed(name);
    return all.find(({ address }) => address !== undefined) ?? all[0];
  }

  variablesNamed(name: string): StaticVariable[] {
    return this.index.symbols(name, Tag.variable).map((die) => ({
      name, die, type: this.types.of(die.inherited((entry) => entry.reference(Attribute.type))), address: staticAddress(die),
    }));
  }

  /** Functions of a name that have code of their own (not only inlined). */
  functionsNamed(name: string): FunctionInfo[] {
    return this.index.symbols(name, Tag.subprogram).map(functionInfo).filter(({ ranges }) => ranges.length > 0);
  }

  functionAt(address: number): FunctionInfo | undefined {
    const die = this.index.functionAt(address);
    return die === undefined ? undefined : functionInfo(die);
  }

  /** Calls inlined at an address, innermost first; the last is the function itself. */
  scopesAt(address: number): FunctionInfo[] {
    const outer = this.index.functionAt(address);
    if (outer === undefined) return [];
    const scopes = [functionInfo(outer)];
    let inside: Die | undefined = outer;
    while (inside !== undefined) {
      let next: Die | undefined;
      for (const child of inside.children()) {
        if ((child.tag === Tag.inlinedSubroutine || child.tag === Tag.lexicalBlock) && containsAddress(rangesOf(child), address)) {
          next = child;
          break;
        }
      }
      if (next?.tag === Tag.inlinedSubroutine) scopes.unshift(functionInfo(next));
      inside = next;
    }
    return scopes;
  }

  lineAt(address: number): LineRow | undefined {
    const unit = this.unitAt(address);
    return unit === undefined ? undefined : this.linesOf(unit)?.at(address);
  }

  /** As {@link lineAt}, with the first address that belongs to another row. */
  lineStretchAt(address: number): { readonly row: LineRow; readonly end: number } | undefined {
    const unit = this.unitAt(address);
    return unit === undefined ? undefined : this.linesOf(unit)?.stretchAt(address);
  }

  /** The line a debugger shows for an address: see {@link LineTable.shownAt}. */
  shownLineAt(address: number): LineRow | undefined {
    const unit = this.unitAt(address);
    return unit === undefined ? undefined : this.linesOf(unit)?.shownAt(address);
  }

  /**
   * Where the statements of a line begin; of the next line with code when it has none itself. `file` is a path or its end
   * (`sched/core.c`).
   */
  addressesOf(file: string, line: number): LineRow[] {
    const wanted = file.replace(/^(\.\/)+/, '');
    const matches = (path: string): boolean => path === wanted || path.endsWith(`/${wanted}`);
    const rows = this.store.units.flatMap((unit) => this.linesOf(unit)?.statements(matches, line) ?? []);
    const best = Math.min(...rows.map((row) => row.line));
    return rows.filter((row) => row.line === best).sort((a, b) => a.address - b.address);
  }

  /** The unit whose code includes an address. */
  unitAt(address: number): Unit | undefined {
    this.unitCode ??= this.store.units.flatMap((unit) => rangesOf(unit.root).map((range) => ({ ...range, unit })));
    return this.unitCode.find(({ low, high }) => low <= address && address < high)?.unit;
  }

  linesOf(unit: Unit): LineTable | undefined {
    if (!this.lineTables.has(unit)) this.lineTables.set(unit, lineTableOf(unit));
    return this.lineTables.get(unit);
  }

  /** How the frame of code at `address` is laid out. */
  frameAt(address: number): { readonly description: FrameDescription; readonly row: FrameRow } | undefined {
    for (const table of (this.frames ??= frameTables(this.store.sections))) {
      const description = table.at(address);
      const row = description === undefined ? undefined : table.rowAt(description, address);
      if (description !== undefined && row !== undefined) return { description, row };
    }
    return undefined;
  }

  /**
   * Registers of the caller. `exact`: the instruction pointer is where execution stands (the innermost frame, or one interrupted
   * by a signal); otherwise it is a return address, which may already belong to the next function.
   */
  unwind(registers: FrameRegisters, memory: MemoryReader, exact: boolean): Unwound {
    const wide = this.elf.header.machine === ElfMachine.x86_64;
    const pc = registers[wide ? 16 : 8];
    if (pc === undefined) return { kind: 'unknown', reason: 'the instruction pointer is not known' };
    const address = Number(BigInt.asIntN(64, pc)) - (exact ? 0 : 1);
    const frame = this.frameAt(address);
    if (frame === undefined) return { kind: 'unknown', reason: `no frame information for 0x${pc.toString(16)}` };
    const { description, row } = frame;
    const width = wide ? 64 : 32;
    const context = { addressSize: wide ? 8 : 4, register: (number: number) => registers[number], memory } as const;
    const cfa = cfaOf(row, registers, (block) => evaluateValue(block, context), width);
    if (cfa === undefined) return { kind: 'unknown', reason: 'the canonical frame address cannot be computed' };
    const load = (place: bigint): bigint | undefined => {
      const bytes = memory(Number(BigInt.asIntN(64, place)), context.addressSize);
      return bytes === undefined ? undefined : bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    };
    const apply = (rule: RegisterRule, register: number): bigint | undefined => {
      switch (rule.kind) {
        case 'undefined': return undefined;
        case 'same': return registers[register];
        case 'offset': return load(cfa + BigInt(rule.offset));
        case 'value-offset': return BigInt.asUintN(width, cfa + BigInt(rule.offset));
        case 'register': return registers[rule.register];
        case 'expression': {
          const place = evaluateLocation(rule.block, context, [cfa]);
          return place.kind === 'memory' ? load(BigInt(place.address)) : undefined;
        }
        case 'value-expression': return evaluateValue(rule.block, context, [cfa]);
      }
    };
    const returnRule = row.rules.get(description.returnRegister);
    if (returnRule?.kind === 'undefined') return { kind: 'outermost' };
    const caller = registers.map((value, register) => {
      const rule = row.rules.get(register);
      return rule === undefined ? value : apply(rule, register);
    });
    // Without a rule the caller's stack pointer is the CFA itself.
    if (!row.rules.has(wide ? 7 : 4)) caller[wide ? 7 : 4] = cfa;
    const target = returnRule === undefined ? undefined : apply(returnRule, description.returnRegister);
    if (target === undefined) return { kind: 'unknown', reason: `the return address of the frame at 0x${cfa.toString(16)} cannot be read` };
    caller[wide ? 16 : 8] = target;
    return { kind: 'frame', cfa, registers: caller, signal: description.signal };
  }
}

function cfaOf(row: FrameRow, registers: FrameRegisters, evaluate: (block: Block) => bigint | undefined, width: number): bigint | undefined {
  if (row.cfa.kind === 'expression') return evaluate(row.cfa.block);
  const base = registers[row.cfa.register];
  return base === undefined ? undefined : BigInt.asUintN(width, base + BigInt(row.cfa.offset));
}

function functionInfo(die: Die): FunctionInfo {
  const ranges = rangesOf(die);
  return { name: die.name ?? '', die, ranges, entry: die.address(Attribute.lowPc) ?? ranges[0]?.low };
}

/** Address of a variable whose location is a constant; the frame, registers and thread-local storage are not consulted. */
function staticAddress(die: Die): number | undefined {
  const location = die.location(Attribute.location);
  if (location?.kind !== 'expression') return undefined;
  const place = evaluateLocation(location.block, {
    addressSize: die.unit.addressSize, register: () => undefined, memory: () => undefined, unit: die.unit,
  });
  return place.kind === 'memory' ? place.address : undefined;
}
