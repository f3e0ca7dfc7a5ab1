/* Signals and ptrace in processes of several threads: who takes a signal, stops and ends of all of them, tracing clone. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t taker;
static volatile int count;
static pid_t second;
static pthread_barrier_t barrier;

static void handler(int signal)
{
	taker = syscall(SYS_gettid);
	count++;
}

static const char *who(void)
{
	return taker == getpid() ? "leader" : taker == second ? "second" : "nobody";
}

static void pause_ms(int ms)
{
	struct timespec t = { 0, ms * 1000000L };
	nanosleep(&t, NULL);
}

static void *sleeper(void *argument)
{
	second = syscall(SYS_gettid);
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	return NULL;
}

static void *waiter(void *argument)
{
	siginfo_t info;
	pthread_barrier_wait(&barrier);
	int signal = sigwaitinfo(argument, &info);
	printf("sigwaitinfo %d code %d value %d\n", signal, info.si_code, info.si_value.sival_int);
	return NULL;
}

static void *exiter(void *argument)
{
	pause_ms(50);
	_exit(6);
}

static pid_t threaded_child(void)
{
	pid_t child = fork();
	if (child == 0) {
		pthread_t thread;
		pthread_create(&thread, NULL, sleeper, NULL);
		pthread_barrier_wait(&barrier);
		for (;;)
			pause();
	}
	pause_ms(100);
	return child;
}

int main(void)
{
	int status;
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	static sigset_t realtime;
	sigemptyset(&realtime);
	sigaddset(&realtime, SIGRTMIN + 3);
	pthread_sigmask(SIG_BLOCK, &realtime, NULL);
	signal(SIGUSR1, handler);
	pthread_t thread, other;
	pthread_create(&thread, NULL, sleeper, NULL);
	pthread_barrier_wait(&barrier);
	pause_ms(50);

	kill(getpid(), SIGUSR1);
	printf("to the process: %s\n", who());
	sigset_t usr1, old;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, &old);
	taker = 0;
	kill(getpid(), SIGUSR1);
	pause_ms(50);
	printf("blocked in the leader: %s\n", who());
	taker = 0;
	raise(SIGUSR1);
	pause_ms(50);
	sigset_t pending;
	sigpending(&pending);
	printf("to a thread that blocks it: %s, pending %d\n", who(), sigismember(&pending, SIGUSR1));
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	printf("unblocked: %s\n", who());
	pthread_kill(thread, SIGUSR1);
	pause_ms(50);
	printf("to a thread: %s, %d in all\n", who(), count);
	printf("tgkill of another process's thread %ld", syscall(SYS_tgkill, getppid(), second, 0));
	printf(" %d\n", errno);

	pthread_create(&other, NULL, waiter, &realtime);
	pthread_barrier_wait(&barrier);
	pause_ms(50);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	pthread_kill(thread, 0);
	sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = 5 });
	pthread_join(other, NULL);

	pid_t child = fork();
	if (child == 0) {
		pthread_sigmask(SIG_UNBLOCK, &realtime, NULL);
		pthread_create(&thread, NULL, sleeper, NULL);
		pthread_barrier_wait(&barrier);
		pthread_sigmask(SIG_BLOCK, &realtime, NULL);
		pthread_create(&other, NULL, waiter, &realtime);
		pthread_barrier_wait(&barrier);
		pause_ms(50);
		kill(getpid(), SIGRTMIN + 3);
		pause_ms(50);
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("a thread that does not block it counts before one that waits for it: %x\n", status);

	child = threaded_child();
	kill(child, SIGSTOP);
	printf("stopped %d", waitpid(child, &status, WUNTRACED) == child);
	printf(" %x\n", status);
	kill(child, SIGCONT);
	waitpid(child, &status, WCONTINUED);
	printf("continued %x\n", status);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	printf("all gone %x\n", status);

	child = fork();
	if (child == 0) {
		pthread_create(&thread, NULL, exiter, NULL);
		for (;;)
			pause();
	}
	waitpid(child, &status, 0);
	printf("exit by another thread %x\n", status);

	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		pthread_create(&thread, NULL, exiter, NULL);
		pause();
	}
	waitpid(child, &status, __WALL);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE);
	ptrace(PTRACE_CONT, child, 0, 0);
	waitpid(child, &status, __WALL);
	unsigned long clone = 0;
	ptrace(PTRACE_GETEVENTMSG, child, 0, &clone);
	printf("clone event %x %d\n", status, clone != 0 && clone != child);
	printf("new thread %d", waitpid(clone, &status, __WALL) == (pid_t)clone);
	printf(" %x\n", status);
	ptrace(PTRACE_CONT, child, 0, 0);
	printf("tgkill %ld\n", syscall(SYS_tgkill, child, clone, SIGWINCH));
	ptrace(PTRACE_CONT, clone, 0, 0);
	waitpid(clone, &status, __WALL);
	printf("its signal %x\n", status);
	ptrace(PTRACE_CONT, clone, 0, 0);
	while (waitpid(-1, &status, __WALL) != child)
		;
	printf("end %x\n", status);
	return 0;
}
