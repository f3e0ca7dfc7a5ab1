/* mremap, mprotect, madvise, mincore, msync, mlock, brk: results and errors, contents kept or lost. Addresses are printed as differences. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define P 4096
static sigjmp_buf back;
static volatile int caught, caught_code;

static void handler(int signal, siginfo_t *si, void *context)
{
	caught = signal;
	caught_code = si->si_code;
	siglongjmp(back, 1);
}

static void touch(const char *what, volatile char *at, int write)
{
	caught = 0;
	if (sigsetjmp(back, 1) == 0) {
		if (write)
			*at = 1;
		else
			(void)*at;
	}
	printf("%s: %s signal %d code %d\n", what, write ? "write" : "read", caught, caught_code);
	caught_code = 0;
}

static void result(const char *what, long value)
{
	printf("%s: %s %d\n", what, value == -1 ? "error" : "ok", value == -1 ? errno : 0);
}

static char *map(size_t length, int prot, int flags)
{
	return mmap(NULL, length, prot, flags, -1, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	int anon = MAP_PRIVATE | MAP_ANONYMOUS, rw = PROT_READ | PROT_WRITE;

	char *a = map(4 * P, rw, anon);
	for (int i = 0; i < 4; i++)
		a[i * P] = 'a' + i;
	char *b = mremap(a, 4 * P, 2 * P, 0);
	printf("shrink stays %d\n", b == a);
	touch("cut off", a + 2 * P, 0);
	b = mremap(a, 2 * P, 4 * P, 0);
	printf("grow in place %d: %d %d\n", b == a, a[P], a[2 * P]);
	char *block = mmap(a + 4 * P, P, PROT_NONE, anon | MAP_FIXED_NOREPLACE, -1, 0);
	result("noreplace taken", (long)mmap(a + 3 * P, P, rw, anon | MAP_FIXED_NOREPLACE, -1, 0));
	result("grow without room", (long)mremap(a, 4 * P, 8 * P, 0));
	b = mremap(a, 4 * P, 8 * P, MREMAP_MAYMOVE);
	printf("grow moves %d: %c %c %d\n", b != a, b[0], b[P], b[7 * P]);
	touch("old place", a, 0);
	char *target = map(16 * P, PROT_READ, anon);
	char *c = mremap(b, 8 * P, 8 * P, MREMAP_MAYMOVE | MREMAP_FIXED, target + 4 * P);
	printf("fixed %d: %c\n", c == target + 4 * P, c[P]);
	result("fixed overlap", (long)mremap(c, 8 * P, 8 * P, MREMAP_MAYMOVE | MREMAP_FIXED, c + P));
	result("fixed without maymove", (long)mremap(c, 8 * P, 8 * P, MREMAP_FIXED, target));
	result("unaligned", (long)mremap(c + 1, P, P, 0));
	result("zero", (long)mremap(c, P, 0, 0));
	result("unmapped", (long)mremap((void *)0x10000000, P, 2 * P, MREMAP_MAYMOVE));
	result("across areas", (long)mremap(target, 8 * P, 20 * P, MREMAP_MAYMOVE));
	result("old size zero, private", (long)mremap(c, 0, P, MREMAP_MAYMOVE));
	char *s = map(2 * P, rw, MAP_SHARED | MAP_ANONYMOUS);
	s[P] = 's';
	char *second = mremap(s, 0, 2 * P, MREMAP_MAYMOVE);
	second[0] = 'x';
	printf("old size zero, shared: %c %c\n", second[P], s[0]);
	munmap(block, P);

	char *m = map(6 * P, rw, anon);
	memset(m, 7, 6 * P);
	result("protect", mprotect(m + P, P, PROT_READ));
	touch("read-only", m + P, 1);
	touch("read-only", m + P, 0);
	result("protect none", mprotect(m + 2 * P, P, PROT_NONE));
	touch("none", m + 2 * P, 0);
	result("protect again", mprotect(m, 6 * P, rw));
	printf("contents %d %d\n", m[P], m[2 * P]);
	munmap(m + 3 * P, P);
	result("protect over hole", mprotect(m, 6 * P, PROT_READ));
	touch("before hole", m + P, 1);
	touch("hole", m + 3 * P, 1);
	touch("behind hole", m + 4 * P, 1);
	result("protect unaligned", mprotect(m + 1, P, rw));
	result("protect nothing", mprotect((void *)0x5000, 0, rw));
	result("protect nonsense", mprotect(m, P, 0x100));
	mprotect(m, 3 * P, rw);

	result("dontneed", madvise(m, P, MADV_DONTNEED));
	printf("after dontneed %d %d\n", m[0], m[P]);
	result("dontneed over hole", madvise(m, 6 * P, MADV_DONTNEED));
	printf("behind hole %d\n", m[4 * P]);
	result("advice unknown", madvise(m, P, 77));
	result("advice unaligned", madvise(m + 1, P, MADV_NORMAL));
	result("remove private", madvise(m, P, MADV_REMOVE));
	result("remove shared", madvise(s, P, MADV_REMOVE));
	printf("after remove %d %c\n", s[0], s[P]);
	result("wipe shared", madvise(s, P, MADV_WIPEONFORK));

	unsigned char vec[8] = { 0 };
	char *r = map(3 * P, rw, anon);
	r[P] = 1;
	result("mincore", mincore(r, 3 * P, vec));
	printf("resident %d %d %d\n", vec[0], vec[1], vec[2]);
	result("mincore hole", mincore(m, 6 * P, vec));
	result("mincore unaligned", mincore(m + 1, P, vec));
	result("mincore bad vector", syscall(SYS_mincore, m, P, 8));
	result("msync", msync(s, P, MS_SYNC));
	result("msync both", msync(s, P, MS_SYNC | MS_ASYNC));
	result("msync hole", msync(m, 6 * P, MS_SYNC));
	result("mlock", mlock(r, P));
	result("dontneed locked", madvise(r, P, MADV_DONTNEED));
	result("munlock", munlock(r, P));
	result("mlock hole", mlock(m, 6 * P));
	result("munmap unaligned", munmap(m + 1, P));
	result("munmap zero", munmap(m, 0));
	result("munmap hole", munmap(m, 6 * P));

	char *heap = sbrk(0);
	printf("sbrk %d\n", sbrk(10 * P) == heap);
	heap[9 * P] = 5;
	sbrk(-10 * P);
	touch("given back", heap + 9 * P, 0);
	sbrk(10 * P);
	printf("fresh again %d\n", heap[9 * P]);

	result("nothing", (long)mmap(NULL, 0, rw, anon, -1, 0));
	result("no kind", (long)mmap(NULL, P, rw, MAP_ANONYMOUS, -1, 0));
	result("no file", (long)mmap(NULL, P, rw, MAP_PRIVATE, 99, 0));
	result("offset", (long)syscall(SYS_mmap, NULL, P, rw, MAP_PRIVATE, 0, 100));
	result("too long", (long)mmap(NULL, 1UL << 47, rw, anon, -1, 0));
	result("fixed unaligned", (long)mmap((void *)0x20000001, P, rw, anon | MAP_FIXED, -1, 0));
	printf("hint %lx\n", (long)mmap((void *)0x20000001, P, rw, anon, -1, 0));
	struct rlimit limit = { 64 << 20, 64 << 20 };
	setrlimit(RLIMIT_AS, &limit);
	result("address space limit", (long)map(128 << 20, rw, anon));

	char deep[P];
	volatile char *stack = deep;
	touch("stack grows", stack - 64 * P, 1);
	limit.rlim_cur = 256 << 10;
	setrlimit(RLIMIT_STACK, &limit);
	return 0;
}
