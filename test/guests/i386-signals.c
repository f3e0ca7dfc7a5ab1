/* Signal frames of 32-bit handlers: the old and the new one, what is in them, and the way back; the old signal calls; system calls by sysenter. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

struct old_action {
	void *handler;
	uint32_t mask;
	uint32_t flags;
	void (*restorer)(void);
};
struct rt_action {
	void *handler;
	uint32_t flags;
	void (*restorer)(void);
	uint32_t mask[2];
};
struct context {
	uint16_t gs, gsh, fs, fsh, es, esh, ds, dsh;
	uint32_t edi, esi, ebp, esp, ebx, edx, ecx, eax, trap, error, eip;
	uint16_t cs, csh;
	uint32_t flags, sp;
	uint16_t ss, ssh;
	uint32_t fpstate, oldmask, cr2;
};
struct fpstate {
	uint32_t cw, sw, tag, ip, cs, dp, ds;
	uint8_t st[8][10];
	uint16_t status, magic;
	uint32_t fx[128];
};
#define RESTORER 0x04000000

int bounds[2] = {5, 9};
void restore_old(void), restore_rt(void);
__asm__("restore_old: popl %eax; movl $119,%eax; int $0x80\nrestore_rt: movl $173,%eax; int $0x80");

static long raw(long nr, long a, long b, long c, long d) {
	long value;
	__asm__ volatile("int $0x80" : "=a"(value) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return value;
}
static int result(long value) {
	return value;
}

static volatile int runs;
static uint32_t trapped_at;

static void show_context(const struct context *c, const void *frame) {
	printf(" cs %x ss %x ds %x es %x gs is set %d trap %d error %x flags %x oldmask %x\n", c->cs, c->ss, c->ds, c->es, c->gs != 0, c->trap, c->error, c->flags & 0x400, c->oldmask);
	printf(" frame below stack %d aligned %x ebx is pid %d esi %x edi %x same sp %d\n", (uint32_t)frame < c->esp, ((uint32_t)frame + 4) & 15, c->ebx == (uint32_t)getpid(), c->esi, c->edi, c->esp == c->sp);
	const struct fpstate *fp = (void *)c->fpstate;
	printf(" fpstate alignment %d cw %x sw %x tag %x status %x magic %x cs %x ds %x\n", ((uint32_t)fp + 112) & 63, fp->cw, fp->sw & 0xffff3fff, fp->tag, fp->status & 0x3fff, fp->magic, fp->cs & 0xffff, fp->ds);
	printf(" fx cw %x mxcsr %x\n", fp->fx[0] & 0xffff, fp->fx[6]);
	long double st0;
	memcpy(&st0, fp->st[0], 10);
	printf(" st0 %Lg xmm3 %x\n", st0, fp->fx[40 + 12]);
}

static __attribute__((cdecl)) void old_handler(int signal, struct context c) {
	runs++;
	printf("old handler: signal %d\n", signal);
	show_context(&c, &signal - 1);
	uint32_t *words = (uint32_t *)&signal;
	printf(" extra mask %x code %x %x\n", words[179], words[180], words[181]);
	c.ebx = 0x77;
	struct fpstate *fp = (void *)c.fpstate;
	long double value = 2.5;
	memcpy(fp->st[0], &value, 10);
	fp->fx[40 + 12] = 0x99;
}

static void rt_handler(int signal, siginfo_t *info, ucontext_t *uc) {
	runs++;
	printf("rt handler: signal %d code %d pid is mine %d link %d\n", signal, info->si_code, info->si_pid == getpid(), uc->uc_link != 0);
	printf(" mask %lx %lx stack %d\n", uc->uc_sigmask.__val[0], uc->uc_sigmask.__val[1], uc->uc_stack.ss_flags);
	show_context((struct context *)&uc->uc_mcontext, &signal - 1);
	uc->uc_mcontext.gregs[REG_EBX] = 0x78;
}

/* Registers with known values around a signal to oneself. */
static void with_registers(int signal) {
	uint32_t ebx, x = 0;
	long double st0;
	int pid = getpid();
	__asm__ volatile(
		"finit; fldpi; fld1\n\tmovl $0x42,%%eax; movd %%eax,%%xmm3\n\t"
		"movl $37,%%eax; movl $0x51,%%esi; movl $0x52,%%edi; std\n\tint $0x80\n\tcld\n\t"
		"movd %%xmm3,%1; fstpt %2; fstp %%st(0)"
		: "=b"(ebx), "=r"(x), "=m"(st0)
		: "b"(pid), "c"(signal)
		: "eax", "esi", "edi", "memory", "cc");
	printf("after: ebx %x xmm3 %x st0 %Lg runs %d\n", ebx == (uint32_t)pid ? 1 : ebx, x, st0, runs);
}

static void fault_handler(int signal, siginfo_t *info, ucontext_t *uc) {
	struct context *c = (struct context *)&uc->uc_mcontext;
	printf("fault: signal %d code %d address %x trap %d error %x cr2 %x at %d\n", signal, info->si_code, (uint32_t)info->si_addr == c->eip ? 1 : (uint32_t)info->si_addr, c->trap, c->error & ~1, c->trap == 14 ? c->cr2 : 0, (int)(c->eip - trapped_at));
	c->eip = c->edx;
}

#define FAULT(what, code) \
	do { \
		printf("%s: ", what); \
		__asm__ volatile("movl $1f,%0; movl $2f,%%edx\n1:\t" code "\n2:" : "=m"(trapped_at) : : "eax", "ecx", "edx", "memory", "cc"); \
	} while (0)

static void old_calls(void) {
	struct old_action action = {.handler = old_handler, .mask = 0x200, .flags = RESTORER, .restorer = restore_old}, was;
	printf("sigaction %d\n", result(raw(67, SIGUSR1, (long)&action, 0, 0)));
	printf("again %d", result(raw(67, SIGUSR1, 0, (long)&was, 0)));
	printf(" handler %d mask %x flags %x\n", was.handler == old_handler, was.mask, was.flags);
	with_registers(SIGUSR1);
	printf("signal %d", (void *)raw(48, SIGUSR1, (long)SIG_IGN, 0, 0) == old_handler);
	raw(67, SIGUSR1, 0, (long)&was, 0);
	printf(" now flags %x ignored %d\n", was.flags, was.handler == SIG_IGN);
	uint32_t mask = 1 << (SIGUSR1 - 1) | 1 << (SIGKILL - 1), old = 0;
	printf("sigprocmask %d", result(raw(126, SIG_BLOCK, (long)&mask, (long)&old, 0)));
	printf(" old %x now %x\n", old, result(raw(68, 0, 0, 0, 0)));
	raw(48, SIGUSR1, (long)SIG_DFL, 0, 0);
	raw(37, getpid(), SIGUSR1, 0, 0);
	uint32_t pending = 0;
	printf("sigpending %d: %x\n", result(raw(73, (long)&pending, 0, 0, 0)), pending);
	printf("ssetmask: old %x", result(raw(69, mask | 4, 0, 0, 0)));
	printf(" now %x\n", result(raw(68, 0, 0, 0, 0)));
	raw(48, SIGUSR1, (long)SIG_IGN, 0, 0);
	raw(69, 0, 0, 0, 0);
	printf("bad signal %d bad how %d\n", result(raw(67, 99, (long)&action, 0, 0)), result(raw(126, 9, (long)&mask, 0, 0)));
}

static void alarm_handler(int signal) {
	printf("alarm %d\n", signal);
}

static void restarting(void) {
	struct sigaction action = {.sa_handler = alarm_handler, .sa_flags = 0};
	struct itimerval soon = {.it_value = {.tv_usec = 20000}};
	sigaction(SIGALRM, &action, 0);
	setitimer(ITIMER_REAL, &soon, 0);
	printf("sigsuspend %d\n", result(raw(72, 0, 0, 0, 0)));
	int pipes[2];
	char c = 0;
	pipe(pipes);
	setitimer(ITIMER_REAL, &soon, 0);
	printf("read %d %d\n", (int)read(pipes[0], &c, 1), errno);
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, 0);
	fflush(stdout);
	if (fork() == 0) {
		struct timespec later = {0, 60000000};
		nanosleep(&later, 0);
		write(pipes[1], "x", 1);
		_exit(0);
	}
	setitimer(ITIMER_REAL, &soon, 0);
	printf("restarted read %d", (int)read(pipes[0], &c, 1));
	printf(" %c\n", c);
	wait(0);
	struct timespec pause = {0, 50000000}, left = {9, 9};
	setitimer(ITIMER_REAL, &soon, 0);
	int slept = nanosleep(&pause, &left);
	printf("nanosleep %d %d left %d\n", slept, errno, left.tv_sec == 0 && left.tv_nsec > 0);
}

static void stacks(void) {
	char *area = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = area, .ss_size = 65536}, old;
	printf("sigaltstack %d\n", sigaltstack(&stack, &old));
	printf("old flags %d size %d\n", old.ss_flags, (int)old.ss_size);
	struct rt_action action = {.handler = rt_handler, .flags = SA_SIGINFO | SA_ONSTACK | RESTORER, .restorer = restore_rt, .mask = {0, 4}};
	printf("rt_sigaction %d\n", result(raw(174, SIGUSR2, (long)&action, 0, 8)));
	with_registers(SIGUSR2);
	sigaltstack(0, &old);
	printf("flags %d same %d\n", old.ss_flags, old.ss_sp == area);
	printf("too small %d", (stack.ss_size = 2047, sigaltstack(&stack, 0)));
	printf(" %d\n", errno);
	stack.ss_flags = SS_DISABLE;
	printf("off %d\n", sigaltstack(&stack, 0));
}

static void queued(int signal, siginfo_t *info, void *context) {
	(void)context;
	printf("queued %d code %d value %d pid %d\n", signal, info->si_code, info->si_value.sival_int, info->si_pid == getpid());
}

int main(void) {
	setvbuf(stdout, 0, _IONBF, 0);
	old_calls();
	stacks();
	struct sigaction action = {.sa_sigaction = (void *)fault_handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
	const int faults[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
	for (int i = 0; i < 5; i++) sigaction(faults[i], &action, 0);
	FAULT("read", "movl 0x1230,%%eax");
	FAULT("write", "movl %%eax,0x1234");
	FAULT("top", "movl 0xfffffff0,%%eax");
	FAULT("jump", "mov $0x1238,%%eax; jmp *%%eax");
	FAULT("ud2", "ud2");
	FAULT("int3", "int3");
	FAULT("into", "mov $0x7fffffff,%%eax; add $1,%%eax; into");
	FAULT("int 4", "int $4");
	FAULT("int 5", "int $5");
	FAULT("hlt", "hlt");
	FAULT("division", "xor %%ecx,%%ecx; div %%ecx");
	FAULT("bound", "mov $4,%%eax; bound %%eax,bounds");
	restarting();
	action.sa_sigaction = queued;
	sigaction(SIGRTMIN + 2, &action, 0);
	printf("sigqueue %d\n", sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 4711}));
	siginfo_t info;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, 0);
	kill(getpid(), SIGUSR1);
	printf("sigwaitinfo %d", sigwaitinfo(&set, &info));
	printf(" code %d pid %d\n", info.si_code, info.si_pid == getpid());
	return 0;
}
