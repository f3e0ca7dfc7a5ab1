import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ElfError, ElfFile, ElfType, SegmentType, parseElfHeader } from './elf.ts';

const SHELL = '/bin/sh';

function readelf(option: string): string {
  return execFileSync('readelf', ['-W', option, SHELL], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
}

describe('ElfFile', () => {
  const file = new ElfFile(readFileSync(SHELL), SHELL);

  it('reads the header as readelf does', () => {
    const text = readelf('-h');
    expect(file.header.entry).toBe(Number(/Entry point address:\s+(\S+)/.exec(text)?.[1]));
    expect(file.header.programHeaderCount).toBe(Number(/Number of program headers:\s+(\d+)/.exec(text)?.[1]));
    expect(file.header.wordSize).toBe(8);
    expect([ElfType.executable, ElfType.shared]).toContain(file.header.type);
  });

  it('reads segments as readelf does', () => {
    const loads = [...readelf('-l').matchAll(/^\s+LOAD\s+(\S+) (\S+) \S+ (\S+) (\S+)/gm)].map((match) => match.slice(1).map(Number));
    expect(file.segments.filter(({ type }) => type === SegmentType.load).map(({ offset, address, fileSize, memorySize }) => [offset, address, fileSize, memorySize])).toEqual(loads);
  });

  it('reads sections and dynamic symbols as readelf does', () => {
    const sections = [...readelf('-S').matchAll(/^\s+\[\s*\d+\] (\.\S+)\s+\S+\s+([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)/gm)]
      .map(([, name, address, offset, size]) => [name, parseInt(address, 16), parseInt(offset, 16), parseInt(size, 16)]);
    expect(file.sections.slice(1).map(({ name, address, offset, size }) => [name, address, offset, size])).toEqual(sections);
    const names = [...readelf('--dyn-syms').matchAll(/^\s+\d+: ([0-9a-f]{16})\s+\S+ \S+\s+\S+\s+\S+\s+\S+\s?([^@\s]*)/gm)].map(([, value, name]) => [parseInt(value, 16), name]);
    const symbols = file.symbols('dynamic');
    expect(Array.from({ length: symbols?.count ?? 0 }, (_, i) => [symbols?.values[i], symbols?.name(i)])).toEqual(names);
  });
});

it('has exact addresses in the upper half of 64 bits, as negative numbers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skas-elf-'));
  try {
    const path = join(folder, 'high');
    execFileSync('gcc', ['-nostdlib', '-static', '-no-pie', '-fno-pic', '-mcmodel=kernel', '-Wl,-Ttext=0xffffffff82a1a040', '-Wl,--build-id=none', '-x', 'c', '-o', path, '-'], { input: 'int first(void) { return 1; }\nint _start(void) { return 2; }\n', stdio: ['pipe', 'ignore', 'pipe'] });
    const file = new ElfFile(readFileSync(path), path);
    const theirs = [...execFileSync('nm', [path], { encoding: 'utf8' }).matchAll(/^([0-9a-f]+) T (first|_start)$/gm)].map(([, value, name]) => [name, BigInt.asIntN(64, BigInt(`0x${value}`))]);
    const symbols = file.symbols();
    const ours = new Map(Array.from({ length: symbols?.count ?? 0 }, (_, i) => [symbols?.name(i), BigInt(symbols?.values[i] ?? 0)]));
    expect(theirs).toHaveLength(2);
    for (const [name, value] of theirs) expect([name, ours.get(String(name))]).toEqual([name, value]);
    expect(file.section('.text')?.address).toBe(0x82a1a040 - 2 ** 32);
    expect(file.segments.some(({ address, memorySize }) => address <= 0x82a1a040 - 2 ** 32 && address + memorySize > 0x82a1a040 - 2 ** 32)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('errors', () => {
  const shell = new Uint8Array(readFileSync(SHELL));
  const broken = (at: number, value: number): Uint8Array => {
    const bytes = shell.slice();
    bytes[at] = value;
    return bytes;
  };

  it.each([
    ['something else', new TextEncoder().encode('#!/bin/sh\n'), 'x: not an ELF file'],
    ['an empty file', new Uint8Array(0), 'x: not an ELF file'],
    ['half a header', shell.slice(0, 40), 'x: truncated ELF header'],
    ['another class', broken(4, 7), 'x: unknown ELF class 7'],
    ['big-endian', broken(5, 2), 'x: not little-endian, so not for x86'],
    ['another machine', broken(18, 183), 'x: ELF machine 183 with 64-bit class, where x86 has 62'],
  ])('names %s', (_, bytes, message) => {
    expect(() => parseElfHeader(bytes, 'x')).toThrow(new ElfError(message));
  });

  it('names a file cut off in the middle', () => {
    expect(() => new ElfFile(shell.slice(0, 100), 'x')).toThrow(/^x: program header 0 lies beyond the end of the file$/);
    expect(() => new ElfFile(shell.slice(0, shell.length / 2), 'x')).toThrow(/^x: truncated: its section headers/);
  });
});
