/* `int 0x80` is i386's system call in 64-bit programs, too: 32-bit numbers, arguments and structures; strict filters see the ABI. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long call(long nr, long a, long b, long c) {
	long value;
	__asm__ volatile("int $0x80" : "=a"(value) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return value;
}

int main(void) {
	char *low = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | 0x40, -1, 0);
	memcpy(low, "written\n", 8);
	printf("getpid %d\n", call(20, 0, 0, 0) == getpid());
	fflush(stdout);
	printf("write %ld\n", call(4, 1, (long)low, 8));
	printf("high halves do not count: %d\n", call(20 | 1l << 40, 0, 0, 0) == getpid());
	printf("no such call %ld\n", call(9999, 0, 0, 0));
	memset(low, 0x55, 64);
	printf("times %d", call(43, (long)low, 0, 0) != -1);
	printf(" then %x\n", ((uint32_t *)low)[4]);
	printf("beyond 4 GB %ld\n", call(4, 1, (long)&errno & 0xffffffff, 1) < 0);
	fflush(stdout);
	if (fork() == 0) call(1, 7, 0, 0);
	int status;
	wait(&status);
	printf("exit %x\n", status);
	return 0;
}
