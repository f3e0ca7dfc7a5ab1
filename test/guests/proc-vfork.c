/* A parent in vfork is deaf to signals until the child lets go, except to SIGKILL. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void handler(int signal)
{
	handled = 1;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	int *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), status;
	signal(SIGUSR1, handler);
	pid_t child = vfork();
	if (child == 0) {
		kill(getppid(), SIGUSR1);
		for (volatile int i = 0; i < 300000; i++)
			;
		*seen = handled;
		_exit(1);
	}
	printf("handled while waiting %d, after %d\n", *seen, handled);
	waitpid(child, &status, 0);
	printf("child %x\n", status);

	pid_t middle = fork();
	if (middle == 0) {
		if (vfork() == 0) {
			kill(getppid(), SIGKILL);
			for (volatile int i = 0; i < 300000; i++)
				;
			_exit(2);
		}
		_exit(3);
	}
	waitpid(middle, &status, 0);
	printf("killed in vfork %x\n", status);
	return 0;
}
