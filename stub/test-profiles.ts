/**
 * One profile for each of the kernel's own tests (KUnit), and `rest` for what belongs to none. Where the kernel has symbols a test is from its beginning to that of the next, or its suite's end;
 * without them the results on the console divide the run.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { KtapReader } from '../emulator/profile/ktap.ts';
import type { ProfileRequest } from './profile-request.ts';
import type { ProfileSession } from './profile-session.ts';

/** What is no letter of a file's name in a test's. */
const UNFIT = /[^\w.+-]+/g;
const LONGEST_NAME = 200;
const REST = 'rest';

export class TestProfiles {
  /** Tests are told of by {@link border}: the console is not looked at. */
  exact = false;
  private readonly profiling: ProfileSession;
  private readonly request: ProfileRequest;
  private readonly reader = new KtapReader();
  private readonly done: string[] = [];
  private readonly used = new Set<string>();
  private current = REST;

  /** @param request a format, and the folder for its files */
  constructor(profiling: ProfileSession, request: ProfileRequest) {
    this.profiling = profiling;
    this.request = request;
    mkdirSync(request.path, { recursive: true });
  }

  /** A test begins; undefined: what follows belongs to none. */
  border(name: string | undefined): void {
    this.take(this.current);
    this.current = name ?? REST;
  }

  /** The guest has written this to its console. True: a test has ended, and {@link settle} is to be called at the next instruction boundary. */
  output(bytes: Uint8Array): boolean {
    if (this.exact) return false;
    for (const { path, hasSubtests } of this.reader.feed(Buffer.from(bytes).toString('latin1'))) if (!hasSubtests) this.done.push(path.join('.'));
    return this.done.length > 0;
  }

  /** Writes the profile of what has ended, between two slices. */
  settle(): void {
    // Results that came at once cannot be told apart.
    if (this.done.length > 0) this.take(this.done.splice(0).join('+'));
  }

  /** The run is over. */
  finish(): void {
    this.settle();
    this.take(this.current);
  }

  private take(name: string): void {
    const { format, path } = this.request;
    const plain = name.replace(UNFIT, '_').slice(0, LONGEST_NAME);
    let unused = plain;
    for (let i = 2; this.used.has(unused); i++) unused = `${plain}-${i}`;
    this.used.add(unused);
    this.profiling.write([{ format, path: join(path, `${unused}.${format}`) }]);
    this.profiling.reset();
  }
}
