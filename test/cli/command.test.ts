/** The command as a user meets it: exit statuses, streams, messages, terminals. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { onTerminal } from './on-terminal.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { skas, SKAS, startSkas } from '../fixtures/skas.ts';

const folder = mkdtempSync(join(tmpdir(), 'skas-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, contents: string | Uint8Array, mode = 0o755): string {
  const path = join(folder, name);
  writeFileSync(path, contents, { mode });
  return path;
}

const program = (): string => guestProgram('gdb-program.c', ['-O0', '-g', '-static']);

describe('mistakes get one line that says what to do', () => {
  const elf = (): Buffer => readFileSync(program());
  const patched = (name: string, change: (bytes: Buffer) => void): string => {
    const bytes = elf();
    change(bytes);
    return file(name, bytes);
  };
  const cases: readonly (readonly [what: string, args: () => string[], message: RegExp])[] = [
    ['no such kernel', () => ['boot', join(folder, 'nothing')], /nothing: no such file/],
    ['not an ELF file', () => ['boot', file('text', 'hello, I am no kernel')], /text: not an ELF file/],
    ['empty', () => ['boot', file('empty', '')], /empty: not an ELF file/],
    ['a directory', () => ['boot', folder], /is a directory/],
    ['another machine', () => ['boot', patched('arm', (bytes) => bytes.writeUInt16LE(183, 18))], /arm: .*machine 183/],
    ['big-endian', () => ['boot', patched('big', (bytes) => bytes.writeUInt8(2, 5))], /big: .*little-endian/],
    ['truncated', () => ['boot', file('short', elf().subarray(0, 4096))], /short: is truncated/],
    ['truncated in the header', () => ['boot', file('shorter', elf().subarray(0, 40))], /shorter: truncated/],
    ['not executable', () => ['boot', file('plain', elf(), 0o644)], /plain: is not executable; .*chmod/],
    ['an object file', () => ['boot', patched('object', (bytes) => bytes.writeUInt16LE(1, 16))], /object: .*not a program/],
    ['no such program', () => ['run', 'skas-has-no-such-program'], /no such program in PATH/],
    ['no such share', () => ['run', '--share', join(folder, 'nothing'), 'true'], /--share .*nothing: no such file or directory/],
    ['too much shared', () => ['run', '--share', '/', 'true'], /--share \/: /],
    ['bad option', () => ['boot', '--frobnicate', 'x'], /no option --frobnicate/],
    ['no command', () => ['./linux'], /no command '.\/linux'/],
  ];
  it.each(cases)('%s', (_what, args, message) => {
    const { status, stdout, stderr } = skas(args());
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^skas: /);
    expect(stdout).toBe('');
    expect(status).toBeGreaterThan(0);
  });

  it('port in use', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    }));
    const { status, stderr } = skas(['run', '--gdb', String(port), program()]);
    server.close();
    expect(stderr).toMatch(/^skas: --gdb: port \d+ is in use: [^\n]*\n$/);
    expect(status).toBe(1);
  });
});

describe('what the guest does comes out', () => {
  it('exit status', () => {
    const { status, stdout, stderr } = skas(['run', program(), 'basic']);
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: '5\n2 1 3\n14 0.333333 5\n', stderr: '' });
  });

  it('exit status, though a child sleeps for ever', () => {
    const { status, stderr } = skas(['run', guestProgram('run-orphan.c')]);
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
  });

  it('death by a signal', () => {
    const { status, stderr } = skas(['run', program(), 'crash']);
    expect(status).toBe(139);
    expect(stderr).toMatch(/^skas: .* was ended by SIGSEGV\n$/);
    expect(skas(['run', '--quiet', program(), 'crash']).stderr).toBe('');
  });

  it('memory that is used up', () => {
    const { status, stderr } = skas(['run', '--memory', '64M', 'python3', '-c', 'x = b"1" * 200_000_000']);
    // Python gets ENOMEM or is killed, depending on how it asks; either is said.
    expect(status).not.toBe(0);
    expect(stderr).toMatch(/out of memory: .* give it more with --memory|MemoryError/);
    expect(skas(['run', '--memory', '3584M', program(), 'basic']).status).toBe(7);
  });

  it('standard error stays apart, standard input arrives', () => {
    const { status, stdout, stderr } = skas(['run', '/bin/sh', '-c', 'cat; echo oops >&2; exit 3'], { input: 'one\ntwo\n' });
    expect({ status, stdout, stderr }).toEqual({ status: 3, stdout: 'one\ntwo\n', stderr: 'oops\n' });
  });

  it('input from a file', () => {
    const path = file('input', 'x'.repeat(200_000));
    const result = spawnSync('sh', ['-c', `exec "$0" "$1" run wc -c < '${path}'`, process.execPath, SKAS], { encoding: 'utf8' });
    expect(result.stdout.trim()).toBe('200000');
  });

  it('environment, working directory and shares', () => {
    const shared = mkdtempSync(join(tmpdir(), 'skas-share-'));
    try {
      const args = ['run', '--env', 'COLOUR=blue', '--share', `${shared}:rw`, '/bin/sh', '-c', `pwd; echo $COLOUR $HOME; echo made > ${shared}/new; echo no > ${folder}/refused; ls /home`];
      const { stdout, stderr } = skas(args, { cwd: folder });
      expect(stdout).toBe(`${folder}\nblue /root\n`);
      expect(readFileSync(join(shared, 'new'), 'utf8')).toBe('made\n');
      expect(stderr).toMatch(/Read-only file system/);
    } finally {
      rmSync(shared, { recursive: true });
    }
  });

  it('statistics and traces on standard error', () => {
    const { stderr } = skas(['run', '--stats', '--trace=syscall', program(), 'basic']);
    expect(stderr).toMatch(/^skas: instructions\s+[\d ]+$/m);
    expect(stderr).toMatch(/exit_group\(7\)/);
  });

  it('a reader that goes away ends the machine', () => {
    const result = spawnSync('sh', ['-c', '"$0" "$1" run yes | head -n 2', process.execPath, SKAS], { encoding: 'utf8', timeout: 30_000 });
    expect(result.stdout).toBe('y\ny\n');
  });

  it('SIGTERM ends it', async () => {
    const child = startSkas(['run', '/bin/sh', '-c', 'echo ready; while :; do :; done']);
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(143);
  });
});

describe('on a terminal', () => {
  it('gives Ctrl-C and the window size to the guest, and says once how to end', () => {
    const { screen, status, restored } = onTerminal(['run', '/bin/sh', '-c', 'trap "echo caught; exit 9" INT; stty size; echo ready; while :; do :; done'], [['ready', '\x03']]);
    expect(screen).toContain('33 77');
    expect(screen).toContain('caught');
    expect(screen.match(/Ctrl-\] x ends the machine/g)).toHaveLength(1);
    expect(status).toBe(9);
    expect(restored).toBe(true);
  });

  it('ends with the escape key', () => {
    const { status, restored } = onTerminal(['run', '/bin/sh', '-c', 'echo ready; while :; do :; done'], [['ready', '\x1dx']]);
    expect(status).toBe(0);
    expect(restored).toBe(true);
  });

  it('edits lines and ends at Ctrl-D', () => {
    const { screen, status, restored } = onTerminal(['run', '/bin/sh', '-c', 'echo ready; read line; echo "got <$line>"; cat; echo end'], [['ready', 'helpo\x7f\x7flo\r'], ['got', '\x04']]);
    expect(screen).toContain('got <hello>');
    expect(screen).toContain('end');
    expect(status).toBe(0);
    expect(restored).toBe(true);
  });
});
