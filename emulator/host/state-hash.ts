/**
 * A fingerprint of everything a guest could see of itself: registers of all threads, all address spaces, and the clock. Two runs
 * that were the same have the same one; so has a machine that was changed and put back exactly.
 */
import { createHash } from 'node:crypto';
import { CONTEXT_SIZE, CPU, FLAG_RESULT, PAGE_BASE, PAGE_SIZE, RIP, SEGMENT_BASE } from '../cpu/state.ts';
import type { Kernel } from './kernel.ts';

/** SHA-256 as hex digits. Page frames count by where they are mapped and what they hold, not by their number. */
export function stateHash(kernel: Kernel): string {
  const hash = createHash('sha256');
  hash.update(`clock ${kernel.clock.monotonic}\n`);
  for (const thread of kernel.threads.values()) {
    hash.update(`thread ${thread.tid} of ${thread.process.pid} ${thread.state.kind} space ${thread.space.id}\n`);
    if (thread.state.kind === 'dead') continue;
    // Lazy flags have several representations of one value: rflags as they read is what counts. PAGE_BASE is the interpreter's own.
    const context = kernel.linear.u8.slice(thread.context.slot, thread.context.slot + CONTEXT_SIZE);
    context.fill(0, FLAG_RESULT - CPU, SEGMENT_BASE - CPU);
    context.fill(0, PAGE_BASE - CPU, RIP - CPU);
    hash.update(context).update(`rflags ${kernel.cpu.readRflags(thread.context)}\n`);
  }
  // Also those nobody runs in: a handle of /proc/mm keeps them
  for (const space of kernel.spaces.all) {
    hash.update(`space ${space.id}\n`).update(space.ldt.bytes);
    for (const region of space.regions()) hash.update(`region ${region.start} ${region.end} ${region.prot} ${region.shared} ${region.offset} ${region.name}\n`);
    space.eachPage((page, frame) => {
      hash.update(`page ${page}\n`);
      hash.update(kernel.linear.u8.subarray(frame, frame + PAGE_SIZE));
    });
  }
  return hash.digest('hex');
}
