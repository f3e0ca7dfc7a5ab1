/**
 * What becomes one translated function: the basic blocks reachable from a hot address by direct control flow.
 *
 * Calls end a block, but the region goes on at the return point: the callee runs as a nested wasm call, unless it is small. A block that only exists
 * because a limit was reached, or because what follows must not be translated, ends by falling out of the region.
 */
import { Instruction } from '../decode/instruction.ts';
import { PAGE_SIZE } from '../state.ts';

/** TurboFan's time grows faster than the function: 4–10 ms for a region of this size (measured). */
export const MAX_BLOCKS = 64;
export const MAX_INSTRUCTIONS = 400;
/** From here on a region ends where a block starts that is as hot as its entry, so that the next region starts where others would, too. */
const ENOUGH_INSTRUCTIONS = 300;

/** Functions of so many instructions may become part of their callers' regions. */
const SMALL_INSTRUCTIONS = 48;

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
  /** Where an indirect jump through a pointer at a fixed address goes at present, if that is known. */
  pointerOf(jump: Instruction): number | undefined;
}

/** How a block ends. `inline` is a call whose callee is in the region. */
export type Ending = 'fall' | 'branch' | 'jump' | 'call' | 'inline' | 'leave';

export interface Block {
  readonly address: number;
  readonly instructions: readonly Instruction[];
  readonly ending: Ending;
  /** Guest address after the last instruction: where `fall`, `branch` not taken and `call` go on. After a tail call, where the function called returns to. */
  readonly next: number;
  /** Target of a direct branch or jump or of an `inline` call, else -1. */
  readonly target: number;
  /** Likely targets of an indirect jump or a return. */
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
  /** Addresses it leads to which are hardly ever gone to. */
  readonly cold: ReadonlySet<number>;
  /** Guest page numbers which hold the region's bytes. */
  readonly pages: readonly number[];
}

/** Target of a direct branch, call or jump. */
export function relativeTarget(instruction: Instruction, mode: 64 | 32): number {
  const target = instruction.address + instruction.length + instruction.immediate;
  return mode === 32 ? target >>> 0 : target;
}

function isRelative({ form }: Instruction): boolean {
  return form?.operands.some((operand) => operand.method === 'rel') === true;
}

/** How an instruction with the `end` attribute goes on. */
function endingOf(instruction: Instruction): Ending {
  const form = instruction.form;
  if (form === undefined || !form.attributes.has('end')) return 'fall';
  if (form.mnemonic === 'CALL') return 'call';
  if (!isRelative(instruction)) return 'leave';
  return form.mnemonic === 'JMP' ? 'jump' : 'branch';
}

/**
 * Finds the region that starts at `entry`, or undefined when not even its first instruction can be translated.
 * @param within addresses where blocks may start, if not everywhere
 */
export function findRegion(source: CodeSource, entry: number, within?: ReadonlySet<number>): Region | undefined {
  const finder = new RegionFinder(source, entry, within);
  finder.find();
  return finder.leaders.size === 0 ? undefined : buildRegion(source.mode, entry, finder);
}

/** What is known of a region's shape before it is cut into blocks. Keys are addresses of instructions, or of first ones of blocks. */
interface Findings {
  readonly instructions: ReadonlyMap<number, Instruction>;
  readonly leaders: ReadonlySet<number>;
  /** Likely targets of indirect jumps and returns. */
  readonly likely: ReadonlyMap<number, readonly number[]>;
  /** Calls whose callees belong to the region. */
  readonly inlined: ReadonlyMap<number, number>;
  /** Indirect jumps at the end of such callees into functions outside, and where those return to. */
  readonly tails: ReadonlyMap<number, number>;
  readonly cold: ReadonlySet<number>;
}

class RegionFinder implements Findings {
  readonly instructions = new Map<number, Instruction>();
  readonly leaders = new Set<number>();
  readonly likely = new Map<number, readonly number[]>();
  readonly inlined = new Map<number, number>();
  readonly tails = new Map<number, number>();
  readonly cold = new Set<number>();
  private readonly source: CodeSource;
  private readonly entry: number;
  private readonly within: ReadonlySet<number> | undefined;
  /** Addresses where blocks start, in the order in which they are looked at, and where the function they belong to returns to: -1 when that is not in the region. */
  private readonly queue = new Map<number, number>();

  constructor(source: CodeSource, entry: number, within: ReadonlySet<number> | undefined) {
    this.source = source;
    this.entry = entry;
    this.within = within;
    this.queue.set(entry, -1);
  }

  find(): void {
    // What is added meanwhile is visited, too.
    for (const [address, owner] of this.queue) {
      if (this.leaders.size >= MAX_BLOCKS) break;
      if (this.instructions.has(address)) this.leaders.add(address);
      else if (this.translatable(address)) {
        this.leaders.add(address);
        this.walk(address, owner);
      }
    }
  }

  /** From the start of a block to its end. */
  private walk(start: number, owner: number): void {
    const { source, instructions } = this;
    const before: Instruction[] = [];
    for (let address = start; ; ) {
      const instruction = instructions.get(address);
      if (instruction === undefined) return;
      const next = address + instruction.length;
      const ending = endingOf(instruction);
      if (ending !== 'fall') {
        this.leave(instruction, ending, before, owner);
        return;
      }
      before.push(instruction);
      if (instructions.has(next)) {
        this.leaders.add(next);
        return;
      }
      if (instructions.size >= ENOUGH_INSTRUCTIONS && source.runs(next) * 2 > source.runs(this.entry)) return;
      if (!this.translatable(next)) return;
      address = next;
    }
  }

  private leave(instruction: Instruction, ending: Ending, before: readonly Instruction[], owner: number): void {
    const { source } = this;
    const { address, form } = instruction;
    const next = address + instruction.length;
    if (ending === 'branch') {
      this.follow(next, owner);
      this.followStart(relativeTarget(instruction, source.mode), owner);
    } else if (ending === 'jump') this.followStart(relativeTarget(instruction, source.mode), owner);
    else if (ending === 'call') {
      const target = isRelative(instruction) ? relativeTarget(instruction, source.mode) : -1;
      if (target >= 0 && this.canInline(target)) {
        this.inlined.set(address, target);
        this.follow(target, next);
      }
      this.followStart(next, owner);
    } else if (form?.mnemonic === 'JMP') this.jumpIndirect(instruction, before, owner);
    else if (form?.mnemonic === 'RET' && owner >= 0) this.likely.set(address, [owner]);
  }

  private jumpIndirect(jump: Instruction, before: readonly Instruction[], owner: number): void {
    const targets = this.source.likelyTargets(jump, before);
    if (targets.length === 0 && owner >= 0) {
      // A stub of the procedure linkage table, or another tail call.
      const target = this.source.pointerOf(jump);
      if (target !== undefined && this.canInline(target)) {
        this.likely.set(jump.address, [target]);
        this.follow(target, owner);
      } else this.tails.set(jump.address, owner);
      return;
    }
    this.likely.set(jump.address, targets);
    for (const target of targets) this.follow(target, owner);
  }

  private follow(address: number, owner: number): void {
    if (this.leaders.has(address) || this.queue.has(address) || this.within?.has(address) === false) return;
    this.queue.set(address, owner);
  }

  // The interpreter's blocks start where branches were taken to and calls returned to: elsewhere nothing is known of what falls through.
  private followStart(address: number, owner: number): void {
    if (this.source.isCold(address, this.entry)) this.cold.add(address);
    else this.follow(address, owner);
  }

  /**
   * A small function that is called from one place of the region only (another way into it would spoil the nesting of loops) becomes part
   * of it: its return is a comparison then, and registers stay where they are.
   */
  private canInline(target: number): boolean {
    const { instructions, leaders, queue, source, within } = this;
    if (instructions.has(target) || leaders.has(target) || queue.has(target) || within?.has(target) === false) return false;
    if (instructions.size >= ENOUGH_INSTRUCTIONS || queue.size >= MAX_BLOCKS / 2 || source.isCold(target, this.entry)) return false;
    return isSmall(source, target, (address) => instructions.has(address) || queue.has(address));
  }

  private translatable(address: number): boolean {
    const { source, instructions } = this;
    if (instructions.size >= MAX_INSTRUCTIONS || source.isStop(address)) return false;
    const instruction = decodeTranslatable(source, address);
    if (instruction !== undefined) instructions.set(address, instruction);
    return instruction !== undefined;
  }
}

/** Whether the function at an address has few instructions that are not cold, none of them `taken` already. */
function isSmall(source: CodeSource, entry: number, taken: (address: number) => boolean): boolean {
  const seen = new Set<number>();
  const starts = new Set([entry]);
  for (const start of starts) {
    for (let address = start; !seen.has(address); ) {
      const instruction = seen.size < SMALL_INSTRUCTIONS && !taken(address) ? decodeTranslatable(source, address) : undefined;
      if (instruction === undefined) return false;
      seen.add(address);
      address += instruction.length;
      const ending = endingOf(instruction);
      if (ending === 'fall') continue;
      const target = ending === 'branch' || ending === 'jump' ? relativeTarget(instruction, source.mode) : -1;
      if (target >= 0 && !source.isCold(target, entry)) starts.add(target);
      if (ending === 'branch' || (ending === 'call' && !source.isCold(address, entry))) starts.add(address);
      break;
    }
  }
  return true;
}

function decodeTranslatable(source: CodeSource, address: number): Instruction | undefined {
  const instruction = new Instruction();
  if (!source.decode(address, instruction)) return undefined;
  return instruction.form === undefined || instruction.form.attributes.has('alone') ? undefined : instruction;
}

function buildRegion(mode: 64 | 32, entry: number, findings: Findings): Region {
  const { instructions, leaders, cold } = findings;
  const blocks: Block[] = [];
  const blockAt = new Map<number, number>();
  for (const leader of leaders) {
    blockAt.set(leader, blocks.length);
    blocks.push(buildBlock(mode, leader, findings));
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
  return { entry, mode, blocks, blockAt, successors, cold, pages: [...pages] };
}

function buildBlock(mode: 64 | 32, leader: number, findings: Findings): Block {
  const { instructions, leaders } = findings;
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
    return { address: leader, instructions: list, next: address, likely: findings.likely.get(instruction.address) ?? [], ...wayOn(mode, instruction, ending, findings) };
  }
}

function wayOn(mode: 64 | 32, instruction: Instruction, ending: Ending, { leaders, inlined, tails }: Findings): { ending: Ending; target: number; next?: number } {
  if (ending === 'branch' || ending === 'jump') return { ending, target: relativeTarget(instruction, mode) };
  const callee = inlined.get(instruction.address);
  if (callee !== undefined && leaders.has(callee)) return { ending: 'inline', target: callee };
  const returns = tails.get(instruction.address);
  return returns === undefined ? { ending, target: -1 } : { ending: 'call', target: -1, next: returns };
}
