/** The blocks of a function around an address: which inlined calls and lexical blocks it lies in, and the variables they declare. */
import { Attribute, Tag } from '../../emulator/image/dwarf/constants.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';
import { containsAddress, rangesOf } from '../../emulator/image/dwarf/ranges.ts';

/** A function or an inlined call, with the lexical blocks inside it that contain the address. */
export interface FunctionScope {
  /** DW_TAG_subprogram or DW_TAG_inlined_subroutine. */
  readonly die: Die;
  /** Innermost last. */
  readonly blocks: readonly Die[];
}

/** From the function itself to the innermost inlined call. */
export function functionScopes(functionDie: Die, address: number): FunctionScope[] {
  const scopes: { die: Die; blocks: Die[] }[] = [{ die: functionDie, blocks: [] }];
  for (let inside: Die | undefined = functionDie; inside !== undefined;) {
    let next: Die | undefined;
    for (const child of childrenOf(inside)) {
      if ((child.tag === Tag.inlinedSubroutine || child.tag === Tag.lexicalBlock) && containsAddress(rangesOf(child), address)) {
        next = child;
        break;
      }
    }
    if (next?.tag === Tag.inlinedSubroutine) scopes.push({ die: next, blocks: [] });
    else if (next !== undefined) scopes[scopes.length - 1].blocks.push(next);
    inside = next;
  }
  return scopes;
}

/** Children, with those of blocks that say nothing of their code: they count as if the block were not there. */
function* childrenOf(die: Die): Generator<Die, void> {
  for (const child of die.children()) {
    if (child.tag === Tag.lexicalBlock && !child.has(Attribute.lowPc) && !child.has(Attribute.ranges)) yield* childrenOf(child);
    else yield child;
  }
}

/** What an instance's abstract entry has and the instance does not mention: static variables, and those without any place. */
function* inheritedBy(die: Die): Generator<Die, void> {
  const origin = die.reference(Attribute.abstractOrigin);
  if (origin === undefined) return;
  const mentioned = new Set([...die.children()].map((child) => child.reference(Attribute.abstractOrigin)?.offset));
  for (const child of origin.children()) {
    if (mentioned.has(child.offset)) continue;
    if (child.tag === Tag.lexicalBlock) yield* allOf(child);
    else yield child;
  }
}

function* allOf(block: Die): Generator<Die, void> {
  for (const child of block.children()) {
    if (child.tag === Tag.lexicalBlock) yield* allOf(child);
    else yield child;
  }
}

export interface DeclaredVariable {
  readonly name: string;
  readonly die: Die;
  readonly parameter: boolean;
  /** 0: of the function, 1: of the outermost block in it … */
  readonly depth: number;
}

/** Parameters and variables, those of the function first, in the order of their declarations. */
export function variablesOf(scope: FunctionScope): DeclaredVariable[] {
  const found: DeclaredVariable[] = [];
  [scope.die, ...scope.blocks].forEach((block, depth) => {
    for (const die of [...childrenOf(block), ...inheritedBy(block)]) {
      if (die.tag !== Tag.formalParameter && die.tag !== Tag.variable) continue;
      const { name } = die;
      // An `extern` declaration in a block is no variable of it.
      if (name === undefined || die.flag(Attribute.declaration)) continue;
      found.push({ name, die, parameter: die.tag === Tag.formalParameter, depth });
    }
  });
  return found;
}
