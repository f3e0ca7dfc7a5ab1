/* Handlers: order, masks, flags, alternate stacks, siginfo of every source, and what a handler may change in the interrupted code. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int depth, again;
static char *page;

static void report(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	sigset_t now;
	sigprocmask(SIG_BLOCK, NULL, &now);
	printf("%*ssignal %d code %d", depth * 2, "", signal, info->si_code);
	if (info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE)
		printf(" from me %d", info->si_pid == getpid());
	if (info->si_code == SI_QUEUE)
		printf(" value %d", info->si_value.sival_int);
	printf(" masked %d usr2 %d before %d flags %llx\n", sigismember(&now, signal), sigismember(&now, SIGUSR2), sigismember(&uc->uc_sigmask, SIGUSR2), (unsigned long long)uc->uc_flags & 6);
	depth++;
	if (signal == SIGUSR1 && again-- > 0)
		raise(SIGUSR1);
	depth--;
}

static void set(int signal, int flags, int also)
{
	struct sigaction action = { .sa_sigaction = report, .sa_flags = SA_SIGINFO | flags };
	if (also)
		sigaddset(&action.sa_mask, also);
	printf("sigaction %d\n", sigaction(signal, &action, NULL));
}

static void fault(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;
	printf("fault %d code %d at page %d trap %lld error %lld cr2 %d\n", signal, info->si_code, info->si_addr == page + 0x18, (long long)regs[REG_TRAPNO], (long long)regs[REG_ERR] & 2, (void *)regs[REG_CR2] == page + 0x18);
	if (signal == SIGSEGV)
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
	else
		regs[REG_RIP] += signal == SIGILL ? 2 : 3;
	regs[REG_R15] = 77;
}

static void on_stack(int signal)
{
	stack_t now;
	sigaltstack(NULL, &now);
	char here;
	printf("on alternate stack: flags %d inside %d\n", now.ss_flags, &here >= (char *)now.ss_sp && &here < (char *)now.ss_sp + now.ss_size);
	printf("changing it there %d", sigaltstack(&now, NULL));
	printf(" errno %d\n", errno);
}

static double keep(double x)
{
	raise(SIGUSR2);
	return x * 2;
}

static void clobber(int signal)
{
	volatile double x = 1.5;
	unsigned csr = __builtin_ia32_stmxcsr();
	unsigned short control;
	__asm__ volatile("fnstcw %0" : "=m"(control));
	printf("handler starts with mxcsr %x fpu control %x\n", csr, control);
	__asm__ volatile("pcmpeqd %%xmm0,%%xmm0\n\tpcmpeqd %%xmm7,%%xmm7\n\tfldpi" ::: "xmm0", "xmm7");
	x = x + 1;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	set(SIGUSR1, 0, SIGUSR2);
	again = 2;
	raise(SIGUSR1);
	again = 2;
	set(SIGUSR1, SA_NODEFER, 0);
	raise(SIGUSR1);
	set(SIGHUP, SA_RESETHAND, 0);
	kill(getpid(), SIGHUP);
	struct sigaction old;
	sigaction(SIGHUP, NULL, &old);
	printf("reset to default %d flags %x\n", old.sa_handler == SIG_DFL, old.sa_flags & ~0x04000000);

	sigset_t block, pending;
	sigfillset(&block);
	sigprocmask(SIG_SETMASK, &block, NULL);
	set(SIGRTMIN + 1, 0, 0);
	set(SIGRTMIN, 0, 0);
	set(SIGUSR2, 0, 0);
	for (int i = 0; i < 3; i++) {
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = i });
		sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i + 10 });
		sigqueue(getpid(), SIGUSR2, (union sigval){ .sival_int = i + 20 });
	}
	sigpending(&pending);
	printf("pending %d %d %d %d\n", sigismember(&pending, SIGUSR2), sigismember(&pending, SIGRTMIN), sigismember(&pending, SIGRTMIN + 1), sigismember(&pending, SIGUSR1));
	sigprocmask(SIG_BLOCK, NULL, &pending);
	printf("kill and stop cannot be blocked: %d %d\n", sigismember(&pending, SIGKILL), sigismember(&pending, SIGSTOP));
	sigemptyset(&block);
	sigprocmask(SIG_SETMASK, &block, NULL);

	page = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	long fifteen = 0;
	__asm__ volatile("xor %%r15d,%%r15d\n\tmovl $5,(%1)\n\tmov %%r15,%0" : "=r"(fifteen) : "r"(page + 0x18) : "r15", "memory");
	printf("store repeated: %d, r15 set by the handler %ld\n", page[0x18], fifteen);
	__asm__ volatile("ud2" ::: "r15");
	__asm__ volatile("xor %%edx,%%edx\n\txor %%ecx,%%ecx\n\tdiv %%rcx" ::: "rax", "rcx", "rdx", "r15");
	munmap(page, 4096);
	action.sa_handler = SIG_DFL;
	action.sa_flags = 0;

	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 }, none;
	printf("no stack yet %d", sigaltstack(&stack, &none));
	printf(" flags %d\n", none.ss_flags);
	stack.ss_size = 100;
	printf("too small %d", sigaltstack(&stack, NULL));
	printf(" errno %d\n", errno);
	struct sigaction onstack = { .sa_handler = on_stack, .sa_flags = SA_ONSTACK };
	sigaction(SIGUSR1, &onstack, NULL);
	raise(SIGUSR1);
	sigaltstack(NULL, &none);
	printf("back: flags %d size %zu\n", none.ss_flags, none.ss_size);

	signal(SIGUSR2, clobber);
	__builtin_ia32_ldmxcsr(0x3f80);
	long double extended = 1.0L / 3.0L;
	double product = keep(2.25);
	printf("registers kept: %g %.18Lg mxcsr %x\n", product, extended * 3, __builtin_ia32_stmxcsr() & 0xe000);

	printf("errors: %d %d", sigaction(SIGKILL, &onstack, NULL), errno);
	printf(" %d %d", sigaction(65, &onstack, NULL), errno);
	printf(" %d %d", kill(getpid(), 65), errno);
	printf(" %ld %d", syscall(SYS_rt_sigprocmask, 0, &block, NULL, 4), errno);
	printf(" %ld %d", syscall(SYS_rt_sigprocmask, 7, &block, NULL, 8), errno);
	printf(" %ld %d", syscall(SYS_rt_sigaction, 10, (void *)8, NULL, 8), errno);
	printf(" %d %d", kill(999999, 0), errno);
	printf(" %ld %d\n", syscall(SYS_tgkill, getpid(), 0, 10), errno);
	return 0;
}
