/** Threads of the stub by the numbers the protocol gives them, which stay the same as long as the stub's names do. */
import type { Stub, StubThread } from '../rsp/stub.ts';

export class Threads {
  private readonly stub: Stub;
  private readonly numbers = new Map<string, number>();
  private readonly ids = new Map<number, string>();
  private known: readonly StubThread[] | undefined;

  constructor(stub: Stub) {
    this.stub = stub;
  }

  /** Asked once per stop. */
  async list(): Promise<readonly StubThread[]> {
    return (this.known ??= await this.stub.threads());
  }

  /** The last list, while the target runs. */
  get last(): readonly StubThread[] {
    return this.known ?? [];
  }

  forget(): void {
    this.known = undefined;
  }

  number(id: string): number {
    let number = this.numbers.get(id);
    if (number === undefined) {
      number = this.numbers.size + 1;
      this.numbers.set(id, number);
      this.ids.set(number, id);
    }
    return number;
  }

  id(number: number): string | undefined {
    return this.ids.get(number);
  }
}
