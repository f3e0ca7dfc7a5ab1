/* Attaching, seizing, event stops, group stops, and what ptrace refuses. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long raw(long request, long pid, void *addr, void *data)
{
	long result = syscall(SYS_ptrace, request, pid, addr, data);
	return result < 0 ? -errno : result;
}

static int wait_for(pid_t child, const char *what)
{
	int status = 0;
	pid_t got = waitpid(child, &status, __WALL);
	printf("%s: %x%s\n", what, status, child > 0 && got != child ? " of another" : "");
	return status;
}

static pid_t sleeper(void)
{
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0); /* so that SIGTSTP stops it: its parent is there to continue it */
		for (;;)
			pause();
	}
	struct timespec bit = { 0, 100000000 };
	nanosleep(&bit, NULL);
	return child;
}

static unsigned long message(pid_t child)
{
	unsigned long value = 0;
	raw(PTRACE_GETEVENTMSG, child, 0, &value);
	return value;
}

int main(int argc, char **argv)
{
	int status;
	siginfo_t info;
	if (argc > 1)
		return 5;
	setvbuf(stdout, NULL, _IOLBF, 0);
	pid_t child = sleeper();
	printf("not traced %ld %ld\n", raw(PTRACE_CONT, child, 0, 0), raw(PTRACE_DETACH, child, 0, 0));
	printf("attach %ld", raw(PTRACE_ATTACH, child, 0, 0));
	printf(" twice %ld myself %ld nobody %ld\n", raw(PTRACE_ATTACH, child, 0, 0), raw(PTRACE_ATTACH, getpid(), 0, 0), raw(PTRACE_ATTACH, 999999, 0, 0));
	wait_for(child, "attached");
	struct user_regs_struct regs;
	raw(PTRACE_GETREGS, child, 0, &regs);
	printf("in pause: orig_rax %lld rax %lld\n", regs.orig_rax, regs.rax);
	printf("siginfo %ld", raw(PTRACE_GETSIGINFO, child, 0, &info));
	printf(" %d code %d, interrupt %ld listen %ld\n", info.si_signo, info.si_code, raw(PTRACE_INTERRUPT, child, 0, 0), raw(PTRACE_LISTEN, child, 0, 0));
	raw(PTRACE_SYSCALL, child, 0, 0);
	wait_for(child, "the restarted call");
	raw(PTRACE_GETREGS, child, 0, &regs);
	printf("orig_rax %lld\n", regs.orig_rax);
	raw(PTRACE_CONT, child, 0, 0);
	kill(child, SIGTSTP);
	wait_for(child, "stop signal");
	raw(PTRACE_CONT, child, 0, (void *)SIGTSTP);
	wait_for(child, "group stop");
	printf("siginfo %ld\n", raw(PTRACE_GETSIGINFO, child, 0, &info));
	printf("running is no good %ld", raw(PTRACE_CONT, child, 0, 0));
	printf(" %ld\n", raw(PTRACE_GETREGS, child, 0, &regs));
	kill(child, SIGCONT);
	wait_for(child, "SIGCONT");
	printf("detach with a signal %ld bad %ld\n", raw(PTRACE_DETACH, child, 0, (void *)99), raw(PTRACE_DETACH, child, 0, (void *)SIGTERM));
	wait_for(child, "terminated by it");

	child = sleeper();
	printf("seize %ld bad option %ld bad address %ld\n", raw(PTRACE_SEIZE, child, 0, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK)), raw(PTRACE_SEIZE, child, 0, (void *)0x1000), raw(PTRACE_SEIZE, child, (void *)1, 0));
	printf("interrupt %ld\n", raw(PTRACE_INTERRUPT, child, 0, 0));
	wait_for(child, "interrupted");
	raw(PTRACE_GETSIGINFO, child, 0, &info);
	printf("signal %d code %x\n", info.si_signo, info.si_code);
	raw(PTRACE_CONT, child, 0, 0);
	kill(child, SIGSTOP);
	wait_for(child, "SIGSTOP");
	raw(PTRACE_CONT, child, 0, (void *)SIGSTOP);
	wait_for(child, "group stop, seized");
	printf("listen %ld\n", raw(PTRACE_LISTEN, child, 0, 0));
	kill(child, SIGCONT);
	wait_for(child, "end of the group stop");
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "then the signal itself");
	raw(PTRACE_DETACH, child, 0, 0);
	kill(child, SIGKILL);
	wait_for(child, "killed");

	/* Events of fork, exec, exit */
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		pid_t grandchild = fork();
		if (grandchild == 0)
			_exit(4);
		waitpid(grandchild, &status, 0);
		execl("/proc/self/exe", argv[0], "exec", NULL);
		_exit(9);
	}
	wait_for(child, "start");
	raw(PTRACE_SETOPTIONS, child, 0, (void *)(PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "fork event");
	pid_t grandchild = message(child);
	printf("message is a pid %d\n", grandchild > 1 && grandchild != child);
	wait_for(grandchild, "the new one");
	raw(PTRACE_CONT, grandchild, 0, 0);
	wait_for(grandchild, "its exit event");
	printf("exit status in the message %lx\n", message(grandchild));
	raw(PTRACE_CONT, grandchild, 0, 0);
	wait_for(grandchild, "its end");
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "SIGCHLD");
	raw(PTRACE_CONT, child, 0, (void *)SIGCHLD);
	wait_for(child, "exec event");
	printf("former thread %d\n", message(child) == (unsigned long)child);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "exit event");
	printf("exit status in the message %lx\n", message(child));
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "end");

	/* vfork: the tracer hears of it while the parent waits, and again when the child has left its memory */
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		pid_t grandchild = vfork();
		if (grandchild == 0)
			_exit(3);
		_exit(waitpid(grandchild, &status, 0) == grandchild ? 8 : 9);
	}
	wait_for(child, "start");
	raw(PTRACE_SETOPTIONS, child, 0, (void *)(PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE));
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "vfork event");
	grandchild = message(child);
	wait_for(grandchild, "the new one");
	raw(PTRACE_CONT, child, 0, 0);
	raw(PTRACE_CONT, grandchild, 0, 0);
	wait_for(grandchild, "its end");
	wait_for(child, "vfork done event");
	printf("message is the same %d\n", message(child) == (unsigned long)grandchild);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "SIGCHLD");
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "end");

	/* exec without the option: a SIGTRAP */
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		printf("twice %ld\n", raw(PTRACE_TRACEME, 0, 0, 0));
		execl("/proc/self/exe", argv[0], "exec", NULL);
		_exit(9);
	}
	wait_for(child, "exec trap");
	raw(PTRACE_GETSIGINFO, child, 0, &info);
	printf("signal %d code %d\n", info.si_signo, info.si_code);
	raw(PTRACE_CONT, child, 0, 0);
	wait_for(child, "end");

	/* A tracee dies with PTRACE_O_EXITKILL, and lives without it, when its tracer goes */
	for (int kill_it = 0; kill_it < 2; kill_it++) {
		pid_t victim = sleeper();
		child = fork();
		if (child == 0) {
			raw(PTRACE_SEIZE, victim, 0, kill_it ? (void *)PTRACE_O_EXITKILL : 0);
			_exit(0);
		}
		wait_for(child, "tracer gone");
		if (!kill_it)
			kill(victim, SIGTERM);
		wait_for(victim, "tracee");
	}
	return 0;
}
