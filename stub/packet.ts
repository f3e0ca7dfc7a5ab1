/**
 * What one packet of the protocol is: a row `{ prefix, parse, needs, handle }`. Each file in packets/ holds the rows of one
 * subject; packets/table.ts puts them together, and qSupported is derived from the rows and the target.
 */
import type { Session } from './session.ts';
import type { Target } from './target.ts';

/** PacketSize of qSupported: large, because gdb reads whole executables through vFile:pread. */
export const PACKET_SIZE = 0x10000;

/** errno values used in `E NN` replies. */
export const PacketErrno = { EPERM: 1, ENOENT: 2, ESRCH: 3, EIO: 5, EBADF: 9, EFAULT: 14, EBUSY: 16, EINVAL: 22, ENOSPC: 28, ENOSYS: 38, EMSGSIZE: 90 } as const;

/** Thrown by parsers and handlers: becomes `E NN`, or `E.text` for a client that understands it. */
export class PacketError extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}

/** A reply's body, its binary parts escaped; undefined: no reply now (a resume answers when the target stops) or ever. */
export type Reply = string | Buffer | undefined;

/**
 * When a packet makes sense. `any`: also while the target runs. `stopped`: the target is stopped or has ended.
 * `alive`: it is stopped and has threads. `resumable`: it is to go on from there.
 */
export type PacketNeeds = 'any' | 'stopped' | 'alive' | 'resumable';

/** What qSupported says about a packet; undefined for packets which clients find by trying. */
export type Feature = (target: Target, client: ReadonlySet<string>) => string | undefined;

export interface PacketRow {
  /** How the body starts. Names of `q`, `Q` and `v` packets only match up to a delimiter. */
  readonly prefix: string;
  readonly needs: PacketNeeds;
  /** It changes something: only for the client in control. */
  readonly controls?: boolean;
  readonly feature?: Feature;
  /** Parses what follows the prefix and answers. */
  readonly run: (session: Session, rest: Buffer) => Reply | Promise<Reply>;
}

/** A row whose parser and handler agree on a type. `parse` gets what follows the prefix and throws PacketError if it is malformed. */
export function packet<Arguments>(row: {
  readonly prefix: string;
  readonly parse: (rest: Buffer) => Arguments;
  readonly needs: PacketNeeds;
  readonly controls?: boolean;
  readonly feature?: Feature;
  readonly handle: (session: Session, args: Arguments) => Reply | Promise<Reply>;
}): PacketRow {
  return {
    prefix: row.prefix,
    needs: row.needs,
    ...(row.controls === undefined ? {} : { controls: row.controls }),
    ...(row.feature === undefined ? {} : { feature: row.feature }),
    run: (session, rest) => row.handle(session, row.parse(rest)),
  };
}

/** A feature that is always there. */
export const always = (text: string): Feature => () => text;
