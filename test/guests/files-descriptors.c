/* Descriptors: dup, fcntl, record and flock locks, close-on-exec, limits. */
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#include "show.h"
#include <sys/resource.h>

static void locked_by(int fd, short type, off_t start, off_t length, pid_t expected)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	int result = fcntl(fd, F_GETLK, &lock);
	printf("getlk %d+%d: %d type %d start %ld len %ld by expected %d\n", (int)start, (int)length, result, lock.l_type, (long)lock.l_start, (long)lock.l_len,
	       lock.l_type == F_UNLCK || lock.l_pid == expected);
}

static int lock(int fd, int command, short type, off_t start, off_t length)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
	return fcntl(fd, command, &l);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		for (int fd = 3; fd < 12; fd++)
			printf("%d:%d ", fd, fcntl(fd, F_GETFD) >= 0);
		printf("\n");
		return 0;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	enter_fresh_directory();
	for (int fd = 3; fd < 100; fd++)
		close(fd);
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	printf("%d\n", fd);
	SHOW(dup(fd));
	SHOW(dup2(fd, 10));
	SHOW(dup2(fd, fd));
	SHOW(dup2(50, 50));
	SHOW(dup2(50, 3));
	SHOW(dup2(fd, -1));
	SHOW(dup2(fd, 100000));
	SHOW(dup3(fd, 11, O_CLOEXEC));
	SHOW(dup3(fd, fd, 0));
	SHOW(dup3(fd, 12, O_APPEND));
	SHOW(fcntl(fd, F_DUPFD, 7));
	SHOW(fcntl(fd, F_DUPFD_CLOEXEC, 7));
	SHOW(fcntl(fd, F_DUPFD, -1));
	SHOW(fcntl(8, F_GETFD));
	SHOW(fcntl(7, F_GETFD));
	SHOW(fcntl(7, F_SETFD, FD_CLOEXEC));
	SHOW(fcntl(7, F_GETFD));
	printf("flags %o\n", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
	SHOW(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	printf("flags %o, of the copy %o\n", fcntl(fd, F_GETFL), fcntl(10, F_GETFL));
	SHOW(fcntl(fd, F_SETFL, 0));
	SHOW(fcntl(fd, 9999));
	SHOW(fcntl(70, F_GETFL));
	SHOW(write(fd, "abcdef", 6));
	SHOW(lseek(10, 0, SEEK_CUR));
	SHOW(close(fd));
	SHOW(close(fd));
	SHOW(open("f", O_RDWR));
	int on = 1;
	SHOW(ioctl(fd, FIOCLEX));
	SHOW(fcntl(fd, F_GETFD));
	SHOW(ioctl(fd, FIONCLEX));
	SHOW(ioctl(fd, FIONBIO, &on));
	printf("flags %o\n", fcntl(fd, F_GETFL));
	SHOW(ioctl(fd, FIONREAD, &on));
	printf("%d to read\n", on);
	SHOW(ioctl(fd, 0x5401, &on));
	SHOW(isatty(fd));

	pid_t parent = getpid();
	SHOW(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	SHOW(lock(fd, F_SETLK, F_RDLCK, 20, 10));
	SHOW(lock(fd, F_SETLK, F_UNLCK, 4, 2));
	fflush(stdout);
	if (fork() == 0) {
		locked_by(fd, F_WRLCK, 0, 0, parent);
		locked_by(fd, F_WRLCK, 4, 2, parent);
		locked_by(fd, F_WRLCK, 5, 100, parent);
		locked_by(fd, F_RDLCK, 10, 0, parent);
		SHOW(lock(fd, F_SETLK, F_RDLCK, 0, 1));
		SHOW(lock(fd, F_SETLK, F_WRLCK, 4, 2));
		SHOW(lock(fd, F_SETLK, F_RDLCK, 25, 1));
		SHOW(lock(fd, F_SETLK, F_WRLCK, 25, 1));
		SHOW(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
		printf("child got the lock\n");
		_exit(0);
	}
	usleep(20000);
	printf("parent lets go\n");
	int other = open("f", O_RDWR);
	close(other);
	wait(NULL);
	locked_by(fd, F_WRLCK, 0, 0, parent);
	int read_only = open("f", O_RDONLY);
	SHOW(lock(read_only, F_SETLK, F_WRLCK, 0, 1));
	SHOW(lock(read_only, F_SETLK, 17, 0, 1));
	int second = open("f", O_RDWR);
	SHOW(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 5));
	SHOW(lock(second, F_OFD_SETLK, F_WRLCK, 3, 5));
	SHOW(lock(second, F_OFD_SETLK, F_WRLCK, 5, 5));
	SHOW(flock(fd, LOCK_EX));
	SHOW(flock(second, LOCK_SH | LOCK_NB));
	SHOW(flock(fd, LOCK_SH));
	SHOW(flock(second, LOCK_SH | LOCK_NB));
	SHOW(flock(fd, LOCK_EX | LOCK_NB));
	SHOW(flock(second, LOCK_UN));
	SHOW(flock(fd, LOCK_EX | LOCK_NB));
	SHOW(flock(fd, 99));

	SHOW(close_range(13, 60, 0));
	SHOW(close_range(5, 3, 0));
	SHOW(close_range(4, 6, CLOSE_RANGE_CLOEXEC));
	for (int i = 3; i < 12; i++)
		printf("%d:%d ", i, fcntl(i, F_GETFD));
	printf("\n");
	fflush(stdout);
	if (fork() == 0) {
		execl("/proc/self/exe", "self", "again", (char *)NULL);
		_exit(1);
	}
	wait(NULL);
	struct rlimit limit = { 6, 100 };
	SHOW(setrlimit(RLIMIT_NOFILE, &limit));
	close(4);
	SHOW(open("f", O_RDWR));
	SHOW(open("f", O_RDWR));
	SHOW(dup(3));
	SHOW(dup2(3, 6));
	SHOW(fcntl(3, F_DUPFD, 6));
	struct pollfd polled[7] = { { 0 } };
	SHOW(poll(polled, 7, 0));
	int path = open("f", O_PATH);
	printf("%d\n", path);
	close(5);
	path = open("f", O_PATH);
	char c;
	SHOW(read(path, &c, 1));
	SHOW(fcntl(path, F_GETFL));
	SHOW(fcntl(path, F_SETFL, 0));
	SHOW(fchmod(path, 0));
	struct stat st;
	SHOW(fstat(path, &st));
	return 0;
}
