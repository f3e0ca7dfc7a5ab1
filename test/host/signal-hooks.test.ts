/** Signals and timers seen from the machine's side: when exactly a timer fires, and what the debugger's hooks hear and may do. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { StandardIo } from '../../emulator/host/files/standard-io.ts';
import { Kernel } from '../../emulator/host/kernel.ts';
import { Signal } from '../../emulator/host/signals/signal-numbers.ts';
import { guestProgram } from '../fixtures/guest-program.ts';

const FIRST_OFFSET = 500003;
const INTERVAL = 700001;

class Run {
  readonly kernel: Kernel;
  output = '';
  status: number | undefined;

  constructor() {
    this.kernel = new Kernel({ memory: 64 << 20 });
    const { kernel } = this;
    const io = new StandardIo(kernel, { terminal: [false, false, false], onOutput: (_, bytes) => { this.output += new TextDecoder().decode(bytes); } });
    kernel.vfs.writeFile('/program', readFileSync(guestProgram('exact-timer.c')), 0o755);
    kernel.hooks.onProcessExit = (_, status) => { this.status = status; };
    kernel.spawn('/program', ['program'], [], { stdio: io.files });
  }

  finish(): void {
    while (this.kernel.runSlice(100) === 'running');
  }
}

describe('timers', () => {
  it('fire after exactly as many instructions as they have nanoseconds', () => {
    const run = new Run();
    const times: number[] = [];
    run.kernel.signalHooks.onSignalDelivered = (_, info) => { if (info.signal === Signal.ALRM) times.push(run.kernel.clock.monotonic); };
    run.finish();
    const first = Number(run.output.trim());
    expect(first).toBeGreaterThan(FIRST_OFFSET);
    expect(times).toEqual([0, 1, 2, 3, 4].map((i) => first + i * INTERVAL));
    expect(run.status).toBe(Signal.USR1);
  });

  it('fire at the same instructions in every run', () => {
    const ends = [0, 1].map(() => {
      const run = new Run();
      run.finish();
      return run.kernel.clock.monotonic;
    });
    expect(ends[0]).toBe(ends[1]);
    expect(ends[0]).toBeGreaterThan(FIRST_OFFSET + 4 * INTERVAL);
  });
});

describe('hooks', () => {
  it('tell handled signals from fatal ones', () => {
    const run = new Run();
    const heard: string[] = [];
    run.kernel.signalHooks.onSignal = (_, info, fate) => {
      heard.push(`${info.signal} ${fate}`);
      return 'deliver';
    };
    run.kernel.signalHooks.onFatalSignal = (thread, info, core) => { heard.push(`end by ${info.signal} ${core} ${thread.state.kind}`); };
    run.finish();
    expect(heard).toEqual([...Array.from({ length: 5 }, () => '14 handled'), '10 fatal', 'end by 10 false running']);
  });

  it('can hold a signal back and drop it', () => {
    const run = new Run();
    let held = 0;
    run.kernel.signalHooks.onSignal = (_, info) => {
      if (info.signal !== Signal.USR1) return 'deliver';
      held++;
      run.kernel.requestStop();
      return 'hold';
    };
    while (held === 0 && run.kernel.runSlice(100) === 'running');
    const [thread] = run.kernel.threads.values();
    expect(thread.signals.held?.signal).toBe(Signal.USR1);
    thread.signals.held = undefined;
    run.finish();
    expect([held, run.status]).toEqual([1, 0]);
  });

  it('deliver a held signal without asking again', () => {
    const run = new Run();
    let held = 0;
    run.kernel.signalHooks.onSignal = (_, info) => {
      if (info.signal !== Signal.USR1) return 'deliver';
      held++;
      run.kernel.requestStop();
      return 'hold';
    };
    run.finish();
    expect([held, run.status]).toEqual([1, Signal.USR1]);
  });
});
