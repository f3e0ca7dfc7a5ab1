/** Runs case records on the host CPU through harness.c. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Case, Result } from './case-layout.ts';

export class NativeRunner {
  private readonly directory = mkdtempSync(join(tmpdir(), 'skas-cases-'));

  constructor() {
    const source = fileURLToPath(new URL('harness.c', import.meta.url));
    execFileSync('gcc', ['-O2', '-static', '-fno-stack-protector', '-o', this.path('harness'), source]);
  }

  /** Results of `count` cases, in records of Result.bytes. */
  run(cases: Uint8Array, code: Uint8Array, data: Uint8Array, mode: 64 | 32): DataView {
    const count = cases.length / Case.bytes;
    writeFileSync(this.path('cases'), cases);
    writeFileSync(this.path('code'), code);
    writeFileSync(this.path('data'), data);
    writeFileSync(this.path('results'), new Uint8Array(count * Result.bytes));
    // With glibc's rseq area registered the host kernel kills the harness with SIGSEGV when it is preempted inside some cases (one run in 2 000 on a busy machine).
    const env = { ...process.env, GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };
    execFileSync(this.path('harness'), [...['cases', 'code', 'data', 'results'].map((name) => this.path(name)), String(mode)], { env });
    const results = readFileSync(this.path('results'));
    return new DataView(results.buffer, results.byteOffset, results.length);
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }

  private path(name: string): string {
    return join(this.directory, name);
  }
}
