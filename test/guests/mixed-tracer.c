/* Traces the program given as argument, which may be of the other word size. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int child, status;

static int ask(long request, void *address, void *data) {
	long value = syscall(SYS_ptrace, request, child, address, data);
	return value < 0 ? -errno : (int)value;
}
static void go(long request, int signal) {
	int result = ask(request, 0, (void *)(long)signal);
	if (result < 0) printf("go: %d\n", result);
	waitpid(child, &status, __WALL);
}

static unsigned char buffer[1024];

static void words(const char *what, int bytes, int unit, uint64_t hidden) {
	printf("%s:", what);
	for (int i = 0; i < bytes / unit; i++) {
		uint64_t value = 0;
		memcpy(&value, buffer + i * unit, unit);
		if (hidden >> i & 1) printf(" .");
		else printf(" %llx", (unsigned long long)value);
	}
	printf("\n");
}

static int set_bytes(long type, void *into, int room) {
	struct iovec vector = {into, room};
	int result = ask(PTRACE_GETREGSET, (void *)type, &vector);
	return result < 0 ? result : (int)vector.iov_len;
}

#define NARROW (sizeof(long) == 4)

int main(int argc, char **argv) {
	if (argc != 2) return 2;
	setvbuf(stdout, 0, _IONBF, 0);
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execl(argv[1], "tracee", (char *)0);
		_exit(1);
	}
	waitpid(child, &status, 0);
	printf("stopped %x\n", status);
	printf("options %d\n", ask(PTRACE_SETOPTIONS, 0, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC)));
	go(PTRACE_CONT, 0);
	printf("exec %x\n", status);
	struct __ptrace_syscall_info info;
	int own = set_bytes(NT_PRSTATUS, buffer, sizeof buffer);
	printf("general registers %d floating %d extended %d state %d\n", own, set_bytes(NT_PRFPREG, buffer, sizeof buffer), set_bytes(NT_PRXFPREG, buffer, sizeof buffer), set_bytes(NT_386_IOPERM, buffer, sizeof buffer));
	int narrow = own == 68;
	go(PTRACE_CONT, 0);
	printf("breakpoint %x\n", status);
	/* ebx, ebp, esp, eip and in 64-bit code r8 to r15 are the compiler's; selectors and bases of TLS the library's. */
	set_bytes(NT_PRSTATUS, buffer, sizeof buffer);
	if (narrow) words("registers", 68, 4, 1 | 1 << 5 | 1 << 12 | 1 << 15);
	else words("registers", 216, 8, 0x3f | 0x3c0 | 1 << 16 | 1 << 19 | 3 << 21);
	memset(buffer, 0x5a, sizeof buffer);
	printf("getregs %d\n", ask(PTRACE_GETREGS, 0, buffer));
	if (NARROW) words("own view", 72, 4, 1 | 1 << 5 | 1 << 12 | 1 << 15);
	else words("own view", 224, 8, 0x3f | 0x3c0 | 1 << 16 | 1 << 19 | 3 << 21);
	memset(buffer, 0x5a, sizeof buffer);
	printf("getfpregs %d\n", ask(PTRACE_GETFPREGS, 0, buffer));
	words("floating", NARROW ? 112 : 160, 4, NARROW ? 1 << 3 | 1 << 5 : 0xfff << 1 & ~0x41);
	memset(buffer, 0x5a, sizeof buffer);
	printf("getfpxregs %d\n", ask(18, 0, buffer));
	memset(buffer, 0x5a, sizeof buffer);
	set_bytes(NT_PRFPREG, buffer, sizeof buffer);
	words("regset", narrow ? 108 : 160, 4, narrow ? 1 << 3 | 1 << 5 : 0xfff << 1 & ~0x41);
	siginfo_t signal;
	memset(&signal, 0x5a, sizeof signal);
	printf("getsiginfo %d: %d %d %d\n", ask(PTRACE_GETSIGINFO, 0, &signal), signal.si_signo, signal.si_errno, signal.si_code);
	/* Words of the user area: the first one, ours or the tracee's program counter, odd ones, beyond. */
	for (long offset = 0; offset <= 1024; offset += offset < 16 ? 2 : 252) {
		unsigned long word = 0;
		int result = ask(PTRACE_PEEKUSER, (void *)offset, &word);
		printf("peek %ld %d%s", offset, result, offset % 504 == 0 ? "\n" : ", ");
	}
	printf("\n");
	unsigned long selector = 0;
	printf("cs %d", ask(PTRACE_PEEKUSER, (void *)(NARROW ? 13 * 4l : 17 * 8l), &selector));
	printf(" %lx; bad cs %d", selector, ask(PTRACE_POKEUSER, (void *)(NARROW ? 13 * 4l : 17 * 8l), (void *)0));
	printf(" bad ds %d", ask(PTRACE_POKEUSER, (void *)(NARROW ? 7 * 4l : 23 * 8l), (void *)0x10));
	printf(" dummy %d\n", ask(PTRACE_POKEUSER, (void *)(NARROW ? 100l : 400l), (void *)1));
	struct user_desc desc;
	for (long entry = 10; entry < 17; entry++) {
		memset(&desc, 0, sizeof desc);
		printf("area %ld: %d limit %x 32bit %d\n", entry, ask(25, (void *)entry, &desc), desc.limit, desc.seg_32bit);
	}
	memset(&desc, 0, sizeof desc);
	desc.limit = 0xfff;
	desc.seg_32bit = 1;
	desc.base_addr = 0x1000;
	printf("set %d", ask(26, (void *)14, &desc));
	memset(&desc, 0, sizeof desc);
	printf(" get %d", ask(25, (void *)14, &desc));
	printf(" base %x; negative %d any %d\n", desc.base_addr, ask(26, (void *)-1, &desc), ask(25, (void *)99, &desc));
	memset(buffer, 0x5a, sizeof buffer);
	printf("tls %d", set_bytes(NT_386_TLS, buffer, 1024));
	if (narrow) printf(" entries %x %x %x limit %x then %x", ((uint32_t *)buffer)[0], ((uint32_t *)buffer)[4], ((uint32_t *)buffer)[8], ((uint32_t *)buffer)[10], ((uint32_t *)buffer)[12]);
	printf(" odd %d one %d\n", set_bytes(NT_386_TLS, buffer, 20), set_bytes(NT_386_TLS, buffer, 16));
	/* Set all registers back, with one changed. */
	ask(PTRACE_GETREGS, 0, buffer);
	*(unsigned long *)(buffer + (NARROW ? 3 * 4 : 13 * 8)) = 0x77777777;
	printf("setregs %d\n", ask(PTRACE_SETREGS, 0, buffer));
	set_bytes(NT_PRSTATUS, buffer, sizeof buffer);
	printf("esi %llx\n", narrow ? (unsigned long long)*(uint32_t *)(buffer + 12) : *(unsigned long long *)(buffer + 13 * 8));
	go(PTRACE_SINGLESTEP, 0);
	printf("step %x\n", status);
	go(PTRACE_SYSCALL, 0);
	printf("entry %x\n", status);
	memset(&info, 0, sizeof info);
	printf("info %d", ask(PTRACE_GET_SYSCALL_INFO, (void *)sizeof info, &info));
	printf(" op %d arch %x nr %llu first %llx\n", info.op, info.arch, (unsigned long long)info.entry.nr, (unsigned long long)info.entry.args[0]);
	ask(PTRACE_GETREGS, 0, buffer);
	if (NARROW) printf("eax %x orig %x\n", ((uint32_t *)buffer)[6], ((uint32_t *)buffer)[11]);
	else printf("rax %llx orig %llx\n", ((unsigned long long *)buffer)[10], ((unsigned long long *)buffer)[15]);
	go(PTRACE_SYSCALL, 0);
	memset(&info, 0, sizeof info);
	printf("info %d", ask(PTRACE_GET_SYSCALL_INFO, (void *)sizeof info, &info));
	printf(" op %d value is us %d error %d\n", info.op, info.exit.rval == getpid(), info.exit.is_error);
	go(PTRACE_SYSEMU, 0);
	printf("emulated %x\n", status);
	printf("poke %d\n", ask(PTRACE_POKEUSER, (void *)(NARROW ? 6 * 4l : 10 * 8l), (void *)5));
	go(PTRACE_SYSCALL, 0);
	printf("next call %x\n", status);
	go(PTRACE_CONT, 0);
	printf("signal %x\n", status);
	printf("getsiginfo %d: %d code %d from child %d\n", ask(PTRACE_GETSIGINFO, 0, &signal), signal.si_signo, signal.si_code, signal.si_pid == child);
	signal.si_code = SI_QUEUE;
	signal.si_value.sival_int = 12345;
	printf("setsiginfo %d\n", ask(PTRACE_SETSIGINFO, 0, &signal));
	memset(&signal, 0, sizeof signal);
	ask(PTRACE_GETSIGINFO, 0, &signal);
	printf("value %d\n", signal.si_value.sival_int);
	go(PTRACE_CONT, SIGUSR1);
	printf("end %x\n", status);
	return 0;
}
