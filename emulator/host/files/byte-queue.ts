/** First-in first-out bytes: what pipes, sockets and terminals hold. */
export class ByteQueue {
  private buffer = new Uint8Array(256);
  private head = 0;
  private used = 0;

  get length(): number {
    return this.used;
  }

  push(bytes: Uint8Array): void {
    this.reserve(this.used + bytes.length);
    this.buffer.set(bytes, this.head + this.used);
    this.used += bytes.length;
  }

  /** Takes up to `into.length` bytes; returns how many. */
  shift(into: Uint8Array): number {
    const count = this.peek(into);
    this.skip(count);
    return count;
  }

  /** Copies from the front (or from `offset`) without taking. */
  peek(into: Uint8Array, offset = 0): number {
    const count = Math.max(0, Math.min(into.length, this.used - offset));
    into.set(this.buffer.subarray(this.head + offset, this.head + offset + count));
    return count;
  }

  skip(count: number): void {
    this.head += count;
    this.used -= count;
    if (this.used === 0) this.head = 0;
  }

  /** Removes the newest byte; undefined when empty. */
  pop(): number | undefined {
    if (this.used === 0) return undefined;
    return this.buffer[this.head + --this.used];
  }

  /** The newest byte. */
  get last(): number | undefined {
    return this.used === 0 ? undefined : this.buffer[this.head + this.used - 1];
  }

  at(index: number): number {
    return this.buffer[this.head + index];
  }

  clear(): void {
    this.head = 0;
    this.used = 0;
  }

  private reserve(wanted: number): void {
    if (this.head + wanted <= this.buffer.length) return;
    const target = wanted <= this.buffer.length / 2 ? this.buffer : new Uint8Array(Math.max(wanted, this.buffer.length * 2));
    target.set(this.buffer.subarray(this.head, this.head + this.used));
    this.buffer = target;
    this.head = 0;
  }
}
