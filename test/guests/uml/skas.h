/* What skas0 and skas3 share: the kernel is one host process and drives its processes with ptrace. */
#ifndef SKAS_H
#define SKAS_H
#include "kernel.h"

enum {
	PTRACE_TRACEME, PTRACE_PEEKUSER = 3, PTRACE_POKEUSER = 6, PTRACE_CONT = 7, PTRACE_GETREGS = 12, PTRACE_SETREGS, PTRACE_GETFPREGS, PTRACE_SETFPREGS, PTRACE_ATTACH, PTRACE_OLDSETOPTIONS = 21, PTRACE_SYSCALL = 24,
	PTRACE_SYSEMU = 31, TRACESYSGOOD = 1,
};
enum { CLONE_VM = 0x100, CLONE_FILES = 0x400, WALL = 0x40000000, ITIMER_VIRTUAL = 1 };
#define TICK_MICROSECONDS 10000ul

static inline int trace(long request, int pid, ulong address, void *data)
{
	return call(__NR_ptrace, request, pid, address, data);
}

/* wait4's status of a stop; anything else is the end of us. */
int wait_stop(int pid);

/* Sends SIGVTALRM to the calling process for each tick it has run. */
static inline void start_ticks(void)
{
	ulong interval[4] = { 0, TICK_MICROSECONDS, 0, TICK_MICROSECONDS };
	call(__NR_setitimer, ITIMER_VIRTUAL, interval, 0);
}

/* ---- The two techniques' parts ---- */

void enter_task(struct task *task);                               /* before it runs: its memory is what its registers will run in */
int get_fault(struct task *task, ulong *error, ulong *address);   /* after SIGSEGV: the trap's number */

#endif
