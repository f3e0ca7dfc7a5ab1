/* mmap, mprotect, munmap, mremap, madvise, mincore: what is allowed, what faults, and with which si_code. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int code, number;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	number = sig;
	code = info->si_code;
	siglongjmp(back, 1);
}

#define TRY(what)                                                            \
	do {                                                                 \
		if (sigsetjmp(back, 1))                                      \
			printf("%s: signal %d code %d\n", #what, number, code); \
		else {                                                       \
			(void)(what);                                        \
			printf("%s: ok\n", #what);                           \
		}                                                            \
	} while (0)
#define SAY(call)                                                            \
	do {                                                                 \
		errno = 0;                                                   \
		long result = (long)(call);                                  \
		printf("%s = %ld errno %d\n", #call, result, errno);         \
	} while (0)

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);

	volatile char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("fresh memory reads %d\n", p[5000]);
	p[0] = 1;
	p[4096] = 2;
	SAY(mprotect((void *)p, 4096, PROT_READ));
	TRY(p[0]);
	TRY(p[0] = 3);
	SAY(mprotect((void *)p, 4096, PROT_NONE));
	TRY(p[0]);
	TRY(p[4096] = 4);
	SAY(mprotect((void *)p, 4096, PROT_READ | PROT_WRITE));
	printf("kept %d %d\n", p[0], p[4096]);
	SAY(munmap((void *)(p + 4096), 4096));
	TRY(p[4096]);
	SAY(mprotect((void *)p, 16384, PROT_READ));
	SAY(munmap((void *)(p + 4096), 4096));
	SAY(munmap((void *)(p + 1), 4096));
	SAY(munmap((void *)p, 0));
	TRY(*(volatile char *)0);
	TRY(*(volatile char *)0xffff800000000000ul);
	TRY(*(volatile char *)0x0000900000000000ul);

	char *q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(q + 4000, "moves along");
	char *r = mremap(q, 8192, 65536, MREMAP_MAYMOVE);
	printf("grown: %s, tail %d\n", r + 4000, r[65535]);
	printf("shrunk in place: %d\n", mremap(r, 65536, 4096, 0) == r);
	SAY(mremap(r, 4096, 8192, 1 << 20) == MAP_FAILED);
	strcpy(r, "gone");
	SAY(madvise(r, 4096, MADV_DONTNEED));
	printf("after DONTNEED: %d\n", r[0]);
	SAY(madvise(r + 1, 4096, MADV_DONTNEED));

	char *f = mmap(r, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	printf("fixed %d\n", f == r);
	f = mmap(r, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	printf("noreplace %d errno %d\n", f == MAP_FAILED, errno);
	SAY(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
	SAY(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0) == MAP_FAILED);
	SAY(mmap((void *)1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);

	void *start = sbrk(0);
	printf("brk moves %d\n", sbrk(10000) == start);
	memset(start, 7, 10000);
	printf("brk memory %d\n", ((char *)start)[9999]);
	SAY(brk(start));
	return 0;
}
