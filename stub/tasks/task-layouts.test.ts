/** Tasks, their saved registers and the kernel log in the layouts of kernels from 2.6.9 to today, as static data. */
import { describe, expect, it } from 'vitest';
import { staticKernel } from './static-kernel.ts';
import { kernelLog } from './kernel-log.ts';
import { GuestDataError, LayoutError, type GuestMemory } from './guest-object.ts';
import { KernelView } from './kernel-view.ts';
import { listModules } from './module-list.ts';
import { SavedContext } from './saved-context.ts';
import { currentTasks, listTasks } from './task-list.ts';
import { TaskView, taskOnStack, type HostThread } from './task-view.ts';

const LIST = 'struct list_head { struct list_head *next, *prev; };\n';
const UNION = 'union thread_union { long stack[64]; };\nunion thread_union __attribute__((aligned(512))) s0, s1, s2, s3;\n';
const KLIBC = `
#ifdef __x86_64__
struct __jmp_buf { unsigned long __rbx, __rsp, __rbp, __r12, __r13, __r14, __r15, __rip; };
#define JB(sp) { { 1, (unsigned long) (sp), 2, 3, 4, 5, 6, 0x1234 } }
#else
struct __jmp_buf { unsigned int __ebx, __esp, __ebp, __esi, __edi, __eip; };
#define JB(sp) { { 1, (unsigned long) (sp), 2, 3, 4, 0x1234 } }
#endif
typedef struct __jmp_buf jmp_buf[1];
`;

/** Linked with all tasks: 0; 1 with its thread 2; 3, which has ended. `fields` and `extra` are what versions differ in. */
const LAYOUTS: Readonly<Record<string, string>> = {
  '2.6.9: threads by pid lists, jmp_buf of the C library': `${LIST}${UNION}
struct pid { int nr; struct list_head pid_list; };
struct thread_struct { int forking; union { struct { int pid; } tt; struct { void *switch_buf; int mm_count; } skas; } mode; };
struct task_struct { volatile long state; void *thread_info; unsigned long flags; struct list_head tasks; void *mm; long exit_state; int pid, tgid; struct task_struct *real_parent; struct pid pids[4]; char comm[16]; struct thread_struct thread; };
struct task_struct init_task, t1, t2, t3;
#ifdef __x86_64__
unsigned long b1[] = { 1, 2, 3, 4, 5, 6, (unsigned long) &s1.stack[40], 0x1234 }, b2[] = { 0, 0, 0, 0, 0, 0, 0x0badcafe, 0x77 };
#else
unsigned long b1[] = { 1, 3, 4, 2, (unsigned long) &s1.stack[40], 0x1234 }, b2[] = { 0, 0, 0, 0, 0x0badcafe, 0x77 };
#endif
#define P(a, b) { { 0 }, { 0, { &(a)->pids[1].pid_list, &(b)->pids[1].pid_list } } }
struct task_struct init_task = { 0, &s0, 0, { &t1.tasks, &t3.tasks }, 0, 0, 0, 0, &init_task, P(&init_task, &init_task), "swapper" };
struct task_struct t1 = { 1, &s1, 0, { &t3.tasks, &init_task.tasks }, &t1, 0, 1, 1, &init_task, P(&t2, &t2), "init", { 0, { .skas = { b1 } } } };
struct task_struct t2 = { 2, &s2, 0, { 0 }, &t1, 0, 2, 1, &init_task, P(&t1, &t1), "init", { 0, { .skas = { b2 } } } };
struct task_struct t3 = { 0, &s3, 0x200000, { &init_task.tasks, &t1.tasks }, 0, 16, 3, 3, &init_task, P(&t3, &t3), "gone" };
struct cpu_task { int pid; void *task; } cpu_tasks[1] = { { 7, &init_task } };`,
  '2.6.18: thread_group, jmp_buf in the skas half': `${LIST}${UNION}${KLIBC}
struct thread_struct { struct task_struct *prev_sched; union { struct { jmp_buf switch_buf; } skas; } mode; };
struct task_struct { volatile long state; void *thread_info; struct list_head tasks; void *mm; int exit_state; int pid, tgid; struct task_struct *real_parent; struct list_head thread_group; char comm[16]; struct thread_struct thread; };
struct task_struct init_task, t1, t2, t3;
struct task_struct init_task = { 0, &s0, { &t1.tasks, &t3.tasks }, 0, 0, 0, 0, &init_task, { &init_task.thread_group, &init_task.thread_group }, "swapper", { &t1 } };
struct task_struct t1 = { 1, &s1, { &t3.tasks, &init_task.tasks }, &t1, 0, 1, 1, &init_task, { &t2.thread_group, &t2.thread_group }, "init", { 0, { { JB(&s1.stack[40]) } } } };
struct task_struct t2 = { 2, &s2, { 0 }, &t1, 0, 2, 1, &init_task, { &t1.thread_group, &t1.thread_group }, "init", { 0, { { JB(0x0badcafe) } } } };
struct task_struct t3 = { 0, &s3, { &init_task.tasks, &t1.tasks }, 0, 16, 3, 3, &init_task, { &t3.thread_group, &t3.thread_group }, "gone" };
struct cpu_task { int pid; void *task; } cpu_tasks[1] = { { 7, &init_task } };`,
  '6.12: thread_node, __state, jmp_buf in the task': `${LIST}${UNION}${KLIBC}
struct signal_struct { struct list_head thread_head; };
struct thread_struct { struct task_struct *prev_sched; jmp_buf switch_buf; };
struct task_struct { unsigned int __state; void *stack; unsigned int flags; struct list_head tasks; void *mm; int exit_state; int pid, tgid; struct task_struct *real_parent; struct list_head thread_node; struct signal_struct *signal; char comm[16]; struct thread_struct thread; };
struct task_struct init_task, t1, t2, t3;
struct signal_struct g0 = { { &init_task.thread_node, &init_task.thread_node } }, g1 = { { &t1.thread_node, &t2.thread_node } }, g3 = { { &t3.thread_node, &t3.thread_node } };
struct task_struct init_task = { 0, &s0, 0, { &t1.tasks, &t3.tasks }, 0, 0, 0, 0, &init_task, { &g0.thread_head, &g0.thread_head }, &g0, "swapper", { &t1 } };
struct task_struct t1 = { 1, &s1, 0, { &t3.tasks, &init_task.tasks }, &t1, 0, 1, 1, &init_task, { &t2.thread_node, &g1.thread_head }, &g1, "init", { 0, JB(&s1.stack[40]) } };
struct task_struct t2 = { 0x402, &s2, 0, { 0 }, &t1, 0, 2, 1, &init_task, { &g1.thread_head, &t1.thread_node }, &g1, "init", { 0, JB(0x0badcafe) } };
struct task_struct t3 = { 0, &s3, 0x200000, { &init_task.tasks, &t1.tasks }, 0, 32, 3, 3, &init_task, { &g3.thread_head, &g3.thread_head }, &g3, "gone" };
struct cpu_task { void *task; } cpu_tasks[2] = { { &init_task } };`,
  'later: cpu_tasks of pointers': `${LIST}${UNION}${KLIBC}
struct thread_struct { struct task_struct *prev_sched; jmp_buf switch_buf; };
struct task_struct { unsigned int __state; void *stack; struct list_head tasks; void *mm; int exit_state; int pid, tgid; struct task_struct *real_parent; struct list_head thread_group; char comm[16]; struct thread_struct thread; };
struct task_struct init_task, t1, t2, t3;
struct task_struct init_task = { 0, &s0, { &t1.tasks, &t3.tasks }, 0, 0, 0, 0, &init_task, { &init_task.thread_group, &init_task.thread_group }, "swapper", { &t1 } };
struct task_struct t1 = { 1, &s1, { &t3.tasks, &init_task.tasks }, &t1, 0, 1, 1, &init_task, { &t2.thread_group, &t2.thread_group }, "init", { 0, JB(&s1.stack[40]) } };
struct task_struct t2 = { 2, &s2, { 0 }, &t1, 0, 2, 1, &init_task, { &t1.thread_group, &t1.thread_group }, "init", { 0, JB(0x0badcafe) } };
struct task_struct t3 = { 0, &s3, { &init_task.tasks, &t1.tasks }, 0, 32, 3, 3, &init_task, { &t3.thread_group, &t3.thread_group }, "gone" };
struct task_struct *cpu_tasks[2] = { &init_task };`,
};
const MAIN = '\nvoid _start(void) {}\n';
const BARE = ['-no-pie', '-nostdlib', '-static'];

describe.each(Object.entries(LAYOUTS))('%s', (_, source) => {
  it.each([[8, '-m64'], [4, '-m32']] as const)('%d-byte words', (word, machine) => {
    const kernel = staticKernel(source + MAIN, [...BARE, machine]);
    const tasks = [...(listTasks(kernel)?.values() ?? [])];
    expect(tasks.map((task) => [task.pid, task.comm, task.process, task.ended, task.parent])).toEqual([
      [0, 'swapper', 0, false, 0], [1, 'init', 1, false, 0], [2, 'init', 1, false, 0], [3, 'gone', 3, true, 0],
    ]);
    expect(tasks.map(({ state }) => state)).toEqual(['runnable', 'sleeping', source.includes('0x402') ? 'idle' : 'uninterruptible', 'ended']);
    const [init, sleeping, scrambled] = tasks;
    expect(currentTasks(kernel)[0]?.address).toBe(init.address);
    const saved = SavedContext.of(kernel, sleeping);
    const stack = sleeping.stack ?? 0;
    expect([saved?.pc, saved?.sp]).toEqual([0x1234, stack + 40 * word]);
    expect(saved?.read(word === 8 ? 'rbp' : 'ebp')?.[0]).toBe(2);
    expect(saved?.read(word === 8 ? 'rax' : 'eax')).toBeUndefined();
    // A stack pointer that is not on the task's stack is none (mangled by a C library, stale).
    expect(SavedContext.of(kernel, scrambled)).toBeUndefined();
    const current = currentTasks(kernel)[0];
    if (current === undefined) throw new Error('no current task');
    expect(taskOnStack(kernel, current, (init.stack ?? 0) + 8)?.pid).toBe(0);
    if (current.has('thread.prev_sched')) expect(taskOnStack(kernel, current, stack + 16)?.pid).toBe(1);
    expect(taskOnStack(kernel, current, 0x1000)).toBeUndefined();
  });
});

it('threads of the host run what their stacks say, also while a CPU changes from one task to the next', () => {
  const source = (LAYOUTS['later: cpu_tasks of pointers'] ?? '').replace('cpu_tasks[2] = { &init_task }', 'cpu_tasks[3] = { &init_task, &t1 }');
  const kernel = staticKernel(source + MAIN, BARE);
  const host = (tid: number, stackPointer: number | undefined): HostThread => ({ thread: { pid: 9, tid, name: 'linux', extra: '' }, stackPointer });
  const stack = (name: string): number => kernel.variable(name).address + 64;
  const pids = (...hosts: readonly HostThread[]): unknown[] => {
    const view = TaskView.of(kernel, hosts);
    return hosts.map(({ thread }) => {
      const task = view?.taskOn(thread.tid);
      return task === undefined ? undefined : [task.pid, view?.hostOf(task)?.cpu];
    });
  };
  expect(pids(host(9, stack('s0')), host(10, stack('s1')), host(11, 0x1000))).toEqual([[0, 0], [1, 1], undefined]);
  expect(pids(host(9, stack('s1')), host(10, stack('s0')))).toEqual([[1, 1], [0, 0]]);
  // On a stack of its own (a signal's, the first one) the first thread is on the CPU that is left.
  expect(pids(host(9, undefined), host(10, stack('s0')))).toEqual([[1, 1], [0, 0]]);
  expect(pids(host(9, 0x1000))).toEqual([[0, 0]]);
  // init_task says that it came from t1: until the stack changes it is still t1 that runs.
  const one = staticKernel((LAYOUTS['later: cpu_tasks of pointers'] ?? '') + MAIN, BARE);
  expect(TaskView.of(one, [host(9, one.variable('s1').address + 64)])?.taskOn(9)?.pid).toBe(1);
});

it('damaged memory gives an answer or an error, and soon', () => {
  let seed = 4711;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  let answers = 0;
  const thread = { pid: 2, tid: 2, name: 'linux', extra: '' };
  for (const source of Object.values(LAYOUTS)) {
    const sound = staticKernel(source + MAIN, BARE);
    const { address } = sound.variable('init_task');
    for (let round = 0; round < 200; round++) {
      // The same bytes are wrong whenever they are read.
      const wrong = new Map(Array.from({ length: 1 + random(8) }, () => [address - 256 + random(2048), random(256)]));
      const memory: GuestMemory = (at, length) => {
        const bytes = sound.memory(at, length);
        for (let i = 0; bytes !== undefined && i < length; i++) bytes[i] = wrong.get(at + i) ?? bytes[i];
        return bytes;
      };
      try {
        const view = TaskView.of(new KernelView(sound.image, memory), [{ thread, stackPointer: random(2) === 0 ? undefined : address + random(4096) }]);
        const ids = view?.threads.map(({ tid }) => tid) ?? [];
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids.every((id) => id > 0)).toBe(true);
        for (const task of view?.tasks.values() ?? []) view?.saved(task);
        answers++;
      } catch (error) {
        if (!(error instanceof LayoutError) && !(error instanceof GuestDataError)) throw error;
      }
    }
  }
  expect(answers).toBeGreaterThan(100);
});

it('a kernel that has not begun has no tasks', () => {
  const kernel: KernelView = staticKernel('struct task_struct { int pid; } init_task; struct cpu_task { void *task; } cpu_tasks[1];' + MAIN, BARE);
  expect(listTasks(kernel)).toBeUndefined();
});

describe('modules', () => {
  const places: Readonly<Record<string, readonly [fields: string, first: string, second: string]>> = {
    'before 4.5': ['void *module_init, *module_core; unsigned int init_size, core_size;', '0, (void *) 0x5000, 0, 300', '0, (void *) 0x7000, 0, 8'],
    'up to 6.3': ['struct { void *base; unsigned int size; } core_layout, init_layout;', '{ (void *) 0x5000, 300 }', '{ (void *) 0x7000, 8 }'],
    'since 6.4': ['struct { void *base; unsigned int size; } mem[7];', '{ { (void *) 0x5000, 100 }, { 0, 200 }, { 0 }, { 0 }, { 0, 999 } }', '{ { (void *) 0x7000, 8 } }'],
  };
  it.each(Object.entries(places))('%s', (_, [fields, first, second]) => {
    const kernel = staticKernel(`${LIST}
struct module { int state; struct list_head list; char name[24]; ${fields} };
struct module a, b; struct list_head modules = { &a.list, &b.list };
struct module a = { 0, { &b.list, &modules }, "first", ${first} }, b = { 1, { &modules, &a.list }, "second", ${second} };${MAIN}`, BARE);
    expect(listModules(kernel)?.map(({ name, state, address, size }) => [name, state, address, size])).toEqual([['first', 'live', 0x5000, 300], ['second', 'coming', 0x7000, 8]]);
  });

  it('are not there in a kernel that cannot load any', () => {
    expect(listModules(staticKernel(MAIN, BARE))).toBeUndefined();
  });
});

describe('the kernel log', () => {
  const rings = `
typedef unsigned long long u64; typedef struct { long counter; } atomic_long_t;
struct printk_info { u64 seq, ts_nsec; unsigned short text_len; unsigned char facility, flags : 5, level : 3; };
struct prb_data_blk_lpos { unsigned long begin, next; };
struct prb_desc { atomic_long_t state_var; struct prb_data_blk_lpos text_blk_lpos; };
struct prb_desc_ring { unsigned int count_bits; struct prb_desc *descs; struct printk_info *infos; atomic_long_t head_id, tail_id; };
struct prb_data_ring { unsigned int size_bits; char *data; atomic_long_t head_lpos, tail_lpos; };
struct printk_ringbuffer { struct prb_desc_ring desc_ring; struct prb_data_ring text_data_ring; };
#define S(state, id) { ((unsigned long) (state) << (sizeof(long) * 8 - 2)) | (id) }
#define W sizeof(long)
`;

  it.each(['-m64', '-m32'])('in rings, wrapped around, with a record that is being written (%s)', (machine) => {
    const kernel = staticKernel(`${rings}
struct { unsigned long id; char text[64 - W]; } data[1] = { { 7, "wrapped, and cut off here" } };
char spare[64];
struct prb_desc descs[4] = { { S(2, 4), { 32, 48 } }, { S(1, 5), { 48, 64 + 8 + W } }, { S(0, 6), { 80, 96 } }, { S(2, 3), { 1, 1 } } };
struct printk_info infos[4] = { { 0, 1500000000ull, 5 }, { 0, 61000001000ull, 3 }, { 0, 0, 3 }, { 0, 0, 0 } };
struct ring { char bytes[64]; } ring = { { [32 + W] = 'f', 'i', 'r', 's', 't', [W] = 'a', '\\n', 'b' } };
struct printk_ringbuffer buffer = { { 2, descs, infos, { 6 }, { 3 } }, { 6, ring.bytes } }, *prb = &buffer;${MAIN}`, [...BARE, machine]);
    expect(kernelLog(kernel)).toBe('[    1.500000] first\n[   61.000001] a\n[   61.000001] b\n');
  });

  it('in records (3.5 to 5.9)', () => {
    const kernel = staticKernel(`
typedef unsigned long long u64; typedef unsigned int u32;
struct printk_log { u64 ts_nsec; unsigned short len, text_len, dict_len; unsigned char facility, level; };
struct { struct printk_log a; char text[16]; struct printk_log end; struct printk_log rest; } __attribute__((packed)) room = { { 2000000000ull, 32, 5 }, "later", { 0 } };
struct { struct printk_log a; char text[16]; struct printk_log b; char more[16]; struct printk_log wrap; } all = { { 3000000000ull, 32, 5 }, "third", { 2000000000ull, 32, 6 }, "second", { 0 } };
char *log_buf = (char *) &all; u32 log_first_idx = 32, log_next_idx = 32; u64 log_first_seq = 10, log_next_seq = 12;${MAIN}`, BARE);
    expect(kernelLog(kernel)).toBe('[    2.000000] second\n[    3.000000] third\n');
  });

  it('as text (before 3.5), around the end of the buffer', () => {
    const kernel = staticKernel(`char buffer[16] = "tu\\n<5>vw\\n..<4>rs"; char *log_buf = buffer; int log_buf_len = 16; unsigned log_end = 25, logged_chars = 14;${MAIN}`, BARE);
    expect(kernelLog(kernel)).toBe('rstu\nvw\n');
  });

  it('that does not make sense ends in an error, not in a hang', () => {
    const broken = staticKernel(`${rings}struct printk_ringbuffer buffer = { { 60 } }, *prb = &buffer;${MAIN}`, BARE);
    expect(() => kernelLog(broken)).toThrow(/2\^60/);
    expect(() => kernelLog(staticKernel(MAIN, BARE))).toThrow(/no log/);
  });
});
