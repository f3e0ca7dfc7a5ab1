/** Where functions are inlined: all inlined calls of .debug_info by the function they are of, found in one pass at the first question. */
import { Tag } from '../../emulator/image/dwarf/constants.ts';
import type { DebugInfo } from '../../emulator/image/dwarf/debug-info.ts';
import type { Die } from '../../emulator/image/dwarf/die.ts';

const NESTING = new Set<number>([Tag.subprogram, Tag.lexicalBlock, Tag.inlinedSubroutine]);

export class InlineIndex {
  private readonly info: DebugInfo;
  private calls: Map<number, number[]> | undefined;

  constructor(info: DebugInfo) {
    this.info = info;
  }

  /** Inlined calls of a function, by the entry that describes it abstractly. */
  of(abstract: Die): Die[] {
    this.calls ??= this.collect();
    return (this.calls.get(abstract.offset) ?? []).flatMap((offset) => this.info.store.dieAt(offset) ?? []);
  }

  private collect(): Map<number, number[]> {
    const calls = new Map<number, number[]>();
    const visit = (die: Die): void => {
      for (const child of die.children()) {
        if (!NESTING.has(child.tag)) continue;
        if (child.tag === Tag.inlinedSubroutine) {
          const origin = child.origin();
          if (origin !== undefined) {
            const list = calls.get(origin.offset);
            if (list === undefined) calls.set(origin.offset, [child.offset]);
            else list.push(child.offset);
          }
        }
        visit(child);
      }
    };
    for (const unit of this.info.store.units) visit(unit.root);
    return calls;
  }
}

