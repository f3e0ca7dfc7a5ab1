/** UML's tasks under the real gdb, against what the kernel and its programs say of themselves. */
import { afterEach, describe, expect, it } from 'vitest';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initramfs, initramfsI386 } from '../fixtures/initramfs.ts';
import { DEBIAN_UML, umlKernel } from '../fixtures/uml-kernel.ts';
import { gdb, listen, monitor, printed, type Listening } from './dialogue.ts';

type Variant = 'static' | 'i386' | 'older';

const LONG = 120_000;
const SCRIPT = join(import.meta.dirname, '..', '..', 'bin', 'skas.gdb');
let machine: Listening | undefined;

afterEach(() => {
  machine?.child.kill('SIGKILL');
  machine = undefined;
});

/** Boots, held at the first instruction, with lines for its shell, and lets gdb speak. */
async function dialogue(input: string, commands: readonly string[], variant: Variant = 'static'): Promise<{ text: string; started: Listening }> {
  const kernel = umlKernel(variant);
  const started = await listen(['boot', '--gdb', ':0', '--wait', kernel, 'mem=64M', `initrd=${variant === 'i386' ? initramfsI386() : initramfs()}`]);
  machine = started;
  started.child.stdin?.write(input);
  return { text: await gdb(started.port, commands, { symbols: kernel, timeout: LONG / 2 }), started };
}

/** Text between two marks. */
function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(to, start + from.length);
  if (start < 0 || end < 0) throw new Error(`no '${from}' … '${to}' in:\n${text}`);
  return text.slice(start + from.length, end);
}

/** Return addresses by process id, from `thread apply all bt`. */
function gdbStacks(text: string): Map<number, string[]> {
  const stacks = new Map<number, string[]>();
  for (const part of text.split(/^Thread \d+ /m).slice(1)) {
    const pid = /"[^\n]* \[(\d+)\]" \((?!running)/.exec(part)?.[1];
    const frames = [...part.matchAll(/^#\d+ +0x0*([0-9a-f]+) in /gm)].map(([, address]) => address).filter((address) => address !== '0');
    if (pid !== undefined) stacks.set(Number(pid), frames);
  }
  return stacks;
}

/** Has the kernel itself print the stack of every task in its list, in that order (sysrq-t would stumble over its workers). */
const SHOW_STACKS = `python
value = lambda text: int(gdb.parse_and_eval("(long) " + text))
size = value("sizeof(long)")
word = lambda at: int.from_bytes(gdb.selected_inferior().read_memory(at, size).tobytes(), "little")
tasks, pid = value("&((struct task_struct *) 0)->tasks"), value("&((struct task_struct *) 0)->pid")
show, init, level = value("&show_stack"), value("&init_task"), value("(init_task.comm + 15)")
at = word(init + tasks) - tasks
while at != init:
  print("printed %d" % (word(at + pid) & 0xffffffff))
  gdb.execute("call ((void (*)(long, long, long)) %d)(%d, 0, %d)" % (show, at, level))
  at = word(at + tasks) - tasks
`;

/** What it printed, by process id: entries without a question mark are frames. */
function kernelStacks(pids: readonly number[], output: string): Map<number, string[]> {
  const parts = output.split('Call Trace:').slice(1);
  expect(parts).toHaveLength(pids.length);
  return new Map(pids.map((pid, i) => [pid, [...parts[i].matchAll(/\[<0*([0-9a-f]+)>\] (?!\?)/g)].map(([, address]) => address)]));
}

/** A breakpoint of programs of one name. */
const breakIn = (location: string, program: string): string => `tbreak ${location} if $_streq(((struct task_struct *) cpu_tasks[0].task)->comm, "${program}")`;

describe('tasks', () => {
  it.each(['static', 'i386', 'older'] as const)('have the stacks the kernel itself prints of them (%s)', async (variant) => {
    const script = join(mkdtempSync(join(tmpdir(), 'skas-tasks-')), 'stacks.gdb');
    writeFileSync(script, SHOW_STACKS);
    const { text, started } = await dialogue('sleep 1000 & cat /dev/ttyS0 & \nsleep 1; sleep 5\n', [
      breakIn('do_exit', 'sleep'), 'continue', 'info threads', 'echo [stacks]\n', 'thread apply all bt', 'echo [end]\n', `source ${script}`, 'kill',
    ], variant);
    rmSync(script);
    const ours = gdbStacks(between(text, '[stacks]', '[end]'));
    const theirs = kernelStacks([...text.matchAll(/^printed (\d+)$/gm)].map(([, pid]) => Number(pid)), started.output());
    expect(text).toMatch(/^\* \d+ +Thread \S+ "sleep \[\d+\]" \(running\) +do_exit/m);
    expect(theirs.size).toBeGreaterThan(15);
    const sleeping = [...theirs].filter(([pid]) => ours.has(pid));
    expect(sleeping).toHaveLength(theirs.size - 1);
    for (const [pid, frames] of sleeping) expect([pid, ours.get(pid)]).toEqual([pid, frames]);
    expect(sleeping.filter(([, frames]) => frames.length > 3).length).toBeGreaterThan(10);
  }, LONG);

  it.each(['static', 'older'] as const)('are one thread before there are any and when switched off, and are what ps and dmesg say (%s)', async (variant) => {
    const { text, started } = await dialogue('sleep 1000 &\nusleep 1000; echo [ps]; ps -o pid,ppid,comm; echo [dmesg]; dmesg; echo [end]; sleep 5\n', [
      'info threads', breakIn('do_nanosleep', 'sleep'), 'continue', breakIn('do_nanosleep', 'sleep'), 'continue', 'delete',
      'echo [ps]\\n', monitor('ps'), 'echo [dmesg]\\n', monitor('dmesg'), 'echo [end]\\n',
      monitor('tasks off'), 'info threads', monitor('tasks on'), 'info threads', monitor('modules'), 'kill',
    ], variant);
    expect(text).toMatch(/^\* 1 +Thread \d+\.4194304 .*\(the kernel has no tasks yet\)/m);
    const shell = started.output().replaceAll('\r', '');
    // The kernel tells of its workers what they worked on, too.
    const plain = (line: string): string => line.replace(/(kworker\/\w+:\w+)-.*/, '$1');
    const rows = (part: string): string[][] => part.split('\n').map((line) => line.trim().split(/\s+/)).filter(([pid]) => /^\d+$/.test(pid));
    const theirs = rows(between(shell, '\n[ps]', '\n[dmesg]')).map(([pid, parent, comm]) => plain(`${pid} ${parent} ${comm}`)).filter((line) => !line.endsWith(' ps'));
    const ours = rows(between(text, '[ps]', '[dmesg]')).map(([pid, parent, , comm]) => `${pid} ${parent} ${comm.replace(/^\[(.*)\]$/, '$1')}`).filter((line) => theirs.includes(line) || !line.endsWith(' sleep'));
    expect(theirs.length).toBeGreaterThan(10);
    expect(ours).toEqual(theirs);
    // This kernel does not print times.
    expect(between(text, '[dmesg]\n', '[end]').replace(/^\[ *\d+\.\d{6}\] /gm, '').trim()).toBe(between(shell, '\n[dmesg]\n', '\n[end]').trim());
    const [, off] = text.split('The machine\'s own threads are shown');
    expect(off).toMatch(/Thread \d+\.2 "linux[^\n]*\n/);
    expect(off).toContain('"kthreadd [2]" (sleeping)');
    expect(off).toContain(variant === 'older' ? 'No modules are loaded.' : 'The kernel cannot load modules.');
  }, LONG);

  it('are listed with about three packets each, five hundred of them', async () => {
    const kernel = umlKernel('static');
    const started = await listen(['boot', '--gdb', ':0', '--trace=rsp', kernel, 'mem=128M', `initrd=${initramfs()}`]);
    machine = started;
    started.child.stdin?.write('i=0; while [ $i -lt 480 ]; do sleep 100000 & i=$((i+1)); done; echo started; sleep 100000\n');
    await printed(started, 'started\r');
    const text = await gdb(started.port, [`source ${SCRIPT}`, monitor('stats'), 'info threads', monitor('stats'), 'kill'], { symbols: kernel });
    const [, listing] = started.errors().split(`<- qRcmd,${Buffer.from('stats').toString('hex')}\n`);
    const tasks = text.match(/^\*? +\d+ +Thread 2\.\d+ "/gm)?.length ?? 0;
    expect(tasks).toBeGreaterThan(490);
    expect(listing.split('\n').filter((line) => line.includes('rsp <- ')).length).toBeLessThan(3.3 * tasks);
  }, LONG);

  it('are stepped each by itself while others run the same code', async () => {
    const { text } = await dialogue('sleep 1 & sleep 1 & sleep 1\n', [
      breakIn('do_nanosleep', 'sleep'), 'continue', 'p $_thread', 'next', 'next', 'next', 'next', 'next', 'p $_thread', 'finish', 'p $_thread',
      // One that sleeps begins when it is there again.
      breakIn('do_exit', 'sleep'), 'continue', 'python [t.switch() for t in gdb.selected_inferior().threads() if t.name.startswith("sh ")]', 'p $_thread', 'stepi', 'stepi', 'p $_thread', 'bt 2', 'next', 'next', 'p $_thread', 'kill',
    ]);
    const threads = [...text.matchAll(/^\$\d+ = (\d+)$/gm)].map(([, number]) => number);
    expect(new Set(threads.slice(0, 3)).size).toBe(1);
    expect(text).toMatch(/^2094\s+schedule\(\);$/m);
    expect(text).toMatch(/^hrtimer_nanosleep .*\n214\d\s/m);
    expect(threads).toHaveLength(6);
    expect(new Set(threads.slice(3)).size).toBe(1);
    expect(text).toMatch(/^#1 .* in __switch_to/m);
  }, LONG);

  it('keep still under scheduler-locking, with a reason', async () => {
    const { text } = await dialogue('sleep 1\n', [
      breakIn('do_nanosleep', 'sleep'), 'continue', 'set scheduler-locking on', 'continue', 'p $_thread', 'info threads', 'continue', 'continue',
      'python [t.switch() for t in gdb.selected_inferior().threads() if t.ptid[1] == 1]', 'stepi', 'set scheduler-locking off', 'signal SIGUSR1', breakIn('do_exit', 'sleep'), 'continue', 'kill',
    ]);
    expect(text.match(/The kernel switches from sleep \[\d+\] to another task, which scheduler-locking does not let run\./g)).toHaveLength(2);
    expect(text).toMatch(/sleep \[\d+\] does not run: it goes on when the kernel switches to it/);
    expect(text).toMatch(/init \[1\] does not run: it goes on/);
    expect(text).toContain('init [1] does not run: a signal of the host can only go to the task that does');
    expect(text.match(/Thread \d+ "sleep \[\d+\]" stopped\./g)).toHaveLength(3);
    expect(text).toMatch(/hit Temporary breakpoint 2, do_exit/);
  }, LONG);

  it('take registers that have a place, and refuse the others', async () => {
    const { text } = await dialogue('sleep 1\n', [
      breakIn('do_nanosleep', 'sleep'), 'continue', 'python [t.switch() for t in gdb.selected_inferior().threads() if t.ptid[1] == 1]', 'p $rax', 'p $xmm0', 'set $rax = 1', 'p $r12 = 0x1234', 'p/x init_task.tasks.next',
      'p/x ((struct task_struct *)((char *)init_task.tasks.next - (long)&((struct task_struct *)0)->tasks))->thread.switch_buf[0].__r12', 'kill',
    ]);
    expect(text).toMatch(/^\$1 = <unavailable>$/m);
    expect(text).toContain('init [1] does not run, and the kernel keeps only rbx rsp rbp r12 r13 r14 r15 rip');
    expect(text).toMatch(/^\$\d+ = 0x1234$/m);
  }, LONG);
});

describe('the switch', () => {
  it.each(['static', 'i386', 'older'] as const)('goes to a task and back to the bit: looks, steps, calls, breaks, is undone (%s)', async (variant) => {
    const { text, started } = await dialogue('cat /dev/ttyS0 &\nsleep 1\nsleep 1\n', [
      `source ${SCRIPT}`, 'att 1', breakIn('do_exit', 'sleep'), 'continue', monitor('hash'), 'att cat', 'bt', 'info threads', 'p ((struct task_struct *) cpu_tasks[0].task)->comm',
      'x/2s ((struct task_struct *) cpu_tasks[0].task)->mm->arg_start', 'p (int) nr_processes()', 'p (int) _printk("called %d\\n", 6 * 7)', 'stepi', 'next', 'next', 'finish', 'tbreak vsnprintf', 'p (int) _printk("again")', 'bt 2', 'continue',
      'set var init_task.prio = 1', 'p init_task.prio', 'det', monitor('hash'), 'bt 1', 'p init_task.prio',
      // Any resume goes back first.
      'att kthreadd', breakIn('do_exit', 'sleep'), 'continue', 'bt 1', 'det', 'att nobody', 'att sleep', 'kill',
    ], variant);
    expect(text).toContain('the kernel has no tasks yet');
    const hashes = text.match(/^[0-9a-f]{64}$/gm);
    expect(hashes).toHaveLength(2);
    expect(hashes?.[0]).toBe(hashes?.[1]);
    expect(text).toMatch(/The machine is switched to cat \[\d+\]\./);
    expect(text).toMatch(/"sleep \[\d+\]" \(set aside\)/);
    expect(text).toMatch(/#\d+ .* in (n_tty_read|tty_read|vfs_read|ksys_read)/);
    expect(text).toMatch(/= "cat"/);
    // Its user memory: the words of its command line.
    expect(text).toMatch(/^0x\w+:\t"cat"\n0x\w+:\t"\/dev\/ttyS0"$/m);
    expect(text).toMatch(/hit Temporary breakpoint \d+, vsnprintf/);
    expect(text).toMatch(/Back in sleep \[\d+\], exactly where it was: \d+ instructions undone; so are \d+ bytes/);
    expect([...text.matchAll(/^\$\d+ = (120|1)$/gm)].map(([, value]) => value).slice(-2)).toEqual(['1', '120']);
    expect(text).toMatch(/Thread \d+ "sleep \[\d+\]" hit Temporary breakpoint \d+, do_exit/);
    expect(text).toContain('the machine is not switched to any task');
    expect(text).toContain('no task nobody');
    expect(text).toMatch(/sleep \[\d+\] is the running task/);
    expect(started.output()).toContain('called 42');
  }, LONG);
});

it('a kernel whose debug information is in a file beside it has tasks; a file that is another kernel\'s does not count', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skas-split-'));
  try {
    const stripped = join(folder, 'linux');
    execFileSync('objcopy', ['--only-keep-debug', umlKernel('static'), join(folder, 'linux.debug')]);
    execFileSync('objcopy', ['--strip-all', `--add-gnu-debuglink=${join(folder, 'linux.debug')}`, umlKernel('static'), stripped]);
    const ask = async (...commands: string[]): Promise<string> => {
      const started = await listen(['boot', '--gdb', ':0', '--wait', stripped, 'mem=64M', `initrd=${initramfs()}`]);
      machine = started;
      return gdb(started.port, [...commands, 'kill'], { symbols: stripped });
    };
    const text = await ask('break run_init_process', 'continue', 'info threads', monitor('tasks'));
    expect(text).toMatch(/"kthreadd \[2\]" \(sleeping\) +switch_threads/);
    expect(text).toMatch(/^ +2 +sleeping +kthreadd .* kthreadd$/m);
    writeFileSync(join(folder, 'linux.debug'), readFileSync(umlKernel('i386')));
    expect(await ask('info threads')).toContain('has no debug information');
  } finally {
    rmSync(folder, { recursive: true });
  }
}, LONG);

it('a kernel without debug information is one thread, and says why', async () => {
  const started = await listen(['boot', '--gdb', ':0', '--wait', DEBIAN_UML, 'mem=64M', `initrd=${initramfs()}`]);
  machine = started;
  const text = await gdb(started.port, ['info threads', 'monitor ps', 'monitor switch 1', 'monitor dmesg', 'monitor info version', 'kill']);
  expect(text).toMatch(/^\* 1 +Thread \d+\.\d+ "linux.uml[^\n]*has no debug information/m);
  expect(text.match(/has no debug information: UML's tasks are shown as one thread/g)?.length).toBeGreaterThanOrEqual(4);
  expect(text).toMatch(/skas \d/);
}, LONG);
