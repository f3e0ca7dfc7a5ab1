/* Entries to the kernel that 32-bit code has on Intel's processors (SYSENTER) and on AMD's (SYSCALL), which have each other's not. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

extern char instruction[];

static void handler(int signal, siginfo_t *info, void *context) {
	ucontext_t *uc = context;
	printf("signal %d code %d at the instruction %d trap %d\n", signal, info->si_code, info->si_addr == instruction, (int)uc->uc_mcontext.gregs[REG_TRAPNO]);
	exit(0);
}

/* By what a vDSO does: the host goes on behind a `sysenter` as __kernel_vsyscall does. */
static long by_sysenter(long nr, long a, long b, long c) {
	long value;
	__asm__ volatile("call 1f; jmp 2f\n1: push %%ecx; push %%edx; push %%ebp; mov %%esp,%%ebp; sysenter\n2:" : "=a"(value) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return value;
}

int main(void) {
	setvbuf(stdout, 0, _IONBF, 0);
	printf("getpid %d\n", by_sysenter(SYS_getpid, 0, 0, 0) == getpid());
	printf("write %d\n", (int)by_sysenter(SYS_write, 1, (long)"hello\n", 6));
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGILL, &action, 0);
	__asm__ volatile("instruction: syscall");
	return 1;
}
