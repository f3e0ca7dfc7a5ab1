/* ptrace as UML uses it: changing and emulating system calls, stepping, registers, memory, signals given and withheld. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/reg.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define OLDSETOPTIONS 21
#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#define PTRACE_SYSEMU_SINGLESTEP 32
#endif

static long raw(long request, long pid, void *addr, void *data)
{
	long result = syscall(SYS_ptrace, request, pid, addr, data);
	return result < 0 ? -errno : result;
}

static int wait_for(pid_t child, const char *what)
{
	int status = 0;
	if (waitpid(child, &status, __WALL) != child)
		printf("wait failed %d\n", errno);
	printf("%s: %x\n", what, status);
	return status;
}

static pid_t start(void (*body)(void))
{
	pid_t child = fork();
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			_exit(90);
		kill(getpid(), SIGSTOP);
		body();
		_exit(91);
	}
	wait_for(child, "start");
	return child;
}

static void changed_call(void)
{
	_exit(syscall(SYS_getpid) == syscall(SYS_getppid) ? 0 : 1);
}

static void emulated_call(void)
{
	_exit(syscall(SYS_getpid) == 12345 ? 0 : 1);
}

static volatile int handled;
static void handler(int signal)
{
	handled += signal;
}

static void signals_body(void)
{
	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	raise(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	_exit(handled);
}

static void fault_body(void)
{
	*(volatile int *)0x1230 = 1;
}

static long shared_word = 0x1122334455667788;

static void trap_body(void)
{
	register double x __asm__("xmm3") = 3.5;
	__asm__ volatile("fld1\n\tfldpi\n\tint3\n\tfstp %%st(0)\n\tfstp %%st(0)" : "+x"(x));
	_exit(x == 7.25 && shared_word == 99 ? 0 : 1);
}

static void registers(pid_t child)
{
	struct user_regs_struct regs, again;
	struct user_fpregs_struct fp;
	struct iovec vec = { &again, sizeof again };
	printf("GETREGS %ld", raw(PTRACE_GETREGS, child, 0, &regs));
	printf(" GETREGSET %ld", raw(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &vec));
	printf(" same %d length %zu\n", !memcmp(&regs, &again, sizeof regs), vec.iov_len);
	printf("cs %llx ss %llx ds %llx es %llx gs %llx flags %llx orig %lld\n", regs.cs, regs.ss, regs.ds, regs.es, regs.gs, regs.eflags & 0x202, regs.orig_rax);
	printf("fs base %d gs base %lld\n", regs.fs_base != 0, regs.gs_base);
	vec.iov_len = 24;
	printf("short %ld", raw(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &vec));
	printf(" %zu", vec.iov_len);
	vec.iov_len = 23;
	printf(" odd %ld unknown %ld\n", raw(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &vec), raw(PTRACE_GETREGSET, child, (void *)0x999, &vec));
	printf("GETFPREGS %ld", raw(PTRACE_GETFPREGS, child, 0, &fp));
	printf(" cwd %x mxcsr %x swd top %d tags %x\n", fp.cwd, fp.mxcsr, fp.swd >> 11 & 7, fp.ftw);
	printf("st0 %x%08x exponent %x, st1 exponent %x, xmm3 %x\n", fp.st_space[1], fp.st_space[0], fp.st_space[2] & 0xffff, fp.st_space[6] & 0xffff, fp.xmm_space[13]);
	*(double *)&fp.xmm_space[12] = 7.25;
	printf("SETFPREGS %ld", raw(PTRACE_SETFPREGS, child, 0, &fp));
	vec.iov_base = &fp;
	vec.iov_len = sizeof fp;
	printf(" as set %ld", raw(PTRACE_GETREGSET, child, (void *)NT_PRFPREG, &vec));
	printf(" %zu", vec.iov_len);
	fp.mxcsr |= 0x10000;
	printf(" bad mxcsr %ld\n", raw(PTRACE_SETFPREGS, child, 0, &fp));
	again = regs;
	again.cs = 0;
	printf("bad cs %ld", raw(PTRACE_SETREGS, child, 0, &again));
	again = regs;
	again.fs_base = 0x800000000000;
	printf(" bad fs base %ld", raw(PTRACE_SETREGS, child, 0, &again));
	again = regs;
	again.eflags = ~0ULL;
	printf(" flags %ld", raw(PTRACE_SETREGS, child, 0, &again));
	raw(PTRACE_GETREGS, child, 0, &again);
	printf(" %llx", again.eflags);
	printf(" back %ld\n", raw(PTRACE_SETREGS, child, 0, &regs));
	long word = 0;
	printf("PEEKUSER rip %ld", raw(PTRACE_PEEKUSER, child, (void *)(RIP * 8), &word));
	printf(" %d odd %ld beyond %ld last %ld", word == regs.rip, raw(PTRACE_PEEKUSER, child, (void *)4, &word), raw(PTRACE_PEEKUSER, child, (void *)928, &word), raw(PTRACE_PEEKUSER, child, (void *)920, &word));
	printf(" middle %ld %ld\n", raw(PTRACE_PEEKUSER, child, (void *)300, &word), raw(PTRACE_POKEUSER, child, (void *)304, 0));
	long dr = offsetof(struct user, u_debugreg);
	printf("debug registers: %ld", raw(PTRACE_POKEUSER, child, (void *)dr, (void *)0x400000));
	printf(" %ld", raw(PTRACE_PEEKUSER, child, (void *)dr, &word));
	printf(" %lx dr4 %ld", word, raw(PTRACE_POKEUSER, child, (void *)(dr + 32), 0));
	raw(PTRACE_POKEUSER, child, (void *)dr, 0);
	printf(" dr6 %ld", raw(PTRACE_PEEKUSER, child, (void *)(dr + 48), &word));
	printf(" %lx dr7 %ld kernel address %ld\n", word, raw(PTRACE_POKEUSER, child, (void *)(dr + 56), 0), raw(PTRACE_POKEUSER, child, (void *)dr, (void *)0xffff800000000000));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	int status;
	struct user_regs_struct regs;

	pid_t child = start(changed_call);
	printf("options %ld unknown %ld\n", raw(OLDSETOPTIONS, child, 0, (void *)PTRACE_O_TRACESYSGOOD), raw(PTRACE_SETOPTIONS, child, 0, (void *)0x1000));
	for (int i = 0; i < 20; i++) {
		raw(PTRACE_SYSCALL, child, 0, 0);
		status = wait_for(child, "stop");
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
			break;
		long nr, rax;
		raw(PTRACE_PEEKUSER, child, (void *)(ORIG_RAX * 8), &nr);
		raw(PTRACE_PEEKUSER, child, (void *)(RAX * 8), &rax);
		unsigned long message;
		raw(PTRACE_GETEVENTMSG, child, 0, &message);
		siginfo_t info;
		raw(PTRACE_GETSIGINFO, child, 0, &info);
		printf("call %ld message %lu result %s signal %d code %x from child %d\n", nr, message, rax == -ENOSYS ? "ENOSYS" : rax == child ? "child" : rax == getpid() ? "parent" : "other", info.si_signo, info.si_code, info.si_pid == child);
		if (nr == SYS_getpid && message == 1) {
			raw(PTRACE_POKEUSER, child, (void *)(ORIG_RAX * 8), (void *)SYS_getppid);
			raw(PTRACE_SYSCALL, child, 0, 0);
			wait_for(child, "exit of the changed call");
			break;
		}
	}
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "changed call");

	child = start(emulated_call);
	raw(PTRACE_SYSEMU, child, 0, 0);
	wait_for(child, "sysemu");
	raw(PTRACE_GETREGS, child, 0, &regs);
	printf("call %lld rax %lld rcx is rip %d r11 is flags %d\n", regs.orig_rax, regs.rax, regs.rcx == regs.rip, (regs.r11 & 0x202) == 0x202);
	raw(PTRACE_POKEUSER, child, (void *)(RAX * 8), (void *)12345);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "emulated call");

	child = start(emulated_call);
	raw(OLDSETOPTIONS, child, 0, (void *)PTRACE_O_TRACESYSGOOD);
	int steps = 0;
	for (;;) {
		raw(PTRACE_SYSEMU_SINGLESTEP, child, 0, 0);
		waitpid(child, &status, __WALL);
		if (status != (SIGTRAP << 8 | 0x7f))
			break;
		steps++;
	}
	printf("stepping came to %x after some steps: %d\n", status, steps > 2 && steps < 200);
	raw(PTRACE_GETREGS, child, 0, &regs);
	printf("call %lld\n", regs.orig_rax);
	regs.rax = 12345;
	raw(PTRACE_SETREGS, child, 0, &regs);
	raw(PTRACE_SYSEMU_SINGLESTEP, child, 0, 0);
	wait_for(child, "one more step");
	raw(PTRACE_PEEKUSER, child, (void *)(RIP * 8), &regs.rcx);
	printf("moved %d\n", regs.rcx != regs.rip && regs.rcx - regs.rip < 16);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "emulated call, stepped");

	child = start(emulated_call);
	for (steps = 0; steps < 1000; steps++) {
		raw(PTRACE_SINGLESTEP, child, 0, 0);
		waitpid(child, &status, __WALL);
		if (status != (SIGTRAP << 8 | 0x7f))
			break;
		raw(PTRACE_GETREGS, child, 0, &regs);
		if (regs.rax == child && (long)regs.orig_rax == SYS_getpid) {
			siginfo_t info;
			raw(PTRACE_GETSIGINFO, child, 0, &info);
			printf("stepped over the call: signal %d code %d address is rip %d\n", info.si_signo, info.si_code, info.si_addr == (void *)regs.rip);
			break;
		}
	}
	raw(PTRACE_SINGLESTEP, child, 0, 0);
	wait_for(child, "plain step");
	siginfo_t step_info;
	raw(PTRACE_GETSIGINFO, child, 0, &step_info);
	raw(PTRACE_GETREGS, child, 0, &regs);
	printf("signal %d code %d address is rip %d orig %lld trap flag %llx\n", step_info.si_signo, step_info.si_code, step_info.si_addr == (void *)regs.rip, regs.orig_rax, regs.eflags & 0x100);
	raw(PTRACE_KILL, child, 0, 0);
	wait_for(child, "killed");

	child = start(signals_body);
	int inject[] = { SIGUSR1, 0, SIGUSR2 };
	raw(PTRACE_CONT, child, 0, 0);
	for (int i = 0; i < 3; i++) {
		wait_for(child, "signal");
		siginfo_t info;
		raw(PTRACE_GETSIGINFO, child, 0, &info);
		printf("siginfo %d code %d\n", info.si_signo, info.si_code);
		raw(PTRACE_CONT, child, 0, (void *)(long)inject[i]);
	}
	wait_for(child, "handlers saw 10 + 12");

	child = start(fault_body);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "fault");
	siginfo_t info;
	printf("GETSIGINFO %ld", raw(PTRACE_GETSIGINFO, child, 0, &info));
	printf(" signal %d code %d address %lx\n", info.si_signo, info.si_code, (long)info.si_addr);
	raw(PTRACE_GETREGS, child, 0, &regs);
	printf("orig_rax %lld\n", regs.orig_rax);
	raw(PTRACE_CONT, child, 0, (void *)SIGSEGV);
	wait_for(child, "died of it");

	child = start(trap_body);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "int3");
	raw(PTRACE_GETSIGINFO, child, 0, &info);
	printf("signal %d code %x\n", info.si_signo, info.si_code);
	registers(child);
	long word = 0;
	printf("PEEKDATA %ld", raw(PTRACE_PEEKDATA, child, &shared_word, &word));
	printf(" %lx", word);
	printf(" unaligned %ld", raw(PTRACE_PEEKTEXT, child, (char *)&shared_word + 1, &word));
	printf(" %lx nowhere %ld\n", word & 0xffffffffffff, raw(PTRACE_PEEKDATA, child, (void *)8, &word));
	printf("POKEDATA %ld into code %ld nowhere %ld mine is still %lx\n", raw(PTRACE_POKEDATA, child, &shared_word, (void *)99), raw(PTRACE_POKETEXT, child, (void *)((long)fault_body & ~7), (void *)0x9090909090909090), raw(PTRACE_POKEDATA, child, (void *)8, 0), shared_word);
	printf("bad signal %ld bad request %ld %ld\n", raw(PTRACE_CONT, child, 0, (void *)65), raw(999, child, 0, 0), raw(52, child, 0, 0));
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "trap body");
	printf("gone %ld\n", raw(PTRACE_CONT, child, 0, 0));
	return 0;
}
