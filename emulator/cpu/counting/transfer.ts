/** A control transfer: which instruction, and where it leads. */

export type TransferKind =
  /** Jcc, LOOP, JRCXZ, taken. */
  | 'branch'
  | 'jump'
  | 'call'
  | 'return';

/** An instruction that can transfer control. */
export interface TransferSite {
  /** Its address. */
  readonly site: number;
  /** Address of the instruction after it. */
  readonly next: number;
  readonly kind: TransferKind;
}

/** A transfer and how often it was taken. */
export interface CountedTransfer extends TransferSite {
  readonly target: number;
  readonly count: number;
}

const KINDS: Readonly<Record<string, TransferKind>> = { JMP: 'jump', CALL: 'call', RET: 'return', LOOP: 'branch', LOOPE: 'branch', LOOPNE: 'branch', JRCXZ: 'branch' };

/** What kind of transfer an instruction is, by its mnemonic in the decoder's tables; undefined: none. */
export function transferKind(mnemonic: string, relative: boolean): TransferKind | undefined {
  return KINDS[mnemonic] ?? (relative ? 'branch' : undefined);
}

/** What a record says of its transfer when that is unconditional, for emitted code: the kind, and whether it always leads to the same place. */
export const TransferCode = { jump: 0x80, call: 0x81, return: 0x82, tail: 0x83, kind: 0x83, direct: 4 } as const;

export function transferCode(kind: TransferKind, direct: boolean, tail: boolean): number {
  if (kind === 'branch') return 0;
  return (tail && kind === 'jump' ? TransferCode.tail : TransferCode[kind]) | (direct ? TransferCode.direct : 0);
}

/** What emitted code keeps: nothing, counts of transfers, or call trees as well. */
export type CountingMode = undefined | 'transfers' | 'trees';
