/** Source paths as the compiler knew them and as they are here. */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';

export class SourceMap {
  /** From compile-time prefixes to local ones, the longest first. */
  private readonly rules: readonly (readonly [string, string])[];
  private readonly found = new Map<string, string | undefined>();

  constructor(map: Readonly<Record<string, string>> | undefined) {
    const trim = (path: string): string => (path.length > 1 ? path.replace(/\/+$/, '') : path);
    this.rules = Object.entries(map ?? {}).map(([from, to]) => [trim(from), trim(to)] as const).sort((a, b) => b[0].length - a[0].length);
  }

  /** Where a source file is here; undefined: it is not. */
  local(compiled: string): string | undefined {
    if (!this.found.has(compiled)) {
      const mapped = this.replace(compiled, this.rules);
      this.found.set(compiled, existsSync(mapped) ? mapped : undefined);
    }
    return this.found.get(compiled);
  }

  /** The same path, whether the file is there or not. */
  shown(compiled: string): string {
    return this.local(compiled) ?? this.replace(compiled, this.rules);
  }

  /** What the compiler called a local file. */
  compiled(local: string): string {
    return this.replace(posix.normalize(local), this.rules.map(([from, to]) => [to, from] as const));
  }

  private replace(path: string, rules: readonly (readonly [string, string])[]): string {
    for (const [from, to] of rules) {
      if (path === from) return to;
      if (path.startsWith(from === '/' ? '/' : `${from}/`)) return posix.join(to, path.slice(from.length));
    }
    return path;
  }
}
