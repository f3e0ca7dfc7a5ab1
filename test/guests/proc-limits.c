/* What resource limits do to processes and address spaces: to root, to others, and after fork. */
#include "show.h"
#include <sys/resource.h>

static void limit(int resource, rlim_t value)
{
	struct rlimit both = { value, value };
	OK(setrlimit(resource, &both));
}

static int fork_once(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return child < 0 ? -1 : waitpid(child, NULL, 0) - child;
}

static long map(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return memory == MAP_FAILED ? -1 : munmap(memory, bytes);
}

static void in_child(const char *what, void (*body)(void))
{
	printf("-- %s\n", what);
	if (fork() == 0) {
		body();
		_exit(0);
	}
	wait(NULL);
}

static void root_processes(void)
{
	limit(RLIMIT_NPROC, 1);
	OK(fork_once());
}

static void processes(void)
{
	OK(setuid(54321));
	OK(fork_once());
	limit(RLIMIT_NPROC, 1);
	OK(fork_once());
}

static void one_more(void)
{
	OK(setuid(54321));
	limit(RLIMIT_NPROC, 2);
	OK(fork_once());
	if (fork() == 0) {
		OK(fork_once());
		_exit(0);
	}
	wait(NULL);
}

static void inherited(void)
{
	OK(map(1 << 26));
}

static void address_space(void)
{
	OK(map(1 << 26));
	limit(RLIMIT_AS, 1 << 25);
	OK(map(1 << 26));
	OK(map(1 << 20));
	OK(fork_once());
	in_child("inherited", inherited);
}

static void data(void)
{
	char *end = sbrk(0);
	limit(RLIMIT_DATA, 1 << 20);
	OK(sbrk(1 << 22) == (void *)-1 ? -1 : 0);
	printf("break stays: %d\n", sbrk(0) == end);
}

static void descriptors(void)
{
	limit(RLIMIT_NOFILE, 8);
	while (dup(1) >= 0)
		;
	SHOW(dup(1));
	OK(open("/dev/null", O_RDONLY));
	OK(fork_once());
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	in_child("root's processes", root_processes);
	in_child("processes", processes);
	in_child("one more process", one_more);
	in_child("address space", address_space);
	in_child("data", data);
	in_child("descriptors", descriptors);
	return 0;
}
