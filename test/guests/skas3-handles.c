/* Handles of address spaces are descriptors like any other: fork, exec, dup, unix sockets, chroot, permissions; and there is an end to them. */
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include "show.h"
#include "skas3.h"

static long unmap(int fd)
{
	struct proc_mm_op op = { .op = MM_MUNMAP, .u.munmap = { 0, 4096 } };
	return write(fd, &op, sizeof op);
}

static void in_child(const char *what, int fd)
{
	pid_t child = fork();
	if (child == 0) {
		printf("%s: ", what);
		SHOW(unmap(fd));
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void passed_on(int fd)
{
	int pair[2], received;
	char byte = 0, control[CMSG_SPACE(sizeof(int))];
	struct iovec data = { &byte, 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	if (fork() == 0) {
		close(fd);
		recvmsg(pair[1], &message, 0);
		memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
		printf("received: ");
		SHOW(unmap(received));
		_exit(0);
	}
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	OK(sendmsg(pair[0], &message, 0));
	wait(NULL);
}

/* /dev/mm where there is no /proc, and only for those who may. */
static void elsewhere(void)
{
	if (fork() == 0) {
		enter_fresh_directory();
		OK(mknod("mm", S_IFCHR | 0600, makedev(10, 63)));
		OK(mknod("other", S_IFCHR | 0600, makedev(10, 62)));
		OK(chroot("."));
		OK(open(MM_NAME, O_WRONLY));
		OK(open("/other", O_WRONLY));
		SHOW(unmap(open("/mm", O_WRONLY)));
		OK(setuid(1000));
		OK(open("/mm", O_WRONLY));
		_exit(0);
	}
	wait(NULL);
	if (fork() == 0) {
		OK(setuid(1000));
		OK(open(MM_NAME, O_RDONLY));
		SHOW(unmap(open(MM_NAME, O_WRONLY)));
		SHOW(unmap(open("/dev/mm", O_RDWR)));
		_exit(0);
	}
	wait(NULL);
}

/* As many as there may be, again and again: closing one frees it. */
static void bomb(void)
{
	struct rlimit many = { 4000, 4000 };
	int first = -1, count[2];
	setrlimit(RLIMIT_NOFILE, &many);
	for (int round = 0; round < 2; round++) {
		count[round] = 0;
		for (;;) {
			int fd = open(MM_NAME, O_WRONLY);
			if (fd < 0)
				break;
			if (first < 0)
				first = fd;
			count[round]++;
		}
		printf("after some: %s\n", strerrorname_np(errno));
		OK(fork());
		for (int fd = first; fd < first + count[round]; fd++)
			close(fd);
	}
	printf("the same number twice: %d\n", count[0] == count[1]);
	in_child("and then", open(MM_NAME, O_WRONLY));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2) {
		printf("after exec: ");
		SHOW(unmap(atoi(argv[1])));
		printf("after exec: ");
		SHOW(unmap(atoi(argv[2])));
		return 0;
	}
	int kept = open(MM_NAME, O_WRONLY), closed = open(MM_NAME, O_WRONLY | O_CLOEXEC);
	in_child("forked", kept);
	in_child("dup", dup(kept));
	passed_on(kept);
	elsewhere();
	if (fork() == 0) {
		char numbers[2][12];
		sprintf(numbers[0], "%d", kept);
		sprintf(numbers[1], "%d", closed);
		execl(argv[0], argv[0], numbers[0], numbers[1], NULL);
	}
	wait(NULL);
	bomb();
	return 0;
}
