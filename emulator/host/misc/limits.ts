/** Resource limits (include/uapi/asm-generic/resource.h). A limit is a number; RLIM_INFINITY is Infinity. */

export const Resource = {
  CPU: 0, FSIZE: 1, DATA: 2, STACK: 3, CORE: 4, RSS: 5, NPROC: 6, NOFILE: 7, MEMLOCK: 8, AS: 9, LOCKS: 10, SIGPENDING: 11, MSGQUEUE: 12, NICE: 13,
  RTPRIO: 14, RTTIME: 15,
} as const;
export const RESOURCES = 16;

export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const UNLIMITED: Limit = { soft: Infinity, hard: Infinity };
const DEFAULTS: ReadonlyMap<number, Limit> = new Map<number, Limit>([
  [Resource.STACK, { soft: 8 * 1024 * 1024, hard: Infinity }],
  [Resource.CORE, { soft: 0, hard: Infinity }],
  [Resource.NPROC, { soft: 4096, hard: 4096 }],
  [Resource.NOFILE, { soft: 1024, hard: 4096 }],
  [Resource.MEMLOCK, { soft: 8 * 1024 * 1024, hard: 8 * 1024 * 1024 }],
  [Resource.SIGPENDING, { soft: 4096, hard: 4096 }],
  [Resource.MSGQUEUE, { soft: 819200, hard: 819200 }],
  [Resource.NICE, { soft: 0, hard: 0 }],
  [Resource.RTPRIO, { soft: 0, hard: 0 }],
]);

/** Limits of a process; forked by `copy`. */
export class Limits {
  private readonly limits: Limit[];

  constructor(limits?: readonly Limit[]) {
    this.limits = limits === undefined ? Array.from({ length: RESOURCES }, (_, resource) => DEFAULTS.get(resource) ?? UNLIMITED) : [...limits];
  }

  get(resource: number): Limit {
    return this.limits[resource];
  }

  set(resource: number, limit: Limit): void {
    this.limits[resource] = limit;
  }

  soft(resource: number): number {
    return this.limits[resource].soft;
  }

  copy(): Limits {
    return new Limits(this.limits);
  }
}
