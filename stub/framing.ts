/**
 * Packets on the wire: `$body#checksum`, acknowledgements, `}` escapes, run lengths, and the 0x03 byte that may stand
 * anywhere between packets. Works on bytes only: bodies may hold any.
 */

const DOLLAR = 0x24;
const HASH = 0x23;
const PERCENT = 0x25;
const PLUS = 0x2b;
const MINUS = 0x2d;
const STAR = 0x2a;
const ESCAPE = 0x7d;
const ESCAPE_XOR = 0x20;
const INTERRUPT = 0x03;
/** A run-length character n stands for n - 29 further copies. */
const RUN_BASE = 29;

export type WireEvent =
  | { readonly type: 'packet'; readonly body: Buffer }
  /** The checksum does not match. */
  | { readonly type: 'corrupt' }
  /** Longer than the limit; its bytes are gone. */
  | { readonly type: 'oversized' }
  | { readonly type: 'ack' }
  | { readonly type: 'nak' }
  | { readonly type: 'interrupt' };

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1;
}

/** Undoes escapes and run lengths. Undefined when a run has nothing to repeat, an impossible count, or would pass `limit`. */
export function decodeBody(raw: Buffer, limit: number): Buffer | undefined {
  if (raw.indexOf(ESCAPE) < 0 && raw.indexOf(STAR) < 0) return Buffer.from(raw);
  const out: number[] = [];
  for (let i = 0; i < raw.length; i++) {
    const byte = raw[i];
    if (byte === ESCAPE) {
      if (++i >= raw.length) return undefined;
      out.push(raw[i] ^ ESCAPE_XOR);
    } else if (byte === STAR) {
      const count = (raw[++i] ?? 0) - RUN_BASE;
      if (count < 3 || count > 97 || out.length === 0 || out.length + count > limit) return undefined;
      const last = out[out.length - 1];
      for (let n = 0; n < count; n++) out.push(last);
    } else out.push(byte);
  }
  return Buffer.from(out);
}

/** Escapes `$ # } *` so that the bytes may stand in a body. */
export function escapeBinary(bytes: Uint8Array): Buffer {
  let special = 0;
  for (const byte of bytes) if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === STAR) special++;
  const out = Buffer.allocUnsafe(bytes.length + special);
  let at = 0;
  for (const byte of bytes) {
    if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === STAR) {
      out[at++] = ESCAPE;
      out[at++] = byte ^ ESCAPE_XOR;
    } else out[at++] = byte;
  }
  return out;
}

/** Frames a body whose binary parts are escaped already. */
export function encodePacket(body: Buffer | string): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xff;
  return Buffer.concat([Buffer.from('$'), bytes, Buffer.from(`#${sum.toString(16).padStart(2, '0')}`)]);
}

/** Frames a notification: it comes unasked and is not acknowledged. */
export function encodeNotification(body: string): Buffer {
  const framed = encodePacket(body);
  framed[0] = PERCENT;
  return framed;
}

/** Cuts a byte stream, in whatever chunks it comes, into events. */
export class PacketReader {
  /** In no-acknowledgement mode checksums are not looked at. */
  checkSums = true;
  private readonly limit: number;
  private pending: Buffer = Buffer.alloc(0);
  /** Where to go on looking for the end of the packet at the start of `pending`. */
  private scanned = 0;
  /** The rest of an oversized packet is being thrown away. */
  private skipping = false;

  /** `limit`: bytes a body may have, on the wire and decoded. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes the next chunk and returns what it completed. */
  feed(chunk: Uint8Array): WireEvent[] {
    this.pending = this.pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.pending, chunk]);
    const events: WireEvent[] = [];
    let at = 0;
    while (at < this.pending.length) {
      const byte = this.pending[at];
      if (byte !== DOLLAR && !this.skipping) {
        if (byte === INTERRUPT) events.push({ type: 'interrupt' });
        else if (byte === PLUS) events.push({ type: 'ack' });
        else if (byte === MINUS) events.push({ type: 'nak' });
        at++;
        continue;
      }
      const next = this.packetAt(at, events);
      if (next === undefined) break;
      at = next;
    }
    this.pending = this.pending.subarray(at);
    return events;
  }

  /** Reads the packet that starts at `at`; returns where it ends, or undefined if more bytes are needed. */
  private packetAt(at: number, events: WireEvent[]): number | undefined {
    const hash = this.pending.indexOf(HASH, Math.max(at + (this.skipping ? 0 : 1), this.scanned));
    if (hash < 0) {
      if (this.pending.length - at > this.limit + 1) {
        this.skipping = true;
        this.scanned = 0;
        return this.pending.length;
      }
      this.scanned = this.pending.length - at;
      return undefined;
    }
    if (hash + 2 >= this.pending.length) {
      this.scanned = hash - at;
      return undefined;
    }
    this.scanned = 0;
    const end = hash + 3;
    if (this.skipping || hash - at - 1 > this.limit) {
      this.skipping = false;
      events.push({ type: 'oversized' });
      return end;
    }
    // A `$` inside a body cannot be: the packet before it was cut off and a new one began.
    const start = this.pending.lastIndexOf(DOLLAR, hash) + 1;
    const raw = this.pending.subarray(start, hash);
    const high = hexDigit(this.pending[hash + 1]);
    const low = hexDigit(this.pending[hash + 2]);
    let sum = 0;
    for (const byte of raw) sum = (sum + byte) & 0xff;
    const body = high >= 0 && low >= 0 && (!this.checkSums || sum === high * 16 + low) ? decodeBody(raw, this.limit) : undefined;
    events.push(body === undefined ? { type: 'corrupt' } : { type: 'packet', body });
    return end;
  }
}
