/** Every capability of the stub, one dialogue each, with an ordinary program as the debuggee. */
import { describe, expect, it } from 'vitest';
import { debugProgram, gdb, INTERRUPT, listen } from './dialogue.ts';
import { guestProgram } from '../fixtures/guest-program.ts';

const TRAILER = 'continue';

describe('breakpoints', () => {
  it('connects at the first instruction, breaks, steps, finishes and sees the exit', async () => {
    const { gdb: text, stdout, status } = await debugProgram('basic', [
      'p $pc == (void (*)()) _start', 'break add', 'continue', 'bt', 'info args', 'stepi', 'finish', 'tbreak swap', 'continue', 'info breakpoints', 'delete', TRAILER,
    ]);
    expect(text).toContain('$1 = 1');
    expect(text).toMatch(/Breakpoint 1, add \(a=2, b=3\)/);
    expect(text).toMatch(/#1 .* main \(argc=2/);
    expect(text).toContain('Value returned is');
    expect(text).toMatch(/Temporary breakpoint 2, swap \(p=/);
    expect(text).toMatch(/exited with code 07/);
    expect(stdout).toBe('5\n2 1 3\n14 0.333333 5\n');
    expect(status).toBe(7);
  });

  it('has hardware breakpoints and conditions', async () => {
    const { gdb: text } = await debugProgram('basic', ['hbreak recurse if n == 2', 'continue', 'p n', 'bt', 'until', 'delete', TRAILER]);
    expect(text).toMatch(/Breakpoint 1, recurse \(n=2\)/);
    expect(text).toContain('#4 ');
    expect(text).toMatch(/exited with code 07/);
  });

  it('stops again and again at the same place', async () => {
    const { gdb: text } = await debugProgram('basic', ['break recurse', ...Array.from({ length: 6 }, () => 'continue'), 'p n', 'continue']);
    expect(text.match(/Breakpoint 1, recurse/g)).toHaveLength(6);
    expect(text).toContain('$1 = 0');
  });

  it('leaves guest memory alone', async () => {
    const { gdb: text } = await debugProgram('basic', ['set breakpoint always-inserted on', 'break add', 'stepi', 'compare-sections .text', 'delete', TRAILER]);
    expect(text).toMatch(/\.text.*matched/);
  });
});

describe('stepping', () => {
  it('steps into, over, out and until', async () => {
    const { gdb: text } = await debugProgram('basic', ['break main', 'continue', 'next', 'next', 'step', 'info locals', 'next', 'next', 'next', 'until', 'finish', 'step', 'bt 1', 'finish', 'delete', TRAILER]);
    expect(text).toContain('count_to (limit=10)');
    expect(text).toContain('#0  add (a=2, b=3)');
    expect(text).toContain('Value returned is $1 = 5');
  });

  it('steps over a handled fault and sees neither fault nor handler', async () => {
    const { gdb: text, stdout } = await debugProgram('fault', ['break handled_fault', 'continue', 'next', 'next', 'next', 'next', 'next', 'p *trap_page', 'delete', TRAILER]);
    expect(text).toContain('$1 = 42');
    expect(text).not.toMatch(/on_segv \(|signal SIGSEGV/);
    expect(stdout).toBe('42\n');
  });

  it('keeps timers out of the steps', async () => {
    const steps = Array.from({ length: 40 }, () => 'next');
    const { gdb: text, status } = await debugProgram('timer', ['break count_to', 'continue', ...steps, 'p ticks', 'delete', 'continue']);
    expect(text).not.toContain('on_alarm');
    expect(status).toBe(0);
  });

  it('steps instructions over system calls', async () => {
    const { gdb: text, status } = await debugProgram('basic', ['catch signal SIGSEGV', 'tbreak write', 'continue', ...Array.from({ length: 30 }, () => 'stepi'), 'bt 1', 'delete', TRAILER]);
    expect(text).toContain('#0 ');
    expect(status).toBe(7);
  });
});

describe('watchpoints', () => {
  it('stops at writes that change the value', async () => {
    const { gdb: text } = await debugProgram('basic', ['watch counter', 'continue', 'continue', 'delete', TRAILER]);
    expect(text).toMatch(/Old value = 0\s+New value = 1/);
    expect(text).toMatch(/Old value = 1\s+New value = 2/);
  });

  it('watches reads, accesses, and ranges of any size, many at a time', async () => {
    const many = Array.from({ length: 12 }, (_, i) => `watch wide[${i + 1}]`);
    const { gdb: text } = await debugProgram('basic', [
      'break main', 'continue', 'set can-use-hw-watchpoints 1', 'watch wide', ...many, 'continue', 'delete', 'rwatch flag', 'awatch counter', 'continue', 'delete', TRAILER,
    ]);
    expect(text).toMatch(/Hardware watchpoint \d+: wide\b/);
    expect(text).toMatch(/New value = \{0, 1, 0/);
    expect(text).toMatch(/access \(read\/write\) watchpoint \d+: counter/);
    expect(text).not.toMatch(/Could not insert|Too many/);
  });
});

describe('data', () => {
  it('examines and changes memory and registers', async () => {
    const { gdb: text } = await debugProgram('basic', [
      'break add', 'continue', 'x/s buffer', 'x/4xw &wide', 'set var a = 40', 'p a + b', 'p $xmm0', 'p $st0', 'p $mxcsr', 'info registers rip cs fs_base gs_base orig_rax eflags',
      'info all-registers fctrl', 'set $rax = 0x1122334455667788', 'p/x $eax', 'p/x $al', 'x/2i $pc', 'find &buffer, +64, (char) 97, (char) 108, (char) 108', 'x 0', 'set var *(int *) 0 = 1', 'finish', 'delete', TRAILER,
    ]);
    expect(text).toContain('"watch this buffer, all of it"');
    expect(text).toContain('= 43');
    expect(text).toMatch(/cs\s+0x33/);
    expect(text).toMatch(/fs_base\s+0x[1-9a-f]/);
    expect(text).toMatch(/orig_rax\s+0xffffffffffffffff/);
    expect(text).toMatch(/fctrl\s+0x37f/);
    expect(text).toContain('= 0x55667788');
    expect(text).toContain('= 0x88');
    expect(text).toContain('<buffer+19>');
    expect(text.match(/Cannot access memory at address 0x0/g)).toHaveLength(2);
    expect(text).toContain('Value returned is');
  });

  it('calls functions of all kinds', async () => {
    const { gdb: text, status } = await debugProgram('basic', [
      'break count_to', 'continue', 'p add(20, 22)', 'p scale(3, 2.5)', 'p swap((struct pair) *(struct pair *) &wide)', 'p fill(100)', 'p precise(1)', 'p recurse(10)', 'call (int) puts("hello from gdb")',
      'break add', 'p add(1, 2)', 'bt', 'finish', 'delete', TRAILER,
    ]);
    expect(text).toContain('= 42');
    expect(text).toContain('= 7.5');
    expect(text).toContain('= {x = 0, y = 0}');
    expect(text).toContain('values = {100, 101, 102, 103, 104, 105, 106, 107}');
    expect(text).toContain('= 0.333333333333333333');
    expect(text).toContain('= 10');
    expect(text).toContain('<function called from gdb>');
    expect(status).toBe(7);
  });

  it('shows auxv, the process and its maps', async () => {
    const { gdb: text } = await debugProgram('basic', ['info auxv', 'info proc mappings', 'info files', 'info mem', TRAILER]);
    expect(text).toMatch(/AT_ENTRY\s+Entry point of program\s+0x/);
    expect(text).toMatch(/\[stack\]/);
  });
});

describe('signals', () => {
  it('shows handled signals only to breakpoints, with a backtrace across the frame', async () => {
    const { gdb: text, status } = await debugProgram('signal', ['break on_usr1', 'continue', 'bt', 'finish', 'delete', TRAILER]);
    expect(text).toMatch(/Breakpoint 1, on_usr1 \(signal=10\)/);
    expect(text).toContain('<signal handler called>');
    expect(text).toMatch(/#\d+ .* main \(/);
    expect(text).not.toContain('received signal');
    expect(status).toBe(10);
  });

  it('lets the program repair its own faults', async () => {
    const { gdb: text, stdout } = await debugProgram('fault', ['continue']);
    expect(text).not.toContain('signal SIGSEGV');
    expect(stdout).toBe('42\n');
  });

  it('stops before a fault that kills, with siginfo', async () => {
    const { gdb: text, status } = await debugProgram('crash', ['continue', 'p $_siginfo.si_signo', 'p $_siginfo._sifields._sigfault.si_addr', 'bt', 'continue']);
    expect(text).toContain('Program received signal SIGSEGV');
    expect(text).toContain('$1 = 11');
    expect(text).toContain('= (void *) 0x8');
    expect(text).toContain('Program terminated with signal SIGSEGV');
    expect(status).toBe(139);
  });

  it('goes on without the signal if told so', async () => {
    const { gdb: text, status } = await debugProgram('crash', ['continue', 'set $pc = $pc + 6', 'signal 0', 'continue']);
    expect(text).toContain('Program received signal SIGSEGV');
    expect(text).toContain('exited normally');
    expect(status).toBe(0);
  });

  it('delivers signals from gdb', async () => {
    const { gdb: text, status } = await debugProgram('signal', ['break raise', 'continue', 'delete', 'break on_usr1', 'signal SIGUSR1', 'p signal', 'delete', TRAILER]);
    expect(text).toMatch(/Breakpoint 2, on_usr1 \(signal=10\)/);
    expect(status).toBe(10);
  });

  it('passes what gdb says to pass', async () => {
    const { gdb: text, status } = await debugProgram('crash', ['handle SIGSEGV nostop noprint pass', 'continue']);
    expect(text).toContain('Program terminated with signal SIGSEGV');
    expect(text).not.toContain('received signal');
    expect(status).toBe(139);
  });
});

describe('running and interrupting', () => {
  it('interrupts a program that spins', async () => {
    const { gdb: text, status } = await debugProgram('spin', [INTERRUPT, 'continue', 'bt', 'set var flag = 1', 'continue']);
    expect(text).toContain('received signal SIGINT');
    expect(text).toMatch(/spin \(\)/);
    expect(status).toBe(5);
  });

  it('interrupts a program that sleeps, calls a function there, and lets it sleep on', async () => {
    const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
    const machine = await listen(['run', '--gdb', ':0', '--wait', '--realtime', program, 'sleep']);
    try {
      const text = await gdb(machine.port, [
        INTERRUPT, 'continue', 'bt', 'p $rax', 'p $orig_rax', 'info threads', 'p add(40, 2)', 'bt 1', 'p $rax', INTERRUPT, 'stepi', 'p add(41, 2)', 'detach',
      ], { symbols: program });
      expect(text.match(/received signal SIGINT/g)).toHaveLength(2);
      expect(text).toMatch(/sleep_long \(\)/);
      expect(text.match(/= -512/g)).toHaveLength(2);
      expect(text).toContain('= 42');
      expect(text).toContain('= 43');
      expect(text).toMatch(/sleeping in (clock_)?nanosleep/);
      // Reconnect while it runs: it sleeps where it slept.
      const again = await gdb(machine.port, ['bt', 'kill'], { symbols: program });
      expect(again).toMatch(/sleep_long \(\)/);
      expect(await machine.ended).toBe(137);
      expect(machine.output()).toBe('');
    } finally {
      machine.child.kill('SIGKILL');
    }
  });

  it('detaches, reconnects, kills', async () => {
    const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
    const machine = await listen(['run', '--gdb', ':0', program, 'spin']);
    try {
      const first = await gdb(machine.port, ['break add', 'bt 1', 'p counter > 0', 'detach'], { symbols: program });
      expect(first).toMatch(/spin \(\)/);
      expect(first).toContain('$1 = 1');
      const second = await gdb(machine.port, ['bt 1', 'set var flag = 1', 'delete', 'continue'], { symbols: program });
      expect(second).toContain('exited with code 05');
      expect(await machine.ended).toBe(5);
    } finally {
      machine.child.kill('SIGKILL');
    }
  });

  it('kills', async () => {
    const { status } = await debugProgram('spin', ['kill']);
    expect(status).toBe(137);
  });
});

describe('system calls', () => {
  it('are caught before and behind; their arguments and results can be changed', async () => {
    const { gdb: text, stdout } = await debugProgram('threads', [
      'catch syscall write', 'continue', 'p $orig_rax', 'p $rax', 'set $rdx = 7', 'continue', 'p $rax', 'continue', 'p (char) *(char *) $rsi', 'continue', 'delete', 'catch syscall exit_group', 'continue', 'p $orig_rax', 'p (int) getpid() > 1', 'p $rdi', 'delete', 'continue',
    ]);
    expect(text).toMatch(/\(call to syscall write\)[^]*= 1\n\$\d+ = -38\n/);
    expect(text).toMatch(/\(returned from syscall write\)[^]*= 7\n/);
    // The C library writes what was left over.
    expect(text).toMatch(/= 32 ' '|= \d+ '[a-z]'/);
    expect(text).toMatch(/\(call to syscall exit_group\)[^]*= 231\n\$\d+ = 1\n\$\d+ = 0\n/);
    expect(text).toMatch(/exited normally/);
    expect(stdout).toBe('threads done\n');
  });
});

describe('threads and processes', () => {
  it('shows threads', async () => {
    const { gdb: text, stdout } = await debugProgram('threads', ['break add', 'continue', 'info threads', 'thread apply all bt 1', 'delete', TRAILER]);
    expect(text).toMatch(/Thread 2\.\d+ "gdb-program/);
    expect(text).toMatch(/hit Breakpoint 1, add \(a=10, b=1\)/);
    expect(stdout).toBe('threads done\n');
  });

  it('steps one thread while others run, or hold still on demand', async () => {
    const { gdb: text, stdout } = await debugProgram('rounds', [
      'break all_started', 'continue', 'info threads', 'delete', 'thread 2', 'set $other = rounds[1]', 'set $mine = rounds[0]', 'set scheduler-locking on',
      ...Array.from({ length: 8 }, () => 'next'), 'p rounds[0] > $mine', 'p rounds[1] == $other', 'set scheduler-locking off',
      'break go_round if me == 1', 'thread 3', 'tbreak 91 thread 3', 'continue', 'p me', 'p rounds[1] > $other', 'thread apply all bt 1', 'set var stop_rounds = 1', 'delete', TRAILER,
    ]);
    expect(text.match(/Thread 2\.\d+ "gdb-program/g)?.length).toBeGreaterThanOrEqual(3);
    expect(text).toContain('$1 = 1\n$2 = 1\n');
    expect(text).toContain('$3 = 1\n$4 = 1\n');
    expect(text).toMatch(/hit Temporary breakpoint \d+, go_round/);
    expect(stdout).toBe('rounds done\n');
  });

  it('follows the program through exec', async () => {
    const { gdb: text, status } = await debugProgram('exec', ['break recurse', 'continue', 'bt', 'delete', TRAILER]);
    expect(text).toMatch(/is executing new program: .*gdb-program/);
    expect(text).toMatch(/Breakpoint 1, .*recurse \(n=5\)/);
    expect(status).toBe(7);
  });

  it('leaves children alone and waits with the parent', async () => {
    const { gdb: text, stdout } = await debugProgram('pipe', ['break read_pipe', 'continue', 'next', 'next', 'next', 'p got', 'next', 'delete', TRAILER]);
    expect(text).toContain('$1 = 1');
    expect(stdout).toBe('read 1, status 3\n');
  });
});

describe('monitor', () => {
  it('helps and tells', async () => {
    const { gdb: text } = await debugProgram('basic', ['monitor help', 'monitor stats', 'monitor ps', 'monitor signals', 'monitor info version', 'monitor nonsense', TRAILER]);
    expect(text).toMatch(/^stats\s/m);
    expect(text).toMatch(/virtual time/);
    expect(text).toMatch(/2\s+0\s+\d+ \w+\s+gdb-program/);
    expect(text).toMatch(/1 of 4096 processes and threads, 1 of 1024 address spaces/);
    expect(text).toMatch(/^skas \d/m);
    expect(text).toMatch(/Unknown monitor command 'nonsense'/);
  });
});

it('hands the executable to a gdb that has none', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'basic']);
  try {
    const text = await gdb(machine.port, ['break add', 'continue', 'kill']);
    expect(text).toMatch(/Reading .*gdb-program.* from remote target/);
    expect(text).toMatch(/Breakpoint 1, .*add \(a=2, b=3\)/);
  } finally {
    machine.child.kill('SIGKILL');
  }
});
