/** The reader on a small program in every version of DWARF, against readelf; then on damaged copies of it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ElfError, ElfFile } from '../elf.ts';
import { DebugInfo, type FrameRegisters } from './debug-info.ts';
import { DwarfError } from './dwarf-error.ts';
import { frameTables } from './frames.ts';

const SOURCE = `
struct node { struct node *next; unsigned a : 3, b : 7; union { int i; char text[6]; }; };
enum colour { red = 1, green = -2 };
typedef struct node node_t;
node_t nodes[4][2];
enum colour paint = green;
static inline int twice(int x) { return x * 2 + nodes[0][0].i; }
int __attribute__((noinline)) leaf(int n) { volatile char room[64]; room[n & 63] = 1; return twice(n) + room[1]; }
int walk(struct node *n) { int sum = 0; for (; n; n = n->next) sum += leaf(n->i); return sum; }
int main(int argc, char **argv) { (void)argv; return walk(&nodes[argc & 3][0]) + paint; }
`;
const folder = mkdtempSync(join(tmpdir(), 'skas-dwarf-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'p.c'), SOURCE);

function build(...options: string[]): { path: string; elf: ElfFile } {
  const path = join(folder, options.join('') || 'p');
  execFileSync('gcc', [...options, '-o', path, 'p.c'], { cwd: folder });
  return { path, elf: new ElfFile(readFileSync(path), path) };
}

function readelf(option: string, path: string): string {
  return execFileSync('readelf', ['-W', option, path], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'ignore'] });
}

const flavours = [2, 3, 4, 5].flatMap((version) => ['-O0', '-O2'].map((level) => [`-gdwarf-${version}`, level]));

describe.each([...flavours, ['-gdwarf-5', '-gz=zlib'], ['-gdwarf-4', '-fdebug-types-section'], ['-gdwarf-4', '-gz=zlib-gnu'], ['-gdwarf-5', '-m32', '-c']])('%s %s %s', (...given) => {
  const { path, elf } = build(...given.filter((option) => option !== undefined));
  const info = DebugInfo.open(elf);
  const word = elf.header.wordSize;

  it('knows the types', () => {
    const node = info.type('node_t');
    expect(node?.member('i')?.offset).toBe(word + 4);
    expect(node?.member('a')).toMatchObject({ offset: word, bits: { shift: 0, width: 3 } });
    expect(node?.member('b')).toMatchObject({ offset: word, bits: { shift: 3, width: 7 } });
    expect(node?.size).toBe(word === 8 ? 24 : 16);
    expect(info.variable('nodes')?.type.toString()).toBe('node_t [4][2]');
    expect(info.variable('nodes')?.type.size).toBe(word === 8 ? 192 : 128);
    expect(String(info.type('struct node')?.member('next')?.type)).toBe('struct node *');
    expect(info.enumerator('red')).toBe(1n);
    expect(BigInt.asIntN(32, info.enumerator('green') ?? 0n)).toBe(-2n);
  });

  it('has the line rows readelf decodes', () => {
    const theirs = [...readelf('--debug-dump=decodedline', path).matchAll(/^p\.c\s+(\d+|-)\s+(0x[0-9a-f]+|0)\b(?:\[\d+\])?(.*)$/gm)]
      .map(([, line, address, rest]) => `${line === '-' ? 'end' : line} ${Number(address)}${line !== '-' && /\bx\b/.test(rest) ? ' x' : ''}`);
    const unit = info.store.units.find((each) => each.name?.endsWith('p.c'));
    const ours = [...((unit === undefined ? undefined : info.linesOf(unit))?.all() ?? [])].map((row) => `${row.end ? 'end' : row.line} ${row.address}${!row.end && row.statement ? ' x' : ''}`);
    expect(theirs.length).toBeGreaterThan(10);
    expect(ours).toEqual(theirs);
  });

  it('has the CFA readelf computes for every row', () => {
    const names = word === 8 ? ['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10'] : ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp'];
    const theirs: string[] = [];
    let inRows = false;
    let bare: string | undefined;
    let commonRow = '';
    for (const line of [...readelf('--debug-dump=frames-interp', path).split('\n'), '']) {
      const row = /^\s*([0-9a-f]{8,16}) ((?:[a-z]\w+\+\d+)|exp)\s/.exec(line);
      const head = / FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)/.exec(line);
      if (row !== null && inRows) {
        theirs.push(`${parseInt(row[1], 16)} ${row[2]}`);
        bare = undefined;
      } else if (row !== null) commonRow = row[2];
      else if (head !== null) {
        inRows = true;
        bare = head[1];
      } else if (/ (CIE|ZERO)|^$/.test(line)) {
        // readelf prints no rows where there is only the common part's.
        if (bare !== undefined) theirs.push(`${parseInt(bare, 16)} ${commonRow}`);
        bare = undefined;
        inRows = false;
      }
    }
    const ours = frameTables(info.store.sections).flatMap((table) => table.descriptions.flatMap((each) => table.rows(each).map(({ address, cfa }) =>
      `${address} ${cfa.kind === 'expression' ? 'exp' : `${names[cfa.register]}+${cfa.offset}`}`)));
    expect(theirs.length).toBeGreaterThan(4);
    expect(ours.sort()).toEqual(theirs.sort());
  });
});

it('damaged files give an answer or a DwarfError, and soon', () => {
  const { elf } = build('-gdwarf-5', '-O2', '-g');
  const targets = elf.sections.filter(({ name }) => name.startsWith('.debug') || name === '.eh_frame');
  let seed = 1;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  let refused = 0;
  for (let round = 0; round < 1500; round++) {
    const bytes = new Uint8Array(elf.bytes);
    for (let i = 0; i <= random(4); i++) {
      const section = targets[random(targets.length)];
      bytes[section.offset + random(section.size)] = random(256);
    }
    try {
      const info = DebugInfo.open(new ElfFile(bytes, 'damaged'));
      void info.type('node_t')?.members.map(({ type }) => [type.size, type.toString()]);
      void info.variable('nodes')?.type.size;
      for (const each of info.functionsNamed('main')) void [info.lineAt(each.entry ?? 0), info.scopesAt(each.entry ?? 0), info.frameAt(each.entry ?? 0)];
      void [info.enumerator('red'), info.addressesOf('p.c', 9)];
    } catch (error) {
      if (!(error instanceof DwarfError || error instanceof ElfError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
});

it.each([['-O0', '-fomit-frame-pointer'], ['-O0', '-fno-omit-frame-pointer'], ['-O2', '-fomit-frame-pointer']])('unwinds from leaf to main as gdb does (%s %s)', (...options) => {
  const { path, elf } = build('-gdwarf-5', '-no-pie', ...options);
  const dump = join(folder, 'stack');
  const names = ['rax', 'rdx', 'rcx', 'rbx', 'rsi', 'rdi', 'rbp', 'rsp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip'];
  const show = names.map((name) => `printf "${name}=%lx\\n", $${name}`);
  const commands = ['set confirm off', 'break *leaf', 'run', 'stepi 2', `dump binary memory ${dump} $rsp-256 $rsp+1024`, ...show, 'up', ...show, 'up', ...show, 'kill'];
  const text = execFileSync('gdb', ['-batch', '-nx', ...commands.flatMap((command) => ['-ex', command]), path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const values = [...text.matchAll(/^(\w+)=([0-9a-f]+)$/gm)].map(([, , value]) => BigInt(`0x${value}`));
  expect(values.length).toBe(3 * names.length);
  const stack = readFileSync(dump);
  const base = Number(values[7]) - 256;
  const info = DebugInfo.open(elf);
  let registers: FrameRegisters = values.slice(0, names.length);
  // What gdb knows of the caller: the registers a call preserves, the stack pointer and the address.
  const preserved = [3, 6, 7, 12, 13, 14, 15, 16];
  const chain = [info.functionAt(Number(registers[16]))?.name];
  for (const level of [1, 2]) {
    const caller = info.unwind(registers, (address, length) => (address < base || address + length > base + stack.length ? undefined : stack.subarray(address - base, address - base + length)), level === 1);
    if (caller.kind !== 'frame') throw new Error(JSON.stringify(caller));
    registers = caller.registers;
    const theirs = values.slice(level * names.length, (level + 1) * names.length);
    expect(preserved.map((number) => registers[number])).toEqual(preserved.map((number) => theirs[number]));
    chain.push(info.functionAt(Number(registers[16]) - 1)?.name);
  }
  expect(chain).toEqual(['leaf', 'walk', 'main']);
  expect(info.unwind(registers, () => undefined, false).kind).toBe('unknown');
});

it('truncated sections give an answer or a DwarfError', () => {
  const { elf } = build('-gdwarf-5', '-O2', '-g');
  let refused = 0;
  for (const name of elf.sections.map((section) => section.name).filter((each) => each.startsWith('.debug'))) {
    const index = elf.sections.findIndex((section) => section.name === name);
    for (let part = 0; part < 40; part++) {
      const bytes = new Uint8Array(elf.bytes);
      const view = new DataView(bytes.buffer);
      // sh_size of an Elf64_Shdr.
      const at = elf.header.sectionHeaders + index * 64 + 32;
      view.setUint32(at, Math.floor((view.getUint32(at, true) * part) / 40), true);
      try {
        const info = DebugInfo.open(new ElfFile(bytes, 'truncated'));
        void [info.type('node_t')?.size, info.variable('nodes')?.type.size, info.addressesOf('p.c', 9)];
        for (const each of info.functionsNamed('main')) void [info.lineAt(each.entry ?? 0), info.scopesAt(each.entry ?? 0)];
      } catch (error) {
        if (!(error instanceof DwarfError)) throw error;
        refused++;
      }
    }
  }
  expect(refused).toBeGreaterThan(40);
});
