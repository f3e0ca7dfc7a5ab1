/* Random system calls with arguments that are often almost right, in short-lived children: whatever they do, the host has to survive it. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 40, BUFFER = 65536 };

static unsigned long state;
static char *buffer;

static unsigned long draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static unsigned long argument(void)
{
	switch (draw() % 12) {
	case 0: return 0;
	case 1: return draw() % 8;
	case 2: return (unsigned long)buffer + draw() % BUFFER;
	case 3: return ((unsigned long)buffer + draw() % BUFFER) & ~4095UL;
	case 4: return -1UL;
	case 5: return draw();
	case 6: return 1UL << (draw() % 64);
	case 7: return draw() % 100000;
	case 8: return (unsigned long)buffer;
	case 9: return 4096 * (draw() % 20);
	case 10: return -(draw() % 200);
	default: return 0x400000 + draw() % 100000;
	}
}

static void child(long seed)
{
	static const int favourites[] = {
		SYS_clone, SYS_fork, SYS_vfork, SYS_clone3, SYS_wait4, SYS_waitid, SYS_futex, SYS_ptrace, SYS_execve, SYS_mremap, SYS_munmap, SYS_mmap,
		SYS_mprotect, SYS_madvise, SYS_set_robust_list, SYS_setpgid, SYS_setsid, SYS_prctl,
	};
	state = seed * 2654435761UL + 12345;
	setpgid(0, 0);
	buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < BUFFER; i += 8)
		if (draw() % 4 == 0)
			*(unsigned long *)(buffer + i) = argument();
	strcpy(buffer, "/tmp");
	strcpy(buffer + 4096, "file");
	chdir("/tmp");
	alarm(2);
	for (int i = 0; i < CALLS; i++) {
		int number = draw() % 4 == 0 ? favourites[draw() % (sizeof favourites / sizeof *favourites)] : (int)(draw() % 463);
		/* Those only end the program, or reach the parent. */
		if (number == SYS_rt_sigreturn || number == SYS_kill || number == SYS_tkill || number == SYS_tgkill || number == SYS_rt_sigqueueinfo
		    || number == SYS_rt_tgsigqueueinfo)
			continue;
		unsigned long a[6];
		for (int k = 0; k < 6; k++)
			a[k] = argument();
		syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	long from = atol(argv[1]), to = atol(argv[2]);
	for (long seed = from; seed < to; seed++) {
		int status, tries = 0;
		pid_t pid = fork();
		if (pid == 0)
			child(seed);
		while (waitpid(pid, &status, WNOHANG) != pid) {
			usleep(100000);
			if (++tries == 50)
				kill(pid, SIGKILL);
		}
		kill(-pid, SIGKILL);
		while (waitpid(-1, &status, WNOHANG) > 0)
			;
	}
	printf("survived\n");
	return 0;
}
