import { describe, expect, it } from 'vitest';
import { Kernel } from '../kernel.ts';
import { Wait } from '../syscall.ts';
import { WaitQueue } from '../wait-queue.ts';
import { cloneThread } from './clone.ts';
import { spawnProcess } from './spawn.ts';
import { QUANTUM, Scheduler } from './scheduler.ts';
import { TimerQueue } from '../time/timer-queue.ts';
import type { Thread } from './thread.ts';

/** Code for the tests: `jmp $`. */
const SPIN = Uint8Array.of(0xeb, 0xfe);

/** A machine with one thread that spins, made without a program file. */
function machine(): { kernel: Kernel; thread: Thread } {
  const kernel = new Kernel({ memory: 16 * 1024 * 1024, regions: false });
  kernel.vfs.writeFile('/spin', spinProgram());
  const inode = kernel.vfs.lookup('/spin');
  if (typeof inode === 'number') throw new Error('no /spin');
  inode.inode.mode |= 0o111;
  return { kernel, thread: spawnProcess(kernel, '/spin', ['spin'], [], {}).leader };
}

/** An ELF program of one page which does nothing but SPIN. */
function spinProgram(): Uint8Array {
  const bytes = new Uint8Array(0x100);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, 0x4000f0n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 5, true);
  view.setBigUint64(80, 0x400000n, true);
  view.setBigUint64(96, 0x100n, true);
  view.setBigUint64(104, 0x100n, true);
  view.setBigUint64(112, 0x1000n, true);
  bytes.set(SPIN, 0xf0);
  return bytes;
}

describe('Scheduler', () => {
  it('is first in, first out, and takes out of the middle', () => {
    const { kernel, thread } = machine();
    const others = [1, 2, 3].map(() => cloneThread(thread, { flags: 0, exitSignal: 17, stack: 0, parentTid: 0, childTid: 0, tls: 0n }));
    const [a, b, c] = others.filter((other) => typeof other !== 'number');
    kernel.scheduler.remove(b);
    expect([kernel.scheduler.take(), kernel.scheduler.take(), kernel.scheduler.take(), kernel.scheduler.take()]).toEqual([thread, a, c, undefined]);
    kernel.scheduler.enqueue(a);
    kernel.scheduler.enqueue(b);
    kernel.scheduler.enqueueFirst(c);
    expect([kernel.scheduler.take(), kernel.scheduler.take()]).toEqual([c, a]);
  });

  it('wakes by queue or by time, once', () => {
    const { kernel, thread } = machine();
    const timers = new TimerQueue();
    const scheduler = new Scheduler(timers);
    const [one, two] = [new WaitQueue(), new WaitQueue()];
    kernel.scheduler.take();
    scheduler.sleep(thread, new Wait([one, two], 'restart', 500));
    expect(thread.state.kind).toBe('sleeping');
    scheduler.wake(thread);
    scheduler.wake(thread);
    expect([one.empty, two.empty, timers.next]).toEqual([true, true, undefined]);
    expect([scheduler.take(), scheduler.take()]).toEqual([thread, undefined]);
    scheduler.sleep(thread, new Wait([one], 'restart', 500));
    timers.run(500);
    expect([scheduler.take(), scheduler.take(), one.empty]).toEqual([thread, undefined, true]);
  });
});

describe('Kernel', () => {
  it('gives each thread its quantum in turn, to the instruction', () => {
    const { kernel, thread } = machine();
    const child = cloneThread(thread, { flags: 0, exitSignal: 17, stack: 0, parentTid: 0, childTid: 0, tls: 0n });
    if (typeof child === 'number') throw new Error('no child');
    const turns: number[] = [];
    kernel.hooks.mayRun = (running) => {
      if (turns.at(-1) !== running.tid) turns.push(running.tid);
      if (turns.length === 5) kernel.requestStop();
      return true;
    };
    while (turns.length < 5) kernel.runSlice(1000);
    expect(turns).toEqual([thread.tid, child.tid, thread.tid, child.tid, thread.tid]);
    expect(child.retired).toBe(2 * QUANTUM);
  });

  it('ends a slice at a timer, exactly', () => {
    const { kernel } = machine();
    let at = 0;
    kernel.timers.add(12345, () => {
      at = kernel.clock.monotonic;
      kernel.requestStop();
    });
    kernel.runSlice(1000);
    expect(at).toBe(12345);
  });

  it('steps one thread by one instruction, and leaves the others', () => {
    const { kernel, thread } = machine();
    const child = cloneThread(thread, { flags: 0, exitSignal: 17, stack: 0, parentTid: 0, childTid: 0, tls: 0n });
    if (typeof child === 'number') throw new Error('no child');
    expect(kernel.step(child)).toBe(true);
    expect(kernel.step(child)).toBe(true);
    expect([child.retired, thread.retired, kernel.clock.monotonic]).toEqual([2, 0, 2]);
  });

  it('is finished when no process is left', () => {
    const { kernel, thread } = machine();
    kernel.exitGroup(thread.process, 9);
    expect(kernel.runSlice(1000)).toBe('finished');
    expect([kernel.processes.size, kernel.threads.size, kernel.spaces.count]).toEqual([0, 0, 0]);
  });
});
