/** Processes of a UML guest as inferiors of the real gdb. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import type { UmlVariant } from '../fixtures/uml-config.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, listen, monitor, type Listening } from './dialogue.ts';

const LONG = 120_000;
/** Linux 6.12, and 6.1 for what depends most on the kernel. */
const BOTH = ['static', 'older'] as const;
const SCRIPT = join(import.meta.dirname, '..', '..', 'bin', 'skas.gdb');
let machine: Listening | undefined;

afterEach(() => {
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

/** What a dynamically linked program needs. */
const LIBRARIES = ['lib64/ld-linux-x86-64.so.2', 'lib/x86_64-linux-gnu/libc.so.6', 'lib/x86_64-linux-gnu/libm.so.6'];

interface Started {
  readonly pids: number[];
  readonly kernel: string;
  /** Runs gdb with the process as inferior 2. */
  readonly ask: (...commands: string[]) => Promise<string>;
}

async function start(...what: string[]): Promise<Started> {
  return startOn('static', ...what);
}

async function startOn(variant: UmlVariant, ...what: string[]): Promise<Started> {
  const program = guestProgram('uml-user.c', ['-O0', '-g', '-static']);
  return boot({ 'bin/uml-user': program }, what, variant);
}

async function startDynamic(variant: UmlVariant, ...what: string[]): Promise<Started> {
  const program = guestProgram('uml-user.c', ['-O0', '-g', '-pie']);
  return boot({ 'bin/uml-user': program, ...Object.fromEntries(LIBRARIES.map((path) => [path, `/${path}`])) }, what, variant);
}

async function startI386(...what: string[]): Promise<Started> {
  const program = guestProgram('uml-user.c', ['-m32', '-O0', '-g', '-static']);
  return boot({ 'bin/uml-user': program }, what, 'i386');
}

/** Boots with uml-user.c as the only program; resolves when it has said which process it is. */
async function boot(files: Readonly<Record<string, string>>, what: readonly string[], variant: UmlVariant): Promise<Started> {
  const kernel = umlKernel(variant);
  const started = await listen(['boot', '--gdb', ':0', kernel, 'mem=64M', `initrd=${variant === 'i386' ? initramfsI386(files) : initramfs(files)}`, `skas.run=/bin/uml-user,${what.join(',')}`]);
  machine = started;
  const count = what.includes('pair') ? 2 : 1;
  const end = performance.now() + LONG / 2;
  const pids = (): number[] => [...started.output().matchAll(/^user (\d+) \w+\r?$/gm)].map(([, pid]) => Number(pid));
  while (pids().length < count) {
    if (performance.now() > end) throw new Error(`the program did not start:\n${started.output().slice(-1000)}${started.errors()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const first = pids()[0];
  const ask = (...commands: string[]): Promise<string> => gdb(started.port, ['set schedule-multiple on', 'stepi', 'add-inferior', 'inferior 2', `attach ${first}`, ...commands], { symbols: kernel, timeout: LONG / 2, extended: true });
  return { pids: pids(), kernel, ask };
}

describe('a process of the guest', () => {
  it.each(BOTH)('is attached with its memory, registers and symbols; breaks, steps, watches, calls, is changed (%s)', async (kernel) => {
    const { pids, ask } = await startOn(kernel, 'loop');
    const text = await ask(
      'info inferiors', 'info auxv', 'p untouched[5000]', 'p &untouched[0]', 'p *(int *)16', 'break turn', 'continue', 'bt', 'step', 'step', 'p x == counter', 'finish', 'stepi', 'next', 'next', 'p message',
      'delete', 'watch watched', 'continue', 'bt 1', 'delete', 'p square(12)', 'p counter = -5', 'tbreak once_in_a_while', 'continue', 'p turn', 'p $_siginfo', 'p message[0] = 88', 'x/s message',
      'p *(char *)main = 1', 'info registers rip', 'detach', 'info inferiors',
    );
    expect(text).toMatch(new RegExp(`\\* 2 +process ${pids[0]} .*target:/bin/uml-user`));
    expect(text).toMatch(/AT_EXECFN .*"\/bin\/uml-user"|AT_EXECFN .*"uml-user"/);
    expect(text).toContain("$1 = 0 '\\000'");
    expect(text).toMatch(/Cannot access memory at address 0x10\b/);
    expect(text).toMatch(/Thread 2\.1 "uml-user" hit Breakpoint \d+, turn \(\)/);
    expect(text).toMatch(/#1 .* in main \(argc=2, argv=0x/);
    expect(text).toMatch(/square \(x=\d+\)/);
    expect(text).toContain('$3 = 1');
    expect(text).toMatch(/Value returned is \$4 = \d+/);
    expect(text).toMatch(/\$5 = "value \d+\\n"/);
    expect(text).toMatch(/hit Hardware watchpoint \d+: watched\s+Old value = \d+\s+New value = \d+0\s/);
    expect(text).toMatch(/#0 +once_in_a_while/);
    expect(text).toContain('= 144');
    expect(text).toMatch(/Temporary breakpoint \d+, once_in_a_while \(turn=0\)/);
    expect(text).toContain('"Xalue');
    expect(text).toMatch(/Cannot access memory at address 0x[0-9a-f]+/);
    expect(text).toMatch(/\[Inferior 2 \(process \d+\) detached\]/);
    expect(machine?.output()).toContain('value 16');
  }, LONG);

  it.each(BOTH)('stops at system calls; the kernel shows what it does for them (%s)', async (kernel) => {
    const { pids, ask } = await startOn(kernel, 'loop');
    const text = await ask(
      'catch syscall write', 'continue', 'p $orig_rax', 'p $rip', 'p $rdi', `python [thread.switch() for thread in gdb.inferiors()[0].threads() if thread.ptid[1] == ${pids[0]}]`, 'bt', 'tbreak ksys_write', 'continue', 'p count', 'bt 2', 'inferior 2', 'p $rdi', 'p (char*) $rsi == message', 'continue', 'p $rax', 'p $rip',
      'delete', 'info threads',
    );
    expect(text).toMatch(/hit Catchpoint \d+ \(call to syscall write\)/);
    expect(text).toMatch(/hit Catchpoint \d+ \(returned from syscall write\)/);
    expect(text).toMatch(/\$1 = 1\b/);
    expect(text).toMatch(/#0 +handle_syscall/);
    expect(text).toMatch(/#\d +userspace/);
    expect(text).toMatch(/Temporary breakpoint \d+, ksys_write/);
    expect(text).toMatch(/Thread 2\.\d+ "uml-user \[\d+\]" \(running\) +ksys_write|uml-user/);
  }, LONG);

  it.each(BOTH)('is followed through fork and exec to its end, by itself and with its child (%s)', async (kernel) => {
    const { ask } = await startOn(kernel, 'fork');
    const text = await ask(
      'catch fork', 'catch exec', 'continue', 'continue', 'set detach-on-fork off', 'continue', 'info inferiors', 'delete', 'tbreak main', 'continue', 'p what', 'next', 'next', 'p what', 'continue', 'info inferiors',
    );
    expect(text).toMatch(/hit Catchpoint \d+ \(forked process \d+\)/);
    expect(text).toMatch(/Detaching after fork from child process \d+/);
    expect(text).toMatch(/process \d+ is executing new program: \/bin\/uml-user/);
    expect(text).toMatch(/hit Catchpoint \d+ \(exec'd \/bin\/uml-user\)/);
    expect(text).toMatch(/Temporary breakpoint [0-9.]+, main \(argc=2/);
    expect(text).toMatch(/= 0x[0-9a-f]+ "answer"/);
    expect(text).toMatch(/\[Inferior 3 \(process \d+\) exited with code 052\]/);
  }, LONG);

  it.each(BOTH)('stops for its signals, with siginfo, before it gets them; the guest delivers them (%s)', async (kernel) => {
    const { ask } = await startOn(kernel, 'signal');
    const text = await ask(
      'continue', 'p $_siginfo.si_signo', 'p $_siginfo._sifields._kill.si_pid', 'tbreak on_signal', 'signal 0', 'set $_siginfo._sifields._kill.si_pid = 4711', 'continue', 'bt', 'p info->_sifields._kill.si_pid', 'handle SIGUSR1 nostop noprint pass', 'tbreak once_in_a_while', 'continue', 'p handled % 10',
    );
    expect(text).toMatch(/Thread 2\.1 "uml-user" received signal SIGUSR1/);
    expect(text).toContain('$1 = 10');
    expect(text).toContain('The guest is delivering SIGUSR1, which cannot be kept back here');
    expect(text).toMatch(/hit Temporary breakpoint \d+, on_signal \(number=10, info=0x/);
    expect(text).toMatch(/#1 +<signal handler called>/);
    expect(text).toMatch(/= 4711$/m);
    expect(text).toMatch(/hit Temporary breakpoint \d+, once_in_a_while/);
    expect(text).toMatch(/^\$\d+ = 0$/m);
  }, LONG);

  it('stops where it crashes, before it is gone', async () => {
    const { ask } = await start('crash');
    const text = await ask('continue', 'p $_siginfo._sifields._sigfault.si_addr', 'p counter', 'continue', 'info inferiors', 'inferior 1', 'info threads');
    expect(text).toMatch(/received signal SIGSEGV[^]*in main/);
    expect(text).toContain('$1 = (void *) 0x10');
    expect(text).toContain('$2 = 400');
    expect(text).toMatch(/Program terminated with signal SIGSEGV/);
    expect(text).toMatch(/2 +<null>/);
  }, LONG);

  it('shows what the kernel writes into its watched memory', async () => {
    const { ask } = await start('pipe');
    const text = await ask('break through_pipe', 'continue', 'delete', 'watch message[3]', 'continue', 'bt', 'p message[0]@4', 'delete', 'finish', 'finish', 'p message');
    expect(text).toMatch(/Hardware watchpoint \d+: message\[3\]\s+Old value = \d+ 'u'\s+New value = \d+ 'o'/);
    expect(text).toMatch(/#1 .* in through_pipe/);
    expect(text).toContain('= "thro"');
    expect(text).toMatch(/= "through the pipe"/);
  }, LONG);

  it('has threads: breakpoints tell which, steps stay in theirs', async () => {
    const { ask } = await start('threads');
    const text = await ask('thread apply 2.1 2.2 bt', 'break other_turn', 'continue', 'p $_thread', 'next', 'next', 'p $_thread', 'delete', 'break turn', 'continue', 'step', 'step', 'p $_thread');
    expect(text).toMatch(/#\d+ .* in other_thread/);
    expect(text).toMatch(/#\d+ .* in main/);
    expect(text).toMatch(/Thread 2\.2 "uml-user" hit Breakpoint \d+, other_turn/);
    expect(text).toMatch(/Thread 2\.1 "uml-user" hit Breakpoint \d+, turn/);
    expect([...text.matchAll(/^\$\d+ = (\d)$/gm)].map(([, thread]) => thread)).toEqual(['2', '2', '1']);
  }, LONG);

  it('is stepped from a system call into the kernel', async () => {
    const { ask } = await start('loop');
    const text = await ask('break *(write + 14)', 'continue', 'delete', 'monitor step-syscall into', 'x/i $pc', 'stepi', 'bt', 'step', 'inferior 2', 'monitor step-syscall over', 'finish', 'bt 1');
    expect(text).toMatch(/=> 0x[0-9a-f]+ <write\+14>:\s+syscall/);
    expect(text).toMatch(/received signal SIGTRAP[^]*handle_syscall \(r=/);
    expect(text).toMatch(/#\d+ .*userspace \(regs=/);
    expect(text).toMatch(/^report \(value=\d+\)/m);
  }, LONG);

  it.each(BOTH)('has the same registers wherever they are kept (%s)', async (kernel) => {
    const { ask } = await startOn(kernel, 'loop');
    const names = ['rbx', 'rbp', 'rsp', 'r12', 'r13', 'r14', 'r15', 'rdi', 'rsi', 'rdx', 'eflags', 'cs', 'ss', 'fs_base', 'gs_base', 'mxcsr', 'fctrl', 'ftag', 'xmm0', 'xmm1', 'xmm15', 'st0'];
    const show = names.map((name) => `info registers ${name}`);
    const set = ['set $xmm1.uint128 = 0x123456789abcdef', 'set $xmm15.uint128 = 77', 'set $rbx = 0x1122334455667788', 'set $mxcsr = 0x9f80'];
    // Before a system call they are in the processor, in it in the kernel's structures, behind it in the processor again.
    const text = await ask(
      'break *(write + 14)', 'continue', 'delete', ...set, 'echo [one]\\n', ...show, 'catch syscall write', 'continue', 'echo [two]\\n', ...show, 'set $xmm15.uint128 = 78', 'set $r12 = 0x778899', 'p $rax', 'set $rax = 5', 'p $rax',
      'continue', 'echo [three]\\n', ...show, 'p $rax',
    );
    const part = (name: string): string[] => (text.split(`[${name}]\n`)[1] ?? '').split('\n[')[0].split('\n').filter((line) => names.some((each) => line.startsWith(`${each} `)));
    const [one, two, three] = [part('one'), part('two'), part('three')];
    expect(one).toHaveLength(names.length);
    expect(one.find((line) => line.startsWith('rbx'))).toContain('0x1122334455667788');
    expect(two).toEqual(one);
    const other = new Set(['r12', 'xmm15']);
    const same = (lines: string[]): string[] => lines.filter((line) => !other.has(line.split(' ')[0]));
    expect(same(three)).toEqual(same(one));
    expect(three.find((line) => line.startsWith('r12'))).toContain('0x778899');
    expect(three.find((line) => line.startsWith('xmm15'))).toContain('v2_double = {0x4e, 0x0}');
    expect(text).toMatch(/Could not write register "rax"; .*rax will be the result of the system call/);
    expect([...text.matchAll(/^\$\d+ = (-?\d+)$/gm)].map(([, value]) => value)).toEqual(['-38', '-38', '0']);
  }, LONG);

  it('has breakpoints in pages which are not there yet', async () => {
    const { ask } = await start('loop');
    const text = await ask('x/2i far_away', 'break far_away', 'p went = 1', 'continue', 'bt 1', 'next', 'next', 'p went > 1');
    expect(text).toMatch(/<far_away>:\s+push +%rbp/);
    expect(text).toMatch(/hit Breakpoint \d+, far_away \(turn=\d+\)/);
    expect(text).toMatch(/= 1$/m);
  }, LONG);

  it.each([...BOTH, 'i386'] as const)('has its own copy of a page that gdb writes to, as if it had written itself (%s)', async (kernel) => {
    const { ask } = kernel === 'i386' ? await startI386('share') : await startOn(kernel, 'share');
    const text = await ask(
      'set follow-fork-mode child', 'break in_child', 'continue', 'p page_of_both', "p page_of_both[0] = 'c'", "p page_of_both[1] = 'h'", 'p untouched[5000] = 42', 'p $pc == in_child', 'bt 2', 'next', 'next',
      monitor('why'), 'p *(char *) main = 1', monitor('why'), 'catch syscall write', 'continue', "p other_page[0] = 'x'", monitor('why'), 'delete', 'continue', 'info inferiors',
    );
    expect(text).toMatch(/hit Breakpoint \d+[.\d]*, in_child/);
    expect(text).toMatch(/= "both", '\\000'/);
    expect(text).toMatch(/#0 +in_child[^]*#1 .* in share_pages/);
    expect(text).toMatch(/\(call to syscall write\)/);
    expect(text.match(/Cannot access memory at address 0x/g)).toHaveLength(2);
    expect(text).toMatch(/^Nothing was refused\.\s+the page at 0x[0-9a-f]+ is read-only for the process$/m);
    expect(text).toMatch(/^the page at 0x[0-9a-f]+ is not the process's own yet .*: only where the process is stopped in its own code/m);
    expect(text).toMatch(/exited with code 052/);
    expect(await machine?.ended).toBe(0);
    const output = machine?.output().replaceAll('\r', '') ?? '';
    expect(output).toMatch(/^child says chth both 42\nparent says both both 0$/m);
    expect(output).not.toMatch(/BUG|Bad |WARNING/);
  }, LONG);

  it.each(['static', 'i386'] as const)('has conditions and commands of its breakpoints evaluated in the machine, with its registers and memory (%s)', async (kernel) => {
    const { ask } = kernel === 'i386' ? await startI386('loop', 'pair') : await startOn(kernel, 'loop', 'pair');
    const text = await ask(
      // Once before packets are looked at: gdb reads much of the program at its first stop.
      'tbreak once_in_a_while', 'continue', 'break square if x % 100 == 7', 'set debug remote 1', 'continue', 'p x % 100', 'continue', 'p x % 100', 'set debug remote 0', 'info breakpoints', 'delete',
      "break report if message[6] == '9' && message[7] == '9'", 'continue', 'p message', 'delete', 'break square if *(int *) 16 == x', 'continue', 'delete',
      'set dprintf-style agent', 'p counter = 2000', 'dprintf square,"x is %d\\n", x', 'condition $bpnum x < 2004', 'break once_in_a_while', 'continue', 'continue',
    );
    expect([...text.matchAll(/^\$[12] = (\d+)$/gm)].map(([, x]) => x)).toEqual(['7', '7']);
    expect(text).toContain('stop only if x % 100 == 7 (target evals)');
    // gdb heard of these two stops and of no others.
    expect(text.match(/Packet received: T05swbreak/g)).toHaveLength(2);
    expect(text).toMatch(/hit Breakpoint \d+, report [^]*= "value 99/);
    expect(text).toMatch(/Error in testing breakpoint condition:\s+Cannot access memory at address 0x10/);
    expect([...text.matchAll(/^x is (\d+)$/gm)].map(([, x]) => x)).toEqual(['2001', '2002', '2003']);
  }, LONG);

  it('may have a condition where it starts', async () => {
    const { ask } = await start('fork');
    const text = await ask('set follow-fork-mode child', 'catch exec', 'continue', 'delete', 'break main if argc == 3', 'break main if argc == 2', 'continue', 'p argc', 'p argv[1]');
    expect(text).toMatch(/hit Breakpoint 3[.\d]*, main \(argc=2/);
    expect(text).toMatch(/= 2\n.*= 0x[0-9a-f]+ "answer"/);
  }, LONG);

  it('goes on behind a vfork, with its breakpoints; or gdb follows the child', async () => {
    const { ask } = await start('vfork');
    const text = await ask(
      'catch vfork', 'continue', 'delete', 'break once_in_a_while', 'continue', 'delete', 'set follow-fork-mode child', 'set detach-on-fork off', 'continue', 'info inferiors',
    );
    expect(text).toMatch(/hit Catchpoint \d+ \(vforked process \d+\)/);
    expect(text).toMatch(/hit Breakpoint \d+, once_in_a_while/);
    expect(text).toMatch(/Inferior \d+ \(process \d+\) exited with code 05/);
  }, LONG);

  it.each(BOTH)('has its shared libraries, its memory map and its /proc files (%s)', async (kernel) => {
    const { ask } = await startDynamic(kernel, 'loop');
    const folder = mkdtempSync(join(tmpdir(), 'skas-core-'));
    const core = join(folder, 'core');
    const text = await ask('info sharedlibrary', 'info proc mappings', 'info proc', 'break turn', 'continue', 'bt', 'break write', 'continue', 'bt 2', `gcore ${core}`);
    expect(text).toMatch(/0x[0-9a-f]+ +0x[0-9a-f]+ +Yes .*target:\/lib\/x86_64-linux-gnu\/libc\.so\.6/);
    expect(text).toMatch(/r-xp +\/lib64\/ld-linux-x86-64\.so\.2/);
    expect(text).toMatch(/rw-p +\[stack\]/);
    expect(text).toContain("cmdline = '/bin/uml-user loop'");
    expect(text).toContain("exe = '/bin/uml-user'");
    expect(text).toMatch(/#1 .* in main \(argc=2, argv=0x[0-9a-f]+\) at .*uml-user\.c/);
    expect(text).toMatch(/hit Breakpoint 2[.\d]*, .*write/);
    expect(text).toMatch(/#1 .* in report \(value=\d+\)/);
    // A core of it is a core as any other.
    const program = guestProgram('uml-user.c', ['-O0', '-g', '-pie']);
    const stack = execFileSync('gdb', ['-nx', '-batch', '-ex', 'bt', '-ex', 'p message', program, '-c', core], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(stack).toMatch(/#1 .* in report \(value=\d+\)[^]*in main \(argc=2[^]*"value \d+\\n"/);
    rmSync(folder, { recursive: true });
  }, LONG);

  it('has breakpoints of its own: another one at the same address runs on', async () => {
    const { pids, ask } = await start('loop', 'pair');
    const text = await ask(
      'break once_in_a_while', 'continue', 'p (int) getpid()', 'continue', 'p (int) getpid()', 'continue', 'p (int) getpid()', 'delete',
      'add-inferior', 'inferior 3', `attach ${pids[1]}`, 'break once_in_a_while thread 3.1', 'continue', 'p (int) getpid()', 'continue', 'p (int) getpid()', 'info threads',
    );
    const [alone, both] = text.split('Added inferior 3');
    expect(pids[0]).not.toBe(pids[1]);
    expect(alone.match(new RegExp(`^\\$\\d+ = ${pids[0]}$`, 'gm'))).toHaveLength(3);
    expect(both.match(new RegExp(`^\\$\\d+ = ${pids[1]}$`, 'gm'))).toHaveLength(2);
  }, LONG);
});

describe('a process of a 32-bit guest', () => {
  it('is debugged in the same way', async () => {
    const { ask } = await startI386('loop');
    const text = await ask(
      'info proc mappings', 'break turn', 'continue', 'bt', 'next', 'step', 'p message', 'info registers eip gs', 'delete', 'watch watched', 'continue', 'delete', 'catch syscall write', 'continue', 'p $orig_eax', 'set $eax = 3', 'continue',
      'p $eax', 'delete', 'p square(12)', 'p went = 1', 'tbreak far_away', 'continue', 'catch fork', 'info inferiors',
    );
    expect(text).toMatch(/r-xp +\/bin\/uml-user/);
    expect(text).toMatch(/\[stack\]/);
    expect(text).toMatch(/#1 .* in main \(argc=2/);
    expect(text).toMatch(/square \(x=\d+\)/);
    expect(text).toMatch(/= "value \d+\\n"/);
    expect(text).toMatch(/eip +0x[0-9a-f]+ +0x[0-9a-f]+ <square\+\d+>/);
    expect(text).toMatch(/hit Hardware watchpoint \d+: watched/);
    expect(text).toMatch(/\(call to syscall write\)[^]*= 4\n[^]*\(returned from syscall write\)[^]*= 0\n/);
    expect(text).toMatch(/eax will be the result of the system call/);
    expect(text).toContain('= 144');
    expect(text).toMatch(/hit Temporary breakpoint \d+, far_away/);
  }, LONG);
});

describe('a process and the kernel', () => {
  it('tell of each other: what gdb would not hear of the kernel it hears of the process; the kernel can be let go alone', async () => {
    const { pids, kernel } = await start('loop');
    const commands = [
      'set schedule-multiple on', 'add-inferior', 'inferior 2', `attach ${pids[0]}`, 'inferior 1', 'break do_nanosleep', 'inferior 2', 'continue', 'info threads', 'inferior 1', 'delete', 'detach', 'inferior 2', 'break turn', 'continue', 'next',
      'detach', 'info inferiors',
    ];
    const text = await gdb(machine?.port ?? 0, commands, { symbols: kernel, timeout: LONG / 2, extended: true });
    expect(text).toContain('Stopped because of the kernel, process 2: breakpoint');
    expect(text).toMatch(/1\.\d+ +Thread 2\.\d+ "uml-user \[\d+\]" \(running\) +do_nanosleep/);
    expect(text).toMatch(/Inferior 1 \(process 2\) detached[^]*hit Breakpoint \d+, turn[^]*square\(counter\)[^]*Inferior 2 \(process \d+\) detached/);
    // And then it runs: a gdb that comes later finds it further on.
    const later = await gdb(machine?.port ?? 0, ['add-inferior', 'inferior 2', `attach ${pids[0]}`, 'p counter > 0'], { symbols: kernel, timeout: LONG / 2, extended: true });
    expect(later).toContain('$1 = 1');
  }, LONG);
});

describe('a step over a breakpoint', () => {
  it('that comes to a breakpoint of the kernel tells of it, and goes on behind that', async () => {
    const { ask } = await start('share');
    // What it steps writes to a page that it still shares with its parent.
    const text = await ask(
      'set follow-fork-mode child', 'break in_child', 'continue', 'inferior 1', 'break handle_page_fault', 'inferior 3', 'continue', 'p $pc == in_child + 4', 'info threads', 'p counter == 1', 'continue', 'p $_inferior', 'p address', 'inferior 3', 'p counter',
    );
    expect(text).toContain('Stopped because of the kernel, process 2: breakpoint');
    expect(text).toMatch(/Thread 3\.1 "uml-user" stopped\.\s+in_child/);
    expect(text).toMatch(/^\$1 = 1$/m);
    expect(text).toMatch(/^ +1\.\d+ +Thread 2\.\d+ "uml-user \[\d+\]" \(running\) +handle_page_fault/m);
    expect(text).toMatch(/^\$2 = 0$/m);
    // The step is made then, and not twice: what comes next is another fault.
    expect(text).toMatch(/Thread 1\.\d+ "uml-user \[\d+\]" hit Breakpoint 2, handle_page_fault/);
    expect(text).toMatch(/^\$3 = 1$/m);
    expect(text).toMatch(/^\$5 = 1$/m);
    expect(text.match(/hit Breakpoint 1/g)).toHaveLength(1);
  }, LONG);
});

describe('the script', () => {
  it('attaches in one command, and says why not', async () => {
    const { pids, kernel } = await start('loop');
    const commands = [`source ${SCRIPT}`, 'uatt 3', 'uatt 999', 'uatt x', 'info inferiors', `uatt ${pids[0]}`, `uatt ${pids[0]}`, 'info inferiors', 'show schedule-multiple', 'bt -1'];
    const text = await gdb(machine?.port ?? 0, commands, { symbols: kernel, timeout: LONG / 2, extended: true });
    expect(text).toMatch(/no: .*\[3\] is a kernel thread: it has no user side/);
    expect(text).toContain('no: the guest has no process 999');
    expect(text).toContain('no: which process?');
    expect(text).toContain(`no: process ${pids[0]} is already attached`);
    expect(text).toMatch(/is on/);
    expect(text).toMatch(/\* 2 +process \d+ .*target:\/bin\/uml-user/);
    expect(text).toMatch(/in main \(argc=2/);
  }, LONG);
});

describe('what cannot be attached', () => {
  it('is refused', async () => {
    const { ask } = await start('loop');
    const text = await ask('add-inferior', 'inferior 3', 'attach 999', 'attach 2', 'attach 3', 'info inferiors');
    expect(text).toMatch(/Attaching to process 999 failed/);
    expect(text).toMatch(/Attaching to process 3 failed/);
    expect(text).toMatch(/\* 3 +<null>/);
  }, LONG);

  it('and the kernel and its processes are only resumed together', async () => {
    const { ask } = await start('loop');
    const text = await ask('set schedule-multiple off', 'continue', 'p counter', 'set schedule-multiple on', 'break turn', 'continue');
    expect(text).toContain('The kernel and its processes only run together: set schedule-multiple on.');
    expect(text).toMatch(/hit Breakpoint \d+, turn/);
  }, LONG);
});
