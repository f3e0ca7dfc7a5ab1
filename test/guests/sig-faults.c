/* Every way an instruction can end in a signal: number, code, address, and what the frame says of the exception. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static unsigned long base;
static volatile unsigned long expected_rip;

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;
	unsigned long address = (unsigned long)info->si_addr, rip = regs[REG_RIP], cr2 = regs[REG_CR2];
	printf("  signal %d code %d ", signal, info->si_code);
	if (address == rip)
		printf("address rip");
	else if (address - base < 0x10000)
		printf("address base+%lx", address - base);
	else
		printf("address %lx", address);
	printf(" trap %lld", (long long)regs[REG_TRAPNO]);
	if (regs[REG_TRAPNO] == 14)
		printf(" error %llx cr2 %s", (long long)regs[REG_ERR] & ~1, cr2 == address ? "same" : "other");
	else
		printf(" error %llx", (long long)regs[REG_ERR]);
	if (expected_rip != 0)
		printf(" rip %+ld", (long)(rip - expected_rip));
	printf(" tf %d\n", (int)(regs[REG_EFL] >> 8 & 1));
	siglongjmp(back, 1);
}

/* Lets six instructions trap, then takes TF back. */
static int steps;
static void stepped(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;
	steps++;
	printf("  step %d code %d at %+ld\n", steps, info->si_code, (long)(regs[REG_RIP] - expected_rip));
	if (steps == 6)
		regs[REG_EFL] &= ~0x100;
	(void)signal;
}

#define CASE(name, statement) do { printf("%s\n", name); expected_rip = 0; if (sigsetjmp(back, 1) == 0) { statement; printf("  nothing\n"); } } while (0)
/* With the address of the instruction noted first */
#define CODE(name, code) CASE(name, __asm__ volatile("lea 1f(%%rip),%%rax\n\tmov %%rax,%0\n\txor %%eax,%%eax\n1:\t" code : "=m"(expected_rip) : : "rax", "rcx", "rdx", "rbx", "rdi", "r11", "memory", "cc"))
#define SET_TF "pushfq\n\tpushfq\n\torl $0x100,(%%rsp)\n\tpopfq\n\t"

static void count_steps(void)
{
	struct sigaction old, action = { .sa_sigaction = stepped, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigaction(SIGTRAP, &action, &old);
	__asm__ volatile("lea -256(%%rsp),%%rsp\n\tlea 1f(%%rip),%%rax\n\tmov %%rax,%0\n\txor %%eax,%%eax\n1:\t"
		SET_TF "inc %%eax\n\tmov $39,%%eax\n\tsyscall\n\tnop\n\tpushfq\n\tpop %%rax\n\tnop\n\tnop\n\tpopfq\n\tlea 256(%%rsp),%%rsp"
		: "=m"(expected_rip) : : "rax", "rcx", "r11", "memory", "cc");
	sigaction(SIGTRAP, &old, NULL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
	sigaltstack(&alternate, NULL);
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	for (int i = 0; i < 6; i++)
		sigaction(signals[i], &action, NULL);
	int fd = memfd_create("x", 0);
	ftruncate(fd, 4096);
	char *page = mmap((void *)0x700000000000, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	base = (unsigned long)page;
	volatile char sink;
	(void)sink;

	CASE("read of address 0", sink = *(volatile char *)0);
	mprotect(page, 4096, PROT_READ);
	CASE("write, read-only and present", sink = page[0]; *(volatile char *)page = 1);
	CASE("write, read-only and never touched", mprotect(page + 4096, 4096, PROT_READ); *(volatile char *)(page + 4098) = 1);
	CASE("read, PROT_NONE", mprotect(page + 8192, 4096, PROT_NONE); sink = *(volatile char *)(page + 8193));
	CASE("call, not executable", ((void (*)(void))(page + 12288))());
	CASE("call of nothing", ((void (*)(void))0x1000)());
	CASE("write across the end", munmap(page + 0xf000, 4096); *(volatile long *)(page + 0xeffc) = 1);
	mmap(page + 0x4000, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	CASE("beyond the file", sink = *(volatile char *)(page + 0x5008));
	CASE("kernel address", sink = *(volatile char *)0xffff888000000010);
	CASE("not canonical", sink = *(volatile char *)0x8888000000000010);
	CASE("jump to a non-canonical address", ((void (*)(void))0x8888000000000010)());
	CODE("ud2", "ud2");
	CODE("hlt", "hlt");
	CODE("in", "inb $0x80,%%al");
	CODE("cli", "cli");
	CODE("mov to cr3", "mov %%rax,%%cr3");
	CODE("lgdt", "lgdt (%%rsp)");
	CODE("int 0x21", "int $0x21");
	CODE("int3", "int3");
	CODE("int 3, long form", ".byte 0xcd, 3");
	CODE("int 4", "int $4");
	CODE("division by zero", "div %%eax");
	CODE("quotient too large", "mov $1,%%edx\n\tmov $1,%%ecx\n\tdiv %%ecx");
	CODE("movaps, not aligned", "movaps 1(%%rsp),%%xmm1");
	CODE("bad prefix", ".byte 0xf0, 0x90");
	CODE("load of a bad selector", "mov $0x1230,%%eax\n\tmov %%eax,%%ds");

	CODE("trap flag", SET_TF "nop\n\tnop");
	CODE("trap flag, the next instruction clears it", SET_TF "popfq\n\tnop\n\tnop");
	CODE("trap flag, the next instruction faults", SET_TF "xor %%ecx,%%ecx\n\tdiv %%ecx");
	CODE("trap flag, the next instruction faults at once", "xor %%ecx,%%ecx\n\t" SET_TF "div %%ecx");
	CODE("trap flag and cpuid", "push %%rbx\n\t" SET_TF "cpuid\n\tnop");
	CODE("trap flag and rep stosb", "lea -64(%%rsp),%%rdi\n\tmov $1,%%ecx\n\t" SET_TF "rep stosb\n\tnop");
	CODE("trap flag and a jump", SET_TF "jmp 2f\n\tud2\n2:\tnop");
	CODE("trap flag and a system call", "mov $39,%%eax\n\t" SET_TF "syscall\n\tnop\n\tnop");
	CODE("trap flag and int3", SET_TF "int3\n\tnop");
	CASE("trap flag, through returning handlers", count_steps());

	CASE("x87 division by zero", __asm__ volatile("fninit\n\tpushq $0x37b\n\tfldcw (%%rsp)\n\tpop %%rax\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" ::: "rax", "memory"));
	__asm__ volatile("fninit");
	CASE("x87 invalid", __asm__ volatile("fninit\n\tpushq $0x37e\n\tfldcw (%%rsp)\n\tpop %%rax\n\tfldz\n\tfldz\n\tfdivp\n\tfwait" ::: "rax", "memory"));
	__asm__ volatile("fninit");
	CASE("SSE division by zero", __asm__ volatile("pushq $0x1d80\n\tldmxcsr (%%rsp)\n\tpop %%rax\n\tpcmpeqd %%xmm1,%%xmm1\n\tpsrlq $63,%%xmm1\n\tcvtdq2pd %%xmm1,%%xmm1\n\txorpd %%xmm2,%%xmm2\n\tdivpd %%xmm2,%%xmm1" ::: "rax", "xmm1", "xmm2", "memory"));
	CASE("SSE invalid", __asm__ volatile("pushq $0x1f00\n\tldmxcsr (%%rsp)\n\tpop %%rax\n\txorps %%xmm1,%%xmm1\n\tdivss %%xmm1,%%xmm1" ::: "rax", "xmm1", "memory"));
	CASE("SSE inexact", __asm__ volatile("pushq $0x0f80\n\tldmxcsr (%%rsp)\n\tpop %%rax\n\tmov $3,%%eax\n\tcvtsi2ss %%eax,%%xmm2\n\tmov $1,%%eax\n\tcvtsi2ss %%eax,%%xmm1\n\tdivss %%xmm2,%%xmm1" ::: "rax", "xmm1", "xmm2", "memory"));
	return 0;
}
