/**
 * What becomes one translated function: the basic blocks reachable from a hot address by direct control flow.
 *
 * Calls end a block, but the region goes on at the return point: the callee runs as a nested wasm call. A block that only exists
 * because a limit was reached, or because what follows must not be translated, ends by falling out of the region.
 */
import { Instruction } from '../decode/instruction.ts';
import { PAGE_SIZE } from '../state.ts';

/** TurboFan's time grows faster than the function: 4–10 ms for a region of this size (measured). */
export const MAX_BLOCKS = 64;
export const MAX_INSTRUCTIONS = 400;
/** From here on a region ends where a block starts that is as hot as its entry, so that the next region starts where others would, too. */
const ENOUGH_INSTRUCTIONS = 300;

/** Where code comes from. */
export interface CodeSource {
  /** 64 or 32. */
  readonly mode: 64 | 32;
  /** Decodes the instruction at a guest address; false when its bytes are not there to be executed or are no instruction. */
  decode(address: number, into: Instruction): boolean;
  /** A region must not run into this address (breakpoint). */
  isStop(address: number): boolean;
  /** How often the interpreter ran the block that starts here. */
  runs(address: number): number;
  /** Hardly ever was a block run that starts here, compared with the one at `entry`. */
  isCold(address: number, entry: number): boolean;
  /** Where an indirect jump at the end of the instructions `before` is likely to go, the most frequent target first. */
  likelyTargets(jump: Instruction, before: readonly Instruction[]): readonly number[];
}

/** How a block ends. */
export type Ending = 'fall' | 'branch' | 'jump' | 'call' | 'leave';

export interface Block {
  readonly address: number;
  readonly instructions: readonly Instruction[];
  readonly ending: Ending;
  /** Guest address after the last instruction: where `fall`, `branch` not taken and `call` go on. */
  readonly next: number;
  /** Target of a direct branch or jump, else -1. */
  readonly target: number;
  /** Likely targets of an indirect jump. */
  readonly likely: readonly number[];
}

export interface Region {
  readonly entry: number;
  readonly mode: 64 | 32;
  /** The entry's block comes first. */
  readonly blocks: readonly Block[];
  /** Block numbers by address. */
  readonly blockAt: ReadonlyMap<number, number>;
  /** Successors inside the region, per block: first where it falls through, then where it branches. */
  readonly successors: readonly (readonly number[])[];
  /** Guest page numbers which hold the region's bytes. */
  readonly pages: readonly number[];
}

/** Target of a direct branch, call or jump. */
export function relativeTarget(instruction: Instruction, mode: 64 | 32): number {
  const target = instruction.address + instruction.length + instruction.immediate;
  return mode === 32 ? target >>> 0 : target;
}

/** How an instruction with the `end` attribute goes on. */
function endingOf(instruction: Instruction): Ending {
  const form = instruction.form;
  if (form === undefined || !form.attributes.has('end')) return 'fall';
  const relative = form.operands.some((operand) => operand.method === 'rel');
  if (form.mnemonic === 'CALL') return 'call';
  if (!relative) return 'leave';
  return form.mnemonic === 'JMP' ? 'jump' : 'branch';
}

/**
 * Finds the region that starts at `entry`, or undefined when not even its first instruction can be translated.
 * @param within addresses where blocks may start, if not everywhere
 */
export function findRegion(source: CodeSource, entry: number, within?: ReadonlySet<number>): Region | undefined {
  const instructions = new Map<number, Instruction>();
  const leaders = new Set<number>();
  /** Likely targets by address of the indirect jump. */
  const likely = new Map<number, readonly number[]>();
  const queue = [entry];
  const follow = (address: number): void => {
    if (leaders.has(address) || queue.includes(address) || within?.has(address) === false) return;
    queue.push(address);
  };
  // The interpreter's blocks start where branches were taken to and calls returned to: elsewhere nothing is known of what falls through.
  const followStart = (address: number): void => {
    if (!source.isCold(address, entry)) follow(address);
  };
  for (let at = 0; at < queue.length && leaders.size < MAX_BLOCKS; at++) {
    let address = queue[at];
    if (instructions.has(address)) {
      leaders.add(address);
      continue;
    }
    if (!translatable(source, address, instructions)) continue;
    leaders.add(address);
    const before: Instruction[] = [];
    for (;;) {
      const instruction = instructions.get(address);
      if (instruction === undefined) break;
      const next = address + instruction.length;
      const ending = endingOf(instruction);
      if (ending === 'branch') {
        follow(next);
        followStart(relativeTarget(instruction, source.mode));
      } else if (ending === 'jump') followStart(relativeTarget(instruction, source.mode));
      else if (ending === 'call') followStart(next);
      else if (ending === 'leave' && instruction.form?.mnemonic === 'JMP') {
        const targets = source.likelyTargets(instruction, before);
        likely.set(address, targets);
        for (const target of targets) follow(target);
      }
      if (ending !== 'fall') break;
      before.push(instruction);
      if (instructions.has(next)) {
        leaders.add(next);
        break;
      }
      if (instructions.size >= ENOUGH_INSTRUCTIONS && source.runs(next) * 2 > source.runs(entry)) break;
      if (!translatable(source, next, instructions)) break;
      address = next;
    }
  }
  return leaders.size === 0 ? undefined : buildRegion(source.mode, entry, leaders, instructions, likely);
}

function translatable(source: CodeSource, address: number, instructions: Map<number, Instruction>): boolean {
  if (instructions.size >= MAX_INSTRUCTIONS || source.isStop(address)) return false;
  const instruction = new Instruction();
  if (!source.decode(address, instruction)) return false;
  if (instruction.form === undefined || instruction.form.attributes.has('alone')) return false;
  instructions.set(address, instruction);
  return true;
}

function buildRegion(
  mode: 64 | 32,
  entry: number,
  leaders: ReadonlySet<number>,
  instructions: ReadonlyMap<number, Instruction>,
  likely: ReadonlyMap<number, readonly number[]>,
): Region {
  const blocks: Block[] = [];
  const blockAt = new Map<number, number>();
  for (const leader of leaders) {
    blockAt.set(leader, blocks.length);
    blocks.push(buildBlock(mode, leader, leaders, instructions, likely));
  }
  const successors = blocks.map((block) => {
    const to: number[] = [];
    const add = (address: number): void => {
      const number = blockAt.get(address);
      if (number !== undefined && !to.includes(number)) to.push(number);
    };
    if (block.ending === 'fall' || block.ending === 'branch' || block.ending === 'call') add(block.next);
    if (block.target >= 0) add(block.target);
    for (const target of block.likely) add(target);
    return to;
  });
  const pages = new Set<number>();
  for (const { address, length } of instructions.values()) {
    pages.add(Math.floor(address / PAGE_SIZE));
    pages.add(Math.floor((address + length - 1) / PAGE_SIZE));
  }
  return { entry, mode, blocks, blockAt, successors, pages: [...pages] };
}

function buildBlock(
  mode: 64 | 32,
  leader: number,
  leaders: ReadonlySet<number>,
  instructions: ReadonlyMap<number, Instruction>,
  likely: ReadonlyMap<number, readonly number[]>,
): Block {
  const list: Instruction[] = [];
  let address = leader;
  for (;;) {
    const instruction = instructions.get(address);
    if (instruction === undefined || (list.length > 0 && leaders.has(address))) {
      return { address: leader, instructions: list, ending: 'fall', next: address, target: -1, likely: [] };
    }
    list.push(instruction);
    address += instruction.length;
    const ending = endingOf(instruction);
    if (ending === 'fall') continue;
    const target = ending === 'branch' || ending === 'jump' ? relativeTarget(instruction, mode) : -1;
    return { address: leader, instructions: list, ending, next: address, target, likely: likely.get(instruction.address) ?? [] };
  }
}
