/** A minimal address space for tests of the CPU: pages in a map, permissions per page, nothing shared. */
import { ENGINE_BYTES, type LinearMemory } from '../memory/linear-memory.ts';
import { Access, TouchFault, type PageAccess } from '../memory/page-access.ts';
import { PAGE_SIZE, TLB_BYTES } from './state.ts';
import { Tlb } from '../memory/tlb.ts';

let spaces = 0;

export class FlatSpace implements PageAccess {
  readonly id = ++spaces;
  codeContext = spaces;
  readonly tlb: number;
  readonly cache: Tlb;
  private readonly pages = new Map<number, { frame: number; writable: boolean; executable: boolean }>();
  private readonly linear: LinearMemory;
  private next: number;

  /** @param area which eighth of the frames above ENGINE_BYTES this space takes its own from. */
  constructor(linear: LinearMemory, area = 0) {
    this.linear = linear;
    const share = Math.floor((linear.u8.length - ENGINE_BYTES) / 8 / PAGE_SIZE) * PAGE_SIZE;
    this.tlb = ENGINE_BYTES + area * share;
    this.next = this.tlb + 2 * TLB_BYTES;
    this.cache = new Tlb(linear, this.tlb);
  }

  /** Maps `pages` fresh pages at `address`; returns the linear address of the first frame. */
  map(address: number, pages: number, access = 'rwx'): number {
    const first = this.next;
    for (let i = 0; i < pages; i++) {
      this.mapFrame(address / PAGE_SIZE + i, this.next, access);
      this.next += PAGE_SIZE;
    }
    return first;
  }

  mapFrame(page: number, frame: number, access = 'rwx'): void {
    this.pages.set(page, { frame, writable: access.includes('w'), executable: access.includes('x') });
    this.cache.flushPage(page);
  }

  unmap(page: number): void {
    this.pages.delete(page);
    this.cache.flushPage(page);
  }

  /** Copies bytes in, whatever the permissions. */
  write(address: number, bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.linear.u8[this.linearOf(address + i)] = bytes[i];
  }

  read(address: number, length: number): Uint8Array {
    return Uint8Array.from({ length }, (_, i) => this.linear.u8[this.linearOf(address + i)]);
  }

  touch(page: number, access: Access): number {
    const entry = this.pages.get(page);
    if (entry === undefined) return TouchFault.unmapped;
    if (access === Access.write && !entry.writable) return TouchFault.forbidden;
    if (access === Access.execute && !entry.executable) return TouchFault.forbidden;
    return entry.frame;
  }

  resident(page: number, access: Access): number {
    return Math.max(0, this.touch(page, access));
  }

  private linearOf(address: number): number {
    const entry = this.pages.get(Math.floor(address / PAGE_SIZE));
    if (entry === undefined) throw new Error(`${address.toString(16)} is not mapped`);
    return entry.frame + (address % PAGE_SIZE);
  }
}
