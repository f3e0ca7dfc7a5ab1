/* What mixed-tracer.c traces: a program with known registers, in either word size. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int handled;
static void handler(int signal) {
	handled = signal;
}

int main(void) {
	float one = 1.5f;
	signal(SIGUSR1, handler);
#ifdef __i386__
	__asm__ volatile("finit; fldpi; movss %0,%%xmm3; mov $0x11111111,%%eax; mov $0x33333333,%%ecx; mov $0x44444444,%%edx; mov $0x55555555,%%esi; mov $0x66666666,%%edi; test %%edi,%%edi; int3; fstp %%st(0)"
	                 : : "m"(one) : "eax", "ecx", "edx", "esi", "edi", "memory", "cc");
	for (int i = 0; i < 2; i++) __asm__ volatile("int $0x80" : : "a"(SYS_getppid), "b"(0xfffffff0) : "memory");
#else
	__asm__ volatile("finit; fldpi; movss %0,%%xmm3; mov $0x1111111122222222,%%rax; mov $0x33333333,%%ecx; mov $0x44444444,%%edx; mov $0x55555555,%%esi; mov $0x66666666,%%edi; test %%edi,%%edi; int3; fstp %%st(0)"
	                 : : "m"(one) : "rax", "rcx", "rdx", "rsi", "rdi", "memory", "cc");
	for (int i = 0; i < 2; i++) {
		long value;
		__asm__ volatile("syscall" : "=a"(value) : "a"(SYS_getppid), "D"(0xfffffffffffffff0) : "rcx", "r11", "memory");
	}
#endif
	kill(getpid(), SIGUSR1);
	return handled;
}
