/* File contents: reading, writing, seeking, sparse files, truncation, mappings, vectors, limits of offsets. */
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#include "show.h"
#include <sys/sendfile.h>
#include <sys/resource.h>
#include <setjmp.h>

static sigjmp_buf fault;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)context;
	printf("signal %d code %d\n", signal, info->si_code);
	siglongjmp(fault, 1);
}

int main(void)
{
	char buffer[100000];
	enter_fresh_directory();
	int fd = open("f", O_RDWR | O_CREAT, 0644);
	SHOW(write(fd, "0123456789", 10));
	SHOW(lseek(fd, 0, SEEK_CUR));
	SHOW(pread(fd, buffer, 4, 3));
	printf("%.4s\n", buffer);
	SHOW(pwrite(fd, "abc", 3, 8));
	SHOW(lseek(fd, -2, SEEK_END));
	SHOW(read(fd, buffer, 100));
	SHOW(read(fd, buffer, 100));
	SHOW(lseek(fd, -1, SEEK_SET));
	SHOW(lseek(fd, 0, 99));
	SHOW(lseek(fd, 100000, SEEK_SET));
	SHOW(write(fd, "end", 3));
	struct stat st;
	fstat(fd, &st);
	printf("size %ld sparse %d\n", (long)st.st_size, st.st_blocks < 100);
	SHOW(pread(fd, buffer, sizeof buffer, 0));
	int zero = 1;
	for (int i = 11; i < 100000; i++)
		zero &= buffer[i] == 0;
	printf("the hole reads as zeros: %d\n", zero);
	SHOW(lseek(fd, 0, SEEK_DATA));
	SHOW(lseek(fd, 200000, SEEK_DATA));
	SHOW(lseek(fd, 100003, SEEK_HOLE));
	SHOW(ftruncate(fd, 5));
	SHOW(ftruncate(fd, 12));
	SHOW(ftruncate(fd, -1));
	SHOW(pread(fd, buffer, 20, 0));
	printf("%.5s %d\n", buffer, buffer[5]);
	SHOW(truncate("f", 3));
	SHOW(truncate("nothing", 3));
	SHOW(truncate("/tmp", 3));
	int read_only = open("f", O_RDONLY);
	SHOW(write(read_only, "x", 1));
	SHOW(ftruncate(read_only, 1));
	int write_only = open("f", O_WRONLY | O_APPEND);
	SHOW(read(write_only, buffer, 1));
	SHOW(write(write_only, "app", 3));
	SHOW(pwrite(write_only, "end", 3, 0));
	SHOW(pread(fd, buffer, 20, 0));
	printf("%.9s\n", buffer);
	SHOW(read(1000, buffer, 1));
	SHOW(read(fd, (void *)1, 1));
	SHOW(write(fd, (void *)1, 1));
	SHOW(pread(fd, buffer, 1, -1));

	struct iovec vector[3] = { { "one", 3 }, { NULL, 0 }, { "three", 5 } };
	lseek(fd, 0, SEEK_SET);
	SHOW(writev(fd, vector, 3));
	SHOW(writev(fd, vector, -1));
	SHOW(writev(fd, vector, 0));
	char a[2], b[100];
	struct iovec into[2] = { { a, 2 }, { b, 100 } };
	SHOW(preadv(fd, into, 2, 0));
	printf("%.2s %.7s\n", a, b);
	SHOW(preadv2(fd, into, 2, -1, 0));
	SHOW(pwritev2(fd, vector, 3, 1, RWF_APPEND));
	SHOW(lseek(fd, 0, SEEK_END));
	SHOW(fallocate(fd, 0, 0, 50000));
	SHOW(lseek(fd, 0, SEEK_END));
	memset(buffer, 'x', sizeof buffer);
	SHOW(pwrite(fd, buffer, 50000, 0));
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 5000, 20000));
	SHOW(pread(fd, buffer, 50000, 0));
	int wrong = 0;
	for (int i = 0; i < 50000; i++)
		wrong += buffer[i] != (i >= 5000 && i < 25000 ? 0 : 'x');
	printf("punched: %d wrong\n", wrong);
	SHOW(fallocate(fd, 0, -1, 10));
	SHOW(fallocate(read_only, 0, 0, 10));
	SHOW(fsync(fd));
	SHOW(fdatasync(1000));
	SHOW(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));

	char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	SHOW(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, read_only, 0) == MAP_FAILED ? -1 : 0);
	SHOW(mmap(NULL, 8192, PROT_READ, MAP_SHARED, write_only, 0) == MAP_FAILED ? -1 : 0);
	OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, read_only, 0) == MAP_FAILED ? -1 : 0);
	shared[0] = 'S';
	private[1] = 'P';
	pread(fd, buffer, 2, 0);
	printf("file %.2s private %.2s\n", buffer, private);
	pwrite(fd, "QQ", 2, 0);
	printf("shared %.2s private %.2s\n", shared, private);
	if (fork() == 0) {
		shared[2] = 'C';
		private[3] = 'D';
		_exit(0);
	}
	wait(NULL);
	printf("after the child: shared %c private %c\n", shared[2], private[3]);
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	sigaction(SIGBUS, &action, NULL);
	char *beyond = mmap(NULL, 200000, PROT_READ, MAP_SHARED, fd, 0);
	printf("before: %d\n", beyond[8192]);
	char *copies = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	copies[9000] = 'c';
	SHOW(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 8192));
	printf("punched: %d, copy %d\n", beyond[8192], copies[9000]);
	pwrite(fd, "w", 1, 8192);
	printf("written again: %d\n", beyond[8192]);
	ftruncate(fd, 6000);
	if (sigsetjmp(fault, 1) == 0)
		printf("%d\n", ((volatile char *)copies)[9000]);
	printf("last page's rest %d\n", beyond[6001]);
	if (sigsetjmp(fault, 1) == 0)
		printf("%d\n", ((volatile char *)beyond)[8192]);
	SHOW(msync(shared, 4096, MS_SYNC));
	close(fd);
	shared[5] = 'Z';
	fd = open("f", O_RDONLY);
	pread(fd, buffer, 10, 0);
	printf("after close: %c\n", buffer[5]);

	int out = open("copy", O_RDWR | O_CREAT, 0644);
	off_t offset = 2;
	SHOW(sendfile(out, fd, &offset, 100));
	printf("offset %ld, position %ld\n", (long)offset, (long)lseek(fd, 0, SEEK_CUR));
	SHOW(sendfile(out, fd, NULL, 100000));
	SHOW(lseek(out, 0, SEEK_CUR));
	loff_t in_at = 0, out_at = 10;
	SHOW(copy_file_range(fd, &in_at, out, &out_at, 50, 0));
	SHOW(copy_file_range(out, NULL, fd, NULL, 50, 0));
	printf("%ld %ld\n", (long)in_at, (long)out_at);

	int memory = memfd_create("name", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	SHOW(fcntl(memory, F_GETFD));
	SHOW(write(memory, "sealed", 6));
	SHOW(fcntl(memory, F_GET_SEALS));
	SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
	SHOW(write(memory, "more", 4));
	SHOW(ftruncate(memory, 2));
	SHOW(pwrite(memory, "S", 1, 0));
	SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
	SHOW(pwrite(memory, "S", 1, 0));
	SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
	SHOW(fcntl(fd, F_GET_SEALS));
	char link[100], path[100];
	snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
	ssize_t length = readlink(path, link, sizeof link);
	printf("%.*s\n", (int)length, link);

	int big = open("big", O_RDWR | O_CREAT, 0644);
	SHOW(ftruncate(big, 1L << 40));
	size_t size = 5000000;
	char *many = malloc(size);
	for (size_t i = 0; i < size; i++)
		many[i] = i * 31 >> 3;
	SHOW(pwrite(big, many, size, (1L << 39) + 7));
	char *back = malloc(size);
	SHOW(pread(big, back, size, (1L << 39) + 7));
	printf("the same: %d\n", memcmp(many, back, size) == 0);
	SHOW(pread(big, back, size, (1L << 40) - 2000000));
	SHOW(lseek(big, 0, SEEK_DATA) > 0);
	int ends[2], status;
	pipe(ends);
	fflush(stdout);
	if (fork() == 0) {
		close(ends[0]);
		_exit(write(ends[1], many, size) == size ? 0 : 1);
	}
	close(ends[1]);
	size_t total = 0;
	ssize_t got;
	while ((got = read(ends[0], back + total, size - total)) > 0)
		total += got;
	wait(&status);
	printf("through a pipe: %zu, the same %d, status %d\n", total, memcmp(many, back, size) == 0, status);

	struct rlimit limit = { 100, 100 };
	SHOW(setrlimit(RLIMIT_FSIZE, &limit));
	signal(SIGXFSZ, SIG_IGN);
	SHOW(pwrite(out, buffer, 50, 80));
	SHOW(pwrite(out, buffer, 50, 100));
	SHOW(ftruncate(out, 101));
	SHOW(open("/dev/null", O_WRONLY) >= 0);
	fd = open("/dev/zero", O_RDWR);
	buffer[7] = 9;
	SHOW(read(fd, buffer, 8));
	printf("%d\n", buffer[7]);
	SHOW(write(fd, buffer, 8));
	fd = open("/dev/full", O_RDWR);
	SHOW(write(fd, buffer, 8));
	fd = open("/dev/null", O_RDWR);
	SHOW(read(fd, buffer, 8));
	SHOW(write(fd, buffer, 8));
	SHOW(lseek(fd, 100, SEEK_SET));
	fd = open("/dev/urandom", O_RDONLY);
	SHOW(read(fd, buffer, 8));
	return 0;
}
