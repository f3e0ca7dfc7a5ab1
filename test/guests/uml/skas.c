/* The loop of a kernel that is separate from its processes: let one run until it stops, see why, do what it needs. */
#include "skas.h"

void host_prepare(void)
{
	physical = (char *)map(0, PHYSICAL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, physical_file, 0ul);
}

int wait_stop(int pid)
{
	int status = 0;
	long got;
	do
		got = call(__NR_wait4, pid, &status, WALL, 0);
	while (got == -EINTR);
	if (got != pid || (status & 0xff) != 0x7f)
		panic("a host process is gone");
	return status >> 8;
}

/* From the entry to the exit of a system call of the host that does nothing. */
static void make_harmless(int pid)
{
	trace(PTRACE_POKEUSER, pid, HOST_NUMBER, (void *)__NR_getpid);
	trace(PTRACE_SYSCALL, pid, 0, 0);
	if (wait_stop(pid) != (SIGTRAP | 0x80))
		panic("a system call without an end");
}

/* Runs `current` until it enters the kernel, and that until it is done. */
static void run_user(void)
{
	struct task *task = current;
	ulong error, address;
	enter_task(task);
	if (trace(PTRACE_SETREGS, task->host_pid, 0, &task->regs) < 0)
		panic("registers the host does not take");
	trace(no_sysemu ? PTRACE_SYSCALL : PTRACE_SYSEMU, task->host_pid, 0, 0);
	int signal = wait_stop(task->host_pid);
	trace(PTRACE_GETREGS, task->host_pid, 0, &task->regs);
	switch (signal) {
	case SIGTRAP | 0x80:
		if (no_sysemu)
			make_harmless(task->host_pid);
		kernel_syscall();
		break;
	case SIGVTALRM:
		turn_over = 1;
		break;
	case SIGSEGV: {
		int trap = get_fault(task, &error, &address);
		kernel_fault(trap, error, address);
		break;
	}
	default:
		kernel_signal(signal);
	}
}

void host_start(void)
{
	for (;;) {
		run_user();
		if (turn_over || current->state != RUNNABLE)
			current = task_next();
		turn_over = 0;
	}
}
