/* A tracee belongs to the thread that traces it, not to the process; waiting for it is everybody's. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/ptrace.h>
#include "show.h"

static pid_t child;
static pthread_barrier_t barrier;

static long peek(void)
{
	errno = 0;
	ptrace(PTRACE_PEEKUSER, child, 0, 0);
	return errno == 0 ? 0 : -1;
}

static pid_t tracee(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(7);
	}
	return pid;
}

static void *owner(void *unused)
{
	int status;
	child = tracee();
	printf("waited %d ", waitpid(child, &status, __WALL) == child);
	printf("status %x\n", status);
	OK(peek());
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

int main(void)
{
	int status;
	pthread_t thread;
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, owner, NULL);
	pthread_barrier_wait(&barrier);
	OK(peek());
	OK(ptrace(PTRACE_CONT, child, 0, 0));
	OK(ptrace(PTRACE_ATTACH, child, 0, 0));
	/* Its thread goes, and with it the tracing: the child runs on, and ends */
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	OK(peek());
	kill(child, SIGCONT);
	printf("waited %d ", waitpid(child, &status, 0) == child);
	printf("status %x\n", status);

	/* A child whose maker is gone asks to be traced */
	child = tracee();
	waitpid(child, &status, __WALL);
	OK(peek());
	kill(child, SIGKILL);
	waitpid(child, &status, __WALL);
	printf("status %x\n", status);
	return 0;
}
