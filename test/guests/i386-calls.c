/* The system calls only i386 has, or has with structures of its own, made by hand. */
#define _FILE_OFFSET_BITS 32
#include "show.h"
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>

static long raw(long nr, long a, long b, long c, long d, long e, long f) {
	long in[] = {nr, a, b, c, d, e, f}, value = (long)in;
	__asm__ volatile("push %%ebp; push %%ebx; push %%esi; push %%edi; mov 24(%%eax),%%ebp; mov 20(%%eax),%%edi; mov 16(%%eax),%%esi; mov 12(%%eax),%%edx;"
	                 "mov 8(%%eax),%%ecx; mov 4(%%eax),%%ebx; mov (%%eax),%%eax; int $0x80; pop %%edi; pop %%esi; pop %%ebx; pop %%ebp"
	                 : "+a"(value) : : "ecx", "edx", "memory");
	return value;
}
#define RAW(nr, ...) printf("%s(%s) = %ld\n", #nr, #__VA_ARGS__, call(nr, ##__VA_ARGS__))
#define call(nr, ...) call_(nr, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define call_(nr, a, b, c, d, e, f, ...) raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static unsigned char bytes[4096];

/* A structure as 32-bit words, those whose value is the machine's own masked. */
static void words(const char *what, int count, unsigned long hidden) {
	unsigned *word = (unsigned *)bytes;
	printf("%s:", what);
	for (int i = 0; i < count; i++)
		if (hidden >> i & 1) printf(" .");
		else printf(" %x", word[i]);
	printf("  then %x\n", word[count]);
}
static void *fresh(void) {
	memset(bytes, 0xa5, sizeof bytes);
	return bytes;
}

static void stats(void) {
	int fd = open("file", O_RDWR | O_CREAT, 0640);
	write(fd, "0123456789", 10);
	struct timespec times[2] = {{1000000001, 5000}, {1000000002, 6000}};
	futimens(fd, times);
	RAW(106, "file", fresh());
	words("stat", 16, 1 << 0 | 1 << 1 | 3 << 12);
	RAW(108, fd, fresh());
	words("fstat", 16, 1 << 0 | 1 << 1 | 3 << 12);
	RAW(195, "file", fresh());
	words("stat64", 24, 1 << 0 | 1 << 1 | 1 << 3 | 3ul << 20 | 3ul << 22);
	RAW(300, AT_FDCWD, "file", fresh(), 0);
	words("fstatat64", 24, 1 << 0 | 1 << 1 | 1 << 3 | 3ul << 20 | 3ul << 22);
	fresh();
	long old = call(28, fd, bytes);
	printf("oldfstat %s\n", old == 0 || old == -EOVERFLOW ? "as it may be" : "wrong");
	ftruncate64(fd, 0x100000000 + 5);
	RAW(108, fd, fresh());
	RAW(197, fd, fresh());
	words("size beyond 32 bits", 24, 1 << 0 | 1 << 1 | 1 << 3 | 0xful << 18 | 3ul << 14 | 3ul << 22);
	long long position = -1;
	RAW(140, fd, 1, 4, &position, SEEK_SET);
	printf("at %llx\n", position);
	RAW(19, fd, 0, SEEK_CUR);
	RAW(19, fd, 7, SEEK_SET);
	RAW(140, fd, -1, -3, &position, SEEK_CUR);
	printf("at %lld\n", position);
	write(fd, "x", 1);
	char c = 0;
	RAW(181, fd, "y", 1, 2, 1);
	RAW(180, fd, &c, 1, 2, 1);
	printf("byte %c\n", c);
	RAW(193, "file", 20, 0);
	RAW(194, fd, 30, 0);
	RAW(324, fd, 0, 40, 0, 60, 0);
	RAW(197, fd, fresh());
	printf("size %d\n", *(int *)(bytes + 44));
	RAW(272, fd, 0, 0, 10, 0, 4);
	RAW(250, fd, 0, 0, 10, 4);
	close(fd);
	RAW(5, "file", 0102, 0);
	int large = open64("file", O_RDWR);
	printf("grown %d\n", ftruncate64(large, 0x100000000 + 5));
	RAW(5, "file", 2, 0);
	printf("large %d", (int)call(5, "file", 0100002, 0) > 2);
	RAW(108, large, fresh());
	RAW(197, large, fresh());
	printf("size %llx\n", *(long long *)(bytes + 44));
	RAW(193, "file", 3, 0);
	close(large);
}

static void locks(void) {
	int fd = open("file", O_RDWR);
	struct { short type, whence; int start, length, pid; } narrow = {F_WRLCK, SEEK_SET, 10, 20, 0};
	struct { short type, whence; long long start, length; int pid; } __attribute__((packed, aligned(4))) wide = {F_WRLCK, SEEK_SET, 0x100000000, 5, 0};
	RAW(55, fd, 6, &narrow);
	RAW(221, fd, 13, &wide);
	fflush(stdout);
	if (fork() == 0) {
		narrow.start = 0;
		narrow.length = 0;
		RAW(55, fd, 5, &narrow);
		printf("type %d start %d length %d by parent %d\n", narrow.type, narrow.start, narrow.length, narrow.pid == getppid());
		wide.start = 0x100000001;
		RAW(221, fd, 12, &wide);
		printf("type %d start %llx length %lld by parent %d\n", wide.type, wide.start, wide.length, wide.pid == getppid());
		RAW(55, fd, 6, &narrow);
		fflush(stdout);
		_exit(0);
	}
	wait(0);
	printf("flags %lx\n", call(221, fd, F_GETFL));
	close(fd);
	fd = call(5, "file", O_RDONLY | 0100000);
	printf("large %lx\n", call(221, fd, F_GETFL));
	close(fd);
}

static void small_ids(void) {
	unsigned short ids[3] = {1, 1, 1};
	unsigned wide[3] = {1, 1, 1};
	printf("uid %d same %d\n", call(24) == call(199), call(47) == call(200));
	RAW(165, &ids[0], &ids[1], &ids[2]);
	RAW(209, &wide[0], &wide[1], &wide[2]);
	printf("same %d %d\n", ids[0] == wide[0], ids[2] == wide[2]);
	RAW(70, 0xffff, 0xffff);
	RAW(71, -1, -1);
	RAW(182, "file", 0xffff, 0xffff);
	RAW(16, "file", 0xffff, 0xffff);
	printf("groups %d\n", call(80, 0, 0) == call(205, 0, 0));
	if (call(24) == 0) {
		RAW(212, "file", 70000, 80000);
		RAW(106, "file", fresh());
		printf("owner %d group %d\n", *(unsigned short *)(bytes + 12), *(unsigned short *)(bytes + 14));
		RAW(182, "file", 0xffff, 5);
		RAW(195, "file", fresh());
		printf("owner %d group %d\n", *(int *)(bytes + 24), *(int *)(bytes + 28));
		unsigned some[2] = {100000, 7};
		unsigned short got[4] = {0};
		RAW(206, 2, some);
		printf("groups %ld", call(80, 4, got));
		printf(": %d %d\n", got[0], got[1]);
		RAW(206, 0, 0);
	}
}

static void in_memory(void) {
	long map[6] = {0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
	long at = call(90, map);
	printf("mmap %d\n", at != -1 && (at & 0xfff) == 0);
	int fd = open("pages", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 16384);
	pwrite(fd, "third", 5, 8192);
	at = call(192, 0, 4096, PROT_READ, MAP_SHARED, fd, 2);
	printf("mmap2 %s\n", (char *)at);
	map[0] = 0; map[1] = 4096; map[2] = PROT_READ; map[3] = MAP_SHARED; map[4] = fd; map[5] = 4096 * 2;
	printf("mmap %s\n", (char *)call(90, map));
	map[5] = 5;
	RAW(90, map);
	RAW(90, 8);
	int pipes[2];
	RAW(42, pipes);
	write(pipes[1], "a", 1);
	fd_set set;
	FD_ZERO(&set);
	FD_SET(pipes[0], &set);
	struct timeval none = {0, 0};
	long select_arguments[5] = {pipes[0] + 1, (long)&set, 0, 0, (long)&none};
	RAW(82, select_arguments);
	RAW(142, pipes[0] + 1, &set, 0, 0, &none);
}

static void sockets(void) {
	int pair[2];
	long a[6] = {AF_UNIX, SOCK_STREAM, 0, (long)pair};
	RAW(102, 8, a);
	long send_arguments[6] = {pair[0], (long)"hello", 5, 0};
	RAW(102, 9, send_arguments);
	char buffer[16] = "";
	long receive_arguments[6] = {pair[1], (long)buffer, 16, 0};
	RAW(102, 10, receive_arguments);
	printf("%s\n", buffer);
	RAW(102, 99, a);
	RAW(102, 1, 8);
	long socket_arguments[3] = {AF_UNIX, SOCK_DGRAM, 0};
	printf("socket %d\n", call(102, 1, socket_arguments) >= 0);
	long value = 0, length = 4, option[5] = {pair[0], SOL_SOCKET, SO_TYPE, (long)&value, (long)&length};
	RAW(102, 15, option);
	printf("type %ld length %ld\n", value, length);
	RAW(369, pair[0], "again", 5, 0, 0, 0);
	struct iovec vector = {buffer, 16};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	RAW(372, pair[1], &header, 0);
	struct timeval timeout = {1, 500000};
	setsockopt(pair[0], SOL_SOCKET, 20, &timeout, sizeof timeout);
	socklen_t size = sizeof timeout;
	memset(&timeout, 0, sizeof timeout);
	getsockopt(pair[0], SOL_SOCKET, 20, &timeout, &size);
	printf("timeout %ld %ld size %d\n", (long)timeout.tv_sec, (long)timeout.tv_usec, size);
}

static void limits_and_usage(void) {
	struct rlimit limit = {100, 200};
	unsigned old[2], now[2];
	setrlimit(RLIMIT_CORE, &limit);
	RAW(76, RLIMIT_CORE, old);
	RAW(191, RLIMIT_CORE, now);
	printf("%u %u, %u %u\n", old[0], old[1], now[0], now[1]);
	RAW(191, RLIMIT_CPU, now);
	RAW(76, RLIMIT_CPU, old);
	printf("infinite %x %x\n", old[0], now[0]);
	RAW(77, RUSAGE_SELF, fresh());
	words("rusage", 18, 0x3fbff);
	RAW(116, fresh());
	printf("sysinfo pad %x unit %x then %x\n", *(unsigned short *)(bytes + 42), *(unsigned *)(bytes + 52) != 0, *(unsigned *)(bytes + 64));
	RAW(99, "/dev/shm", fresh());
	words("statfs", 16, 0x1fc | 3 << 7 | 1 << 11);
	RAW(268, "/dev/shm", 84, fresh());
	words("statfs64", 21, 0x3ffc | 3 << 12 | 1 << 16);
	RAW(268, "/dev/shm", 88, bytes);
	printf("times %d", call(43, fresh()) != -1);
	printf(" then %x\n", ((unsigned *)bytes)[4]);
	RAW(109, fresh());
	printf("olduname %s then %x\n", bytes, bytes[325]);
	RAW(59, fresh());
	printf("oldolduname %s then %x\n", bytes, bytes[45]);
	RAW(34, 1);
	printf("nice %ld\n", call(96, 0, 0));
	RAW(113, 0, 0);
	RAW(242, 0, 4, fresh()) ;
	RAW(242, 0, 3, bytes);
}

static void directories(void) {
	mkdir("dir", 0700);
	close(open("dir/name", O_CREAT | O_WRONLY, 0600));
	int fd = open("dir", O_RDONLY), found = 0;
	for (int i = 0; i < 3; i++) {
		if (call(89, fd, fresh(), 1) != 1) break;
		if (*(unsigned short *)(bytes + 8) == 4 && memcmp(bytes + 10, "name", 5) == 0) found++;
	}
	printf("readdir found %d end %ld\n", found, call(89, fd, bytes, 1));
	lseek(fd, 0, SEEK_SET);
	int length = call(141, fd, fresh(), 4096);
	for (int at = 0; at < length; at += *(unsigned short *)(bytes + at + 8))
		if (strcmp((char *)bytes + at + 10, "name") == 0) printf("getdents %d bytes, type %d\n", *(unsigned short *)(bytes + at + 8), bytes[at + *(unsigned short *)(bytes + at + 8) - 1]);
	length = call(220, fd, lseek(fd, 0, SEEK_SET) == 0 ? fresh() : 0, 4096);
	for (int at = 0; at < length; at += *(unsigned short *)(bytes + at + 16))
		if (strcmp((char *)bytes + at + 19, "name") == 0) printf("getdents64 %d bytes, type %d\n", *(unsigned short *)(bytes + at + 16), bytes[at + 18]);
	close(fd);
	int in = open("pages", O_RDONLY), out = open("copy", O_RDWR | O_CREAT, 0600);
	long narrow = 8192;
	RAW(187, out, in, &narrow, 5);
	long long wide = 8192;
	RAW(239, out, in, &wide, 5);
	printf("offsets %ld %lld\n", narrow, wide);
}

static void times_of_both_kinds(void) {
	struct { long long seconds; int fraction, padding; } wide[2] = {{0, 0, 0}};
	struct { int seconds, fraction; } narrow[2] = {{0, 0}};
	RAW(265, CLOCK_MONOTONIC, narrow);
	RAW(403, CLOCK_MONOTONIC, wide);
	printf("close %d fraction %d\n", wide[0].seconds - narrow[0].seconds <= 1, wide[0].fraction >= 0 && wide[0].fraction < 1000000000);
	wide[0].seconds = 0; wide[0].fraction = 1000; wide[0].padding = 77;
	RAW(407, CLOCK_MONOTONIC, 0, wide, 0);
	wide[0].fraction = 1000000000;
	RAW(407, CLOCK_MONOTONIC, 0, wide, 0);
	RAW(406, CLOCK_MONOTONIC, wide);
	printf("resolution %d padding %d\n", wide[0].fraction, wide[0].padding);
	struct { int start, next; } word = {5, 0};
	narrow[0].seconds = 0; narrow[0].fraction = 1000;
	RAW(240, &word, 0, 5, narrow);
	wide[0].seconds = 0; wide[0].fraction = 1000; wide[0].padding = -1;
	RAW(422, &word, 0, 5, wide);
	RAW(422, &word, 0, 6, wide);
	int pipes[2];
	pipe(pipes);
	struct pollfd poll = {pipes[0], POLLIN, 0};
	RAW(309, &poll, 1, narrow, 0, 8);
	wide[0].fraction = 1000; wide[0].padding = -1;
	RAW(414, &poll, 1, wide, 0, 8);
	wide[0].seconds = 5000000000; wide[0].fraction = 7; wide[0].padding = -1; wide[1] = wide[0];
	RAW(412, AT_FDCWD, "copy", wide, 0);
	printf("far time %d\n", (int)call(383, AT_FDCWD, "copy", 0, 0x7ff, fresh()));
	printf("atime %lld mtime fraction %d\n", *(long long *)(bytes + 64), *(int *)(bytes + 120));
	int timer = call(322, CLOCK_MONOTONIC, 0);
	memset(wide, 0, sizeof wide);
	wide[1].seconds = 100; wide[1].padding = -1;
	RAW(411, timer, 0, wide, 0);
	RAW(326, timer, narrow);
	printf("left %d\n", narrow[1].seconds >= 99);
	RAW(410, timer, wide);
	printf("left %d\n", wide[1].seconds >= 99);
	int id;
	RAW(259, CLOCK_MONOTONIC, 0, &id);
	wide[1].seconds = 100; wide[1].fraction = 0; wide[1].padding = -1;
	RAW(409, id, 0, wide, 0);
	RAW(261, id, narrow);
	printf("left %d\n", narrow[1].seconds >= 99);
	printf("time %d", call(13, fresh()) > 1000000000);
	printf(" %d then %x\n", *(unsigned *)bytes > 1000000000, ((unsigned *)bytes)[1]);
}

static void personalities(void) {
	printf("personality %lx\n", call(136, -1));
	call(136, 8);
	call(122, fresh());
	printf("machine %s\n", bytes + 65 * 4);
	call(136, 0);
	call(122, fresh());
	printf("machine %s\n", bytes + 65 * 4);
	call(136, 0x0400000);
	char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(page, "\xb8\x2a\0\0\0\xc3", 6);
	printf("runs data: %d\n", ((int (*)(void))page)());
	call(136, 0);
	printf("robust %ld", call(311, bytes, 12));
	printf(" %ld\n", call(311, bytes, 24));
	int status;
	fflush(stdout);
	if (fork() == 0) _exit(7);
	printf("waitpid %d", call(7, -1, &status, 0) > 0);
	printf(" %x\n", status);
	fflush(stdout);
	if (fork() == 0) _exit(8);
	siginfo_t info;
	memset(&info, 0, sizeof info);
	printf("waitid %ld", call(284, P_ALL, 0, &info, WEXITED, fresh()));
	printf(" signal %d code %d status %d\n", info.si_signo, info.si_code, info.si_status);
}

int main(void) {
	enter_fresh_directory();
	setvbuf(stdout, 0, _IOLBF, 0);
	stats();
	locks();
	small_ids();
	in_memory();
	sockets();
	limits_and_usage();
	directories();
	times_of_both_kinds();
	personalities();
	return 0;
}
