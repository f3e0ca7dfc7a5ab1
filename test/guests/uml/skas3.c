/*
 * skas3: one host process runs all tasks. Each task is a host address space, made by opening /proc/mm (by the name this kind of
 * caller finds it under) and changed by writing to it; PTRACE_SWITCH_MM moves the process from one to the other.
 */
#include "skas.h"
#include "../skas3.h"

const ulong task_top = HOST_TOP;
static int process;             /* the one that runs all tasks */
static struct task *inside;     /* whose memory and floating-point registers it has */

static void child(void *unused)
{
	trace(PTRACE_TRACEME, 0, 0, 0);
	start_ticks();
	call(__NR_kill, call(__NR_getpid), SIGSTOP);
	call(__NR_exit, 1);
}

static void start_process(void)
{
	char *stack = (char *)map(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0ul);
	process = clone_on(CLONE_FILES | CLONE_VM | SIGCHLD, stack + PAGE, child, 0);
	if (process < 0 || wait_stop(process) != SIGSTOP)
		panic("no process to run tasks in");
	trace(PTRACE_OLDSETOPTIONS, process, 0, (void *)TRACESYSGOOD);
	trace(PTRACE_GETREGS, process, 0, &tasks[0].regs);
	trace(PTRACE_GETFPREGS, process, 0, &tasks[0].fp);
	call(__NR_munmap, stack, PAGE);
}

static int request(int mm, struct proc_mm_op op)
{
	return call(__NR_write, mm, &op, sizeof op) == sizeof op ? 0 : -1;
}

int host_new(struct task *task, struct task *parent)
{
	if (parent == 0)
		start_process();
	task->host_pid = process;
	task->mm = call(__NR_open, MM_NAME, O_WRONLY | O_CLOEXEC);
	if (task->mm < 0)
		return -1;
	return parent == 0 ? 0 : request(task->mm, (struct proc_mm_op){ .op = MM_COPY_SEGMENTS, .u.copy_segments = parent->mm });
}

void host_map(struct task *task, ulong address, int page, int prot)
{
	if (request(task->mm, (struct proc_mm_op){ .op = MM_MMAP, .u.mmap = { address, PAGE, prot, MAP_SHARED | MAP_FIXED, physical_file, page * PAGE } }) < 0)
		panic("the host does not map");
}

void host_unmap(struct task *task, ulong address, ulong bytes)
{
	request(task->mm, (struct proc_mm_op){ .op = MM_MUNMAP, .u.munmap = { address, bytes } });
}

void host_protect(struct task *task, ulong address, ulong bytes, int prot)
{
	if (request(task->mm, (struct proc_mm_op){ .op = MM_MPROTECT, .u.mprotect = { address, bytes, prot } }) < 0)
		panic("the host does not protect");
}

void enter_task(struct task *task)
{
	if (task == inside)
		return;
	if (inside != 0)
		trace(PTRACE_GETFPREGS, process, 0, &inside->fp);
	trace(PTRACE_SETFPREGS, process, 0, &task->fp);
	if (trace(PTRACE_SWITCH_MM_, process, 0, (void *)(long)task->mm) < 0)
		panic("the host does not switch");
	inside = task;
}

int get_fault(struct task *task, ulong *error, ulong *address)
{
	struct ex_faultinfo fault;
	if (trace(PTRACE_EX_FAULTINFO_, task->host_pid, 0, &fault) < 0)
		panic("the host tells no faults");
	*error = fault.error_code;
	*address = fault.addr;
	return fault.trap_no;
}

int host_segment(struct task *task, struct user_desc *segment)
{
	struct ldt_request ldt = { 0x11, segment, sizeof *segment };
	enter_task(task);
	return trace(PTRACE_LDT_, process, 0, &ldt);
}

/* The process may still be inside: the host keeps the address space until it is moved to the next. */
void host_exit(struct task *task)
{
	call(__NR_close, task->mm);
	if (inside == task)
		inside = 0;
}

void host_halt(int status)
{
	call(__NR_kill, process, SIGKILL);
	call(__NR_exit_group, status);
	for (;;)
		;
}
