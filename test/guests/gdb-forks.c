/* A program that makes processes, for debuggers which follow them. What happens first is never left to chance. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int shared = 1;
static const char *self;

static void in_both(int child)
{
	shared += child ? 10 : 100;
}

static void in_child(void)
{
	shared *= 2;
}

static void in_parent(int status)
{
	shared += status;
}

static void *in_thread(void *argument)
{
	in_child();
	return argument;
}

static int wait_for(pid_t child)
{
	int status = 0;
	waitpid(child, &status, 0);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
	in_parent(code);
	return code;
}

static int do_fork(int threads)
{
	pid_t child = fork();
	if (child == 0) {
		in_both(1);
		if (threads) {
			pthread_t thread;
			pthread_create(&thread, 0, in_thread, 0);
			pthread_join(thread, 0);
		} else
			in_child();
		_exit(shared);
	}
	int code = wait_for(child);
	in_both(0);
	return code;
}

static int do_vfork(void)
{
	pid_t child = vfork();
	if (child == 0) {
		execl(self, self, "end", (char *)0);
		_exit(99);
	}
	int code = wait_for(child);
	in_both(0);
	return code;
}

static int do_crash(void)
{
	pid_t child = fork();
	if (child == 0) {
		in_child();
		*(volatile int *)0 = 1;
	}
	return wait_for(child);
}

/* A child with a child. */
static int do_tree(void)
{
	pid_t child = fork();
	if (child == 0) {
		pid_t grandchild = fork();
		if (grandchild == 0) {
			in_child();
			_exit(3);
		}
		_exit(wait_for(grandchild) + 1);
	}
	return wait_for(child);
}

/* The parent sleeps for a while, and not for its child. */
static int do_nap(void)
{
	pid_t child = fork();
	if (child == 0) {
		in_child();
		_exit(shared);
	}
	usleep(20000);
	in_both(0);
	return wait_for(child);
}

int main(int argc, char **argv)
{
	/* What children become: the same program, unless it is the second argument. */
	self = argc > 2 ? argv[2] : argv[0];
	const char *what = argc > 1 ? argv[1] : "fork";
	if (!strcmp(what, "end")) {
		in_child();
		return 5;
	}
	if (!strcmp(what, "exec")) {
		in_both(0);
		execl(self, self, "end", (char *)0);
	}
	if (!strcmp(what, "crash"))
		return do_crash();
	if (!strcmp(what, "tree"))
		return do_tree();
	while (!strcmp(what, "herd"))
		do_fork(0);
	if (!strcmp(what, "nap"))
		return do_nap();
	if (!strcmp(what, "vfork"))
		return do_vfork();
	if (!strcmp(what, "twice"))
		return do_fork(0) + do_fork(0);
	return do_fork(!strcmp(what, "threads"));
}
