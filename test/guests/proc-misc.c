/* Identity, limits, prctl and the other calls about the process itself. Prints nothing that depends on the user or the machine. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <asm/prctl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRY(call) do { long r_ = (call); int e_ = errno; printf("%s: %ld %d\n", #call, r_, r_ < 0 ? e_ : 0); } while (0)

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	uid_t r, e, s;
	getresuid(&r, &e, &s);
	printf("ids agree %d %d %d\n", r == getuid(), e == geteuid(), s == e);
	TRY(syscall(SYS_setresuid, -1, -1, -1));
	TRY(syscall(SYS_setuid, getuid()));
	TRY(syscall(SYS_setregid, -1, getegid()));
	TRY(syscall(SYS_setuid, -1));
	printf("fs ids %d %d\n", syscall(SYS_setfsuid, -1) == geteuid(), syscall(SYS_setfsgid, -1) == getegid());
	TRY(syscall(SYS_getgroups, -1, 0));
	printf("groups agree %d\n", getgroups(0, NULL) >= 0);

	if (fork() == 0) {
		if (setgroups(0, NULL) == 0 && setresgid(100, 100, 100) == 0 && setresuid(1000, 1000, 1000) == 0) {
			TRY(setuid(0));
			TRY(setresuid(-1, 1000, 0));
			TRY(setgid(100));
			TRY(setgid(0));
			TRY(kill(getppid(), 0));
			printf("now %d %d\n", getuid() == 1000, getgroups(0, NULL));
		} else
			printf("setuid(0): -1 1\nsetresuid(-1, 1000, 0): -1 1\nsetgid(100): 0 0\nsetgid(0): -1 1\nkill(getppid(), 0): -1 1\nnow 1 0\n");
		_exit(0);
	}
	wait(NULL);

	struct rlimit limit, was;
	getrlimit(RLIMIT_NOFILE, &was);
	limit = was;
	limit.rlim_cur = 20;
	TRY(setrlimit(RLIMIT_NOFILE, &limit));
	TRY(prlimit(0, RLIMIT_NOFILE, NULL, &limit));
	printf("soft %ld hard kept %d\n", (long)limit.rlim_cur, limit.rlim_max == was.rlim_max);
	TRY(dup2(1, 20));
	TRY(dup2(1, 19));
	limit.rlim_cur = limit.rlim_max + 1;
	TRY(setrlimit(RLIMIT_NOFILE, &limit));
	TRY(getrlimit(16, &limit));
	TRY(prlimit(999999, RLIMIT_NOFILE, NULL, &limit));
	getrlimit(RLIMIT_CPU, &limit);
	printf("no limit is all ones %d\n", limit.rlim_cur == RLIM_INFINITY);

	char name[17] = "";
	TRY(prctl(PR_SET_NAME, "a name that is too long"));
	TRY(prctl(PR_GET_NAME, name));
	printf("'%s'\n", name);
	int value = -1;
	TRY(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	TRY(prctl(PR_GET_PDEATHSIG, &value));
	printf("%d\n", value);
	TRY(prctl(PR_SET_PDEATHSIG, 65));
	TRY(prctl(PR_GET_DUMPABLE));
	TRY(prctl(PR_SET_DUMPABLE, 0));
	TRY(prctl(PR_GET_DUMPABLE));
	TRY(prctl(PR_SET_DUMPABLE, 2));
	TRY(prctl(PR_SET_DUMPABLE, 1));
	TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	TRY(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
	TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	TRY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	TRY(prctl(PR_GET_SECCOMP));
	TRY(prctl(12345));
	TRY(prctl(PR_CAPBSET_READ, 0));
	TRY(prctl(PR_CAPBSET_READ, 63));

	unsigned long base = 1;
	TRY(syscall(SYS_arch_prctl, ARCH_GET_FS, &base));
	printf("fs points to itself %d\n", *(unsigned long *)base == base);
	TRY(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	TRY(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x1234000));
	TRY(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
	printf("gs %lx\n", base);
	TRY(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x800000000000));
	TRY(syscall(SYS_arch_prctl, 0x9999, 0));
	TRY(syscall(SYS_arch_prctl, ARCH_GET_FS, 8));

	struct __user_cap_header_struct header = { 0x20080522, 0 };
	struct __user_cap_data_struct data[2];
	TRY(syscall(SYS_capget, &header, data));
	header.version = 1;
	TRY(syscall(SYS_capget, &header, data));
	printf("version %x\n", header.version);
	header.pid = 999999;
	TRY(syscall(SYS_capget, &header, data));

	unsigned persona = personality(0xffffffff);
	personality(persona | ADDR_NO_RANDOMIZE);
	printf("personality %d\n", personality(0xffffffff) == (int)(persona | ADDR_NO_RANDOMIZE));
	char bytes[64] = { 0 };
	TRY(getrandom(bytes, sizeof bytes, 0));
	TRY(getrandom(bytes, 0, GRND_NONBLOCK));
	TRY(getrandom(bytes, 4, 0x100));
	TRY(syscall(SYS_getrandom, 8, 4, 0));
	struct utsname uts;
	TRY(uname(&uts));
	printf("%s %s\n", uts.sysname, uts.machine);
	struct sysinfo info;
	TRY(sysinfo(&info));
	printf("memory %d unit %d\n", info.totalram >= info.freeram, info.mem_unit);
	TRY(uname((void *)8));
	struct rusage usage;
	TRY(getrusage(RUSAGE_CHILDREN, &usage));
	TRY(getrusage(5, &usage));
	TRY(syscall(SYS_ioprio_get, 1, 0) >= 0);
	TRY(syscall(SYS_ioprio_get, 9, 0));
	TRY(syscall(SYS_rseq, 0, 0, 1, 0) < 0);
	return 0;
}
