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
    for (const child of inside.children()) {
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
    for (const die of block.children()) {
      if (die.tag !== Tag.formalParameter && die.tag !== Tag.variable) continue;
      const { name } = die;
      // An `extern` declaration in a block is no variable of it.
      if (name === undefined || die.flag(Attribute.declaration)) continue;
      found.push({ name, die, parameter: die.tag === Tag.formalParameter, depth });
    }
  });
  return found;
}
