/*
 * A program as of 2003, without a C library: no PT_GNU_STACK, handlers without a restorer (which return through code on the stack), linuxthreads'
 * LDT entry for gs, clone without TLS, old system calls, code on stack and heap, a heap that begins behind bss.
 */
typedef unsigned int u32;

static long call(long nr, long a, long b, long c, long d, long e) {
	long value;
	__asm__ volatile("int $0x80" : "=a"(value) : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return value;
}

enum { EXIT = 1, FORK, READ, WRITE, WAITPID = 7, GETPID = 20, KILL = 37, BRK = 45, SIGNAL = 48, SIGACTION = 67, OLD_MMAP = 90, MUNMAP = 91, IPC = 117, CLONE = 120, UNAME = 122, MODIFY_LDT = 123,
       MPROTECT = 125, PERSONALITY = 136, NANOSLEEP = 162, VM86 = 166, RT_SIGACTION = 174, VFORK = 190 };

static char line[256];
static int used;

static void text(const char *s) {
	while (*s) line[used++] = *s++;
	if (line[used - 1] == '\n') {
		call(WRITE, 1, (long)line, used, 0, 0);
		used = 0;
	}
}
static void number(long value) {
	char digits[12];
	int n = 0;
	unsigned long rest = value < 0 ? -value : value;
	if (value < 0) text("-");
	do digits[n++] = '0' + rest % 10; while (rest /= 10);
	while (n) line[used++] = digits[--n];
}
static void hex(u32 value) {
	int shift = 28;
	while (shift > 0 && value >> shift == 0) shift -= 4;
	for (; shift >= 0; shift -= 4) line[used++] = "0123456789abcdef"[value >> shift & 15];
}
static void say(const char *what, long value) {
	text(what);
	text(" ");
	number(value);
	text("\n");
}

struct old_action { void *handler; u32 mask, flags; void *restorer; };
struct rt_action { void *handler; u32 flags; void *restorer; u32 mask[2]; };
struct desc { u32 entry, base, limit, flags; };

extern char end[];
static volatile int seen;
static int zero[1000];

static __attribute__((cdecl)) void handler(int signal) {
	seen = signal;
}
static __attribute__((cdecl)) void fault(int signal, u32 gs, u32 fs, u32 es, u32 ds, u32 edi, u32 esi, u32 ebp, u32 esp, u32 ebx, u32 edx, u32 ecx, u32 eax, u32 trap, u32 error, volatile u32 eip, u32 cs, u32 flags, u32 sp, u32 ss, u32 fp, u32 mask, u32 cr2) {
	(void)gs, (void)fs, (void)es, (void)ds, (void)edi, (void)esi, (void)ebp, (void)esp, (void)ebx, (void)ecx, (void)eax, (void)cs, (void)flags, (void)sp, (void)ss, (void)fp, (void)mask;
	seen = signal;
	text("fault ");
	number(signal);
	text(" trap ");
	number(trap);
	text(" error ");
	hex(error);
	text(" address ");
	hex(cr2);
	text("\n");
	eip = edx;
}

static int thread_function(void *argument) {
	*(volatile int *)argument = 77;
	return 5;
}
static long make_thread(long flags, char *stack, int (*function)(void *), void *argument) {
	void **top = (void **)stack;
	*--top = argument;
	*--top = function;
	long value;
	__asm__ volatile("int $0x80; test %%eax,%%eax; jnz 1f; pop %%eax; call *%%eax; mov %%eax,%%ebx; mov $1,%%eax; int $0x80; 1:" : "=a"(value) : "0"(CLONE), "b"(flags), "c"(top) : "memory");
	return value;
}

static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
static int run(void *at) {
	for (unsigned i = 0; i < sizeof code; i++) ((volatile unsigned char *)at)[i] = code[i];
	return ((int (*)(void))at)();
}

static int program(u32 *stack) {
	say("arguments", stack[0]);
	u32 heap = call(BRK, 0, 0, 0, 0, 0);
	say("heap behind bss or further", heap >= (u32)end);
	say("grows", call(BRK, heap + 0x2345, 0, 0, 0, 0) == heap + 0x2345);
	*(volatile int *)(heap + 0x2340) = 1;
	say("too far", call(BRK, 0xfffff000, 0, 0, 0, 0) == heap + 0x2345);
	say("bss is zero", zero[500]);
	text("personality ");
	hex(call(PERSONALITY, -1, 0, 0, 0, 0));
	text("\n");

	struct old_action action = {handler, 0, 0, 0};
	say("sigaction", call(SIGACTION, 10, (long)&action, 0, 0, 0));
	call(KILL, call(GETPID, 0, 0, 0, 0, 0), 10, 0, 0, 0);
	say("handled", seen);
	call(SIGNAL, 12, (long)handler, 0, 0, 0);
	call(KILL, call(GETPID, 0, 0, 0, 0, 0), 12, 0, 0, 0);
	say("handled", seen);
	say("handler is reset", call(SIGNAL, 12, 1, 0, 0, 0));
	struct rt_action rt = {handler, 4, 0, {0, 0}};
	say("rt_sigaction", call(RT_SIGACTION, 14, (long)&rt, 0, 8, 0));
	call(KILL, call(GETPID, 0, 0, 0, 0, 0), 14, 0, 0, 0);
	say("handled", seen);

	char on_stack[16];
	say("code on the stack", run(on_stack));
	say("code on the heap", run((void *)heap));
	say("code in data", run(line + 128));
	long map[6] = {0, 4096, 3, 0x22, -1, 0};
	void *page = (void *)call(OLD_MMAP, (long)map, 0, 0, 0, 0);
	say("code in a page", run(page));

	action.handler = fault;
	action.flags = 0x40000000;
	call(SIGACTION, 11, (long)&action, 0, 0, 0);
	__asm__ volatile("mov $1f,%%edx; movl $1,0x123; 1:" : : : "edx", "memory");
	__asm__ volatile("mov $1f,%%edx; mov %0,%%eax; movl (%%eax),%%eax; 1:" : : "i"(0xc0000000 + 0x3ffffff0) : "eax", "edx", "memory");

	/* linuxthreads: each thread has an entry of the LDT for gs. */
	struct desc desc = {1, (u32)page, 4095, 0x41};
	*(u32 *)((char *)page + 64) = 0xcafe;
	say("modify_ldt", call(MODIFY_LDT, 1, (long)&desc, sizeof desc, 0, 0));
	u32 value;
	__asm__ volatile("mov %1,%%gs; movl %%gs:64,%0" : "=r"(value) : "r"(1 * 8 + 7));
	text("by gs ");
	hex(value);
	text("\n");
	__asm__ volatile("mov $1f,%%edx; movl %%gs:4093,%%eax; 1:" : : : "eax", "edx", "memory");
	int pid = call(FORK, 0, 0, 0, 0, 0), status = 0;
	if (pid == 0) {
		__asm__ volatile("movl %%gs:64,%0" : "=r"(value));
		call(EXIT, value == 0xcafe ? 3 : 4, 0, 0, 0, 0);
	}
	say("waitpid", call(WAITPID, pid, (long)&status, 0, 0, 0) == pid);
	say("status", status);

	volatile int shared = 0;
	char *thread_stack = (char *)page + 4096;
	pid = make_thread(0x100 | 0x200 | 0x400 | 0x800 | 17, thread_stack, thread_function, (void *)&shared);
	say("waitpid", call(WAITPID, pid, (long)&status, 0, 0, 0) == pid);
	say("status", status);
	say("shared", shared);
	rt.flags = 0x10000000;
	say("its exit signal", call(RT_SIGACTION, 32, (long)&rt, 0, 8, 0));
	pid = make_thread(0x100 | 32, thread_stack, thread_function, (void *)&shared);
	say("plain wait for a clone", call(WAITPID, pid, (long)&status, 0, 0, 0));
	say("__WCLONE", call(WAITPID, pid, (long)&status, 0x80000000, 0, 0) == pid);
	say("ipc of nothing", call(IPC, 99, 0, 0, 0, 0));
	say("vm86", call(VM86, 0, 0, 0, 0, 0));
	long duration[2] = {0, 1000};
	say("nanosleep", call(NANOSLEEP, (long)duration, 0, 0, 0, 0));
	return 9;
}

static __attribute__((used)) void begin(u32 *stack) {
	call(EXIT, program(stack), 0, 0, 0, 0);
}
__asm__(".globl _start\n_start: mov %esp,%eax\n\tpush %eax\n\tcall begin");
