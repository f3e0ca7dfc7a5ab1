/*
 * skas0, for hosts without the skas3 patch: one host process for each task. Its memory is changed by calls it makes itself: the kernel writes them
 * into a page of the stub, which the process has at the top of its address space, lets it run there, and it ends in int3.
 */
#define _GNU_SOURCE
#include "skas.h"
#include <sys/ucontext.h>

#define STUB_DATA_PAGES 8
#define STUB_CODE (HOST_TOP - (STUB_DATA_PAGES + 1) * PAGE)
#define STUB_DATA (STUB_CODE + PAGE)
#define MOST_CALLS 32

const ulong task_top = STUB_CODE;

/* The first page of the stub's data; the others are its stack. */
struct stub {
	int count;
	long result;               /* the first error */
	ulong trap, error, address;
	struct user_desc segment;
	struct { ulong number, arguments[6]; } calls[MOST_CALLS];
};

/* ---- Code of the stub: a page of its own, run at STUB_CODE in every process ---- */

#define STUB __attribute__((section(".stub"), used, noinline))
extern char __start_stub[] asm("stub_page");
asm(".pushsection .stub, \"ax\"\n .balign 4096\n stub_page:\n .popsection");

STUB static void stub_calls(void)
{
	struct stub *stub = (struct stub *)STUB_DATA;
	for (int i = 0; i < stub->count; i++) {
		ulong *a = stub->calls[i].arguments;
		long result = call6(stub->calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (result < 0 && result > -4096 && stub->result == 0)
			stub->result = result;
	}
	for (;;)
		asm volatile("int3");
}

STUB static void stub_segv(int signal, void *info, ucontext_t *context)
{
	struct stub *stub = (struct stub *)STUB_DATA;
	stub->trap = context->uc_mcontext.gregs[REG_TRAPNO];
	stub->error = context->uc_mcontext.gregs[REG_ERR];
	stub->address = FAULT_ADDRESS(context);
	for (;;)
		asm volatile("int3");
}

static ulong in_stub(void *code)
{
	return STUB_CODE + ((ulong)code - (ulong)__start_stub);
}

/* ---- The kernel's side ---- */

static int code_page = -1;
static registers first;         /* of a process that is ready for the stub */

static struct stub *stub_of(struct task *task)
{
	return page_address(task->stub_page);
}

/* Lets the stub make what is queued. */
static void flush(struct task *task)
{
	struct stub *stub = stub_of(task);
	if (stub->count == 0)
		return;
	registers regs = first;
	PC(&regs) = in_stub(stub_calls);
	SP(&regs) = STUB_DATA + STUB_DATA_PAGES * PAGE - 64;
	NUMBER(&regs) = -1;
	stub->result = 0;
	trace(PTRACE_SETREGS, task->host_pid, 0, &regs);
	for (int signal = 0; signal != SIGTRAP;) {
		trace(PTRACE_CONT, task->host_pid, 0, 0);
		signal = wait_stop(task->host_pid);
		if (signal != SIGTRAP && signal != SIGVTALRM)
			panic("the stub faults");
	}
	if (stub->result != 0)
		panic("the host refuses the stub's call");
	stub->count = 0;
}

static void queue(struct task *task, ulong number, ulong a, ulong b, ulong c, ulong d, ulong e, ulong f)
{
	struct stub *stub = stub_of(task);
	if (stub->count == MOST_CALLS)
		flush(task);
	stub->calls[stub->count++] = (__typeof__(stub->calls[0])){ number, { a, b, c, d, e, f } };
}

/* A new host process, still with a copy of the kernel's memory: maps the stub, installs its handler, and stops. */
static void child(void *argument)
{
	struct task *task = argument;
	struct { ulong base, flags, bytes; } stack = { STUB_DATA + PAGE, 0, (STUB_DATA_PAGES - 1) * PAGE };
	struct { ulong handler, flags, restorer; signal_set mask; } action = { in_stub(stub_segv), 0x0c000004 | 0x40000000, 0, 0 };
	trace(PTRACE_TRACEME, 0, 0, 0);
	map(STUB_CODE, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, physical_file, code_page);
	map(STUB_DATA, STUB_DATA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, physical_file, task->stub_page);
	call(__NR_sigaltstack, &stack, 0);
	call(__NR_rt_sigaction, SIGSEGV, &action, 0, sizeof(signal_set));
	start_ticks();
	call(__NR_kill, call(__NR_getpid), SIGSTOP);
	call(__NR_exit, 1);
}

/* STUB_DATA_PAGES pages in a row. */
static int stub_pages(void)
{
	int start = page_get();
	for (int page = start, got = 1; start >= 0 && got < STUB_DATA_PAGES; got++) {
		int next = page_get();
		if (next != page + 1) {
			start = next;
			got = 0;
		}
		page = next;
	}
	return start;
}

int host_segment(struct task *task, struct user_desc *segment)
{
	struct stub *stub = stub_of(task);
	flush(task);
	stub->segment = *segment;
	queue(task, __NR_modify_ldt, 0x11, STUB_DATA + offsetof(struct stub, segment), sizeof *segment, 0, 0, 0);
	flush(task);
	return 0;
}

int host_new(struct task *task, struct task *parent)
{
	if (code_page < 0) {
		code_page = page_get();
		for (ulong i = 0; i < PAGE; i++)
			((char *)page_address(code_page))[i] = __start_stub[i];
	}
	char *stack = (char *)map(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0ul);
	task->stub_page = stub_pages();
	task->host_pid = clone_on(CLONE_FILES | SIGCHLD, stack + PAGE, child, task);
	call(__NR_munmap, stack, PAGE);
	if (task->stub_page < 0 || task->host_pid < 0)
		return -1;
	if (wait_stop(task->host_pid) != SIGSTOP)
		panic("a new process does not stop");
	trace(PTRACE_OLDSETOPTIONS, task->host_pid, 0, (void *)TRACESYSGOOD);
	trace(PTRACE_GETREGS, task->host_pid, 0, &first);
	if (parent == 0)
		task->regs = first;
	queue(task, __NR_munmap, 0, STUB_CODE, 0, 0, 0, 0);
	for (int i = 0; i < SEGMENTS; i++)
		if (task->segments[i].limit != 0)
			host_segment(task, &task->segments[i]);
	return 0;
}

void host_map(struct task *task, ulong address, int page, int prot)
{
	queue(task, NR_MMAP, address, PAGE, prot, MAP_SHARED | MAP_FIXED, physical_file, MMAP_OFFSET(page));
}

void host_unmap(struct task *task, ulong address, ulong bytes)
{
	queue(task, __NR_munmap, address, bytes, 0, 0, 0, 0);
}

void host_protect(struct task *task, ulong address, ulong bytes, int prot)
{
	queue(task, __NR_mprotect, address, bytes, prot, 0, 0, 0);
}

void enter_task(struct task *task)
{
	flush(task);
}

/* The process takes its own SIGSEGV, in the stub, and says there what it was. */
int get_fault(struct task *task, ulong *error, ulong *address)
{
	struct stub *stub = stub_of(task);
	trace(PTRACE_CONT, task->host_pid, 0, (void *)SIGSEGV);
	while (wait_stop(task->host_pid) != SIGTRAP)
		trace(PTRACE_CONT, task->host_pid, 0, 0);
	*error = stub->error;
	*address = stub->address;
	return stub->trap;
}

void host_exit(struct task *task)
{
	int status;
	call(__NR_kill, task->host_pid, SIGKILL);
	while (call(__NR_wait4, task->host_pid, &status, WALL, 0) == -EINTR)
		;
	for (int i = 0; i < STUB_DATA_PAGES; i++)
		page_put(task->stub_page + i);
}

void host_halt(int status)
{
	for (struct task *task = tasks; task < tasks + TASKS; task++)
		if (task->host_pid > 0 && task->state != ZOMBIE && task->state != FREE)
			call(__NR_kill, task->host_pid, SIGKILL);
	call(__NR_exit_group, status);
	for (;;)
		;
}
