/** `monitor` commands about the kernel in the machine. */
import { DwarfError } from '../../emulator/image/dwarf/dwarf-error.ts';
import type { MonitorCommand } from '../monitor-commands.ts';
import { Refusal } from '../target.ts';
import { callersOf } from './callers.ts';
import { GuestDataError, LayoutError, littleEndian } from './guest-object.ts';
import { kernelLog } from './kernel-log.ts';
import type { KernelView } from './kernel-view.ts';
import { listModules } from './module-list.ts';
import type { Task } from './task.ts';
import type { TaskTarget } from './task-target.ts';
import type { TaskView } from './task-view.ts';

/** Functions in which every sleeping task is: what it waits in is the caller of these. */
const SCHEDULING = new Set([
  'switch_threads', '__switch_to', 'context_switch', '__schedule', '__schedule_loop', 'schedule', 'schedule_timeout', 'schedule_preempt_disabled', 'schedule_hrtimeout_range',
  'schedule_hrtimeout_range_clock', 'preempt_schedule', 'kernel_setjmp',
]);
const DEEPEST = 64;

function viewOf(target: TaskTarget): TaskView {
  const { view } = target;
  if (view === undefined) throw new Refusal(target.trouble ?? 'the program is not a kernel');
  return view;
}

function kernelOf(target: TaskTarget): KernelView {
  const { kernel, reason } = target.debuggee;
  if (kernel === undefined) throw new Refusal(reason ?? 'the program is not a kernel');
  return kernel;
}

/** What the kernel's data says, or a refusal that names what is wrong with it. */
function reading<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (error instanceof LayoutError || error instanceof GuestDataError || error instanceof DwarfError) throw new Refusal(error.message);
    throw error;
  }
}

/** The function a task waits in. */
export function waitsIn(view: TaskView, task: Task): string {
  const saved = view.saved(task);
  if (saved === undefined) return '';
  const register = (name: string): bigint | undefined => {
    const bytes = saved.read(name);
    return bytes === undefined ? undefined : littleEndian(bytes);
  };
  const { image } = view.kernel;
  for (const address of [saved.pc, ...callersOf(view.kernel, register, DEEPEST)]) {
    const name = image.functionAt(address)?.name;
    if (name !== undefined && !SCHEDULING.has(name)) return name;
  }
  return image.functionAt(saved.pc)?.name ?? '';
}

function processes(target: TaskTarget): string {
  const view = viewOf(target);
  return reading(() => {
    const rows = [...view.tasks.values()].filter((task) => task.process === task.pid && task.pid !== 0).map((task) => {
      const name = task.isKernelThread ? `[${task.comm}]` : task.comm;
      return `${String(task.pid).padStart(6)} ${String(task.parent ?? 0).padStart(6)}  ${(view.hostOf(task) === undefined ? task.state : 'running').padEnd(16)}${name}\n`;
    });
    return `   pid parent  state           name\n${rows.join('')}`;
  });
}

function tasks(target: TaskTarget, rest: string): string {
  if (rest === 'on' || rest === 'off') {
    target.enabled = rest === 'on';
    return rest === 'on' ? 'UML\'s tasks are threads.\n' : 'The machine\'s own threads are shown; if gdb says that its thread has terminated, select one (info threads).\n';
  }
  if (rest !== '') throw new Refusal(`tasks takes on or off, not '${rest}'`);
  const view = viewOf(target);
  return reading(() => {
    const rows = [...view.tasks.values()].map((task) => {
      const running = view.hostOf(task) !== undefined;
      return `${String(task.pid).padStart(6)}  ${(running ? 'running' : task.state).padEnd(16)}${task.comm.padEnd(17)}0x${task.address.toString(16)}  ${running ? '' : waitsIn(view, task)}\n`;
    });
    return `   pid  state           name             task_struct  in\n${rows.join('')}`;
  });
}

/** The task of a pid, or the only one of a name. */
function named(view: TaskView, wanted: string): Task {
  const all = [...view.tasks.values()];
  const found = all.filter((task) => (/^\d+$/.test(wanted) ? task.pid === Number(wanted) : task.comm === wanted));
  if (found.length === 1) return found[0];
  if (found.length === 0) throw new Refusal(`no task ${wanted} (monitor ps lists them)`);
  throw new Refusal(`there are ${found.length} tasks named ${wanted}: say which, ${found.map(({ pid }) => pid).join(' ')}`);
}

function switchTo(target: TaskTarget, rest: string): string {
  if (rest === '') throw new Refusal('switch to which task? A pid or a name');
  if (target.switched !== undefined) target.det();
  const view = viewOf(target);
  const task = named(view, rest);
  reading(() => target.switchTo(task));
  return `The machine is switched to ${task.name}: select its thread (thread find ${task.pid}), and 'maintenance flush register-cache' if it was shown before. 'monitor det', or continue, goes back.\n`;
}

function det(target: TaskTarget): string {
  const told = target.det();
  if (told === undefined) throw new Refusal('the machine is not switched to any task');
  return `${told}\n`;
}

function modules(target: TaskTarget): string {
  const kernel = kernelOf(target);
  return reading(() => {
    const list = listModules(kernel);
    if (list === undefined) return 'The kernel cannot load modules.\n';
    const without = target.withoutSymbols(kernel);
    const rows = list.map(({ name, state, address, size }) => {
      const why = without.get(name);
      return `${name.padEnd(24)}${String(size).padStart(9)}  ${state.padEnd(9)} 0x${address.toString(16)}${why === undefined ? '' : `  no symbols: ${why}`}\n`;
    });
    return rows.length === 0 ? 'No modules are loaded.\n' : `name                         size  state     address\n${rows.join('')}`;
  });
}

/** Commands for a target whose debuggee may be a kernel. */
export function taskCommands(target: TaskTarget): readonly MonitorCommand[] {
  return [
    { name: 'ps', help: 'processes of the kernel in the machine', run: () => processes(target) },
    { name: 'tasks', arguments: '[on|off]', help: 'its tasks and what they wait in; whether they are gdb\'s threads', run: (rest) => tasks(target, rest) },
    { name: 'switch', arguments: 'PID|NAME', help: 'go to a sleeping task\'s stack, as that task (att in skas.gdb)', run: (rest) => switchTo(target, rest) },
    { name: 'det', help: 'back to where the kernel was, to the bit', run: () => det(target) },
    { name: 'dmesg', help: 'its log', run: () => reading(() => kernelLog(kernelOf(target))) },
    { name: 'modules', help: 'its loaded modules', run: () => modules(target) },
  ];
}
