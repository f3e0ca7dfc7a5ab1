/* What signals do to a process that does not handle them, and what its parent hears. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile siginfo_t last;
static volatile int children;

static void on_child(int signal, siginfo_t *info, void *context)
{
	memcpy((void *)&last, info, sizeof *info);
	children++;
}

static char hangups[8];

static void on_hangup(int signal)
{
	hangups[hangups[0] != 0] = signal;
}

static void wait_child(pid_t child, const char *what)
{
	int status;
	pid_t got = waitpid(child, &status, WUNTRACED | WCONTINUED);
	printf("%s: %d status %x, SIGCHLD code %d status %d same %d\n", what, got == child, status, last.si_code, last.si_status, last.si_pid == child);
}

static pid_t sleeper(void)
{
	pid_t child = fork();
	if (child == 0)
		for (;;)
			pause();
	return child;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct sigaction action = { .sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaction(SIGCHLD, &action, NULL);
	for (int signal = 1; signal < 65; signal++) {
		if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU || signal == 32 || signal == 33)
			continue;
		if (signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH)
			continue;
		pid_t child = sleeper();
		kill(child, signal);
		int status;
		waitpid(child, &status, 0);
		printf("%d: status %x code %d\n", signal, status, last.si_code);
	}
	pid_t child = sleeper();
	int harmless[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };
	for (int i = 0; i < 4; i++)
		kill(child, harmless[i]);
	printf("still there %d\n", kill(child, 0));
	kill(child, SIGSTOP);
	wait_child(child, "stop");
	kill(child, SIGUSR1);
	printf("a stopped one does not die %d\n", waitpid(child, NULL, WNOHANG));
	kill(child, SIGCONT);
	for (int i = 0; i < 2; i++) {
		int status;
		if (waitpid(child, &status, WCONTINUED) == child && !WIFCONTINUED(status)) {
			printf("then it dies %x\n", status);
			break;
		}
	}
	child = sleeper();
	kill(child, SIGSTOP);
	wait_child(child, "stop again");
	kill(child, SIGKILL);
	wait_child(child, "killed while stopped");

	child = fork();
	if (child == 0) {
		signal(SIGTERM, SIG_IGN);
		raise(SIGTERM);
		sigset_t set;
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigprocmask(SIG_BLOCK, &set, NULL);
		raise(SIGINT);
		printf("ignored and blocked\n");
		signal(SIGINT, SIG_IGN);
		signal(SIGINT, SIG_DFL);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		printf("ignoring threw it away\n");
		raise(SIGINT);
		_exit(1);
	}
	wait_child(child, "interrupted");
	child = fork();
	if (child == 0) {
		sigset_t set;
		sigfillset(&set);
		sigprocmask(SIG_BLOCK, &set, NULL);
		*(volatile int *)8 = 1;
	}
	wait_child(child, "fault while blocked");
	child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_IGN);
		__asm__ volatile("hlt");
	}
	wait_child(child, "fault while ignored");
	child = fork();
	if (child == 0) {
		static char small[4096];
		stack_t stack = { .ss_sp = small, .ss_size = sizeof small, .ss_flags = 0 };
		sigaltstack(&stack, NULL);
		signal(SIGUSR1, (void (*)(int))abort);
		__asm__ volatile("mov $0x1000,%%rsp\n\tmov $39,%%eax\n\tsyscall\n\tmov %%eax,%%edi\n\tmov $10,%%esi\n\tmov $62,%%eax\n\tsyscall\n\tud2" ::: "memory");
	}
	wait_child(child, "no stack for the handler");
	child = fork();
	if (child == 0)
		__asm__ volatile("mov $15,%eax\n\tmov $0x10,%rsp\n\tsyscall");
	wait_child(child, "sigreturn from nowhere");
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		if (fork() == 0)
			pause();
		kill(0, SIGTERM);
		_exit(1);
	}
	wait_child(child, "own group");
	/* A stopped process whose parent goes is woken with SIGHUP and SIGCONT: nobody could continue it any more */
	int pipes[2];
	char answer[8] = "";
	pipe(pipes);
	child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0) {
			setpgid(0, 0);
			signal(SIGHUP, on_hangup);
			signal(SIGCONT, on_hangup);
			kill(getpid(), SIGTSTP);
			write(pipes[1], hangups, 2);
			_exit(0);
		}
		int status;
		waitpid(grandchild, &status, WUNTRACED);
		_exit(WIFSTOPPED(status) ? 3 : 4);
	}
	wait_child(child, "parent of a stopped one");
	read(pipes[0], answer, 2);
	printf("it got %d and %d\n", answer[0], answer[1]);

	signal(SIGCHLD, SIG_DFL);
	child = fork();
	if (child == 0)
		abort();
	wait_child(child, "abort");
	return 0;
}
