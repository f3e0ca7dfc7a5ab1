/** The stopped target: threads, frames, names and values. Everything is forgotten when it resumes. */
import { Attribute, Tag } from '../../emulator/image/dwarf/constants.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import type { FunctionInfo } from '../../emulator/image/dwarf/debug-info.ts';
import { CTypes } from '../expressions/c-types.ts';
import { Evaluator, type Effects, type Names } from '../expressions/evaluator.ts';
import { ExpressionError } from '../expressions/lexer.ts';
import { parseExpression } from '../expressions/parser.ts';
import type { Node } from '../expressions/syntax.ts';
import type { Stub } from '../rsp/stub.ts';
import type { RegisterDescription } from '../rsp/target-xml.ts';
import type { CallFrame } from '../symbols/call-frames.ts';
import { I386_MAP, X86_64_MAP, type RegisterMap } from '../symbols/dwarf-registers.ts';
import { Miss, settle } from '../symbols/miss.ts';
import { PhysicalFrame, signedAddress } from '../symbols/physical-frame.ts';
import type { SymbolFile } from '../symbols/symbol-file.ts';
import { TargetMemory } from '../symbols/target-memory.ts';
import { Value, integerBytes, littleEndian } from '../values/value.ts';
import { frameVariable, staticVariable } from '../values/variables.ts';

/** A frame of a thread, which later requests name. */
export interface FrameInThread {
  readonly thread: string;
  readonly frame: CallFrame;
  /** Of a frame of a guest's process; undefined: the target's. */
  readonly inspector?: Inspector;
}

export type CallFunction = (address: bigint, args: readonly bigint[]) => Promise<bigint>;

/** Names gdb gives to registers of any machine. */
const ALIASES: Readonly<Record<string, readonly string[]>> = { pc: ['rip', 'eip'], sp: ['rsp', 'esp'], fp: ['rbp', 'ebp'] };

class CallMiss extends Miss {
  private readonly make: () => Promise<void>;

  constructor(make: () => Promise<void>) {
    super();
    this.make = make;
  }

  override fetch(): Promise<void> {
    return this.make();
  }
}

export class Inspector {
  readonly stub: Stub;
  readonly files: SymbolFile[] = [];
  readonly memory: TargetMemory;
  readonly map: RegisterMap;
  /** Performs calls of functions in expressions; undefined: they are refused. */
  callFunction: CallFunction | undefined;
  private readonly kernel: Inspector | undefined;
  private readonly byName: ReadonlyMap<string, RegisterDescription>;
  private readonly registerValues = new Map<string, ReadonlyMap<number, Uint8Array>>();
  private readonly innermostFrames = new Map<string, PhysicalFrame | undefined>();
  private memoryThread: string | undefined;
  private types: CTypes | undefined;

  /** `kernel`: of a guest's process, the one of its kernel, whose types expressions have where there are no symbols. */
  constructor(stub: Stub, kernel?: Inspector) {
    this.stub = stub;
    this.kernel = kernel;
    this.map = stub.registers.some(({ name }) => name === 'rip') ? X86_64_MAP : I386_MAP;
    this.byName = new Map(stub.registers.map((register) => [register.name, register]));
    this.memory = new TargetMemory((address, length) => stub.readMemory(this.memoryThread, address, length));
  }

  addFile(file: SymbolFile): void {
    this.files.push(file);
    this.types = undefined;
    this.innermostFrames.clear();
  }

  removeFile(file: SymbolFile): void {
    this.files.splice(this.files.indexOf(file), 1);
    this.types = undefined;
    this.innermostFrames.clear();
  }

  /** Forgets what was read: the target has run, or something was written. */
  forget(): void {
    this.memory.clear();
    this.registerValues.clear();
    this.innermostFrames.clear();
  }

  /** Whose address space memory is read through. Threads may have different ones. */
  useThread(thread: string | undefined): void {
    if (thread !== this.memoryThread) this.memory.clear();
    this.memoryThread = thread;
  }

  get thread(): string | undefined {
    return this.memoryThread;
  }

  fileAt(address: number): SymbolFile | undefined {
    return this.files.find((file) => file.contains(address));
  }

  address(value: bigint): number {
    return signedAddress(value, this.map);
  }

  /** A number as an address of the target's width. */
  unsigned(address: number): bigint {
    return BigInt.asUintN(this.map.wordSize * 8, BigInt(address));
  }

  register(name: string): RegisterDescription | undefined {
    return this.byName.get(name) ?? ALIASES[name]?.flatMap((alias) => this.byName.get(alias) ?? [])[0];
  }

  async registers(thread: string): Promise<ReadonlyMap<number, Uint8Array>> {
    let values = this.registerValues.get(thread);
    if (values === undefined) {
      values = await this.stub.readRegisters(thread);
      this.registerValues.set(thread, values);
    }
    return values;
  }

  async innermost(thread: string): Promise<PhysicalFrame | undefined> {
    this.useThread(thread);
    if (!this.innermostFrames.has(thread)) {
      const values = await this.registers(thread);
      const registers = this.map.names.map((name) => {
        const register = name === undefined ? undefined : this.byName.get(name);
        const bytes = register === undefined ? undefined : values.get(register.number);
        return bytes === undefined ? undefined : littleEndian(bytes);
      });
      const world = { registers: this.map, memory: this.memory, fileAt: (address: number) => this.fileAt(address) };
      this.innermostFrames.set(thread, PhysicalFrame.innermost(world, registers));
    }
    return this.innermostFrames.get(thread);
  }

  async pc(thread: string): Promise<bigint> {
    return (await this.innermost(thread))?.pc ?? 0n;
  }

  /** Whether some file has a symbol of this name. */
  hasSymbol(name: string): boolean {
    return this.files.some((file) => file.symbols.named(name) !== undefined);
  }

  /** `name`, or `name+offset`, of what is at an address; undefined where nothing has a name. */
  symbolAt(address: bigint): string | undefined {
    const at = this.address(address);
    const file = this.fileAt(at);
    if (file === undefined) return undefined;
    const link = at - file.loadOffset;
    const symbol = file.symbols.at(link);
    if (symbol === undefined) return undefined;
    return link === symbol.address ? symbol.name : `${symbol.name}+${link - symbol.address}`;
  }

  get cTypes(): CTypes {
    const infos = this.files.map(({ info }) => info);
    if (infos.length === 0 && this.kernel !== undefined) return this.kernel.cTypes;
    if (infos.length === 0) throw new ExpressionError('there are no symbols: expressions need the program file');
    return (this.types ??= new CTypes(infos, this.map.wordSize));
  }

  parse(text: string): Node {
    const { cTypes } = this;
    return parseExpression(text, (name) => cTypes.isType(name));
  }

  /** @throws ExpressionError, ValueError */
  async evaluate(text: string, at: FrameInThread | undefined): Promise<Value> {
    return this.evaluateNode(this.parse(text), at);
  }

  async evaluateNode(node: Node, at: FrameInThread | undefined): Promise<Value> {
    if (node.kind === 'assign') {
      await this.assign(node, at);
      return this.evaluateNode(node.target, at);
    }
    const evaluator = await this.evaluator(at);
    return settle(() => evaluator.evaluate(node));
  }

  async isTrue(text: string, at: FrameInThread | undefined): Promise<boolean> {
    const node = this.parse(text);
    const evaluator = await this.evaluator(at);
    return settle(() => evaluator.truth(evaluator.evaluate(node)));
  }

  async assign(node: Extract<Node, { kind: 'assign' }>, at: FrameInThread | undefined): Promise<void> {
    const evaluator = await this.evaluator(at);
    const { target, bytes } = await settle(() => evaluator.assigned(node));
    await this.write(target, bytes, at);
  }

  /** Stores the value of an expression in `target`. @throws ExpressionError, ValueError */
  async store(target: Value, text: string, at: FrameInThread | undefined): Promise<void> {
    const node = this.parse(text);
    const evaluator = await this.evaluator(at);
    await this.write(target, await settle(() => evaluator.stored(target, evaluator.evaluate(node))), at);
  }

  private async write(target: Value, bytes: Uint8Array, at: FrameInThread | undefined): Promise<void> {
    const { place, bits } = target;
    let stored = bytes;
    if (bits !== undefined) {
      const old = await settle(() => target.read());
      const mask = ((1n << BigInt(bits.width)) - 1n) << BigInt(bits.shift);
      stored = integerBytes((littleEndian(old) & ~mask) | ((littleEndian(bytes) << BigInt(bits.shift)) & mask), old.length);
    }
    if (place.kind === 'memory') await this.stub.writeMemory(at?.thread ?? this.memoryThread, place.address, stored);
    else if (place.kind === 'register') {
      const register = this.register(place.name);
      if (place.level !== 0) throw new ExpressionError(`$${place.name} of an outer frame is not where it was: only the innermost frame's registers can be changed`);
      const thread = at?.thread ?? this.memoryThread;
      if (register === undefined || thread === undefined) throw new ExpressionError(`the stub has no register $${place.name}`);
      const values = await this.registers(thread);
      const whole = new Uint8Array(values.get(register.number) ?? new Uint8Array(Math.ceil(register.bits / 8)));
      // Writing 32 bits of a 64-bit register clears the rest, as the processor does.
      if (stored.length === 4 && whole.length === 8) whole.fill(0);
      whole.set(stored.subarray(0, whole.length));
      await this.stub.writeRegister(thread, register, whole);
    } else throw new ExpressionError('it has no place in the target');
    this.forget();
  }

  names(at: FrameInThread | undefined, registers: ReadonlyMap<number, Uint8Array>): Names {
    return {
      lookup: (name, scope) => (scope === undefined && at !== undefined ? this.local(name, at.frame) : undefined) ?? this.global(name, scope ?? at?.frame.scope?.die.unit.name, scope !== undefined),
      register: (name) => this.registerValue(name, at, registers),
    };
  }

  /** A static variable, function or enumerator; that of the given file first. */
  global(name: string, fileName: string | undefined, only: boolean): Value | undefined {
    const wanted = (die: Die): boolean => fileName !== undefined && (die.unit.name === fileName || die.unit.name?.endsWith(`/${fileName}`) === true);
    for (const file of this.files) {
      const { info } = file;
      if (info.hasTypes) {
        const variables = info.variablesNamed(name);
        const variable = variables.find(({ die }) => wanted(die)) ?? (only ? undefined : (variables.find(({ address }) => address !== undefined) ?? variables[0]));
        if (variable !== undefined) return staticVariable(this.memory, file, variable.die, this.map.wordSize);
        const functions = info.functionsNamed(name);
        const found = functions.find(({ die }) => wanted(die)) ?? (only ? undefined : functions[0]);
        if (found?.entry !== undefined) return this.functionValue(file, found, found.entry);
        const enumerator = only ? undefined : info.enumerator(name);
        if (enumerator !== undefined) return Value.integer(this.memory, this.cTypes.base(BigInt.asIntN(32, enumerator) === enumerator ? 'int' : 'long'), enumerator);
      }
    }
    for (const file of only ? [] : this.files) {
      const symbol = file.symbols.named(name);
      if (symbol === undefined) continue;
      const address = this.unsigned(symbol.address + file.loadOffset);
      const declared = file.info.hasTypes ? this.declaredType(file, name, fileName) : undefined;
      if (declared !== undefined) return Value.inMemory(this.memory, declared, address);
      return Value.inMemory(this.memory, this.cTypes.base(symbol.size === 8 && !symbol.isFunction ? 'unsigned long' : 'char'), address);
    }
    return undefined;
  }

  /** Type of what is only declared in C: it is defined in assembler or by the linker (`jiffies`). */
  private declaredType(file: SymbolFile, name: string, fileName: string | undefined): Value['type'] | undefined {
    const { units } = file.info.store;
    const first = units.filter((unit) => unit.name === fileName);
    for (const unit of [...first, ...units]) {
      for (const die of unit.root.children()) {
        if ((die.tag === Tag.variable || die.tag === Tag.subprogram) && die.flag(Attribute.declaration) && die.text(Attribute.name) === name) {
          return die.tag === Tag.subprogram ? file.info.types.of(die) : file.info.types.of(die.reference(Attribute.type));
        }
      }
    }
    return undefined;
  }

  /** The frame's register as a typed value. */
  registerValue(name: string, at: FrameInThread | undefined, values: ReadonlyMap<number, Uint8Array>): Value | undefined {
    const description = this.register(name);
    if (description === undefined) return undefined;
    const type = this.registerType(description);
    const number = this.map.names.indexOf(description.name);
    const { frame } = at ?? {};
    const level = frame?.physical.level ?? 0;
    let bytes = values.get(description.number);
    if (level > 0 && number >= 0) {
      const value = frame?.physical.registers[number];
      bytes = value === undefined ? undefined : integerBytes(value, Math.ceil(description.bits / 8));
    }
    return new Value(this.memory, type, { kind: 'register', name: description.name, level },
      bytes === undefined ? { kind: 'unavailable', reason: 'not available' } : { kind: 'bytes', bytes, known: undefined });
  }

  private registerType({ type, bits }: RegisterDescription): Value['type'] {
    const { cTypes } = this;
    if (type === 'data_ptr') return cTypes.pointer(cTypes.void());
    if (type === 'code_ptr') return cTypes.pointer(cTypes.void());
    if (type === 'i387_ext') return cTypes.named({ base: 'char', pointers: 0, dimensions: [Math.ceil(bits / 8)] });
    if (bits > 64) return cTypes.array(cTypes.base('unsigned'), Math.ceil(bits / 32));
    return bits === 64 ? cTypes.base('long') : bits === 32 ? cTypes.base('int') : cTypes.base('unsigned');
  }

  private local(name: string, frame: CallFrame): Value | undefined {
    const { file } = frame.physical;
    if (file === undefined) return undefined;
    // The innermost block's variable hides those around it.
    const found = frame.variables().filter((each) => each.name === name).at(-1);
    return found === undefined ? undefined : frameVariable(this.memory, file, frame.physical, found.die);
  }

  private functionValue(file: SymbolFile, found: FunctionInfo, entry: number): Value {
    const type = file.info.types.of(found.die);
    return Value.inMemory(this.memory, type, this.unsigned(entry + file.loadOffset));
  }

  private async evaluator(at: FrameInThread | undefined): Promise<Evaluator> {
    const thread = at?.thread ?? this.memoryThread;
    const registers = thread === undefined ? new Map<number, Uint8Array>() : await this.registers(thread);
    return new Evaluator(this.memory, this.cTypes, this.names(at, registers), this.effects());
  }

  private effects(): Effects | undefined {
    const { callFunction } = this;
    if (callFunction === undefined) return undefined;
    const results = new Map<Node, bigint>();
    return {
      call: (node, address, args) => {
        const known = results.get(node);
        if (known !== undefined) return known;
        throw new CallMiss(async () => void results.set(node, await callFunction(address, args)));
      },
    };
  }
}

