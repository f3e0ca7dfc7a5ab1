/** gdb's non-stop mode: threads of an ordinary program stop and go on one by one. */
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { PacketClient } from '../../stub/packet-client.ts';
import { guestProgram } from '../fixtures/guest-program.ts';
import { listen } from './dialogue.ts';

/** gdb at a terminal of its own, so to speak: each command is given when the output has what is waited for. */
async function converse(port: number, program: string, turns: readonly (readonly [command: string, until: RegExp])[], settings: readonly string[] = []): Promise<string> {
  const child = spawn('gdb', ['-nx', '-q', program], { stdio: ['pipe', 'pipe', 'pipe'] });
  let all = '';
  let news = '';
  let look: () => void = () => undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      all += chunk.toString();
      news += chunk.toString();
      look();
    });
  }
  try {
    const first = ['set pagination off', 'set confirm off', 'set width 0', 'set style enabled off', 'set non-stop on', 'set mi-async on', ...settings];
    child.stdin.write(`${first.join('\n')}\n`);
    for (const [command, until] of [[`target remote 127.0.0.1:${port}`, /_start/] as const, ...turns]) {
      news = '';
      child.stdin.write(`${command}\n`);
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`'${command}' did not lead to ${until}:\n${all}`)), 20_000);
        look = () => {
          if (!until.test(news)) return;
          clearTimeout(timer);
          resolve();
        };
        look();
      });
    }
    return all;
  } finally {
    child.kill('SIGKILL');
  }
}

it('stops one thread while the others run', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'rounds']);
  try {
    const text = await converse(machine.port, program, [
      ['break all_started', /Breakpoint 1/],
      ['continue &', /Thread 1.* hit Breakpoint 1, all_started/s],
      // The two others have gone on, and do.
      ['info threads', /1 .*all_started[^]*2 .*\(running\)[^]*3 .*\(running\)/],
      ['print $before = rounds[0]', /\$\d+ = [1-9]/],
      // However little of the processor this machine gets.
      ['while rounds[0] <= $before\nend\nprint rounds[0] > $before', /\$\d+ = 1/],
      ['interrupt', /./],
      ['thread 2', /Switching to thread 2/],
      ['interrupt', /Thread 2[^]*stopped/],
      ['backtrace 1', /go_round|start_thread/],
      ['print $mine = rounds[0]', /\$\d+ = /],
      ['print rounds[0] == $mine', /\$\d+ = 1/],
      ['stepi', /0x[0-9a-f]+|\d+\t/],
      ['info threads', /1 .*all_started[^]*2 .*go_round[^]*3 .*\(running\)/],
      ['print stop_rounds = 1', /= 1/],
      ['continue -a &', /exited normally/],
    ]);
    expect(text).not.toMatch(/rror:|internal-error|Remote failure/);
    expect(await machine.ended).toBe(0);
  } finally {
    machine.child.kill('SIGKILL');
  }
});

it('tells of threads that come and go, if asked', async () => {
  const program = guestProgram('gdb-program.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'threads']);
  try {
    const client = new PacketClient(machine.port);
    expect(await client.ask('qSupported:multiprocess+')).toContain('QThreadEvents+');
    expect(await client.ask('QThreadEvents:1')).toBe('OK');
    const events: string[] = [];
    for (;;) {
      const event = await client.ask('vCont;c');
      events.push(event.replace(/^T05(\w*):;.*;thread:([^;]+);.*/, '$1 $2'));
      if (event.startsWith('W')) break;
    }
    // Which of them ends first is the scheduler's affair.
    expect(events.slice(0, -1).sort()).toEqual(['create p2.3', 'create p2.4', 'w00;p2.3', 'w00;p2.4']);
    client.socket.destroy();
    expect(await machine.ended).toBe(0);
  } finally {
    machine.child.kill('SIGKILL');
  }
});

it('holds parent and child of a fork, each by itself', async () => {
  const program = guestProgram('gdb-forks.c', ['-O0', '-g', '-static']);
  const machine = await listen(['run', '--gdb', ':0', '--wait', program, 'fork']);
  try {
    const text = await converse(machine.port, program, [
      ['break in_both', /Breakpoint 1/],
      // gdb lets both go on.
      ['continue &', /New inferior 2[^]*Thread 2\.1.* hit Breakpoint 1\.2, in_both \(child=1\)/],
      ['thread 2.1', /Switching to thread 2\.1/],
      ['print shared', /\$\d+ = 1\n/],
      ['info threads', /1\.1 .*\(running\)[^]*2\.1 .*in_both/],
      ['continue &', /Inferior 2 \(process \d+\) exited with code 026[^]*Thread 1\.1.* hit Breakpoint 1\.1, in_both \(child=0\)/],
      ['thread 1.1', /Switching to thread 1\.1/],
      ['print shared', /\$\d+ = 23\n/],
      ['continue &', /Inferior 1 \(process \d+\) exited with code 026/],
    ], ['set detach-on-fork off']);
    expect(text).not.toMatch(/rror:|internal-error|Remote failure/);
    expect(await machine.ended).toBe(22);
  } finally {
    machine.child.kill('SIGKILL');
  }
});
