/* Takes all processes there are, then all address spaces and all they can hold. With an argument its children spin, for ever. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include "show.h"
#include "skas3.h"

static pid_t children[5000];

static int all_processes(int spin)
{
	int count = 0;
	for (;;) {
		pid_t child = fork();
		if (child < 0)
			return count;
		if (child == 0)
			for (;;)
				if (!spin)
					pause();
		children[count++] = child;
	}
}

static void release(int count)
{
	for (int i = 0; i < count; i++)
		kill(children[i], SIGKILL);
	while (wait(NULL) > 0)
		;
}

/* One page of a file at as many places as there may be, in as many spaces; 0, or the error that ended it. */
static int fill(int fd, int file)
{
	struct proc_mm_op op = { .op = MM_MMAP, .u.mmap = { 0, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0 } };
	for (int i = 1; i <= 60000; i++) {
		op.u.mmap.addr = i * 0x200000ul;
		if (write(fd, &op, sizeof op) < 0)
			return errno;
	}
	return 0;
}

static int fork_once(void)
{
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	return child < 0 ? -1 : waitpid(child, NULL, 0) - child;
}

int main(int argc, char **argv)
{
	int count, file = memfd_create("page", 0), error = 0;
	ftruncate(file, 4096);
	count = all_processes(argc > 1);
	printf("no more processes: %s\n", strerrorname_np(errno));
	fflush(stdout);
	if (argc > 1)
		pause();
	OK(open("/proc/mm64", O_WRONLY));
	release(count);
	printf("as many again: %d\n", all_processes(0) == count);
	release(count);

	int *handles = calloc(5000, sizeof *handles), spaces = 0;
	struct rlimit many = { 4000, 4000 };
	setrlimit(RLIMIT_NOFILE, &many);
	while (error == 0 && (handles[spaces] = open("/proc/mm64", O_WRONLY)) >= 0)
		error = fill(handles[spaces++], file);
	printf("no more room: %s\n", strerrorname_np(error != 0 ? error : errno));
	OK(fork_once());
	for (int i = 0; i < spaces; i++)
		close(handles[i]);
	OK(fork_once());
	printf("room again: %d\n", fill(open("/proc/mm64", O_WRONLY), file) == 0 || errno == ENOMEM);
	return 0;
}
