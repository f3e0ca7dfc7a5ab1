/** A thread of the machine, standing at a hit, as agent expressions see it. Made once for all hits: they come by the million. */
import { Reg } from '../../emulator/cpu/state.ts';
import type { InterruptedCalls } from '../../emulator/debug/interrupted-calls.ts';
import type { Thread } from '../../emulator/host/process/thread.ts';
import type { RegisterSet } from '../registers.ts';
import { readThreadRegister } from '../thread-registers.ts';
import type { HitPlace } from './hit-agent.ts';

/** First address that is not a user's. */
const USER_END = 1n << 47n;
const WORD_BITS = 64;

const GENERAL: Readonly<Record<string, number>> = Reg;

/** A value of up to 64 bits from its bytes, the least significant first. */
export function wordOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

type ReadRegister = (thread: Thread) => bigint;

export class ThreadPlace implements HitPlace {
  /** The one whose hit it is. */
  thread: Thread | undefined;
  private readonly readers: readonly (ReadRegister | undefined)[];
  private readonly scratch = [1, 2, 4, 8].map((length) => new Uint8Array(length));
  private readonly views = this.scratch.map(({ buffer }) => new DataView(buffer));

  constructor(registers: RegisterSet, calls: Pick<InterruptedCalls, 'rax' | 'giveUp'>) {
    this.readers = registers.registers.map(({ name, bits }): ReadRegister | undefined => {
      if (bits > WORD_BITS) return undefined;
      const general = GENERAL[name];
      if (general === Reg.rax) return (thread) => calls.rax(thread);
      if (general !== undefined) return (thread) => thread.context.gpr(general);
      return (thread) => wordOf(readThreadRegister(thread, name, calls));
    });
  }

  /** The same place, for a thread. */
  of(thread: Thread): this {
    this.thread = thread;
    return this;
  }

  register(number: number): bigint | undefined {
    return this.thread === undefined ? undefined : this.readers[number]?.(this.thread);
  }

  word(address: bigint, length: number): bigint | undefined {
    const index = length === 8 ? 3 : length >>> 1;
    if (this.thread === undefined || address > USER_END - 8n || this.thread.space.peekInto(Number(address), this.scratch[index]) < length) return undefined;
    const view = this.views[index];
    switch (length) {
      case 1: return BigInt(view.getUint8(0));
      case 2: return BigInt(view.getUint16(0, true));
      case 4: return BigInt(view.getUint32(0, true));
      default: return view.getBigUint64(0, true);
    }
  }

  memory(address: bigint, length: number): Uint8Array {
    if (this.thread === undefined || address + BigInt(length) > USER_END) return new Uint8Array();
    const into = new Uint8Array(length);
    return into.subarray(0, this.thread.space.peekInto(Number(address), into));
  }
}
