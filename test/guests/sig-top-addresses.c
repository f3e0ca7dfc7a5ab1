/* What reading, writing and executing at the end of a user's half, in the kernel's and between them ends in. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

static sigjmp_buf back;

static void handler(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	int jumped = regs[REG_RIP] == (long)info->si_addr;
	printf("  signal %d code %d address %p trap %lld error %llx cr2 %llx%s\n", signal, info->si_code, info->si_addr, (long long)regs[REG_TRAPNO], (long long)regs[REG_ERR],
		(long long)regs[REG_CR2], jumped ? " there" : "");
	siglongjmp(back, 1);
}

int main(void)
{
	const unsigned long addresses[] = { 0x7ffffffff800, 0x7fffffffffff, 0x800000000000, 0x8000000000000000, 0xffff800000000000, 0xffffffff80000000, 0x1000 };
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	for (int i = 0; i < 7; i++) {
		unsigned long address = addresses[i];
		printf("%lx\n", address);
		if (sigsetjmp(back, 1) == 0) *(volatile char *)address;
		if (sigsetjmp(back, 1) == 0) *(volatile char *)address = 1;
		/* Of a word that ends beyond. */
		if (sigsetjmp(back, 1) == 0) *(volatile long *)(address - 4);
		/* What is not canonical faults at the jump. */
		if (address >> 47 != 0 && address >> 47 != 0x1ffff) continue;
		if (sigsetjmp(back, 1) == 0) ((void (*)(void))address)();
		if (sigsetjmp(back, 1) == 0) __asm__ volatile("push %0; ret" : : "r"(address));
	}
	return 0;
}
