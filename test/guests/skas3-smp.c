/*
 * The SMP shape of a skas3 kernel: processors are threads of one process, each with a host process of its own to run tasks in. They take tasks from
 * one queue (a futex lock), so an address space is now on one processor, now on another, and two tasks share each. Processors interrupt each
 * other by a byte in a pipe, which arrives as SIGIO at that very thread. The order of all of it is printed as a sum, to be the same in every run.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include "show.h"
#include "skas3.h"

#define PROCESSORS 4
#define SPACES 3
#define TASKS (2 * SPACES)
#define TURNS 400
#define CODE 0x400000ul
#define DATA 0x500000ul

struct task {
	int space, turns;
	struct user_regs_struct regs;
};
struct processor {
	pthread_t thread;
	pid_t tid, runner;
	int ipi[2], sent, received, turns;
};

static struct processor processors[PROCESSORS];
static struct task tasks[TASKS];
static int spaces[SPACES], queue[TASKS], queued, taken;
static unsigned long order = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;
static __thread struct processor *self;

#ifdef __x86_64__
/* lock incq (%rdi) 200 times; syscall; again */
static const unsigned char code[] = { 0xb9, 200, 0, 0, 0, 0xf0, 0x48, 0xff, 0x07, 0xff, 0xc9, 0x75, 0xf8, 0x0f, 0x05, 0xeb, 0xef };
#define PC(regs) (regs).rip
#define POINTER(regs) (regs).rdi
#define NUMBER(regs) (regs).orig_rax
#else
static const unsigned char code[] = { 0xb9, 200, 0, 0, 0, 0xf0, 0xff, 0x07, 0x83, 0xe9, 1, 0x75, 0xf8, 0xcd, 0x80, 0xeb, 0xef };
#define PC(regs) (regs).eip
#define POINTER(regs) (regs).edi
#define NUMBER(regs) (regs).orig_eax
#endif

static long trace(long what, void *data)
{
	return syscall(SYS_ptrace, what, self->runner, 0, data);
}

static void map(int mm, unsigned long addr, int prot, int file, unsigned long page)
{
	struct proc_mm_op op = { .op = MM_MMAP, .u.mmap = { addr, 4096, prot, MAP_SHARED | MAP_FIXED, file, page * 4096 } };
	if (write(mm, &op, sizeof op) != sizeof op)
		perror("mmap");
}

/* Shares everything with its processor, so it uses no libc. */
static int runner(void *unused)
{
	syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
	return 1;
}

static void interrupted(int signal, siginfo_t *info, void *context)
{
	char bytes[64];
	int count;
	if (gettid() != self->tid)
		write(1, "the wrong thread\n", 17);
	while ((count = read(self->ipi[0], bytes, sizeof bytes)) > 0)
		self->received += count;
}

static void interrupt(struct processor *other)
{
	write(other->ipi[1], "!", 1);
	self->sent++;
}

static struct task *take(void)
{
	struct task *task = NULL;
	pthread_mutex_lock(&lock);
	if (queued > 0 && taken < TASKS * TURNS) {
		task = &tasks[queue[0]];
		memmove(queue, queue + 1, --queued * sizeof *queue);
		taken++;
		order = order * 31 + (task - tasks) * PROCESSORS + (self - processors);
	}
	pthread_mutex_unlock(&lock);
	return task;
}

static void run(struct task *task)
{
	int status;
	if (trace(PTRACE_SWITCH_MM_, (void *)(long)spaces[task->space]) < 0 || trace(PTRACE_SETREGS, &task->regs) < 0)
		perror("switch");
	trace(PTRACE_SYSEMU, 0);
	while (waitpid(self->runner, &status, __WALL) != self->runner)
		;
	if (status != ((SIGTRAP | 0x80) << 8 | 0x7f))
		printf("stopped with %x\n", status);
	trace(PTRACE_GETREGS, &task->regs);
	task->turns++;
	self->turns++;
	pthread_mutex_lock(&lock);
	queue[queued++] = task - tasks;
	pthread_mutex_unlock(&lock);
}

static void *processor(void *argument)
{
	char *stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct user_regs_struct first;
	int status;
	self = argument;
	self->tid = gettid();
	pipe2(self->ipi, O_NONBLOCK);
	struct f_owner_ex owner = { F_OWNER_TID, self->tid };
	fcntl(self->ipi[0], F_SETOWN_EX, &owner);
	fcntl(self->ipi[0], F_SETFL, O_NONBLOCK | O_ASYNC);
	self->runner = clone(runner, stack + 65536, CLONE_VM | CLONE_FILES | SIGCHLD, NULL);
	waitpid(self->runner, &status, __WALL);
	trace(21, (void *)PTRACE_O_TRACESYSGOOD);
	trace(PTRACE_GETREGS, &first);
	pthread_barrier_wait(&barrier);
	if (self == processors)
		for (int i = 0; i < TASKS; i++) {
			tasks[i].space = i % SPACES;
			tasks[i].regs = first;
			PC(tasks[i].regs) = CODE;
			POINTER(tasks[i].regs) = DATA;
			NUMBER(tasks[i].regs) = -1;
			queue[queued++] = i;
		}
	pthread_barrier_wait(&barrier);
	for (struct task *task; taken < TASKS * TURNS;) {
		if ((task = take()) == NULL) {
			sched_yield();
			continue;
		}
		run(task);
		if (self->turns % 16 == 0)
			interrupt(&processors[(self - processors + 1) % PROCESSORS]);
	}
	pthread_barrier_wait(&barrier);
	kill(self->runner, SIGKILL);
	waitpid(self->runner, &status, __WALL);
	return NULL;
}

int main(void)
{
	int file = memfd_create("pages", 0), turns = 0, sent = 0, received = 0, busy = 0;
	struct sigaction action = { .sa_sigaction = interrupted, .sa_flags = SA_SIGINFO | SA_RESTART };
	ftruncate(file, 4096 * (1 + SPACES));
	pwrite(file, code, sizeof code, 0);
	sigaction(SIGIO, &action, NULL);
	for (int i = 0; i < SPACES; i++) {
		spaces[i] = open(MM_NAME, O_WRONLY | O_CLOEXEC);
		map(spaces[i], CODE, PROT_READ | PROT_EXEC, file, 0);
		map(spaces[i], DATA, PROT_READ | PROT_WRITE, file, 1 + i);
	}
	pthread_barrier_init(&barrier, NULL, PROCESSORS);
	for (int i = 0; i < PROCESSORS; i++)
		pthread_create(&processors[i].thread, NULL, processor, &processors[i]);
	for (int i = 0; i < PROCESSORS; i++) {
		pthread_join(processors[i].thread, NULL);
		turns += processors[i].turns;
		sent += processors[i].sent;
		received += processors[i].received;
		busy += processors[i].turns > 0;
	}
	printf("turns %d on %d processors, interrupts %d of %d received\n", turns, busy, received, sent);
	for (int i = 0; i < SPACES; i++) {
		unsigned long count;
		pread(file, &count, sizeof count, 4096 * (1 + i));
		printf("space %d counted %lu in %d turns\n", i, count, tasks[i].turns + tasks[i + SPACES].turns);
	}
	printf("order %lx\n", order);
	return 0;
}
