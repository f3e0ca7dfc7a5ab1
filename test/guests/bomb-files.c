/* Takes all inodes, then all open files and socket buffers of the machine: each must end in an error, and what is given back must be usable again. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 70 };

int main(void)
{
	char buffer[100000] = { 0 };
	long made = 0;
	struct rlimit limit = { 4096, 4096 };
	setvbuf(stdout, NULL, _IONBF, 0);
	setrlimit(RLIMIT_NOFILE, &limit);
	chdir("/tmp");
	for (;; made++) {
		sprintf(buffer, "f%ld", made);
		int fd = open(buffer, O_CREAT | O_RDWR, 0600);
		if (fd < 0)
			break;
		close(fd);
	}
	printf("inodes: %s after more than 100000: %d\n", strerrorname_np(errno), made > 100000);
	for (long i = 0; i < made; i++) {
		sprintf(buffer, "f%ld", i);
		unlink(buffer);
	}
	printf("a new one: %d\n", open("x", O_CREAT | O_RDWR, 0600) >= 0);
	for (int i = 0; i < CHILDREN; i++) {
		if (fork() != 0)
			continue;
		int pair[2], count = 0;
		while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0) {
			errno = EAGAIN;
			if (count++ % 40 == 0)
				while (write(pair[0], buffer, sizeof buffer) > 0)
					;
			if (errno != EAGAIN && errno != ENOBUFS)
				_exit(100);
		}
		int error = errno;
		usleep(100000);
		_exit(error);
	}
	int enfile = 0, emfile = 0, other = 0, status;
	while (wait(&status) > 0) {
		enfile += WEXITSTATUS(status) == ENFILE;
		emfile += WEXITSTATUS(status) == EMFILE;
		other += WEXITSTATUS(status) != ENFILE && WEXITSTATUS(status) != EMFILE;
	}
	printf("ENFILE %d EMFILE %d other %d\n", enfile > 0, emfile > 0, other);
	int pair[2];
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	printf("a new pair takes %zd byte\n", write(pair[0], "x", 1));
	return 0;
}
