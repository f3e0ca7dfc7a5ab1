/* Where the C library's headers put the members of the structures the host builds byte by byte, and how a signal frame lies on the stack. */
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/user.h>
#include <ucontext.h>

#define AT(name, type, field) printf(name " %zu\n", offsetof(type, field))

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	char *frame = (char *)__builtin_frame_address(0) + sizeof(void *);
	printf("frame.uc %ld\n", (long)((char *)context - frame));
	printf("frame.info %ld\n", (long)((char *)info - frame));
	printf("frame.alignment %ld\n", (long)((unsigned long)frame % 16));
	printf("fpstate.alignment %ld\n", (long)((unsigned long)uc->uc_mcontext.fpregs % 64));
}

int main(void)
{
	AT("uc.stack", ucontext_t, uc_stack);
	AT("uc.registers", ucontext_t, uc_mcontext);
	AT("uc.rip", ucontext_t, uc_mcontext.gregs[REG_RIP]);
	AT("uc.rflags", ucontext_t, uc_mcontext.gregs[REG_EFL]);
	AT("uc.cs", ucontext_t, uc_mcontext.gregs[REG_CSGSFS]);
	AT("uc.error", ucontext_t, uc_mcontext.gregs[REG_ERR]);
	AT("uc.trap", ucontext_t, uc_mcontext.gregs[REG_TRAPNO]);
	AT("uc.oldMask", ucontext_t, uc_mcontext.gregs[REG_OLDMASK]);
	AT("uc.cr2", ucontext_t, uc_mcontext.gregs[REG_CR2]);
	AT("uc.fpstate", ucontext_t, uc_mcontext.fpregs);
	AT("uc.mask", ucontext_t, uc_sigmask);
	AT("info.signo", siginfo_t, si_signo);
	AT("info.errno", siginfo_t, si_errno);
	AT("info.code", siginfo_t, si_code);
	AT("info.pid", siginfo_t, si_pid);
	AT("info.uid", siginfo_t, si_uid);
	AT("info.value", siginfo_t, si_value);
	AT("info.timerId", siginfo_t, si_timerid);
	AT("info.overrun", siginfo_t, si_overrun);
	AT("info.status", siginfo_t, si_status);
	AT("info.utime", siginfo_t, si_utime);
	AT("info.stime", siginfo_t, si_stime);
	AT("info.address", siginfo_t, si_addr);
	AT("info.band", siginfo_t, si_band);
	AT("info.fd", siginfo_t, si_fd);
	AT("info.callAddress", siginfo_t, si_call_addr);
	AT("info.syscall", siginfo_t, si_syscall);
	AT("info.arch", siginfo_t, si_arch);
	printf("info.bytes %zu\n", sizeof(siginfo_t));
	AT("user.debugRegisters", struct user, u_debugreg);
	printf("registers.bytes %zu\n", sizeof(struct user_regs_struct));
	printf("fpregs.bytes %zu\n", sizeof(struct user_fpregs_struct));
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	return 0;
}
