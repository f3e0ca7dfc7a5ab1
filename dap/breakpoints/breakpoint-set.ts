/** All breakpoints, and what of them is in the stub: one there may serve several of the user's. */
import type { BreakpointProgram, Stub } from '../rsp/stub.ts';
import type { Inspector } from '../session/inspector.ts';
import { Breakpoint, isCode, type BreakpointSpec, type StubLocation } from './breakpoint.ts';
import { COUNTING_FEATURE } from './program-compiler.ts';

interface Installed {
  readonly location: StubLocation;
  /** What the stub does by itself. */
  readonly programs: readonly BreakpointProgram[];
}

/** Compiles what a breakpoint asks at a place; undefined: it has to be done here. */
export type ProgramCompiler = (breakpoint: Breakpoint, location: StubLocation) => BreakpointProgram | undefined;

const CODE_TYPES = ['software', 'hardware'] as const;
const keyOf = ({ type, address, length }: StubLocation): string => `${type}/${address}/${length}`;

export class BreakpointSet {
  /** What the user must know of a breakpoint has changed. */
  onChange: ((breakpoint: Breakpoint) => void) | undefined;
  private readonly stub: Stub;
  private readonly inspector: Inspector;
  private readonly compile: ProgramCompiler;
  private readonly all = new Map<number, Breakpoint>();
  private readonly installed = new Map<string, Installed>();
  private nextId = 1;

  constructor(stub: Stub, inspector: Inspector, compile: ProgramCompiler) {
    this.stub = stub;
    this.inspector = inspector;
    this.compile = compile;
  }

  /** Replaces the breakpoints of a group; gives them in the order of `specs`. The target must be stopped. */
  async replace(group: string, specs: readonly BreakpointSpec[]): Promise<Breakpoint[]> {
    const before = new Map([...this.all.values()].filter(({ spec }) => spec.group === group).map((each) => [each.spec.key, each]));
    for (const { id } of before.values()) this.all.delete(id);
    const now: Breakpoint[] = [];
    for (const spec of specs) {
      const kept = before.get(spec.key);
      before.delete(spec.key);
      const breakpoint = kept ?? new Breakpoint(this.nextId++, spec);
      if (kept === undefined && this.counts(spec)) await this.stub.setVariable(breakpoint.id, 0n);
      now.push(breakpoint);
    }
    for (const breakpoint of now) {
      this.all.set(breakpoint.id, breakpoint);
      this.place(breakpoint);
    }
    await this.synchronise();
    return now;
  }

  /**
   * Takes a hit of a breakpoint that counts into account, if it is one. The stub may have counted it already: then its condition held. `holds`: asks the
   * condition here.
   */
  async count(breakpoint: Breakpoint, holds: () => Promise<boolean>): Promise<boolean> {
    const counted = this.counts(breakpoint.spec) ? Number(await this.stub.variable(breakpoint.id)) : breakpoint.hits;
    if (counted !== breakpoint.hits) breakpoint.hits = counted;
    else if (await holds()) {
      breakpoint.hits++;
      if (this.counts(breakpoint.spec)) await this.stub.setVariable(breakpoint.id, BigInt(breakpoint.hits));
    } else return false;
    return true;
  }

  private counts({ hit }: BreakpointSpec): boolean {
    return hit !== undefined && this.stub.has(COUNTING_FEATURE);
  }

  /** Finds all places again: modules have come or gone. */
  async replaceAll(): Promise<void> {
    for (const breakpoint of this.all.values()) {
      const before = breakpoint.locations.map(keyOf).join();
      this.place(breakpoint);
      if (before !== breakpoint.locations.map(keyOf).join()) this.onChange?.(breakpoint);
    }
    await this.synchronise();
  }

  /** The user's code breakpoints at an address. */
  at(address: bigint): Breakpoint[] {
    return [...this.all.values()].filter(({ locations }) => locations.some((each) => isCode(each) && each.address === address));
  }

  /** The user's data breakpoints that watch an address. */
  watching(address: bigint): Breakpoint[] {
    return [...this.all.values()].filter(({ locations }) => locations.some((each) => !isCode(each) && each.address <= address && address < each.address + BigInt(each.length)));
  }

  /** Does something with the breakpoints at an address out of the way: the instruction there has to run. */
  async without<T>(address: bigint, run: () => Promise<T>): Promise<T> {
    const here = CODE_TYPES.flatMap((type) => this.installed.get(keyOf({ type, address, length: 1 })) ?? []);
    for (const { location } of here) await this.stub.removeBreakpoint(location.type, location.address, location.length);
    try {
      return await run();
    } finally {
      for (const { location, programs } of here) await this.stub.insertBreakpoint(location.type, location.address, location.length, programs).catch(() => undefined);
    }
  }

  has(address: bigint): boolean {
    return CODE_TYPES.some((type) => this.installed.has(keyOf({ type, address, length: 1 })));
  }

  private place(breakpoint: Breakpoint): void {
    breakpoint.message = undefined;
    try {
      const found = breakpoint.spec.resolve();
      breakpoint.locations = found.map((each) => ('file' in each ? { type: 'software', address: this.inspector.unsigned(each.address + each.file.loadOffset), length: 1 } : each));
      const [first] = found;
      breakpoint.position = first !== undefined && 'file' in first ? first.position : undefined;
      if (found.length === 0) breakpoint.message = breakpoint.spec.pending;
    } catch (error) {
      breakpoint.locations = [];
      breakpoint.message = error instanceof Error ? error.message : String(error);
    }
  }

  /** Makes the stub have what is wanted. */
  private async synchronise(): Promise<void> {
    const wanted = new Map<string, { location: StubLocation; owners: Breakpoint[] }>();
    for (const breakpoint of this.all.values()) {
      for (const location of breakpoint.locations) {
        const entry = wanted.get(keyOf(location));
        if (entry === undefined) wanted.set(keyOf(location), { location, owners: [breakpoint] });
        else entry.owners.push(breakpoint);
      }
    }
    for (const [key, { location, programs }] of this.installed) {
      const entry = wanted.get(key);
      if (entry !== undefined && describe(programs) === describe(this.programs(entry.owners, location))) continue;
      await this.stub.removeBreakpoint(location.type, location.address, location.length);
      this.installed.delete(key);
    }
    for (const [key, { location, owners }] of wanted) {
      if (this.installed.has(key)) continue;
      const programs = this.programs(owners, location);
      try {
        await this.stub.insertBreakpoint(location.type, location.address, location.length, programs);
        this.installed.set(key, { location, programs });
      } catch (error) {
        if (this.stub.client.closed) throw error;
        for (const owner of owners) {
          owner.message = error instanceof Error ? error.message : String(error);
          this.onChange?.(owner);
        }
      }
    }
  }

  /** What the stub can do by itself; nothing if one of the breakpoints there needs a stop every time, or logs beside one that stops. */
  private programs(owners: readonly Breakpoint[], location: StubLocation): BreakpointProgram[] {
    const programs: BreakpointProgram[] = [];
    for (const breakpoint of owners) {
      const program = this.compile(breakpoint, location);
      if (program === undefined) return [];
      programs.push(program);
    }
    if (owners.length > 1 && programs.some(({ command }) => command !== undefined)) return [];
    return programs;
  }
}

const hex = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : Buffer.from(bytes).toString('hex'));
const describe = (programs: readonly BreakpointProgram[]): string => programs.map(({ condition, command }) => `${hex(condition)}/${hex(command)}`).join();
