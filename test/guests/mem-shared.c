/* Shared and private mappings of one file and of anonymous memory across fork: who sees whose writes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int code, number;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	number = sig;
	code = info->si_code;
	siglongjmp(back, 1);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGBUS, &action, NULL);
	char name[] = "/tmp/mem-shared-XXXXXX";
	int fd = mkstemp(name);
	unlink(name);
	ftruncate(fd, 8192 + 100);
	char *shared = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *again = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	char *private = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *anonymous = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	strcpy(shared + 4096, "through the mapping");
	printf("second view: %s\n", again);
	char buffer[64] = "";
	pread(fd, buffer, 19, 4096);
	printf("read: %s\n", buffer);
	pwrite(fd, "through the file   ", 19, 4096);
	printf("mapping after write: %.19s\n", shared + 4096);
	printf("private before its write: %.19s\n", private + 4096);
	strcpy(private + 4096, "mine");
	pwrite(fd, "changed again", 13, 4096);
	printf("private after: %s, shared: %.13s\n", private + 4096, shared + 4096);
	strcpy(own, "parent");
	strcpy(anonymous, "parent");
	fflush(stdout);
	if (fork() == 0) {
		strcpy(own, "child");
		strcpy(anonymous, "child");
		strcpy(shared, "child");
		strcpy(private, "child");
		printf("child sees %s %s %s %s\n", own, anonymous, shared, private);
		exit(0);
	}
	wait(NULL);
	printf("parent sees %s %s %s [%s]\n", own, anonymous, shared, private);
	printf("tail of the last page reads %d\n", shared[8192 + 200]);
	if (sigsetjmp(back, 1))
		printf("beyond the file: signal %d code %d\n", number, code);
	else
		printf("beyond the file reads %d\n", shared[12288]);
	ftruncate(fd, 0);
	if (sigsetjmp(back, 1))
		printf("after truncation: signal %d code %d\n", number, code);
	else
		printf("after truncation reads %d\n", shared[0]);
	ftruncate(fd, 4096);
	printf("extended again reads %d\n", shared[0]);
	return 0;
}
