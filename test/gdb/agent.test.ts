/** Conditions and commands of breakpoints evaluated in the machine, as the real gdb compiles them. */
import { describe, expect, it } from 'vitest';
import { guestProgram, symbolAddress } from '../fixtures/guest-program.ts';
import { initramfs } from '../fixtures/initramfs.ts';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { PacketClient } from '../../stub/packet-client.ts';
import { gdb, listen } from './dialogue.ts';

/** gdb's output, and how often the machine stopped for it. */
async function debug(count: number, commands: readonly string[]): Promise<{ readonly text: string; readonly stops: number; readonly stdout: string }> {
  const program = guestProgram('gdb-agent.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--trace=rsp', '--gdb', ':0', '--wait', program, String(count)]);
  try {
    const text = await gdb(machine.port, ['set breakpoint condition-evaluation target', ...commands], { symbols: program });
    await machine.ended;
    return { text, stops: machine.errors().match(/rsp -> T05/g)?.length ?? 0, stdout: machine.output() };
  } finally {
    machine.child.kill('SIGKILL');
  }
}

describe('conditions', () => {
  it('stop where they hold and cost no stop where they do not', async () => {
    const { text, stops, stdout } = await debug(20_000, ['break visit if i == 12345 && what[0] == 111', 'continue', 'p i', 'p total', 'info breakpoints', 'delete', 'continue']);
    expect(text).toMatch(/Breakpoint 1, visit \(i=12345, what=0x[0-9a-f]+ "odd"/);
    expect(text).toContain(`= ${(12344 * 12345) / 2}\n`);
    expect(text).toMatch(/stop only if .*\(target evals\)/);
    expect(text).not.toMatch(/rror/);
    // The first one says where the machine waits.
    expect(stops).toBe(2);
    expect(stdout).toBe(`${(19_999 * 20_000) / 2} -1\n`);
  });

  it('know what C knows', async () => {
    // Each with the i where it holds next.
    const conditions: readonly (readonly [string, number])[] = [
      ['item->next->name[i % 3] == 99', 2], ['(unsigned char) (i * 100) == 44', 3], ['(i ^ 5) == 0', 5], ['(i << 3) == 48 || i > 100', 6], ['~i == -8', 7], ['i >= 5 && !(i & 3)', 8],
      ['$rdi == 9', 9], ['item->next->id * i == 20', 10], ['total >= 45 ? i == 11 : 0', 11], ['-i < -11', 12], ['&item->next->id == &second.id && i == 13', 13],
      ['sizeof (struct item) == 32 && i == 14', 14], ['i % 7 == 3 && i / 7 > 4', 38], ['sign < 0 && i > 100', 102], ['(signed char) i < 0', 128], ['low == 200', 201],
      ['i - 1000 >= -100', 900], ['(unsigned) i - 1000 < 10', 1000], ['(long) i * i * i == 1331000000', 1100],
    ];
    const { text, stops } = await debug(1200, [...conditions.flatMap(([condition]) => [`break visit if ${condition}`, 'continue', 'p i', 'delete']), 'continue']);
    expect([...text.matchAll(/^\$\d+ = (\d+)$/gm)].map(([, value]) => Number(value))).toEqual(conditions.map(([, value]) => value));
    // And as many steps from the breakpoint.
    expect(stops).toBe(conditions.length * 2);
  });

  it('that cannot be evaluated stop, and say why', async () => {
    const { text } = await debug(10, ['break visit if *(int *) 16 == i', 'continue', 'delete', 'continue']);
    expect(text).toMatch(/condition cannot be evaluated: cannot access memory at 0x10\./);
    expect(text).toMatch(/visit \(i=0/);
  });

  // gdb 13 leaves out the conditions of watchpoints when it sets them, other clients need not.
  it('of watchpoints', async () => {
    const program = guestProgram('gdb-agent.c', ['-O0', '-g', '-static']);
    const address = symbolAddress(program, 'last').padStart(8, '0');
    const machine = await listen(['run', '--gdb', ':0', '--wait', program, '50000']);
    try {
      const client = new PacketClient(machine.port);
      await client.ask('qSupported:swbreak+');
      // last == 40000: const32 address, ref32, const16 40000, equal
      const condition = `24${address.slice(-8)}19239c401327`;
      expect(await client.ask(`Z2,${address},4;X${(condition.length / 2).toString(16)},${condition}`)).toBe('OK');
      expect(await client.ask('vCont;c')).toMatch(/^T05watch:/);
      expect(await client.ask(`m${address},4`)).toBe('409c0000');
      expect(await client.ask(`z2,${address},4`)).toBe('OK');
      expect(await client.ask('vCont;c')).toBe('W00');
      client.socket.destroy();
    } finally {
      machine.child.kill('SIGKILL');
    }
  });
});

describe('dprintf in agent style', () => {
  it('prints in gdb, without stopping', async () => {
    const { text, stops } = await debug(500, [
      'set dprintf-style agent', 'dprintf visit,"visit %d of %s: %s, %ld %c\\n", i, what, &item->next->name[0], total, 65', 'break 15 if i == 300', 'continue', 'p i', 'delete 2', 'continue',
    ]);
    expect(text).toMatch(/^visit 0 of even: second, 0 A$/m);
    expect(text).toMatch(/^visit 299 of odd: second, 44551 A$/m);
    expect(text.match(/^visit \d+ of/gm)).toHaveLength(500);
    expect(stops).toBe(2);
  });

  it('loses no line however many there are', async () => {
    const { text, stops } = await debug(20_000, ['set dprintf-style agent', 'dprintf visit,"line %d\\n", i', 'continue']);
    expect(text.match(/^line \d+$/gm)).toHaveLength(20_000);
    expect(stops).toBe(1);
  });
});

describe('in a kernel', () => {
  it('conditions and dprintf see its calls', async () => {
    const kernel = umlKernel('static');
    const machine = await listen(['boot', '--trace=rsp', '--gdb', ':0', '--wait', kernel, 'mem=64M', `initrd=${initramfs()}`]);
    machine.child.stdin?.write('echo hello world\n');
    try {
      const text = await gdb(machine.port, [
        'set breakpoint condition-evaluation target', 'set dprintf-style agent', 'dprintf ksys_write,"writes %ld to %d\\n", count, fd', 'break vfs_write if count == 12', 'continue', 'p count',
        'kill',
      ], { symbols: kernel, timeout: 60_000 });
      expect(text).toContain('= 12');
      expect(text).not.toContain('cannot be evaluated');
      expect(text).toMatch(/^writes 12 to 1$/m);
      expect((text.match(/^writes \d+ to \d+$/gm) ?? []).length).toBeGreaterThan(2);
      expect(machine.errors().match(/rsp -> T05/g)?.length).toBe(2);
    } finally {
      machine.child.kill('SIGKILL');
    }
  }, 90_000);
});
