/* fork, vfork, exec, exit, wait in their variants: statuses, reparenting, zombies, process groups. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, int status)
{
	if (WIFEXITED(status))
		printf("%s: exited %d\n", what, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: killed by %d\n", what, WTERMSIG(status));
	else if (WIFSTOPPED(status))
		printf("%s: stopped by %d\n", what, WSTOPSIG(status));
	else if (WIFCONTINUED(status))
		printf("%s: continued\n", what);
	fflush(stdout);
}

int main(int argc, char **argv, char **envp)
{
	int status;
	if (argc > 1) {
		printf("exec'ed with %d arguments: %s, X=%s\n", argc, argv[1], getenv("X"));
		return 42;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	pid_t child = fork();
	if (child == 0)
		_exit(7);
	printf("wait returns the child %d\n", waitpid(child, &status, 0) == child);
	show("plain", status);

	child = fork();
	if (child == 0) {
		signal(SIGTERM, SIG_DFL);
		pause();
	}
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	show("terminated", status);

	child = fork();
	if (child == 0) {
		raise(SIGSTOP);
		_exit(3);
	}
	waitpid(child, &status, WUNTRACED);
	show("stop", status);
	kill(child, SIGCONT);
	waitpid(child, &status, WCONTINUED);
	show("continue", status);
	waitpid(child, &status, 0);
	show("end", status);

	child = vfork();
	if (child == 0) {
		char *args[] = { argv[0], "again", NULL }, *env[] = { "X=value", NULL };
		execve("/proc/self/exe", args, env);
		_exit(99);
	}
	waitpid(child, &status, 0);
	show("exec", status);

	child = fork();
	if (child == 0) {
		char *args[] = { "nothing", NULL };
		execve("/no/such/file", args, envp);
		_exit(errno == ENOENT ? 11 : 12);
	}
	waitpid(child, &status, 0);
	show("failed exec", status);

	int result = waitpid(-1, &status, 0);
	printf("no children: %d errno %d\n", result, errno);
	siginfo_t info;
	child = fork();
	if (child == 0)
		_exit(5);
	memset(&info, 0, sizeof info);
	printf("waitid nowait %d\n", waitid(P_PID, child, &info, WEXITED | WNOWAIT));
	printf("signo %d code %d status %d pid matches %d\n", info.si_signo, info.si_code, info.si_status, info.si_pid == child);
	struct rusage usage;
	printf("wait4 %d\n", wait4(child, &status, 0, &usage) == child);
	result = waitpid(-1, &status, WNOHANG);
	printf("nohang without children: %d errno %d\n", result, errno);

	int fds[2];
	pipe(fds);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		if (fork() == 0) {
			char c;
			read(fds[0], &c, 1);
			_exit(getppid() == 1 ? 1 : 9);
		}
		_exit(0);
	}
	waitpid(child, &status, 0);
	show("middle", status);
	write(fds[1], "x", 1);
	printf("orphan came to us: %d\n", wait(&status) > 0);
	show("orphan", status);

	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		_exit(getpgrp() == getpid() ? 0 : 1);
	}
	waitpid(child, &status, 0);
	show("own group", status);
	child = fork();
	if (child == 0)
		_exit(setsid() == getpid() && getsid(0) == getpid() ? 0 : 1);
	waitpid(child, &status, 0);
	show("own session", status);
	signal(SIGCHLD, SIG_IGN);
	child = fork();
	if (child == 0)
		_exit(1);
	result = waitpid(child, &status, 0);
	printf("ignored child leaves no zombie: %d errno %d\n", result, errno);
	return 0;
}
