import { describe, expect, it } from 'vitest';
import { parseCommandLine, type Command } from './command-line.ts';
import { helpText } from './option-table.ts';
import { UserError } from './user-error.ts';

type Start = Extract<Command, { kind: 'boot' | 'run' }>;

function start(...words: string[]): Start {
  const command = parseCommandLine(words);
  if (command.kind !== 'boot' && command.kind !== 'run') throw new Error(`${command.kind} came out`);
  return command;
}

function complaint(...words: string[]): string {
  try {
    parseCommandLine(words);
  } catch (error) {
    if (error instanceof UserError && error.status === 2) return error.message;
  }
  throw new Error(`${words.join(' ')} was taken`);
}

describe('the command line', () => {
  it('takes options before and behind the kernel, and leaves the rest to it', () => {
    const { program, args, settings } = start('boot', '--memory', '256M', './linux', 'mem=64M', '--gdb=:1234', 'initrd=x', '--wait', '--showconfig', '-v');
    expect(program).toBe('./linux');
    expect(args).toEqual(['mem=64M', 'initrd=x', '--showconfig', '-v']);
    expect(settings).toMatchObject({ gdb: { host: '127.0.0.1', port: 1234 }, wait: true, memory: 256 * 2 ** 20 });
  });

  it('leaves everything behind a program and behind -- alone', () => {
    expect(start('run', '--quiet', 'ls', '--gdb', '-l', '--', 'x')).toMatchObject({ program: 'ls', args: ['--gdb', '-l', '--', 'x'], settings: { quiet: true, gdb: undefined } });
    expect(start('boot', 'linux', '--', '--help', '--gdb')).toMatchObject({ args: ['--help', '--gdb'] });
    expect(start('run', '--', '--odd')).toMatchObject({ program: '--odd', args: [] });
  });

  it('reads values', () => {
    const { settings } = start('run', '--share', '/a:rw', '--share=/b:ro', '--share', '/c', '--trace=syscall,signal', '--trace', 'rsp', '--seed', '0x10', '--env', 'A=b=c', '--gdb', '[::1]:0', 'x');
    expect(settings.shares).toEqual([{ path: '/a', writable: true }, { path: '/b', writable: false }, { path: '/c', writable: false }]);
    expect(settings.trace).toEqual(['syscall', 'signal']);
    expect(settings.tracePackets).toBe(true);
    expect(settings.seed).toBe(16n);
    expect(settings.environment).toEqual([['A', 'b=c']]);
    expect(settings.gdb).toEqual({ host: '::1', port: 0 });
  });

  it.each([
    ['boot'], ['run'], ['shoot'], ['--gdb', ':1'], ['boot', '--nonsense', 'linux'], ['run', '-x', 'ls'], ['boot', 'linux', '--gdb'], ['run', '--gdb', 'x:y', 'ls'], ['run', '--gdb', '70000', 'ls'],
    ['run', '--memory', 'lots', 'ls'], ['run', '--memory', '1k', 'ls'], ['run', '--memory', '64G', 'ls'], ['run', '--wait', 'ls'], ['run', '--quiet=1', 'ls'], ['run', '--seed', 'x', 'ls'],
    ['run', '--env', 'x', 'ls'], ['run', '--trace', 'everything', 'ls'], ['run', '--memory', '64M', '--memory', '65M', 'ls'], ['run', '--share=', 'ls'],
  ])('complains in one line about %j %j %j', (...words) => {
    expect(complaint(...words.filter((word) => word !== undefined))).toMatch(/^[^\n]+; 'skas --help' shows the usage$/);
  });

  it('helps wherever it is asked, on one screen', () => {
    for (const words of [[], ['--help'], ['help'], ['boot', '--help'], ['run', '--help']]) expect(parseCommandLine(words).kind).toBe('help');
    expect(parseCommandLine(['--version']).kind).toBe('version');
    const lines = helpText().trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(28);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(110);
  });
});
