/* wait4 and waitid: which children they select, what they report, and what becomes of those nobody waits for. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, pid_t got, pid_t child, int status)
{
	printf("%s: %s status %x errno %d\n", what, got == child ? "child" : got == 0 ? "nothing" : got < 0 ? "error" : "other", status, got < 0 ? errno : 0);
}

static void info(const char *what, int result, siginfo_t *si, pid_t child)
{
	printf("%s: %d signo %d code %d pid %d status %d\n", what, result, si->si_signo, si->si_code, si->si_pid == child, si->si_status);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int thread_like(void *arg)
{
	_exit(*(int *)arg);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	int status = 0;
	siginfo_t si;
	show("no children", waitpid(-1, &status, 0), -2, status);

	pid_t child = sleeper();
	show("running", waitpid(child, &status, WNOHANG), child, status);
	show("not a child", waitpid(getpid(), &status, WNOHANG), child, status);
	kill(child, SIGSTOP);
	show("stopped", waitpid(child, &status, WUNTRACED), child, status);
	show("stopped again", waitpid(child, &status, WUNTRACED | WNOHANG), child, status);
	kill(child, SIGCONT);
	show("continued", waitpid(child, &status, WCONTINUED), child, status);
	kill(child, SIGSTOP);
	memset(&si, 0, sizeof si);
	info("waitid stopped", waitid(P_PID, child, &si, WSTOPPED | WNOWAIT), &si, child);
	memset(&si, 0, sizeof si);
	info("waitid stopped", waitid(P_PID, child, &si, WSTOPPED), &si, child);
	memset(&si, 0, sizeof si);
	info("waitid none", waitid(P_PID, child, &si, WSTOPPED | WNOHANG), &si, child);
	kill(child, SIGTERM);
	show("stopped with SIGTERM", waitpid(child, &status, WNOHANG), child, status);
	kill(child, SIGCONT);
	show("terminated", waitpid(child, &status, 0), child, status);

	child = sleeper();
	kill(child, SIGKILL);
	memset(&si, 0, sizeof si);
	info("waitid killed", waitid(P_ALL, 0, &si, WEXITED | WNOWAIT), &si, child);
	memset(&si, 0, sizeof si);
	info("waitid killed", waitid(P_ALL, 0, &si, WEXITED), &si, child);
	memset(&si, 0, sizeof si);
	info("waitid nobody", waitid(P_ALL, 0, &si, WEXITED), &si, child);
	info("waitid nothing asked", waitid(P_ALL, 0, &si, 0), &si, child);

	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		_exit(5);
	}
	setpgid(child, child);
	show("group, other", waitpid(-getpgrp(), &status, 0), child, status);
	show("group", waitpid(-child, &status, 0), child, status);

	static char stack[65536];
	int code = 9;
	child = clone(thread_like, stack + sizeof stack, CLONE_VM, &code);
	show("clone child, plain wait", waitpid(child, &status, 0), child, status);
	show("clone child, __WCLONE", waitpid(child, &status, __WCLONE), child, status);
	code = 10;
	child = clone(thread_like, stack + sizeof stack, CLONE_VM | SIGUSR2, &code);
	signal(SIGUSR2, SIG_IGN);
	show("clone child, __WALL", waitpid(child, &status, __WALL), child, status);

	child = vfork();
	if (child == 0) {
		code = 77;
		_exit(11);
	}
	printf("vfork shares memory: %d\n", code);
	show("vfork", waitpid(child, &status, 0), child, status);

	struct rusage usage;
	memset(&usage, 0x55, sizeof usage);
	child = fork();
	if (child == 0)
		abort();
	show("aborted", wait4(child, &status, 0, &usage), child, status & ~0x80);
	printf("usage written: %d\n", usage.ru_nsignals == 0);
	show("bad options", syscall(SYS_wait4, -1, &status, 0x100, NULL), child, 0);
	child = fork();
	if (child == 0)
		_exit(3);
	show("bad address", syscall(SYS_wait4, child, (void *)8, 0, NULL), child, 0);
	show("gone all the same", waitpid(child, &status, 0), child, 0);

	signal(SIGCHLD, SIG_IGN);
	child = fork();
	if (child == 0)
		_exit(4);
	show("SIGCHLD ignored", waitpid(child, &status, 0), child, 0);
	signal(SIGCHLD, SIG_DFL);

	if (fork() == 0) {
		/* A grandchild whose parent goes first hears a new parent's name. */
		pid_t parent = getpid();
		if (fork() == 0) {
			while (getppid() == parent)
				sched_yield();
			printf("orphan's parent differs: %d\n", getppid() != parent);
			_exit(0);
		}
		_exit(0);
	}
	wait(&status);
	usleep(100000);
	return 0;
}
