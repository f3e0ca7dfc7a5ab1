/** Ties the operations of the x87 to emitted code: every helper works on the same state in CPU memory. */
import { Vector } from '../exits.ts';
import { FPU_STATUS } from '../state.ts';
import type { I32, Val } from '../wasm/function-builder.ts';
import type { Emitter, Helper } from './emitter.ts';
import { X87Operations } from './x87-operations.ts';
import { Status } from './x87-unit.ts';

/** A helper that does something to the register stack; up to four small integers as arguments. */
export function x87Action(name: string, parameters: number, action: (x87: X87Operations, ...args: number[]) => void): Helper<undefined> {
  return {
    name,
    params: Array.from({ length: parameters }, () => 'i32' as const),
    result: undefined,
    make: (env) => {
      const x87 = new X87Operations(env);
      return (...args: number[]): void => action(x87, ...args);
    },
  };
}

/** As x87Action, with an answer. */
export function x87Query(name: string, parameters: number, query: (x87: X87Operations, ...args: number[]) => number): Helper<'i32'> {
  return {
    name,
    params: Array.from({ length: parameters }, () => 'i32' as const),
    result: 'i32',
    make: (env) => {
      const x87 = new X87Operations(env);
      return (...args: number[]): number => query(x87, ...args);
    },
  };
}

/** What every waiting x87 or MMX instruction does first: #MF if an unmasked exception is pending. */
export function checkPending(e: Emitter): void {
  const { f } = e;
  e.raiseIf(f.i32.and(f.load.i32Load(f.i32.const(0), FPU_STATUS), f.i32.const(Status.summary)), Vector.x87, 0);
}

export const constants = (e: Emitter, ...values: number[]): Val<'i32'>[] => values.map((value) => e.f.i32.const(value));

/** The number i of an ST(i) operand. */
export const stackIndex = (e: Emitter, operand: number): I32 => e.registerNumber(operand);
