/** What later requests name by a number: frames and things that unfold. All of it ends with the stop. */
import type { FormatOptions } from '../values/format.ts';
import type { Value } from '../values/value.ts';
import type { FrameInThread } from './inspector.ts';

export type Container =
  | { readonly kind: 'locals' | 'arguments' | 'statics' | 'registers'; readonly at: FrameInThread }
  | { readonly kind: 'value'; readonly value: Value; readonly expression: string | undefined; readonly options: FormatOptions; readonly at: FrameInThread | undefined };

class Store<T> {
  private readonly items: T[] = [];

  /** A number above 0. */
  add(item: T): number {
    return this.items.push(item);
  }

  get(number: number): T | undefined {
    return this.items[number - 1];
  }

  clear(): void {
    this.items.length = 0;
  }
}

export class StoredItems {
  readonly frames = new Store<FrameInThread>();
  readonly containers = new Store<Container>();

  clear(): void {
    this.frames.clear();
    this.containers.clear();
  }
}
