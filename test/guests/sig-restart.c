/* System calls that signals interrupt: which restart, which answer EINTR, and what is left of a sleep. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fds[2];
static volatile int alarms;
static int feed;

static void on_alarm(int signal)
{
	alarms++;
	if (feed)
		write(fds[1], "x", 1);
}

static void handle(int flags, int write_there)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	sigaction(SIGALRM, &action, NULL);
	feed = write_there;
	alarms = 0;
	struct itimerval soon = { .it_value.tv_usec = 20000 };
	setitimer(ITIMER_REAL, &soon, NULL);
}

static void show(const char *what, long result)
{
	int error = errno;
	printf("%s: %ld errno %d alarms %d\n", what, result, result < 0 ? error : 0, alarms);
}

static long now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int main(void)
{
	char c;
	setvbuf(stdout, NULL, _IOLBF, 0);
	pipe(fds);
	handle(0, 0);
	show("read", read(fds[0], &c, 1));
	handle(SA_RESTART, 1);
	show("read, SA_RESTART", read(fds[0], &c, 1));
	int status;
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	handle(0, 0);
	show("waitpid", waitpid(child, &status, 0));
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	handle(SA_RESTART, 0);
	show("pause", pause());
	handle(SA_RESTART, 0);
	struct pollfd poller = { fds[0], POLLIN, 0 };
	show("poll is never restarted", poll(&poller, 1, -1));
	handle(SA_RESTART, 0);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	show("nor select", select(fds[0] + 1, &set, NULL, NULL, NULL));
	handle(SA_RESTART, 0);
	struct timespec second = { 1, 0 }, left = { 0, 0 };
	show("nor nanosleep", nanosleep(&second, &left));
	printf("left: %d\n", left.tv_sec == 0 && left.tv_nsec > 0);
	handle(SA_RESTART, 0);
	left.tv_nsec = 7;
	clock_gettime(CLOCK_MONOTONIC, &second);
	second.tv_sec++;
	printf("absolute: %d, rest not touched %ld\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &second, &left), left.tv_nsec);

	/* sigsuspend and ppoll: the mask is the handler's to see, and back afterwards */
	sigset_t block, empty, was;
	sigemptyset(&empty);
	sigemptyset(&block);
	sigaddset(&block, SIGALRM);
	sigprocmask(SIG_BLOCK, &block, NULL);
	handle(0, 0);
	while (sigpending(&was), !sigismember(&was, SIGALRM))
		;
	show("blocked", 0);
	show("sigsuspend", sigsuspend(&empty));
	sigprocmask(SIG_BLOCK, NULL, &was);
	printf("mask is back: %d\n", sigismember(&was, SIGALRM));
	handle(0, 0);
	show("ppoll", ppoll(&poller, 1, NULL, &empty));
	sigprocmask(SIG_BLOCK, NULL, &was);
	printf("mask is back: %d\n", sigismember(&was, SIGALRM));

	/* sigtimedwait takes a blocked signal without a handler */
	handle(0, 0);
	siginfo_t info;
	show("sigtimedwait", sigtimedwait(&block, &info, NULL));
	printf("code %d\n", info.si_code == SI_KERNEL);
	struct timespec tiny = { 0, 1000000 };
	show("nothing comes", sigtimedwait(&block, &info, &tiny));
	sigprocmask(SIG_UNBLOCK, &block, NULL);

	/* A stop and continue in the middle of a sleep are not noticed: restart_syscall goes on with the same deadline */
	child = fork();
	if (child == 0) {
		struct timespec sleep = { 0, 200000000 };
		long start = now_ms();
		int result = nanosleep(&sleep, NULL);
		long took = now_ms() - start;
		_exit(result == 0 && took >= 200 && took < 2000 ? 0 : 1);
	}
	struct timespec bit = { 0, 50000000 };
	nanosleep(&bit, NULL);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("sleep over a stop: %x\n", status);

	/* A read that is stopped and continued restarts */
	child = fork();
	if (child == 0)
		_exit(read(fds[0], &c, 1) == 1 ? 0 : 1);
	nanosleep(&bit, NULL);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	kill(child, SIGCONT);
	nanosleep(&bit, NULL);
	write(fds[1], "y", 1);
	waitpid(child, &status, 0);
	printf("read over a stop: %x\n", status);
	return 0;
}
