/*
 * tt: every task is a host process with the kernel mapped into it, above the task's own memory. The first process is the tracing thread: it turns a
 * task's system calls into SIGUSR2 and lets its faults and ticks through, so that they run the kernel in that same process. Kernel data is one
 * file, shared by all. With JAIL the kernel takes its data away from the process whenever that goes to user mode.
 */
#define _GNU_SOURCE
#include "skas.h"
#include <sys/ucontext.h>

/* The image is linked so that its data starts here; physical memory comes behind it. All of that is shared. */
#define DATA 0x60100000ul
#define PHYSICAL 0x60400000ul
#define DATA_END (PHYSICAL + PHYSICAL_PAGES * PAGE)
extern char _end[];
const ulong task_top = 0x60000000;

#define STACK (4 * PAGE)
#define PROCESS_FLAGS (CLONE_FILES | SIGCHLD)
enum { SUBREAPER = 36 };
enum { TRACE_ON = 1, FORK, HALT };
/*
 * How the tracing thread lets a task run: kernel code freely; to rt_sigreturn and through it, back to user mode; user code with its calls caught; and,
 * without SYSEMU, through a call that has been made harmless.
 */
enum { KERNEL, LEAVING, RETURNING, USER, HARMLESS };

static char stacks[TASKS][STACK] __attribute__((aligned(PAGE)));
static char helper_stack[PAGE] __attribute__((aligned(PAGE)));
static struct task *forked;             /* whom the tracing thread is to attach */
static int tracer, halt_status;

static char *stack_of(struct task *task)
{
	return stacks[task - tasks];
}

/* ---- Kernel code, in a task's process ---- */

/* The kernel's data comes and goes. Between lock and return nothing but this process's stack may be touched. */
#ifdef JAIL
#define PROTECT(start, end, prot) call(__NR_mprotect, start, (ulong)(end) - (ulong)(start), prot)
#define UNLOCK() PROTECT(DATA, DATA_END, PROT_READ | PROT_WRITE)
#define LOCK(stack) (PROTECT(DATA, stack, 0), PROTECT((stack) + STACK, DATA_END, 0))
#else
#define UNLOCK()
#define LOCK(stack) (void)(stack)
#endif

/* Asks the tracing thread, which sees the signal and never delivers it. */
static void request(int what)
{
	current->request = what;
	call(__NR_kill, current->host_pid, SIGUSR1);
}

#define FROM_CONTEXT(name, index) task->regs.name = g[REG_##index];
#define TO_CONTEXT(name, index) g[REG_##index] = task->regs.name;

/* Sleeps until another task hands the processor over, by a byte in this one's pipe; ends that one if it has exited. */
static void wait_turn(struct task *task)
{
	char byte;
	while (call(__NR_read, task->pipe[0], &byte, 1) != 1)
		;
	struct task *dead = task->dead;
	if (dead != 0) {
		call(__NR_kill, dead->host_pid, SIGKILL);
		call(__NR_close, dead->pipe[0]);
		call(__NR_close, dead->pipe[1]);
	}
	task->dead = 0;
}

static void reschedule(struct task *task)
{
	char byte = 0;
	struct task *next = task_next();
	if (next == task)
		return;
	if (task->state == ZOMBIE)
		next->dead = task;
	current = next;
	call(__NR_write, next->pipe[1], &byte, 1);
	wait_turn(task);
}

/* A task's process came from user mode: SIGUSR2 for a system call, SIGSEGV, SIGVTALRM; anything else is the task's end. */
static void enter_kernel(int signal, void *info, ucontext_t *context)
{
	UNLOCK();
	struct task *task = current;
	greg_t *g = context->uc_mcontext.gregs;
	if (task->starting) {
		/* The signal was only for its frame: the registers are those its parent had */
		task->starting = 0;
		*(signal_set *)&context->uc_sigmask = 0;
	} else {
		EACH_REGISTER(FROM_CONTEXT)
		if (signal == SIGUSR2)
			kernel_syscall();
		else if (signal == SIGSEGV)
			kernel_fault(g[REG_TRAPNO], g[REG_ERR], FAULT_ADDRESS(context));
		else if (signal == SIGVTALRM)
			turn_over = 1;
		else
			kernel_signal(signal);
		if (turn_over || task->state != RUNNABLE) {
			turn_over = 0;
			reschedule(task);
		}
	}
	EACH_REGISTER(TO_CONTEXT)
	task->request = TRACE_ON;
	int pid = task->host_pid;
	LOCK(stack_of(task));
	call(__NR_kill, pid, SIGUSR1);
}

RETURN_TO_USER(return_to_user);
extern char return_to_user[];

/* A new task's process: takes what is not the kernel's out of its memory if that is the tracing thread's, and waits for its first turn. */
static void task_main(void *argument)
{
	struct task *task = argument;
	struct { char *base; ulong flags, bytes; } stack = { stack_of(task), 0, STACK };
	signal_set others = ~(1ull << (SIGUSR1 - 1) | 1ull << (SIGUSR2 - 1));
	if (task->parent == 0) {
		call(__NR_munmap, 0, task_top);
		call(__NR_munmap, DATA_END, HOST_TOP - DATA_END);
	}
	call(__NR_sigaltstack, &stack, 0);
	wait_turn(task);
	start_ticks();
	call(__NR_rt_sigprocmask, 2, &others, 0, sizeof others);
	call(__NR_kill, task->host_pid, SIGUSR2);
}

/* Makes the process and dies, so that it is an orphan and nobody's child gets in the way of anybody's wait. */
static void helper(void *argument)
{
	struct task *task = argument;
	task->host_pid = clone_on(PROCESS_FLAGS, stack_of(task) + STACK, task_main, task);
	call(__NR_kill, call(__NR_getpid), SIGKILL);
}

int host_new(struct task *task, struct task *parent)
{
	int status = 0;
	task->starting = 1;
	if (call(__NR_pipe, task->pipe) < 0)
		return -1;
	if (parent == 0)
		return 0;
	int pid = clone_on(PROCESS_FLAGS, helper_stack + PAGE, helper, task);
	if (pid < 0 || call(__NR_wait4, pid, &status, WALL, 0) != pid || status != SIGKILL || task->host_pid < 0) {
		call(__NR_close, task->pipe[0]);
		call(__NR_close, task->pipe[1]);
		return -1;
	}
	forked = task;
	request(FORK);
	return 0;
}

/* The task is the one that runs, in its own process; before there is one, faults will find the pages. */
void host_map(struct task *task, ulong address, int page, int prot)
{
	if (task->host_pid != 0)
		map(address, PAGE, prot, MAP_SHARED | MAP_FIXED, physical_file, page);
}

void host_unmap(struct task *task, ulong address, ulong bytes)
{
	call(__NR_munmap, address, bytes);
}

void host_protect(struct task *task, ulong address, ulong bytes, int prot)
{
	call(__NR_mprotect, address, bytes, prot);
}

int host_segment(struct task *task, struct user_desc *segment)
{
	return call(__NR_modify_ldt, 0x11, segment, sizeof *segment);
}

/* The next task ends the process. */
void host_exit(struct task *task)
{
}

void host_halt(int status)
{
	halt_status = status;
	if (call(__NR_getpid) != tracer)
		request(HALT);
	call(__NR_exit_group, status);
	for (;;)
		;
}

/* ---- The tracing thread ---- */

/* Puts a file that all processes share in the place of the kernel's data, and maps physical memory behind it. */
void host_prepare(void)
{
	int file = call(__NR_memfd_create, "kernel data", 0);
	call(__NR_ftruncate, file, PHYSICAL - DATA);
	call(__NR_pwrite64, file, DATA, (ulong)_end - DATA, 0, 0);
	if (map(DATA, PHYSICAL - DATA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0ul) != (long)DATA)
		panic("kernel data cannot be shared");
	physical = (char *)map(PHYSICAL, PHYSICAL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, physical_file, 0ul);
	tracer = call(__NR_getpid);
}

/* Begins to trace a task's new process. */
static void attach(struct task *task)
{
	int status = 0;
	trace(PTRACE_ATTACH, task->host_pid, 0, 0);
	call(__NR_wait4, task->host_pid, &status, WALL, 0);
	trace(PTRACE_OLDSETOPTIONS, task->host_pid, 0, (void *)TRACESYSGOOD);
	task->tracing = KERNEL;
	trace(PTRACE_CONT, task->host_pid, 0, 0);
}

static void halt(void)
{
	for (struct task *task = tasks; task < tasks + TASKS; task++)
		if (task->host_pid > 0)
			call(__NR_kill, task->host_pid, SIGKILL);
	call(__NR_exit_group, halt_status);
}

/* A task's process has stopped: lets it go on, as its mode and the reason say. */
static void resume(struct task *task, int signal)
{
	const int how[] = { PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SYSCALL, no_sysemu ? PTRACE_SYSCALL : PTRACE_SYSEMU, PTRACE_SYSCALL };
	long number = -1, deliver = 0;
	int pid = task->host_pid;
	if (signal == SIGUSR1) {
		if (task->request == TRACE_ON)
			task->tracing = LEAVING;
		else if (task->request == FORK)
			attach(forked);
		else
			halt();
	} else if (signal == (SIGTRAP | 0x80)) {
		trace(PTRACE_PEEKUSER, pid, HOST_NUMBER, &number);
		if (task->tracing == LEAVING && number != __NR_rt_sigreturn)
			panic("a task does not leave the kernel");
		if (task->tracing == USER) {
			NUMBER(&task->regs) = number;
			if (no_sysemu)
				trace(PTRACE_POKEUSER, pid, HOST_NUMBER, (void *)__NR_getpid);
		}
		if (task->tracing == HARMLESS || (task->tracing == USER && !no_sysemu)) {
			task->tracing = KERNEL;
			deliver = SIGUSR2;
		} else {
			task->tracing++;
		}
	} else if (signal != SIGCHLD && signal != SIGSTOP && signal != SIGCONT) {
		task->tracing = KERNEL;
		deliver = signal;
	}
	trace(how[task->tracing], pid, 0, (void *)deliver);
}

void host_start(void)
{
	static const int signals[] = { SIGUSR2, SIGSEGV, SIGVTALRM, SIGILL, SIGBUS, SIGFPE, SIGTRAP };
	struct { void *handler; ulong flags; void *restorer; signal_set mask; } action = { enter_kernel, 0x0c000004, return_to_user, ~(1ull << (SIGUSR1 - 1)) };
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		call(__NR_rt_sigaction, signals[i], &action, 0, sizeof(signal_set));
	call(__NR_prctl, SUBREAPER, 1); /* orphaned helpers' children are to find somebody who waits for them */
	tasks[0].host_pid = clone_on(PROCESS_FLAGS, stack_of(&tasks[0]) + STACK, task_main, &tasks[0]);
	attach(&tasks[0]);
	call(__NR_write, tasks[0].pipe[1], "", 1);
	for (;;) {
		int status;
		int pid = call(__NR_wait4, -1, &status, WALL, 0);
		if (pid < 0)
			panic("all host processes are gone");
		if ((status & 0xff) != 0x7f)
			continue; /* one that was ended */
		struct task *task = current; /* it nearly always is */
		for (int i = 0; task->host_pid != pid && i < TASKS; i++)
			task = &tasks[i];
		if (task->host_pid == pid)
			resume(task, status >> 8);
	}
}
