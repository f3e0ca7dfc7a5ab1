/**
 * What happens when an access is not in the TLB. Emitted code gets a linear address to use, or 0 with the reason to leave.
 *
 * Some accesses cannot be done in place: stores that cross a page, stores to frames with code, anything on a watched page. In
 * normal running those answer `slowStep`: the engine then runs that one instruction again with `stepping` on. Then crossing
 * stores go to the bounce buffer and are copied out by `finishStep`, code is dropped before it is written, and watchpoint hits are noted.
 */
import { Exit, PageFaultError, Vector } from './exits.ts';
import { BOUNCE, CODE_CONTEXT, EXIT_REASON, FAULT_ADDRESS, FAULT_ERROR, FAULT_VECTOR, JUMP_SALT, PAGE_SIZE, TLB_BASE, TLB_BYTES, TLB_MASK, TLB_SHIFT, USER_END } from './state.ts';
import { jumpCacheSalt } from './engine-area.ts';
import { SLOW_WRITE } from './module-imports.ts';
import { Access, TouchFault, type CodeWatcher, type PageAccess } from '../memory/page-access.ts';
import type { LinearMemory } from '../memory/linear-memory.ts';
import type { Tlb } from '../memory/tlb.ts';
import type { Watchpoint, Watchpoints } from './watchpoints.ts';

const HIGH = 0x100000000;
/** Accesses are at most 16 bytes; helpers copy into the rest. */
const BOUNCE_SLOT = 16;
const BOUNCE_SLOTS = 4;

/** A store that crosses pages, waiting for the end of its instruction. */
interface CrossingStore {
  readonly bounce: number;
  readonly address: number;
  readonly bytes: number;
  /** Linear address of the first part, its length, linear address of the rest. */
  readonly first: number;
  readonly firstBytes: number;
  readonly second: number;
}

/** What the slow path needs from the rest of the engine. */
export interface SlowPathHost extends CodeWatcher {
  /** A frame got into some write TLB: before code is made from it, those entries must go. */
  noteWritable(frame: number): void;
}

export class SlowPath {
  stepping = false;
  /** Why the last page fault happened: the host tells SIGBUS from SIGSEGV by it. */
  touchFault: number = TouchFault.unmapped;
  private space: PageAccess | undefined;
  private tlb: Tlb | undefined;
  private hit: Watchpoint | undefined;
  private stores: CrossingStore[] = [];
  private readonly linear: LinearMemory;
  private readonly watchpoints: Watchpoints;
  private readonly host: SlowPathHost;

  constructor(linear: LinearMemory, watchpoints: Watchpoints, host: SlowPathHost) {
    this.linear = linear;
    this.watchpoints = watchpoints;
    this.host = host;
  }

  use(space: PageAccess, tlb: Tlb): void {
    this.space = space;
    this.tlb = tlb;
  }

  /** What runs from now on is code of this context. */
  useCodeContext(context: number): void {
    const { i32 } = this.linear;
    if (i32[CODE_CONTEXT >>> 2] === context) return;
    i32[CODE_CONTEXT >>> 2] = context;
    i32[JUMP_SALT >>> 2] = jumpCacheSalt(context);
  }

  /** See engine-functions.ts SlowAccess. */
  readonly access = (low: number, high: number, access: number): number => {
    const write = (access & SLOW_WRITE) !== 0;
    const bytes = access & (SLOW_WRITE - 1);
    const address = (high >>> 0) * HIGH + (low >>> 0);
    if (address >= USER_END) return this.beyondUser(low, high, write ? PageFaultError.write : 0);
    return (low & (PAGE_SIZE - 1)) + bytes > PAGE_SIZE ? this.crossing(address, bytes, write) : this.within(address, bytes, write);
  };

  /** For helpers: linear address or 0, as HelperEnvironment says. */
  guestAccess(address: number, bytes: number, write: boolean): number {
    const low = address % HIGH | 0;
    const high = Math.floor(address / HIGH);
    const i32 = this.linear.i32;
    const entry = (i32[TLB_BASE >>> 2] + (write ? TLB_BYTES : 0) + ((low >>> TLB_SHIFT) & TLB_MASK)) >>> 2;
    if (i32[entry] === (low & -PAGE_SIZE) && i32[entry + 1] === high) return (low + i32[entry + 2]) >>> 0;
    return this.access(low, high, bytes | (write ? SLOW_WRITE : 0));
  }

  /** Begins running one instruction with everything allowed. */
  beginStep(): void {
    this.stepping = true;
    this.hit = undefined;
    this.stores.length = 0;
  }

  /** Ends it; `retired` makes its crossing stores happen. Returns the watchpoint it hit. */
  finishStep(retired: boolean): Watchpoint | undefined {
    this.stepping = false;
    const { u8 } = this.linear;
    if (retired) {
      for (const store of this.stores) {
        u8.copyWithin(store.first, store.bounce, store.bounce + store.firstBytes);
        u8.copyWithin(store.second, store.bounce + store.firstBytes, store.bounce + store.bytes);
      }
    }
    this.stores.length = 0;
    return retired ? this.hit : undefined;
  }

  /** Records a page fault at `address`, whose page answered `fault`. */
  pageFault(address: number, fault: number, error: number): void {
    this.touchFault = fault;
    // Linux reports the last page of the user's half, which nobody can have, like the kernel's (arch/x86/mm/fault.c, set_signal_archinfo).
    const present = fault === TouchFault.forbidden || address >= USER_END - PAGE_SIZE ? PageFaultError.present : 0;
    this.fault(Vector.pageFault, PageFaultError.user | present | error, BigInt(address));
  }

  private fault(vector: number, error: number, address: bigint): 0 {
    const { i32, u64 } = this.linear;
    i32[EXIT_REASON >>> 2] = Exit.exception;
    i32[FAULT_VECTOR >>> 2] = vector;
    i32[FAULT_ERROR >>> 2] = error;
    if (vector === Vector.pageFault) u64[FAULT_ADDRESS >>> 3] = address;
    return 0;
  }

  private leaveToStep(): 0 {
    this.linear.i32[EXIT_REASON >>> 2] = Exit.slowStep;
    return 0;
  }

  /** Records what an access (`error`: of which kind) does that is beyond the user's half: Linux reports the kernel's as protection faults; what is not canonical is #GP(0). */
  beyondUser(low: number, high: number, error: number): 0 {
    const top = high >>> 0;
    if (top >= 0xffff8000) {
      this.touchFault = TouchFault.unmapped;
      const address = (BigInt(top) << 32n) | BigInt(low >>> 0);
      return this.fault(Vector.pageFault, PageFaultError.user | PageFaultError.present | error, address);
    }
    return this.fault(Vector.generalProtection, 0, 0n);
  }

  private within(address: number, bytes: number, write: boolean): number {
    const page = Math.floor(address / PAGE_SIZE);
    const frame = this.touch(page, address, write);
    if (frame <= 0) return 0;
    const watched = this.watchpoints.watches(page);
    if (watched) {
      if (!this.stepping) return this.leaveToStep();
      this.noteHit(address, bytes, write);
    }
    if (write && !this.claim(frame)) return 0;
    if (!watched) this.install(page, frame, write);
    return frame + (address % PAGE_SIZE);
  }

  private crossing(address: number, bytes: number, write: boolean): number {
    const page = Math.floor(address / PAGE_SIZE);
    const boundary = (page + 1) * PAGE_SIZE;
    const needsStep = write || this.watchpoints.watches(page) || this.watchpoints.watches(page + 1);
    if (boundary >= USER_END) return this.beyondUser(0, 0x8000, 0);
    const first = this.touch(page, address, write);
    if (first <= 0) return 0;
    const second = this.touch(page + 1, boundary, write);
    if (second <= 0) return 0;
    if (needsStep && !this.stepping) return this.leaveToStep();
    if (needsStep) this.noteHit(address, bytes, write);
    if (write && !(this.claim(first) && this.claim(second))) return 0;
    const { u8 } = this.linear;
    const firstBytes = boundary - address;
    const known = write ? this.stores.find((store) => store.address === address && store.bytes === bytes) : undefined;
    if (known !== undefined) return known.bounce;
    if (write && this.stores.length === BOUNCE_SLOTS - 1) throw new Error('too many page-crossing stores in one instruction');
    const bounce = BOUNCE + (write ? (this.stores.length + 1) * BOUNCE_SLOT : 0);
    u8.copyWithin(bounce, first + PAGE_SIZE - firstBytes, first + PAGE_SIZE);
    u8.copyWithin(bounce + firstBytes, second, second + bytes - firstBytes);
    if (write) this.stores.push({ bounce, address, bytes, first: first + PAGE_SIZE - firstBytes, firstBytes, second });
    return bounce;
  }

  /** The frame, or 0 after recording why the function must be left. */
  private touch(page: number, address: number, write: boolean): number {
    const { space } = this;
    if (space === undefined) throw new Error('guest memory access outside of Cpu.run');
    const context = space.codeContext;
    const frame = space.touch(page, write ? Access.write : Access.read);
    if (frame <= 0) {
      this.pageFault(address, frame, write ? PageFaultError.write : 0);
      return 0;
    }
    if (space.codeContext !== context) {
      // Copy-on-write replaced a page of code: what runs may be made from the old one.
      const { i32 } = this.linear;
      this.useCodeContext(space.codeContext * 2 + (i32[CODE_CONTEXT >>> 2] & 1));
      if (!this.stepping) return this.leaveToStep();
    }
    return frame;
  }

  /** Makes sure that a frame about to be written has no code; false when that needs a step. */
  private claim(frame: number): boolean {
    if (!this.host.hasCode(frame)) return true;
    if (!this.stepping) {
      this.leaveToStep();
      return false;
    }
    this.host.frameChanged(frame);
    return true;
  }

  private install(page: number, frame: number, write: boolean): void {
    const { tlb } = this;
    if (tlb === undefined) throw new Error('guest memory access outside of Cpu.run');
    if (!write) {
      tlb.installRead(page, frame);
      return;
    }
    tlb.installWrite(page, frame);
    this.host.noteWritable(frame);
  }

  private noteHit(address: number, bytes: number, write: boolean): void {
    this.hit ??= this.watchpoints.hit(address, bytes, write);
  }
}
