/** The cache of the launcher: what is in it, or not, or damaged, never changes what skas does. */
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'skas-cache-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A copy of the program, as its files are changed here. */
const copy = join(folder, 'skas');
beforeAll(() => {
  for (const part of ['bin', 'emulator', 'stub', 'package.json']) cpSync(join(ROOT, part), join(copy, part), { recursive: true, preserveTimestamps: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
});

const environment = (cache: string): NodeJS.ProcessEnv => ({ ...process.env, XDG_CACHE_HOME: cache });

function run(cache: string, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(copy, 'bin', 'skas.mjs'), ...args], { encoding: 'utf8', env: environment(cache), timeout: 50_000 });
  return `${status}${stdout}${stderr}`;
}

const echo = (cache: string): string => run(cache, 'run', '--quiet', '/bin/echo', 'hello');
const ECHOED = '0hello\n';

let caches = 0;
const newCache = (): string => join(folder, `cache-${caches++}`);

function filesOf(cache: string): string[] {
  return readdirSync(join(cache, 'skas')).sort().map((name) => join(cache, 'skas', name));
}

const identities = (cache: string): string[] => filesOf(cache).map((path) => `${statSync(path).ino} ${statSync(path).mtimeMs}`);

describe('the cache of the launcher', { timeout: 180_000 }, () => {
  it('is made by the first run and left alone by the next ones', () => {
    const cache = newCache();
    expect(echo(cache)).toBe(ECHOED);
    expect(filesOf(cache).map((path) => path.replace(/.*\./, ''))).toEqual(['code', 'engine', 'js']);
    expect(filesOf(cache).map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    const before = identities(cache);
    expect(before).toHaveLength(3);
    expect(echo(cache)).toBe(ECHOED);
    expect(identities(cache)).toEqual(before);
  });

  it('is made anew when a file of the program has changed', () => {
    const cache = newCache();
    const messages = join(copy, 'stub', 'cli', 'option-table.ts');
    expect(run(cache, '--help')).toContain('skas boot');
    const { mtimeMs } = statSync(messages);
    const text = readFileSync(messages, 'utf8');
    try {
      writeFileSync(messages, text.replace('skas boot', 'skas bolt'));
      utimesSync(messages, mtimeMs / 1000 + 1, mtimeMs / 1000 + 1);
      for (let i = 0; i < 2; i++) expect(run(cache, '--help')).toContain('skas bolt');
    } finally {
      writeFileSync(messages, text);
    }
    // Just changed: it is read, and read again, until its time says something.
    expect(run(cache, '--help')).toContain('skas boot');
    expect(run(cache, '--help')).not.toContain('skas bolt');
  });

  it('may be damaged', () => {
    const cache = newCache();
    expect(echo(cache)).toBe(ECHOED);
    const whole = filesOf(cache).map((path) => readFileSync(path));
    const damages: ((path: string, size: number) => void)[] = [
      (path) => truncateSync(path, 0),
      (path, size) => truncateSync(path, size - 1000),
      (path) => appendFileSync(path, 'x'),
      (path, size) => {
        const bytes = readFileSync(path);
        bytes[size >> 1] ^= 0x10;
        writeFileSync(path, bytes);
      },
      (path) => writeFileSync(path, '{"length":0,"crc":0}\n'),
      (path) => rmSync(path),
    ];
    for (const damage of damages) {
      filesOf(cache).forEach((path) => damage(path, statSync(path).size));
      expect(echo(cache)).toBe(ECHOED);
      expect(filesOf(cache)).toHaveLength(3);
      expect(filesOf(cache).map((path, i) => statSync(path).size > whole[i].length / 2)).toEqual([true, true, true]);
    }
  });

  it('does not keep what a killed process left half written', () => {
    const cache = newCache();
    mkdirSync(join(cache, 'skas'), { recursive: true });
    expect(echo(cache)).toBe(ECHOED);
    const [code] = filesOf(cache);
    rmSync(code);
    const old = Date.now() / 1000 - 3600;
    writeFileSync(`${code}.999999`, 'x');
    utimesSync(`${code}.999999`, old, old);
    writeFileSync(`${code}.999998`, 'x');
    expect(echo(cache)).toBe(ECHOED);
    expect(filesOf(cache).filter((path) => path.startsWith(`${code}.`))).toEqual([`${code}.999998`]);
  });

  it('does not believe code for another source, nor what others could have written', () => {
    const cache = newCache();
    const other = newCache();
    expect(echo(cache)).toBe(ECHOED);
    expect(echo(other)).toBe(ECHOED);
    const [code, , source] = filesOf(cache);
    cpSync(filesOf(other)[0], code);
    expect(echo(cache)).toBe(ECHOED);
    chmodSync(source, 0o666);
    expect(echo(cache)).toBe(ECHOED);
    expect(statSync(source).mode & 0o777).toBe(0o600);
  });

  it('is whole when several processes make it at once', async () => {
    const cache = newCache();
    const children = Array.from({ length: 4 }, () => new Promise<string>((resolve) => {
      const child = spawn(process.execPath, [join(copy, 'bin', 'skas.mjs'), 'run', '--quiet', '/bin/echo', 'hello'], { env: environment(cache) });
      let out = '';
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.on('close', (status) => resolve(`${status}${out}`));
    }));
    expect(await Promise.all(children)).toEqual([ECHOED, ECHOED, ECHOED, ECHOED]);
    expect(filesOf(cache)).toHaveLength(3);
    expect(echo(cache)).toBe(ECHOED);
    expect(echo(cache)).toBe(ECHOED);
  });

  it('may be impossible', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    for (const cache of [file, '/proc/nowhere', join(folder, 'a', 'b', 'c')]) expect(echo(cache)).toBe(ECHOED);
    const full = newCache();
    mkdirSync(join(full, 'skas'), { recursive: true });
    expect(echo(full)).toBe(ECHOED);
    for (const path of filesOf(full)) {
      rmSync(path);
      // Nothing can be renamed to the name of a folder that is not empty.
      mkdirSync(join(path, 'x'), { recursive: true });
    }
    expect(echo(full)).toBe(ECHOED);
    expect(filesOf(full)).toHaveLength(3);
  });
});
