import { describe, expect, it } from 'vitest';
import { PendingSignals } from './pending-signals.ts';
import { faultInfo, userInfo } from './signal-info.ts';
import { SegvCode, Signal, SiCode } from './signal-numbers.ts';
import { SignalSet } from './signal-set.ts';

const NONE = new SignalSet();

function fromUser(signal: number, pid = 1) {
  return userInfo(signal, SiCode.QUEUE, pid, 0);
}

describe('PendingSignals', () => {
  it('merges ordinary signals and queues real-time ones', () => {
    const pending = new PendingSignals();
    expect(pending.add(fromUser(Signal.USR1, 1))).toBe(true);
    expect(pending.add(fromUser(Signal.USR1, 2))).toBe(false);
    for (const pid of [3, 4, 5]) expect(pending.add(fromUser(34, pid))).toBe(true);
    const order = [];
    for (let info = pending.take(NONE); info !== undefined; info = pending.take(NONE)) order.push([info.signal, info.int(16)]);
    expect(order).toEqual([[Signal.USR1, 1], [34, 3], [34, 4], [34, 5]]);
    expect(pending.set.empty).toBe(true);
  });

  it('gives the lowest that is not blocked', () => {
    const pending = new PendingSignals();
    for (const signal of [64, 33, 32, Signal.TERM, Signal.HUP]) pending.add(fromUser(signal));
    expect(pending.take(SignalSet.of(Signal.HUP, Signal.TERM))?.signal).toBe(32);
    expect(pending.take(SignalSet.of(Signal.HUP, Signal.TERM, 33))?.signal).toBe(64);
    expect(pending.take(NONE)?.signal).toBe(Signal.HUP);
  });

  it('finds what an instruction caused before what was sent', () => {
    const pending = new PendingSignals();
    pending.add(fromUser(Signal.ILL));
    pending.add(fromUser(Signal.HUP));
    pending.add(faultInfo(Signal.SEGV, SegvCode.MAPERR, 0n));
    expect(pending.takeSynchronous(NONE)?.signal).toBe(Signal.SEGV);
    expect(pending.takeSynchronous(NONE)).toBeUndefined();
    expect(pending.take(NONE)?.signal).toBe(Signal.HUP);
  });

  it('discards', () => {
    const pending = new PendingSignals();
    for (const signal of [Signal.STOP, 40, 40, Signal.TSTP, Signal.INT]) pending.add(fromUser(signal));
    pending.discard(SignalSet.of(Signal.STOP, Signal.TSTP, 40));
    expect(pending.length).toBe(1);
    expect(pending.take(NONE)?.signal).toBe(Signal.INT);
    expect(pending.take(NONE)).toBeUndefined();
  });
});
