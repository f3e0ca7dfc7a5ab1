/**
 * Stepping in terms of the source, as gdb does it: to the next statement of another line; over or into calls, those inlined too; out to the
 * caller. A frame is known again by its CFA.
 */
import { afterPrologue } from '../symbols/code-locations.ts';
import { callFramesOf, type CallFrame } from '../symbols/call-frames.ts';
import { settle } from '../symbols/miss.ts';
import type { PhysicalFrame } from '../symbols/physical-frame.ts';
import { rangesOf } from '../../emulator/image/dwarf/ranges.ts';
import { callLength } from '../disassembly/disassembler.ts';
import { isStop, type Arrival, type Execution, type Stop } from './execution.ts';

export type StepKind = 'in' | 'over';

/** What a step of the source ends with: a line, or each of the statements a line has. */
export interface SourceStep {
  readonly kind: StepKind;
  readonly unit: 'line' | 'statement';
  readonly backwards: boolean;
}

/** How far up the stack a step looks for the frame it began in. */
const FARTHEST_CALLER = 64;
/** More steps inside one line than any code has; a loop that long is worth a stop. */
const MOST_STEPS = 1_000_000;

interface Origin {
  readonly cfa: bigint | undefined;
  readonly function: number | undefined;
  readonly scopes: readonly number[];
  readonly position: CallFrame['position'];
}

const scopeIds = (frames: readonly CallFrame[]): number[] => frames.map(({ scope }) => scope?.die.offset ?? -1).reverse();
const startsWith = (longer: readonly number[], shorter: readonly number[]): boolean => shorter.every((id, i) => longer[i] === id);

export class Stepper {
  private readonly execution: Execution;

  constructor(execution: Execution) {
    this.execution = execution;
  }

  /** One instruction; `over`: calls are run to their return. */
  async instruction(thread: string, kind: StepKind, backwards = false): Promise<Stop> {
    const { inspector } = this.execution;
    const before = await inspector.innermost(thread);
    if (before !== undefined && kind === 'over' && !backwards) {
      const length = callLength(await inspector.memory.get(before.pc, 16), inspector.map.wordSize, before.pc);
      if (length !== undefined) {
        const cfa = await settle(() => before.cfa);
        return done(await this.execution.runTo(thread, before.pc + BigInt(length), cfa), thread);
      }
    }
    return done(await this.execution.stepRaw(thread, undefined, backwards), thread);
  }

  /** To the next line or statement; backwards to the beginning of the one before. */
  async source(thread: string, step: SourceStep): Promise<Stop> {
    const { kind, backwards } = step;
    const { inspector } = this.execution;
    const start = await inspector.innermost(thread);
    if (start === undefined || start.file?.info.shownLineAt(start.lookup) === undefined) {
      // Without lines there is no next one: out of this function, as gdb does.
      return kind === 'over' && !backwards ? this.out(thread) : this.instruction(thread, kind, backwards);
    }
    const frames = callFramesOf(start);
    const origin: Origin = {
      cfa: await settle(() => start.cfa), function: start.function?.entry, scopes: scopeIds(frames), position: frames[0]?.position,
    };
    let here: PhysicalFrame = start;
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const result = await this.execution.stepRaw(thread, backwards ? undefined : this.rangeOf(here, origin, step), backwards);
      if (isStop(result)) return result;
      const next = await this.arrived(result, origin, step);
      if (next === undefined) return { kind: 'step', thread: result.thread };
      if (isStop(next)) return next;
      here = next.frame;
    }
    return { kind: 'step', thread };
  }

  /** Runs to the return of the current frame; of an inlined call, to its end. */
  async out(thread: string): Promise<Stop> {
    const { inspector } = this.execution;
    const start = await inspector.innermost(thread);
    if (start === undefined) return { kind: 'step', thread };
    const frames = callFramesOf(start);
    if (frames[0]?.inlined === true) return this.outOfInlined(thread, start, frames);
    const caller = await settle(() => realCaller(start));
    if (caller === undefined) return done(await this.execution.stepRaw(thread), thread);
    const cfa = await settle(() => caller.cfa);
    return done(await this.execution.runTo(thread, caller.pc, cfa), thread);
  }

  private async outOfInlined(thread: string, start: PhysicalFrame, frames: readonly CallFrame[]): Promise<Stop> {
    const cfa = await settle(() => start.cfa);
    const inside = scopeIds(frames);
    let here = start;
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const result = await this.execution.stepRaw(thread, blockRange(here, frames[0]));
      if (isStop(result)) return result;
      here = result.frame;
      const back = await this.backTo(here, cfa, start.function?.entry);
      if (back !== undefined) {
        const stop = await this.execution.runTo(thread, back.pc, cfa);
        if (isStop(stop)) return stop;
        here = stop.frame;
      }
      if (here.function?.entry !== start.function?.entry || !startsWith(scopeIds(callFramesOf(here)), inside)) return { kind: 'step', thread };
    }
    return { kind: 'step', thread };
  }

  /** The range a step may run through without a look: the line, or all of an inlined call that is stepped over. */
  private rangeOf(here: PhysicalFrame, origin: Origin, { kind, unit: by }: SourceStep): { start: bigint; end: bigint } | undefined {
    const frames = callFramesOf(here);
    if (kind === 'over' && frames.length > origin.scopes.length && startsWith(scopeIds(frames), origin.scopes)) {
      return blockRange(here, frames[frames.length - origin.scopes.length - 1]);
    }
    const { file } = here;
    const unit = file?.info.unitAt(here.lookup);
    const range = unit === undefined ? undefined : file?.info.linesOf(unit)?.rangeAt(here.lookup, by === 'line' ? 'line' : 'column');
    if (range === undefined || file === undefined) return undefined;
    const { inspector } = this.execution;
    return { start: inspector.unsigned(range.low + file.loadOffset), end: inspector.unsigned(range.high + file.loadOffset) };
  }

  /** Whether the step is over here (undefined); else where it goes on, or the stop that ended it. */
  private async arrived({ thread, frame }: Arrival, origin: Origin, step: SourceStep): Promise<Stop | Arrival | undefined> {
    const cfa = await settle(() => frame.cfa);
    const same = frame.function?.entry === origin.function && cfa === origin.cfa;
    if (same) return this.inSameFrame(thread, frame, origin, step);
    const back = await this.backTo(frame, origin.cfa, origin.function);
    if (step.backwards) return back === undefined ? undefined : this.backOver(thread, frame, back, step.kind);
    if (back === undefined) return this.inCaller(thread, frame);
    const { kind } = step;
    const first = await settle(() => realCaller(frame));
    // Called directly from the line, not interrupted by a signal.
    if (kind === 'in' && first === back && frame.function !== undefined && frame.file?.info.shownLineAt(frame.lookup) !== undefined) return this.into(thread, frame);
    return this.execution.runTo(thread, back.pc, origin.cfa);
  }

  /** Backwards a step comes into a function at its return: on to where it was called, or to the beginning of its last line. */
  private async backOver(thread: string, frame: PhysicalFrame, origin: PhysicalFrame, kind: StepKind): Promise<Stop | Arrival | undefined> {
    const { file } = frame;
    const called = await settle(() => {
      let here = frame;
      for (let caller = realCaller(here); caller !== undefined && caller.pc !== origin.pc; caller = realCaller(here)) here = caller;
      return { entry: here.function?.entry ?? here.symbol?.address, loadOffset: here.file?.loadOffset ?? 0, cfa: here.cfa };
    });
    const row = file?.info.shownLineAt(frame.lookup);
    if (kind === 'in' && file !== undefined && row !== undefined && row.line !== 0) return this.beginsLine(frame) ? undefined : { thread, frame };
    if (called.entry === undefined || frame.lookup === called.entry) return { thread, frame };
    return this.execution.runTo(thread, this.execution.inspector.unsigned(called.entry + called.loadOffset), called.cfa, true);
  }

  private beginsLine({ file, lookup }: PhysicalFrame): boolean {
    const unit = file?.info.unitAt(lookup);
    return unit !== undefined && file?.info.linesOf(unit)?.rangeAt(lookup)?.low === lookup;
  }

  private inSameFrame(thread: string, frame: PhysicalFrame, origin: Origin, { kind, unit, backwards }: SourceStep): Arrival | undefined {
    const scopes = scopeIds(callFramesOf(frame));
    const row = frame.file?.info.shownLineAt(frame.lookup);
    const on = { thread, frame };
    const atStatement = row?.address === frame.lookup && row.statement && row.line !== 0;
    if (scopes.length > origin.scopes.length && startsWith(scopes, origin.scopes)) return kind === 'in' && atStatement ? undefined : on;
    if (!atStatement) return on;
    const sameScope = scopes.length === origin.scopes.length && startsWith(scopes, origin.scopes);
    const { position } = origin;
    const sameUnit = row.line === position?.line && row.file === position.file && (unit === 'line' || row.column === position.column);
    if (backwards && unit === 'line' && !this.beginsLine(frame)) return on;
    return sameScope && sameUnit ? on : undefined;
  }

  /** The function has returned. Where the caller has no lines, on to one that has. */
  private async inCaller(thread: string, frame: PhysicalFrame): Promise<Stop | Arrival | undefined> {
    if (frame.file?.info.shownLineAt(frame.lookup) !== undefined) return undefined;
    const caller = await settle(() => realCaller(frame));
    if (caller?.file?.info.shownLineAt(caller.lookup) === undefined) return undefined;
    const callerCfa = await settle(() => caller.cfa);
    const stop = await this.execution.runTo(thread, caller.pc, callerCfa);
    return isStop(stop) ? stop : undefined;
  }

  /** Into a function, behind its prologue. */
  private async into(thread: string, frame: PhysicalFrame): Promise<Stop | undefined> {
    const { file, function: called } = frame;
    if (file === undefined || called === undefined) return undefined;
    const target = this.execution.inspector.unsigned(afterPrologue(file, called) + file.loadOffset);
    if (target === frame.pc || called.entry !== frame.lookup) return undefined;
    const stop = await this.execution.runTo(thread, target, undefined);
    return isStop(stop) ? stop : undefined;
  }

  /** The frame a step began in, if it is still on the stack: as the caller (of the caller …) of where it is now. */
  private backTo(frame: PhysicalFrame, cfa: bigint | undefined, entry: number | undefined): Promise<PhysicalFrame | undefined> {
    return settle(() => {
      let caller = realCaller(frame);
      for (let i = 0; i < FARTHEST_CALLER && caller !== undefined; i++) {
        if (caller.cfa === cfa && caller.function?.entry === entry) return caller;
        // Frames get older downwards: what lies above the one wanted cannot be it.
        if (cfa !== undefined && caller.cfa !== undefined && caller.kind !== 'signal' && i > 8) return undefined;
        caller = realCaller(caller);
      }
      return undefined;
    });
  }
}

/** The caller that really is on the stack. */
function realCaller(frame: PhysicalFrame): PhysicalFrame | undefined {
  let { caller } = frame;
  while (caller?.kind === 'tail') ({ caller } = caller);
  return caller;
}

/** The part of an inlined call's code that an address lies in. */
function blockRange(here: PhysicalFrame, inlined: CallFrame | undefined): { start: bigint; end: bigint } | undefined {
  const range = inlined?.scope === undefined ? undefined : rangesOf(inlined.scope.die).find(({ low, high }) => low <= here.lookup && here.lookup < high);
  const offset = BigInt(here.file?.loadOffset ?? 0);
  return range === undefined ? undefined : { start: BigInt.asUintN(64, BigInt(range.low) + offset), end: BigInt.asUintN(64, BigInt(range.high) + offset) };
}

function done(result: Stop | Arrival, thread: string): Stop {
  return isStop(result) ? result : { kind: 'step', thread: result.thread === '' ? thread : result.thread };
}
