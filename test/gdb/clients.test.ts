/** Two of the real gdb at one machine. */
import { expect, it } from 'vitest';
import { guestProgram } from '../fixtures/guest-program.ts';
import { gdb, INTERRUPT, listen } from './dialogue.ts';

it('lets a second gdb look while the first controls, follow it, and take over', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'spin']);
  try {
    // Stays stopped in spin, until it is told to go on.
    const first = gdb(machine.port, ['break spin', 'continue', 'shell sleep 8', 'delete', 'continue', 'p flag', 'set var flag = 9', 'info registers rip'], { symbols: program });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const looking = await gdb(machine.port, [
      'bt', 'p counter', 'set var counter = 5', 'p $rax = 1', 'monitor clients', 'monitor quit', 'continue', 'stepi', 'break add', 'continue', 'p $pc', 'detach',
    ], { symbols: program });
    expect(looking).toMatch(/#0 +spin \(\)[^]*#1 .*main/);
    expect(looking).toMatch(/1 controls\n2 observes \(this one\)/);
    expect(looking).toMatch(/Cannot access memory at address/);
    expect(looking).toMatch(/Could not write register "rax"/);
    expect(looking).toMatch(/Not resumed: another debugger controls this machine; 'monitor control' takes it over\./);
    expect(looking).toMatch(/\[Inferior 1 .* detached\]/);
    const second = await gdb(machine.port, ['monitor control', 'p $_exitcode', 'delete', 'set var flag = 1', 'continue', 'continue'], { symbols: program, timeout: 30_000 });
    expect(second).toMatch(/You are in control/);
    const text = await first;
    expect(text).toMatch(/Breakpoint 1, spin \(\)/);
    expect(await machine.ended).toBe(5);
    expect(second).toMatch(/exited with code 05/);
  } finally {
    machine.child.kill('SIGKILL');
  }
});

it('hands the machine to the gdb that is left', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'spin']);
  try {
    const first = gdb(machine.port, ['break spin', 'continue', 'shell sleep 4', 'detach'], { symbols: program });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const second = await gdb(machine.port, ['shell sleep 4', INTERRUPT, 'continue', 'bt 1', 'monitor clients', 'set var flag = 1', 'continue', 'continue'], { symbols: program });
    expect(await first).toMatch(/detached/);
    expect(second).toMatch(/1 controls \(this one\)/);
    expect(second).toMatch(/spin \(\)/);
    expect(second).toMatch(/exited with code 05/);
  } finally {
    machine.child.kill('SIGKILL');
  }
});
