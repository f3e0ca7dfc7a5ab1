/**
 * Memory accesses of a block that need only one check together: same base value, constant distances, close to each other. Register
 * values are followed through additions of constants (stack pointer adjustments, LEA), so that a row of pushes is one group.
 */

/** An address as a distance from a value that does not change within the block. */
export interface SymbolicAddress {
  readonly value: number;
  readonly offset: number;
}

export interface BlockAccess {
  /** Undefined where nothing is known of it. */
  readonly at: SymbolicAddress | undefined;
  readonly bytes: number;
  readonly write: boolean;
}

/** A stretch of memory which two or more accesses lie in. */
export interface AccessGroup {
  /** Distance of its first byte from the value. */
  start: number;
  end: number;
  write: boolean;
  /** Number of the access (counted in the block) that checks it, and of the last one. */
  first: number;
  last: number;
}

/** What lies further apart is not checked together: the longer the stretch, the likelier it crosses a page. */
const MAX_STRETCH = 64;

/** Finds the groups of a block. `barriers` are numbers of accesses before which nothing that was checked stays valid. The result is indexed by access. */
export function groupAccesses(accesses: readonly BlockAccess[], barriers: readonly number[]): (AccessGroup | undefined)[] {
  const groups: (AccessGroup | undefined)[] = accesses.map(() => undefined);
  let open = new Map<number, AccessGroup>();
  accesses.forEach(({ at, bytes, write }, i) => {
    if (barriers.includes(i)) open = new Map();
    if (at === undefined) return;
    const group = open.get(at.value);
    const start = Math.min(at.offset, group?.start ?? at.offset);
    const end = Math.max(at.offset + bytes, group?.end ?? 0);
    if (group !== undefined && end - start <= MAX_STRETCH) {
      group.start = start;
      group.end = end;
      group.write ||= write;
      group.last = i;
      groups[i] = group;
      return;
    }
    const fresh = { start: at.offset, end: at.offset + bytes, write, first: i, last: i };
    open.set(at.value, fresh);
    groups[i] = fresh;
  });
  return groups.map((group) => (group !== undefined && group.last > group.first ? group : undefined));
}

/** The general registers of a block as symbolic values. */
export class SymbolicRegisters {
  private readonly registers: SymbolicAddress[] = [];
  private next = 0;

  /** Nothing is known: the start of a block. */
  reset(): void {
    for (let n = 0; n < 16; n++) this.forget(n);
  }

  get(n: number, distance: number): SymbolicAddress {
    const { value, offset } = this.registers[n];
    return { value, offset: offset + distance };
  }

  set(n: number, address: SymbolicAddress): void {
    this.registers[n] = address;
  }

  forget(n: number): void {
    this.registers[n] = { value: this.next++, offset: 0 };
  }
}
