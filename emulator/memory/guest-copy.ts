/**
 * Copying between the machine and a guest's memory. `read…`/`write…` obey page protection as the guest's own accesses do (what a system
 * call sees: undefined or false means EFAULT); `peek`/`poke` do not (ptrace, the debugger, process start).
 */
import { PAGE_SIZE } from '../cpu/state.ts';
import { MappedPages } from './mapped-pages.ts';
import { Access } from './page-access.ts';

const decoder = new TextDecoder();
/** Addresses from here on are no user's. */
const ADDRESS_LIMIT = 2 ** 47;
/** Up to so many bytes a loop is faster than making views to copy with. */
const SHORT = 64;

export abstract class GuestMemory extends MappedPages {
  read(address: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    return this.readInto(address, bytes) === length ? bytes : undefined;
  }

  /** Copies from the guest as far as that is possible; returns the number of bytes. */
  readInto(address: number, into: Uint8Array): number {
    return this.copyOut(address, into, false);
  }

  peek(address: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    return this.peekInto(address, bytes) === length ? bytes : undefined;
  }

  peekInto(address: number, into: Uint8Array): number {
    return this.copyOut(address, into, true);
  }

  write(address: number, bytes: Uint8Array): boolean {
    return this.writeFrom(address, bytes) === bytes.length;
  }

  /** Copies to the guest as far as that is possible; returns the number of bytes. */
  writeFrom(address: number, bytes: Uint8Array): number {
    return this.copyIn(address, bytes, false);
  }

  poke(address: number, bytes: Uint8Array): boolean {
    return this.copyIn(address, bytes, true) === bytes.length;
  }

  /** Fills with zeros; false when some of it cannot be written. */
  clear(address: number, length: number): boolean {
    return this.write(address, new Uint8Array(length));
  }

  readU8(address: number): number | undefined {
    const at = this.locate(address, 1, Access.read);
    return at < 0 ? this.assemble(address, 1) : this.frames.linear.u8[at];
  }

  readU16(address: number): number | undefined {
    const at = this.locate(address, 2, Access.read);
    return at < 0 ? this.assemble(address, 2) : this.frames.linear.view.getUint16(at, true);
  }

  readU32(address: number): number | undefined {
    const at = this.locate(address, 4, Access.read);
    return at < 0 ? this.assemble(address, 4) : this.frames.linear.view.getUint32(at, true);
  }

  /** Exact below 2^53. */
  readU64(address: number): number | undefined {
    const at = this.locate(address, 8, Access.read);
    if (at < 0) return this.assemble(address, 8);
    const view = this.frames.linear.view;
    return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
  }

  readBigU64(address: number): bigint | undefined {
    const low = this.readU32(address);
    const high = this.readU32(address + 4);
    return low === undefined || high === undefined ? undefined : BigInt(low) | (BigInt(high) << 32n);
  }

  writeU8(address: number, value: number): boolean {
    return this.write(address, Uint8Array.of(value));
  }

  writeU16(address: number, value: number): boolean {
    return this.write(address, Uint8Array.of(value, value >>> 8));
  }

  writeU32(address: number, value: number): boolean {
    const at = this.locate(address, 4, Access.write);
    if (at < 0) return this.write(address, Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
    this.frames.changed(at - (at % PAGE_SIZE));
    this.frames.linear.view.setUint32(at, value, true);
    return true;
  }

  /** Negative values as two's complement, down to -2^53. */
  writeU64(address: number, value: number): boolean {
    return this.writeU32(address, value | 0) && this.writeU32(address + 4, Math.floor(value / 0x100000000) | 0);
  }

  writeBigU64(address: number, value: bigint): boolean {
    return this.writeU32(address, Number(value & 0xffffffffn)) && this.writeU32(address + 4, Number((value >> 32n) & 0xffffffffn));
  }

  /** A pointer-sized value, exact below 2^53. */
  readWord(address: number, wordSize: 4 | 8): number | undefined {
    return wordSize === 8 ? this.readU64(address) : this.readU32(address);
  }

  writeWord(address: number, value: number, wordSize: 4 | 8): boolean {
    return wordSize === 8 ? this.writeU64(address, value) : this.writeU32(address, value);
  }

  /** A NUL-terminated string, without the NUL; undefined if it cannot be read. Longer ones come back cut at `max` bytes. */
  readString(address: number, max: number): string | undefined {
    const bytes = this.readStringBytes(address, max);
    return bytes === undefined ? undefined : decoder.decode(bytes);
  }

  readStringBytes(address: number, max: number): Uint8Array | undefined {
    const pieces: Uint8Array[] = [];
    let at = address;
    let left = max;
    while (left > 0) {
      const linear = this.locate(at, 1, Access.read);
      if (linear < 0) return undefined;
      const room = Math.min(left, PAGE_SIZE - (linear % PAGE_SIZE));
      const end = this.frames.linear.u8.indexOf(0, linear);
      const stop = end < 0 || end > linear + room ? linear + room : end;
      pieces.push(this.frames.linear.u8.slice(linear, stop));
      if (stop < linear + room) break;
      at += room;
      left -= room;
    }
    return pieces.length === 1 ? pieces[0] : new Uint8Array(Buffer.concat(pieces));
  }

  /** Linear address of `length` bytes within one page, or -1. */
  private locate(address: number, length: number, access: Access): number {
    if (!(address >= 0 && address < ADDRESS_LIMIT)) return -1;
    const inPage = address % PAGE_SIZE;
    if (inPage + length > PAGE_SIZE) return -1;
    const frame = this.touch((address - inPage) / PAGE_SIZE, access);
    return frame < 0 ? -1 : frame + inPage;
  }

  private assemble(address: number, length: number): number | undefined {
    const bytes = this.read(address, length);
    if (bytes === undefined) return undefined;
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[i];
    return value;
  }

  private copyOut(address: number, into: Uint8Array, forced: boolean): number {
    if (!(address >= 0)) return 0;
    const u8 = this.frames.linear.u8;
    let done = 0;
    while (done < into.length) {
      const at = address + done;
      if (at >= ADDRESS_LIMIT) break;
      const inPage = at % PAGE_SIZE;
      const page = (at - inPage) / PAGE_SIZE;
      const frame = forced ? this.touchForced(page, false) : this.touch(page, Access.read);
      if (frame < 0) break;
      const piece = Math.min(PAGE_SIZE - inPage, into.length - done);
      const from = frame + inPage;
      if (piece <= SHORT) for (let i = 0; i < piece; i++) into[done + i] = u8[from + i];
      else into.set(u8.subarray(from, from + piece), done);
      done += piece;
    }
    return done;
  }

  private copyIn(address: number, bytes: Uint8Array, forced: boolean): number {
    if (!(address >= 0)) return 0;
    const u8 = this.frames.linear.u8;
    let done = 0;
    while (done < bytes.length) {
      const at = address + done;
      if (at >= ADDRESS_LIMIT) break;
      const inPage = at % PAGE_SIZE;
      const page = (at - inPage) / PAGE_SIZE;
      const frame = forced ? this.touchForced(page, true) : this.touch(page, Access.write);
      if (frame < 0) break;
      const piece = Math.min(PAGE_SIZE - inPage, bytes.length - done);
      this.frames.changed(frame);
      const to = frame + inPage;
      if (piece <= SHORT) for (let i = 0; i < piece; i++) u8[to + i] = bytes[done + i];
      else u8.set(bytes.subarray(done, done + piece), to);
      done += piece;
    }
    return done;
  }
}
