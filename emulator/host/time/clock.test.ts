import { describe, expect, it } from 'vitest';
import { Clock, DEFAULT_EPOCH } from './clock.ts';

describe('Clock', () => {
  it('counts instructions and skipped time', () => {
    const clock = new Clock();
    clock.advance(1500);
    clock.skipTo(4000);
    clock.skipTo(1000);
    expect(clock.monotonic).toBe(4000);
    expect(clock.idle).toBe(2500);
    expect(clock.realtime()).toEqual({ seconds: DEFAULT_EPOCH, nanoseconds: 4000 });
  });

  it('carries nanoseconds into seconds', () => {
    const clock = new Clock(100);
    clock.advance(2_000_000_001);
    expect(clock.realtime()).toEqual({ seconds: 102, nanoseconds: 1 });
  });

  it('shows the time it was set to, and goes on from there', () => {
    const clock = new Clock(0);
    clock.advance(3_700_000_000);
    clock.setRealtime({ seconds: 1000, nanoseconds: 500_000_000 });
    expect(clock.realtime()).toEqual({ seconds: 1000, nanoseconds: 500_000_000 });
    clock.advance(600_000_000);
    expect(clock.realtime()).toEqual({ seconds: 1001, nanoseconds: 100_000_000 });
    expect(clock.monotonicAt({ seconds: 1001, nanoseconds: 100_000_000 })).toBe(clock.monotonic);
  });
});
