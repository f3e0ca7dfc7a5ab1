import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_SIZE } from '../cpu/state.ts';
import { Errno } from '../host/errno.ts';
import { Advice, type AddressSpace } from './address-space.ts';
import { AddressSpaces } from './address-spaces.ts';
import { Frames } from './frames.ts';
import { LinearMemory } from './linear-memory.ts';
import { Access, TouchFault } from './page-access.ts';
import type { PageSource } from './page-source.ts';
import { AREA_BYTES } from './mapped-pages.ts';
import { MapFlag, Prot } from './protection.ts';

const LAYOUT = { taskSize: 0x7ffffffff000, mmapBase: 0x7ffff7fff000 };
const LIMITS = { stack: 8 * 1024 * 1024, addressSpace: Infinity, data: Infinity };
const RW = Prot.read | Prot.write;
const ANONYMOUS = MapFlag.private | MapFlag.anonymous;
const FIXED = ANONYMOUS | MapFlag.fixed;

// Linear memory is large to set up, so the tests share one.
const linear = new LinearMemory(32 * 1024 * 1024);
const frames = new Frames(linear);
const spaces = new AddressSpaces(frames, 64);

function makeSpace(): AddressSpace {
  const space = spaces.create(LAYOUT, LIMITS);
  if (space === undefined) throw new Error('no address space');
  return space;
}

/** A file of given bytes whose page cache is filled on demand. */
class FakeFile implements PageSource {
  readonly mapName = '/file';
  readonly device = 1;
  readonly inode = 2;
  mappings = 0;
  written = 0;
  private readonly cache = new Map<number, number>();
  private readonly bytes: Uint8Array;

  private readonly memory: Frames;

  constructor(bytes: Uint8Array, memory = frames) {
    this.bytes = bytes;
    this.memory = memory;
  }

  frame(index: number): number {
    if (index * PAGE_SIZE >= this.bytes.length) return 0;
    let frame = this.cache.get(index);
    if (frame === undefined) {
      frame = this.memory.allocate();
      if (frame === 0) return -1;
      this.memory.linear.u8.set(this.bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE), frame);
      this.cache.set(index, frame);
    }
    return frame;
  }

  mapped(): void {
    this.mappings++;
  }

  unmapped(): void {
    this.mappings--;
  }

  writeBack(): boolean {
    this.written++;
    return this.mappings > 0;
  }

  punch(index: number, count: number): number {
    for (let i = index; i < index + count; i++) {
      const frame = this.cache.get(i);
      if (frame === undefined) continue;
      this.cache.delete(i);
      this.memory.release(frame);
      this.bytes.fill(0, i * PAGE_SIZE, (i + 1) * PAGE_SIZE);
    }
    return 0;
  }

  drop(): void {
    this.punch(0, this.cache.size);
    for (const frame of this.cache.values()) frames.release(frame);
    this.cache.clear();
  }
}

const BASE = 0x10000000;
const PAGES = 8;

/** What one page of the model is. */
interface ModelPage {
  prot: number;
  /** The object's page when shared, else a value of its own. */
  cell: { value: number };
}

type Command =
  | { kind: 'map'; at: number; count: number; prot: number; shared: boolean }
  | { kind: 'unmap' | 'drop'; at: number; count: number }
  | { kind: 'protect'; at: number; count: number; prot: number }
  | { kind: 'move'; at: number; count: number; to: number }
  | { kind: 'write'; at: number; value: number; who: number }
  | { kind: 'fork' };

const at = fc.integer({ min: 0, max: PAGES - 1 });
const count = fc.integer({ min: 1, max: 4 });
const prot = fc.constantFrom(Prot.none, Prot.read, RW, Prot.read | Prot.exec, RW | Prot.exec);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('map' as const), at, count, prot, shared: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('unmap' as const, 'drop' as const), at, count }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('protect' as const), at, count, prot }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), at, count, to: at }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), at, value: fc.integer({ min: 1, max: 255 }), who: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('fork' as const) }) },
);

class Model {
  readonly pages: (ModelPage | undefined)[] = new Array<ModelPage | undefined>(PAGES).fill(undefined);
  private readonly isShared = new WeakSet<ModelPage>();

  each(from: number, count: number, change: (page: ModelPage, i: number) => void): void {
    for (let i = from; i < Math.min(from + count, PAGES); i++) {
      const page = this.pages[i];
      if (page !== undefined) change(page, i);
    }
  }

  place(i: number, page: ModelPage, shared: boolean): void {
    this.pages[i] = page;
    if (shared) this.isShared.add(page);
  }

  shared(page: ModelPage): boolean {
    return this.isShared.has(page);
  }

  fork(): Model {
    const child = new Model();
    this.pages.forEach((page, i) => {
      if (page !== undefined) child.place(i, { prot: page.prot, cell: this.shared(page) ? page.cell : { ...page.cell } }, this.shared(page));
    });
    return child;
  }
}

function runCommand(space: AddressSpace, model: Model, step: Exclude<Command, { kind: 'fork' }>): void {
  const address = BASE + step.at * PAGE_SIZE;
  const size = 'count' in step ? Math.min(step.count, PAGES - step.at) * PAGE_SIZE : 0;
  const pages = size / PAGE_SIZE;
  switch (step.kind) {
    case 'map': {
      const flags = MapFlag.fixed | MapFlag.anonymous | (step.shared ? MapFlag.shared : MapFlag.private);
      expect(space.map(address, size, step.prot, flags)).toBe(address);
      for (let i = 0; i < pages; i++) model.place(step.at + i, { prot: step.prot, cell: { value: 0 } }, step.shared);
      break;
    }
    case 'unmap':
      expect(space.unmap(address, size)).toBe(0);
      for (let i = 0; i < pages; i++) model.pages[step.at + i] = undefined;
      break;
    case 'drop':
      space.advise(address, size, Advice.dontNeed);
      model.each(step.at, pages, (page) => {
        if (!model.shared(page)) page.cell = { value: 0 };
      });
      break;
    case 'protect': {
      const result = space.protect(address, size, step.prot);
      let complete = true;
      for (let i = 0; i < pages && complete; i++) {
        const page = model.pages[step.at + i];
        if (page === undefined) complete = false;
        else page.prot = step.prot;
      }
      expect(result).toBe(complete ? 0 : -Errno.ENOMEM);
      break;
    }
    case 'move': {
      const target = BASE + step.to * PAGE_SIZE;
      const result = space.remap(address, size, size, 3, target);
      if (result < 0 || step.to + pages > PAGES) {
        if (result >= 0) throw new Error('moved out of the test range');
        // Linux has unmapped nothing it could not replace; the model must agree that the move was impossible.
        const overlaps = step.to < step.at + pages && step.at < step.to + pages;
        const first = model.pages[step.at];
        const kinds = new Set(model.pages.slice(step.at, step.at + pages));
        if (!overlaps && first !== undefined && kinds.size === 1) throw new Error(`mremap refused with ${result}`);
        break;
      }
      for (let i = 0; i < pages; i++) {
        model.pages[step.to + i] = model.pages[step.at + i];
        model.pages[step.at + i] = undefined;
      }
      break;
    }
    case 'write': {
      const page = model.pages[step.at];
      const allowed = page !== undefined && (page.prot & Prot.write) !== 0;
      expect(space.writeU8(address + 5, step.value)).toBe(allowed);
      if (allowed) page.cell.value = step.value;
      break;
    }
  }
}

function check(space: AddressSpace, model: Model): void {
  model.pages.forEach((page, i) => {
    const address = BASE + i * PAGE_SIZE;
    expect(space.isMapped(address, PAGE_SIZE), `page ${i} mapped`).toBe(page !== undefined);
    if (page === undefined) {
      expect(space.touch(address / PAGE_SIZE, Access.read)).toBe(TouchFault.unmapped);
      return;
    }
    expect(space.readU8(address + 5), `page ${i}`).toBe(page.prot === Prot.none ? undefined : page.cell.value);
    expect(space.peek(address + 5, 1)?.[0]).toBe(page.cell.value);
    expect(space.touch(address / PAGE_SIZE, Access.execute) >= 0).toBe((page.prot & Prot.exec) !== 0);
  });
  const regions = space.regions().filter(({ start }) => start >= BASE);
  for (const [i, region] of regions.entries()) {
    expect(region.start).toBeLessThan(region.end);
    if (i > 0) expect(region.start).toBeGreaterThanOrEqual(regions[i - 1].end);
    for (let page = (region.start - BASE) / PAGE_SIZE; page < (region.end - BASE) / PAGE_SIZE; page++) expect(model.pages[page]?.prot).toBe(region.prot);
  }
}

describe('address space against a model', () => {
  it('agrees after any sequence of map, unmap, protect, move, write, drop and fork', () => {
    const before = frames.inUse;
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 60, size: 'max' }), (steps) => {
        const worlds = [{ space: makeSpace(), model: new Model() }];
        for (const step of steps) {
          if (step.kind === 'fork') {
            if (worlds.length >= 4) continue;
            const child = worlds[0].space.clone(LIMITS);
            if (child === undefined) throw new Error('no memory');
            worlds.push({ space: child, model: worlds[0].model.fork() });
          } else if (step.kind === 'move' && step.to + step.count > PAGES) continue;
          else {
            const world = worlds[step.kind === 'write' ? step.who % worlds.length : worlds.length - 1];
            runCommand(world.space, world.model, step);
          }
        }
        for (const { space, model } of worlds) check(space, model);
        for (const { space } of worlds) space.release();
        expect(frames.inUse).toBe(before);
      }),
      { numRuns: 400 },
    );
  });
});

describe('placement', () => {
  it('goes downwards from the mmap base, like setarch -R', () => {
    const space = makeSpace();
    expect(space.map(0, 4096, RW, ANONYMOUS)).toBe(0x7ffff7ffe000);
    expect(space.map(0, 0x3000, Prot.read, ANONYMOUS)).toBe(0x7ffff7ffb000);
    space.unmap(0x7ffff7ffe000, 4096);
    expect(space.map(0, 0x1000, Prot.none, ANONYMOUS)).toBe(0x7ffff7ffe000);
    space.release();
  });

  it('takes a hint if it is free, and refuses to replace with MAP_FIXED_NOREPLACE', () => {
    const space = makeSpace();
    expect(space.map(0x20001001, 100, RW, ANONYMOUS)).toBe(0x20001000);
    expect(space.map(0x20001000, 100, RW, ANONYMOUS)).not.toBe(0x20001000);
    expect(space.map(0x20001000, 100, RW, ANONYMOUS | MapFlag.fixedNoReplace)).toBe(-Errno.EEXIST);
    expect(space.map(0x20002000, 100, RW, ANONYMOUS | MapFlag.fixedNoReplace)).toBe(0x20002000);
    expect(space.regions()).toHaveLength(2);
    space.release();
  });

  it('answers nonsense as Linux does', () => {
    const space = makeSpace();
    expect(space.map(0, 0, RW, ANONYMOUS)).toBe(-Errno.EINVAL);
    expect(space.map(0x1001, 4096, RW, FIXED)).toBe(-Errno.EINVAL);
    expect(space.map(0, 2 ** 60, RW, ANONYMOUS)).toBe(-Errno.ENOMEM);
    expect(space.map(0, 4096, RW, MapFlag.anonymous)).toBe(-Errno.EINVAL);
    expect(space.map(0, 2 ** 40, RW, ANONYMOUS)).toBe(-Errno.ENOMEM);
    expect(space.unmap(0x1001, 4096)).toBe(-Errno.EINVAL);
    expect(space.unmap(0x1000, 0)).toBe(-Errno.EINVAL);
    expect(space.unmap(0x100000, 0x7f0000000000)).toBe(0);
    expect(space.protect(0x1000, 4096, RW)).toBe(-Errno.ENOMEM);
    expect(space.advise(0x1000, 4096, 9999)).toBe(-Errno.EINVAL);
    space.release();
  });
});

describe('pages', () => {
  it('of a private file are copied when written, those of a shared one are the file', () => {
    const space = makeSpace();
    const file = new FakeFile(new Uint8Array(6000).fill(7));
    const shared = space.map(0, 8192, RW, MapFlag.shared, file);
    const own = space.map(0, 8192, RW, MapFlag.private, file);
    expect(space.readU8(own)).toBe(7);
    space.writeU8(shared, 8);
    expect(space.readU8(own)).toBe(8);
    space.writeU8(own, 9);
    expect(space.readU8(shared)).toBe(8);
    expect(space.readU8(shared + 6000)).toBe(0);
    expect(file.mappings).toBe(2);
    space.unmap(own + 4096, 4096);
    space.protect(shared, 4096, Prot.read);
    expect(file.mappings).toBe(3);
    space.release();
    expect(file.mappings).toBe(0);
    file.drop();
  });

  it('beyond the end of a file fault as such', () => {
    const space = makeSpace();
    const file = new FakeFile(new Uint8Array(10));
    const address = space.map(0, 8192, RW, MapFlag.private, file);
    expect(space.touch(address / PAGE_SIZE + 1, Access.read)).toBe(TouchFault.beyondFile);
    expect(space.writeFrom(address + 4090, new Uint8Array(10))).toBe(6);
    space.release();
    file.drop();
  });

  it('vanish from all mappings with MADV_REMOVE', () => {
    const one = makeSpace();
    const file = new FakeFile(new Uint8Array(8192).fill(3));
    const first = one.map(0, 8192, RW, MapFlag.shared, file);
    const two = one.clone(LIMITS);
    expect(two?.readU8(first)).toBe(3);
    expect(one.readU8(first)).toBe(3);
    expect(one.advise(first, 4096, Advice.remove)).toBe(0);
    expect(one.readU8(first)).toBe(0);
    expect(two?.readU8(first)).toBe(0);
    expect(one.readU8(first + 4096)).toBe(3);
    one.release();
    two?.release();
    file.drop();
  });

  it('of shared mappings go back to the file with msync, once for each file', () => {
    const space = makeSpace();
    const file = new FakeFile(new Uint8Array(8192));
    const shared = space.map(0, 8192, RW, MapFlag.shared, file);
    space.protect(shared, 4096, Prot.read);
    const own = space.map(0, 4096, RW, MapFlag.private, file);
    expect(space.synchronise(own, 4096)).toBe(0);
    expect(file.written).toBe(0);
    expect(space.synchronise(shared, 8192)).toBe(0);
    expect(file.written).toBe(1);
    space.unmap(shared, 4096);
    expect(space.synchronise(shared, 8192)).toBe(-Errno.ENOMEM);
    expect(file.written).toBe(2);
    space.release();
    file.drop();
  });

  it('that were executed change the code context when they go or are copied, others do not', () => {
    const space = makeSpace();
    const address = space.map(0, 8192, RW | Prot.exec, ANONYMOUS);
    space.touch(address / PAGE_SIZE, Access.execute);
    const context = space.codeContext;
    space.unmap(address + 4096, 4096);
    expect(space.codeContext).toBe(context);
    const child = space.clone(LIMITS);
    expect(child?.codeContext).not.toBe(context);
    expect(space.codeContext).toBe(context);
    space.writeU8(address, 0x90);
    expect(space.codeContext).not.toBe(context);
    const afterCopy = space.codeContext;
    space.touch(address / PAGE_SIZE, Access.execute);
    space.protect(address, 4096, RW);
    expect(space.codeContext).not.toBe(afterCopy);
    child?.release();
    space.release();
  });

  it('of a stack appear below it down to its limit, not across the guard', () => {
    const space = makeSpace();
    const top = 0x7ffffffff000;
    space.map(top - 0x21000, 0x21000, RW, FIXED | MapFlag.growsDown);
    expect(space.writeU8(top - 0x100000, 1)).toBe(true);
    expect(space.regions().at(-1)?.start).toBe(top - 0x100000);
    expect(space.touch((top - 8 * 1024 * 1024 - 4096) / PAGE_SIZE, Access.write)).toBe(TouchFault.unmapped);
    space.map(top - 0x300000, 0x1000, RW, FIXED);
    expect(space.touch((top - 0x2ff000) / PAGE_SIZE, Access.write)).toBe(TouchFault.unmapped);
    space.release();
  });

  it('run out without harm', () => {
    // Three pages, and one for the tables
    const small = new Frames(new LinearMemory(1024 * 1024), 4 * PAGE_SIZE);
    const few = new AddressSpaces(small, 2);
    const space = few.create(LAYOUT, LIMITS);
    if (space === undefined) throw new Error('no address space');
    const address = space.map(0, 4 * PAGE_SIZE, Prot.read, ANONYMOUS);
    space.protect(address, 4 * PAGE_SIZE, RW);
    expect(space.clear(address, 3 * PAGE_SIZE)).toBe(true);
    expect(space.touch(address / PAGE_SIZE + 3, Access.write)).toBe(TouchFault.noMemory);
    expect(space.map(0, 4096, RW, ANONYMOUS)).toBe(-Errno.ENOMEM);
    expect(space.protect(address, 4096, Prot.read)).toBe(-Errno.ENOMEM);
    expect(space.clone(LIMITS)).toBeUndefined();
    space.unmap(address, 4096);
    expect(small.inUse).toBe(2);
    space.release();
    expect([small.inUse, small.tableBytes]).toEqual([0, 0]);
  });

  it('of tables and areas count as memory', () => {
    const small = new Frames(new LinearMemory(1024 * 1024), 64 * PAGE_SIZE);
    const space = new AddressSpaces(small, 2).create(LAYOUT, LIMITS);
    if (space === undefined) throw new Error('no address space');
    // One page of a file again and again, each time in a table of its own
    const file = new FakeFile(new Uint8Array(1), small);
    let mappings = 0;
    while (space.map(mappings * 2 ** 21, PAGE_SIZE, Prot.read, MapFlag.shared | MapFlag.fixed, file) >= 0 && space.touch(mappings * 512, Access.read) > 0) mappings++;
    expect(mappings).toBeGreaterThan(90);
    expect(small.inUse).toBe(1);
    expect(small.tableBytes).toBeGreaterThan(62 * PAGE_SIZE);
    expect(space.tableBytes + mappings * AREA_BYTES).toBe(small.tableBytes);
    expect(space.unmap(0, 2 ** 40)).toBe(0);
    expect(small.tableBytes).toBe(0);
    space.release();
  });
});

describe('heap', () => {
  it('grows and shrinks, and stays when it cannot', () => {
    const space = makeSpace();
    space.heapStart = space.heapEnd = 0x4ac000;
    expect(space.brk(0)).toBe(0x4ac000);
    expect(space.brk(0x4acd00)).toBe(0x4acd00);
    expect(space.regions()).toMatchObject([{ start: 0x4ac000, end: 0x4ad000, name: '[heap]' }]);
    space.map(0x4ae000, 4096, RW, FIXED);
    expect(space.brk(0x4ae000)).toBe(0x4acd00);
    space.writeU8(0x4ac000, 1);
    expect(space.brk(0x4ac000)).toBe(0x4ac000);
    expect(space.regions()).toHaveLength(1);
    space.release();
  });
});
