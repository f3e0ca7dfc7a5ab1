/* seccomp filters: each verdict, SIGSYS, inheritance, what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static int install(unsigned nr, unsigned verdict)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, verdict),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof code / sizeof *code, code };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void on_sys(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;
	printf("SIGSYS code %d errno %d call %d arch %x rax %lld at rip %d\n", info->si_code, info->si_errno, info->si_syscall, info->si_arch, (long long)regs[REG_RAX], (long long)regs[REG_RIP] == (long long)info->si_call_addr);
	regs[REG_RAX] = 4711;
}

static void child(const char *what, int (*body)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(body());
	waitpid(pid, &status, 0);
	printf("%s: %x\n", what, status);
}

static int refuse(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	install(SYS_getppid, SECCOMP_RET_ERRNO | ENOTEMPTY);
	long result = syscall(SYS_getppid);
	printf("errno: %ld %d mode %d\n", result, errno, prctl(PR_GET_SECCOMP));
	if (fork() == 0)
		_exit(syscall(SYS_getppid) == -1 && errno == ENOTEMPTY ? 1 : 2);
	int status;
	wait(&status);
	printf("inherited %x\n", status);
	install(SYS_getppid, SECCOMP_RET_ERRNO | EPERM);
	result = syscall(SYS_getppid);
	printf("the later filter wins a draw: %ld %d\n", result, errno);
	install(SYS_getppid, SECCOMP_RET_LOG);
	result = syscall(SYS_getppid);
	printf("the stricter one stays: %ld %d\n", result, errno);
	install(SYS_getppid, SECCOMP_RET_TRACE);
	result = syscall(SYS_getuid);
	printf("others go on: %d\n", result >= 0);
	return 0;
}

static int trap(void)
{
	struct sigaction action = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };
	sigaction(SIGSYS, &action, NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	install(SYS_getppid, SECCOMP_RET_TRAP | 17);
	printf("the handler's result: %ld\n", syscall(SYS_getppid));
	return 0;
}

static int trap_unhandled(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	install(SYS_getppid, SECCOMP_RET_TRAP);
	syscall(SYS_getppid);
	return 0;
}

static int killed(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	install(SYS_getppid, SECCOMP_RET_KILL_PROCESS);
	syscall(SYS_getppid);
	return 0;
}

static int nobody_traces(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	install(SYS_getppid, SECCOMP_RET_TRACE);
	long result = syscall(SYS_getppid);
	printf("trace without a tracer: %ld %d\n", result, errno);
	return 0;
}

static int strict(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	write(1, "strict may write\n", 17);
	syscall(SYS_getpid);
	return 0;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	child("errno", refuse);
	child("trap", trap);
	child("trap, no handler", trap_unhandled);
	child("kill", killed);
	child("trace", nobody_traces);
	child("strict", strict);
	unsigned action = SECCOMP_RET_TRAP, unknown = 0x12340000;
	printf("available %ld", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
	printf(" unknown %ld %d", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &unknown), errno);
	struct sock_filter endless = BPF_STMT(BPF_LD | BPF_W | BPF_IMM, 1);
	struct sock_fprog program = { 1, &endless };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf(" no return %ld", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	printf(" %d", errno);
	program.len = 0;
	printf(" empty %ld", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	printf(" %d no pointer %ld", errno, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, 8));
	printf(" %d\n", errno);

	/* The tracer decides */
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		install(SYS_getppid, SECCOMP_RET_TRACE | 33);
		_exit(syscall(SYS_getppid) == getpid() ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	unsigned long data = 0;
	ptrace(PTRACE_GETEVENTMSG, pid, 0, &data);
	printf("seccomp event %x data %lu\n", status, data);
	ptrace(PTRACE_POKEUSER, pid, (void *)(15 * 8), (void *)SYS_getpid);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	printf("call changed: %x\n", status);
	return 0;
}
