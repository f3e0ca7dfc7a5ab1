/* Process groups, sessions, priorities, affinity, robust futexes, process_vm_readv: results and errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void result(const char *what, long value)
{
	printf("%s: %s %d\n", what, value < 0 ? "error" : "ok", value < 0 ? errno : 0);
}

static void *dies_holding(void *mutex)
{
	pthread_mutex_lock(mutex);
	return NULL;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	int status, ready[2], go[2];
	/* Whether the first process leads a session depends on who started it: a child of it never does. */
	if (fork() != 0) {
		wait(&status);
		return WEXITSTATUS(status);
	}
	pipe(ready);
	pipe(go);
	pid_t child = fork();
	if (child == 0) {
		result("setpgid of itself", setpgid(0, 0));
		printf("own group %d\n", getpgrp() == getpid());
		errno = 0;
		result("setsid as group leader", setsid());
		pid_t grandchild = fork();
		if (grandchild == 0) {
			printf("group inherited %d\n", getpgrp() == getppid());
			result("setsid", setsid() == getpid() ? 0 : -1);
			printf("session %d group %d\n", getsid(0) == getpid(), getpgid(0) == getpid());
			result("setpgid as session leader", setpgid(0, 0));
			_exit(0);
		}
		waitpid(grandchild, NULL, 0);
		write(ready[1], "x", 1);
		char c;
		read(go[0], &c, 1);
		_exit(0);
	}
	char c;
	read(ready[0], &c, 1);
	result("join the child's group", setpgid(0, child));
	printf("joined %d\n", getpgrp() == child);
	result("a group that is not there", setpgid(0, 999999));
	result("negative group", setpgid(0, -5));
	result("a process that is not there", setpgid(999999, 0));
	result("getpgid of nobody", getpgid(999999));
	result("getsid of nobody", getsid(999999));
	printf("signal 0 to the group %d, to nobody %d errno %d\n", kill(0, 0), kill(999999, 0), errno);

	static char text[8192];
	strcpy(text + 4090, "across pages");
	char first[5] = "", second[16] = "";
	struct iovec local[2] = { { first, 4 }, { second, 8 } }, remote[1] = { { text + 4090, 12 } };
	printf("process_vm_readv %zd: %s%s\n", process_vm_readv(child, local, 2, remote, 1, 0), first, second);
	strcpy(text + 4090, "changed here");
	printf("process_vm_writev %zd\n", process_vm_writev(child, remote, 1, remote, 1, 0));
	memset(text, 0, sizeof text);
	remote[0].iov_len = 12;
	struct iovec into = { text, 12 };
	printf("read back %zd: %s\n", process_vm_readv(child, &into, 1, remote, 1, 0), text);
	struct iovec bad = { (void *)8, 12 };
	result("bad remote address", process_vm_readv(child, &into, 1, &bad, 1, 0));
	result("nobody", process_vm_readv(999999, &into, 1, remote, 1, 0));
	write(go[1], "x", 1);
	waitpid(child, &status, 0);

	/* Up to 12, which is above what one may have been started with */
	result("nicer", setpriority(PRIO_PROCESS, 0, 12));
	printf("now %d\n", getpriority(PRIO_PROCESS, 0));
	result("priority of nonsense", getpriority(77, 0));
	printf("policy %d max %d min %d fifo max %d min %d\n", sched_getscheduler(0), sched_get_priority_max(SCHED_OTHER), sched_get_priority_min(SCHED_OTHER),
	       sched_get_priority_max(SCHED_FIFO), sched_get_priority_min(SCHED_FIFO));
	result("no such policy", sched_get_priority_max(77));
	cpu_set_t set;
	result("affinity", sched_getaffinity(0, sizeof set, &set));
	printf("cpu 0 %d\n", CPU_ISSET(0, &set));
	result("affinity of nobody", sched_getaffinity(999999, sizeof set, &set));
	result("yield", sched_yield());

	pthread_mutex_t *mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(mutex, &attributes);
	pthread_t thread;
	pthread_create(&thread, NULL, dies_holding, mutex);
	pthread_join(thread, NULL);
	printf("owner died %d\n", pthread_mutex_lock(mutex) == EOWNERDEAD);
	pthread_mutex_consistent(mutex);
	pthread_mutex_unlock(mutex);
	if (fork() == 0) {
		pthread_mutex_lock(mutex);
		usleep(20000);
		_exit(0);
	}
	usleep(10000);
	printf("owner process died %d\n", pthread_mutex_lock(mutex) == EOWNERDEAD);
	wait(&status);
	printf("rseq and PI are optional: %d\n", syscall(SYS_futex, &status, 6, 0, NULL) <= 0);
	return 0;
}
