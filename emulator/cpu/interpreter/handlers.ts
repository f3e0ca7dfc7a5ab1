/**
 * All handlers made so far in this process: their numbers, and the modules which hold them. Handlers do not depend on a
 * machine, so several Cpus share them; each links what its blocks need into its own table ({@link linkHandlers}).
 *
 * A handler's number is what records hold and its slot in table 0. Number 0 ends a block that has no instruction to do so;
 * the next ones are the hot handlers inside the interpreter function. Guests can ask for more handlers than there are numbers (every
 * static immediate is one): then all but the fixed ones are forgotten and numbers begin anew ({@link makeRoomForHandlers}).
 */
import { FORMS } from '../decode/forms.ts';
import type { Form } from '../decode/form.ts';
import type { Instruction } from '../decode/instruction.ts';
import { FIRST_REGION_SLOT } from '../engine-area.ts';
import { ModuleImports } from '../module-imports.ts';
import { RIP } from '../state.ts';
import type { Helper } from '../semantics/emitter.ts';
import { compileModule } from '../wasm/compiled-modules.ts';
import { FunctionBuilder, type FunctionBody, type ValType } from '../wasm/function-builder.ts';
import { ModuleBuilder } from '../wasm/module-builder.ts';
import { formText, keyFromNumber, keyFromText, keyNumber, numberOfKey, traitsOf, type HandlerKey } from './handler-key.ts';
import { HOT_HANDLERS, HOT_PAIRS, WARM_HANDLERS } from './hot-handlers.ts';
import { InterpreterEmitter } from './interpreter-emitter.ts';

/** Handler number of the record after a block's last instruction. */
export const FALL_THROUGH = 0;

/** Type of handlers which are functions: (record pointer, read TLB) → HandlerStatus. */
export const HANDLER_PARAMS: readonly ValType[] = ['i32', 'i32'];
export const HANDLER_RESULTS: readonly ValType[] = ['i32'];
export const HandlerStatus = {
  /** On to the next record. */
  next: 0,
  /** The block is over, RIP is set. */
  transfer: 1,
  /** Leave; the instruction has retired. */
  retired: 2,
  /** Leave; it has not. */
  fault: 3,
} as const;

/** A module with some handlers, exported under their numbers. */
export interface HandlerModule {
  readonly module: WebAssembly.Module;
  readonly helpers: readonly Helper[];
  readonly numbers: readonly number[];
}

/** Two handlers in one: a setter of flags and the conditional branch after it. Only inside the interpreter function. */
export interface HandlerPair {
  readonly first: number;
  readonly second: number;
}

const keys: (HandlerKey | HandlerPair | undefined)[] = [undefined];
const pairs = new Map<number, number>();
const numberByKey = new Map<number, number>();
const modules = new Map<number, HandlerModule>();
/** Handlers that always say themselves where the guest goes on. */
const transfers = new Set<number>();

const formsByText = new Map<string, Form>(FORMS.map((form) => [formText(form), form]));
for (const text of HOT_HANDLERS) {
  const key = keyFromText(text, formsByText);
  if (key !== undefined) define(numberOfKey(key), key);
}
/** Handlers which most programs need: made together, in one module, when the first of them is needed. */
const warm = new Set<number>();
for (const [firstText, secondText] of HOT_PAIRS) {
  const first = keyFromText(firstText, formsByText);
  const second = keyFromText(secondText, formsByText);
  if (first === undefined || second === undefined) continue;
  const pair = { first: numberFor(numberOfKey(first), first), second: numberFor(numberOfKey(second), second) };
  pairs.set(pair.first * FIRST_REGION_SLOT + pair.second, keys.push(pair) - 1);
}
/** Handlers below this number are inside the interpreter function. */
export const INLINE_HANDLERS = keys.length;
for (const text of WARM_HANDLERS) {
  const key = keyFromText(text, formsByText);
  if (key !== undefined) warm.add(numberFor(numberOfKey(key), key));
}

/** Handlers below this number keep it for good. */
export const FIXED_HANDLERS = keys.length;
const fixedNumbers = [...numberByKey];
let generation = 0;

/**
 * Forgets the handlers which are not fixed when less than `room` numbers below `limit` are left.
 * @returns how often that has happened: a machine which last saw another count must forget its records and what it has linked.
 */
export function makeRoomForHandlers(room: number, limit: number): number {
  if (keys.length + room <= Math.min(limit, FIRST_REGION_SLOT) || keys.length === FIXED_HANDLERS) return generation;
  for (let number = FIXED_HANDLERS; number < keys.length; number++) {
    modules.delete(number);
    transfers.delete(number);
  }
  keys.length = FIXED_HANDLERS;
  numberByKey.clear();
  for (const [keyed, number] of fixedNumbers) numberByKey.set(keyed, number);
  return ++generation;
}

/** How many numbers are in use. */
export function handlerCount(): number {
  return keys.length;
}

function define(keyed: number, key: HandlerKey): number {
  const number = keys.push(key) - 1;
  if (number >= FIRST_REGION_SLOT) throw new Error('too many interpreter handlers for one block');
  numberByKey.set(keyed, number);
  return number;
}

function numberFor(keyed: number, key: HandlerKey): number {
  return numberByKey.get(keyed) ?? define(keyed, key);
}

/** The handler which does both of two neighbours, or 0. */
export function pairOf(first: number, second: number): number {
  return pairs.get(first * FIRST_REGION_SLOT + second) ?? 0;
}

/**
 * Number of the handler for a decoded instruction of this form. Only hot ones exist for base + displacement alone: a record
 * without an index names the zero register, so that the general handler serves it as well.
 */
export function handlerFor(instruction: Instruction, form: Form, mode: 64 | 32): number {
  const keyed = keyNumber(instruction, form, mode);
  const known = numberByKey.get(keyed);
  if (known !== undefined) return known;
  const key = keyFromNumber(keyed, form);
  if (key.memoryKind !== 'base' || traitsOf(form).moffs) return define(keyed, key);
  const general: HandlerKey = { ...key, memoryKind: 'index' };
  const number = numberFor(numberOfKey(general), general);
  numberByKey.set(keyed, number);
  return number;
}

export function handlerKey(number: number): HandlerKey {
  const key = keys[number];
  if (key === undefined || 'first' in key) throw new Error(`no handler ${number}`);
  return key;
}

export function handlerPair(number: number): HandlerPair | undefined {
  const key = keys[number];
  return key !== undefined && 'first' in key ? key : undefined;
}

/** Known only once the handler has been emitted. */
export function handlerTransfers(number: number): boolean {
  return transfers.has(number);
}

/** The interpreter function reports what it found out about the handlers it holds. */
export function noteTransfers(number: number): void {
  transfers.add(number);
}

/** The module with a handler; makes one for all of `wanted` that have none yet, and of what `likely` returns: a module costs more than a function. */
export function handlerModule(number: number, wanted: readonly number[], likely: () => readonly number[]): HandlerModule {
  const known = modules.get(number);
  if (known !== undefined) return known;
  const others = warm.has(number) ? warm : likely();
  const made = compile(new Set([...wanted, ...others].filter((n) => n >= INLINE_HANDLERS && !modules.has(n))), wanted);
  for (const n of made.numbers) modules.set(n, made);
  return made;
}

const emitterFunctions = new FunctionBuilder();

function compile(numbers: ReadonlySet<number>, wanted: readonly number[]): HandlerModule {
  const builder = new ModuleBuilder();
  const imports = new ModuleImports(builder, 1);
  const emitter = new InterpreterEmitter(emitterFunctions, imports);
  const bodies = new Map<number, FunctionBody>();
  for (const number of numbers) {
    try {
      bodies.set(number, emitHandlerFunction(emitter, number));
    } catch (error) {
      // What may never run must not stop what does; if it is wanted later, it says so then.
      if (wanted.includes(number)) throw error;
    }
  }
  for (const [number, body] of bodies) builder.add(body, `${number}`);
  return { module: compileModule(builder.finish()), helpers: imports.helpers, numbers: [...bodies.keys()] };
}

function emitHandlerFunction(emitter: InterpreterEmitter, number: number): FunctionBody {
  const { f } = emitter;
  f.begin(HANDLER_PARAMS, HANDLER_RESULTS);
  emitter.emitHandler(handlerKey(number), {
    ip: f.param(0, 'i32'),
    tlb: f.param(1, 'i32'),
    transfer: (rip) => {
      const kept = f.keep(rip);
      f.store.i64Store(f.i32.const(0), f.get(kept), RIP);
      f.release(kept);
      f.return(f.i32.const(HandlerStatus.transfer));
    },
    leave: (retired) => f.return(f.i32.const(retired ? HandlerStatus.retired : HandlerStatus.fault)),
  });
  f.i32.const(HandlerStatus.next);
  if (emitter.transfers) transfers.add(number);
  return f.end();
}

/** Puts the handlers in `numbers` into a machine's table. */
export function linkHandlers(made: HandlerModule, table: WebAssembly.Table, importObject: WebAssembly.Imports): void {
  const instance = new WebAssembly.Instance(made.module, importObject);
  for (const number of made.numbers) table.set(number, instance.exports[`${number}`]);
}

