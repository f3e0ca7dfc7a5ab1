/* What UML 3.6 asks of its host before it starts, in its order and on such children as it uses, and what it then says and does. */
#define _GNU_SOURCE
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/user.h>
#include "show.h"
#include "skas3.h"

#ifdef __x86_64__
#define NUMBER (ORIG_RAX * 8)
#define RESULT (RAX * 8)
enum { RAX = 10, ORIG_RAX = 15 };
#else
#define NUMBER (11 * 4)
#define RESULT (6 * 4)
#endif
enum { OLDSETOPTIONS = 21, SYSEMU = 31, SYSEMU_SINGLESTEP = 32 };

static long trace(long request, pid_t pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

/* A child that stops, asks for its process id, and exits by what it was told. */
static pid_t start_tracee(void)
{
	pid_t child = fork();
	if (child == 0) {
		trace(PTRACE_TRACEME, 0, 0, 0);
		kill(getpid(), SIGSTOP);
		pid_t pid = syscall(SYS_getpid);
		_exit(pid == getppid() ? 0 : 1);
	}
	int status;
	waitpid(child, &status, WUNTRACED);
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP ? child : -1;
}

static int finish(pid_t child, int wanted)
{
	int status;
	trace(PTRACE_CONT, child, 0, 0);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == wanted;
}

static void say(const char *what, int ok)
{
	printf("%s...%s\n", what, ok ? "OK" : "failed");
}

static int change_number(void)
{
	int status;
	pid_t child = start_tracee();
	trace(OLDSETOPTIONS, child, 0, (void *)PTRACE_O_TRACESYSGOOD);
	for (;;) {
		long number = -1;
		trace(PTRACE_SYSCALL, child, 0, 0);
		waitpid(child, &status, WUNTRACED);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
			return 0;
		trace(PTRACE_PEEKUSER, child, (void *)NUMBER, &number);
		if (number != SYS_getpid)
			continue;
		trace(PTRACE_POKEUSER, child, (void *)NUMBER, (void *)SYS_getppid);
		return finish(child, 0);
	}
}

static int emulate(void)
{
	int status;
	pid_t child = start_tracee();
	trace(SYSEMU, child, 0, 0);
	waitpid(child, &status, WUNTRACED);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		return 0;
	trace(PTRACE_POKEUSER, child, (void *)RESULT, (void *)(long)getpid());
	return finish(child, 0);
}

static int emulate_steps(void)
{
	int status, steps = 0;
	pid_t child = start_tracee();
	trace(OLDSETOPTIONS, child, 0, (void *)PTRACE_O_TRACESYSGOOD);
	for (;; steps++) {
		trace(SYSEMU_SINGLESTEP, child, 0, 0);
		waitpid(child, &status, WUNTRACED);
		if (!WIFSTOPPED(status))
			return 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			break;
		if (WSTOPSIG(status) != SIGTRAP)
			return 0;
	}
	trace(PTRACE_POKEUSER, child, (void *)RESULT, (void *)(long)getpid());
	return finish(child, 0) && steps > 0;
}

/* Both are asked of a child that is merely stopped, before any /proc/mm is opened. */
static int asked(const char *name, long request, void *data)
{
	pid_t child = start_tracee();
	long result = trace(request, child, 0, data);
	printf("  - %s...%s\n", name, result >= 0 ? "found" : errno == EIO ? "not found" : strerrorname_np(errno));
	finish(child, 1);
	return result >= 0;
}

int main(void)
{
	struct rlimit core;
	struct statfs shm;
	setvbuf(stdout, NULL, _IOLBF, 0);
	say("Core dump limits", getrlimit(RLIMIT_CORE, &core) == 0);
	say("Checking that ptrace can change system call numbers", change_number());
	say("Checking syscall emulation patch for ptrace", emulate());
	say("Checking advanced syscall emulation patch for ptrace", emulate_steps());
	say("Checking for tmpfs mount on /dev/shm", statfs("/dev/shm", &shm) == 0 && shm.f_type == 0x01021994);
	int file = open("/dev/shm/probe", O_RDWR | O_CREAT | O_EXCL, 0700);
	unlink("/dev/shm/probe");
	ftruncate(file, 4096);
	say("Checking PROT_EXEC mmap in /dev/shm", mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, file, 0) != MAP_FAILED);

	char table[40];
	struct ex_faultinfo fault;
	struct ldt_request ldt = { 2, table, sizeof table };
	printf("Checking for the skas3 patch in the host:\n");
	int mm = access("/proc/mm", W_OK) == 0;
	printf("  - /proc/mm...%s\n", mm ? "found" : strerrorname_np(errno));
	int faults = asked("PTRACE_FAULTINFO", PTRACE_FAULTINFO_, &fault);
	asked("PTRACE_LDT", PTRACE_LDT_, &ldt);
	printf("UML running in SKAS%d mode\n", mm && faults ? 3 : 0);
	return 0;
}
