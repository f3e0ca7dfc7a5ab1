/** A breakpoint as the user set it, and where it is in the target. */
import type { CodeLocation } from '../symbols/code-locations.ts';
import type { BreakpointType } from '../rsp/stub.ts';
import type { KernelException } from './kernel-exceptions.ts';
import type { HitCondition } from './hit-condition.ts';

export type BreakpointKind = 'source' | 'function' | 'instruction' | 'data' | 'exception';

/** Where a breakpoint is in the stub. */
export interface StubLocation {
  readonly type: BreakpointType;
  readonly address: bigint;
  /** Bytes watched; for code breakpoints what `Z` packets call kind. */
  readonly length: number;
}

export interface BreakpointSpec {
  readonly kind: BreakpointKind;
  /** What it belongs to: the source path, or the kind for those set all at once. */
  readonly group: string;
  /** Same key, same breakpoint: one set again goes on counting. */
  readonly key: string;
  readonly condition: string | undefined;
  readonly hit: HitCondition | undefined;
  readonly logMessage: string | undefined;
  /** Finds its places, again whenever symbols come or go. */
  readonly resolve: () => readonly (CodeLocation | StubLocation)[];
  /** What to say while it has no place. */
  readonly pending: string;
  /** What it tells of when it stops the target. */
  readonly exception?: KernelException;
}

export const isCode = ({ type }: StubLocation): boolean => type === 'software' || type === 'hardware';

export class Breakpoint {
  readonly id: number;
  readonly spec: BreakpointSpec;
  locations: readonly StubLocation[] = [];
  /** Of its first place. */
  position: { readonly file: string; readonly line: number } | undefined;
  /** What went wrong, for the user. */
  message: string | undefined;
  hits = 0;

  constructor(id: number, spec: BreakpointSpec) {
    this.id = id;
    this.spec = spec;
  }

  get verified(): boolean {
    return this.locations.length > 0 && this.message === undefined;
  }
}
