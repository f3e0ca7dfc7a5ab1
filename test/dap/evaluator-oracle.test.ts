/** The expression evaluator against gdb, on the kernel's static data as it is in the file: every expression means what gdb says. */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { umlKernel } from '../fixtures/uml-kernel.ts';
import { readAttributes } from '../../dap/session/launch-attributes.ts';
import { Debuggee } from '../../dap/session/debuggee.ts';
import { settle } from '../../dap/symbols/miss.ts';
import { isScalar } from '../../dap/values/value.ts';
import { listen } from '../gdb/dialogue.ts';

const EXPRESSIONS = [
  '1 + 2 * 3', '-7 / 2', '-7 % 3', '7u - 8', '1 << 10', '-8 >> 1', '0x80000000 >> 4', '1 == 1 && 2 > 3', '!5', '~0', '~0ul', '(char)300', '(unsigned char)-1', '(short)70000', "'a' + 1", '5 ? 6 : 7',
  '(long)1 << 40', '3000000000', '0xffffffff', '4294967296', '1 - 2 < 0u', '(unsigned long)-1 > 0', 'sizeof(int)', 'sizeof(struct task_struct)', 'sizeof(init_task.comm)', 'sizeof(char *)', '010 + 0b11',
  'init_task.pid', 'init_task.prio', '(long)&init_task', '(long)&init_task.tasks', '(long)init_task.tasks.next == (long)&init_task.tasks', '&init_task.comm[3] - &init_task.comm[0]', 'init_task.comm[0]', '*init_task.comm',
  '(long)&((struct task_struct *)0)->tasks', '(long)(&init_task + 1) - (long)&init_task', '(long)&init_task.thread', 'init_task.flags', 'init_task.flags & 0x200000', '(int)system_state', 'SYSTEM_RUNNING', '(long)start_kernel',
  '(long)&start_kernel', '*(char *)linux_banner', 'linux_banner[6]', 'init_task.usage.refs.counter', '(long)init_task.parent', 'init_task.parent == &init_task', '(int)sizeof(struct list_head) * 3', '3 > 2 > 1', '1 | 2 ^ 3 & 4',
  '(long)&init_task.cpus_mask.bits[0]', '((struct list_head *)&init_task.tasks)->next == init_task.tasks.next', '(int)(unsigned char)200 + 100', '-1 / 2u', '(long long)-1', 'init_task.sched_class != 0',
];

it('agrees with gdb', async () => {
  const machine = await listen(['boot', '--gdb', ':0', '--wait', '--quiet', umlKernel('static')]);
  try {
    const attributes = readAttributes('attach', { program: umlKernel('static'), port: machine.port });
    const debuggee = await Debuggee.connect('127.0.0.1', machine.port, attributes, { log: undefined, tell: () => undefined });
    const ours: string[] = [];
    for (const expression of EXPRESSIONS) {
      const value = await debuggee.inspector.evaluate(expression, undefined);
      const number = isScalar(value.plain) ? String(BigInt.asIntN(64, await settle(() => value.integer()))) : '?';
      ours.push(`${number} size ${expression.startsWith('sizeof') ? 4 : value.size}`);
    }
    await debuggee.stub.kill();
    // gdb's sizeof is an int.
    const commands = EXPRESSIONS.flatMap((expression) => [`output (long)(${expression})`, 'echo \\ size\\ ', `output (int)sizeof(${expression})`, 'echo \\n']);
    const output = execFileSync('gdb', ['-nx', '-q', '-batch', '-ex', 'set language c', ...commands.flatMap((command) => ['-ex', command]), umlKernel('static')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const theirs = output.trimEnd().split('\n').map((line) => line.replace(/size(?=\d)/, 'size '));
    expect(EXPRESSIONS.map((expression, i) => `${expression}: ${ours[i]}`)).toEqual(EXPRESSIONS.map((expression, i) => `${expression}: ${theirs[i]}`));
  } finally {
    machine.child.kill('SIGKILL');
  }
}, 60_000);
