/**
 * Calls a function makes, as the compiler describes them: where each returns to, whom it calls, and the values it gives to the
 * registers of its parameters. (DWARF 5, section 3.4; DW_TAG_GNU_call_site before.)
 */
import { Attribute, Tag } from './constants.ts';
import type { Block } from './cursor.ts';
import type { Die, LocationValue } from './die.ts';

export interface CallSite {
  /** Address behind the call; of a tail call, behind the jump. */
  readonly returnAddress: number;
  readonly tail: boolean;
  /** Entry of the function called; undefined for a call through a pointer. */
  readonly callee: Die | undefined;
  /** Computes the address called, in the caller's frame. */
  readonly target: Block | undefined;
  readonly parameters: readonly CallParameter[];
}

export interface CallParameter {
  /** Where the callee finds it: what its DW_OP_entry_value names. */
  readonly location: Block;
  /** Computes it in the caller's frame. */
  readonly value: Block;
}

/** All calls of a function, those of inlined code too, by the address they return to. */
export function callSitesOf(functionDie: Die): CallSite[] {
  const found: CallSite[] = [];
  collect(functionDie, found, 0);
  return found;
}

const NESTED = new Set<number>([Tag.lexicalBlock, Tag.inlinedSubroutine]);
const DEEPEST = 64;

function collect(die: Die, found: CallSite[], depth: number): void {
  if (depth > DEEPEST) throw die.error('blocks nested too deeply');
  for (const child of die.children()) {
    if (NESTED.has(child.tag)) collect(child, found, depth + 1);
    else if (child.tag === Tag.callSite || child.tag === Tag.gnuCallSite) {
      const site = readCallSite(child);
      if (site !== undefined) found.push(site);
    }
  }
}

function expression(value: LocationValue | undefined): Block | undefined {
  return value?.kind === 'expression' ? value.block : undefined;
}

function readCallSite(die: Die): CallSite | undefined {
  const returnAddress = die.address(Attribute.callReturnPc) ?? die.address(Attribute.lowPc);
  if (returnAddress === undefined) return undefined;
  const parameters: CallParameter[] = [];
  for (const child of die.children()) {
    if (child.tag !== Tag.callSiteParameter && child.tag !== Tag.gnuCallSiteParameter) continue;
    const location = expression(child.location(Attribute.location));
    const value = expression(child.location(Attribute.callValue)) ?? expression(child.location(Attribute.gnuCallSiteValue));
    if (location !== undefined && value !== undefined) parameters.push({ location, value });
  }
  return {
    returnAddress,
    tail: die.flag(Attribute.callTailCall) || die.flag(Attribute.gnuTailCall),
    callee: die.reference(Attribute.callOrigin) ?? die.reference(Attribute.abstractOrigin),
    target: expression(die.location(Attribute.callTarget)) ?? expression(die.location(Attribute.gnuCallSiteTarget)),
    parameters,
  };
}

/** Whether two expressions are the same bytes. */
export function sameExpression(a: Block, b: Block): boolean {
  const length = a.end - a.offset;
  if (b.end - b.offset !== length) return false;
  for (let i = 0; i < length; i++) if (a.data.bytes[a.offset + i] !== b.data.bytes[b.offset + i]) return false;
  return true;
}
