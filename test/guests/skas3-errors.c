/* Every operation of the skas3 interface used rightly and wrongly: what it answers. Run with the argument "hidden" it only looks for it. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/user.h>
#include "show.h"
#include "skas3.h"

#define CODE 0x100000ul
#define STACK 0x200000ul
#define PAGE 4096ul
#ifdef __x86_64__
#define KERNEL_RANGE 0x7ffffffff000ul
#define PC regs.rip
#define SP regs.rsp
#define AX regs.rax
#define NUMBER regs.orig_rax
/* syscall; mov (%rax),%rbx; mov %rbx,(%rax); hlt; jmp self */
static const unsigned char code[] = { 0x0f, 0x05, 0x48, 0x8b, 0x18, 0x48, 0x89, 0x18, 0xf4, 0xeb, 0xfe };
enum { LOAD = 2, STORE = 5, HALT = 8 };
#else
#define KERNEL_RANGE 0xffffe000ul
#define PC regs.eip
#define SP regs.esp
#define AX regs.eax
#define NUMBER regs.orig_eax
/* int $0x80; mov (%eax),%ebx; mov %ebx,(%eax); hlt; jmp self */
static const unsigned char code[] = { 0xcd, 0x80, 0x8b, 0x18, 0x89, 0x18, 0xf4, 0xeb, 0xfe };
enum { LOAD = 2, STORE = 4, HALT = 6 };
#endif

/* Where nothing is mapped. */
static void *volatile nowhere = (void *)8;

static int open_mm(void)
{
	return open(MM_NAME, O_WRONLY | O_CLOEXEC);
}

static long request(int fd, struct proc_mm_op op)
{
	return write(fd, &op, sizeof op);
}

static long map(int fd, unsigned long addr, unsigned long len, int prot, int flags, int file, unsigned long offset)
{
	return request(fd, (struct proc_mm_op){ .op = MM_MMAP, .u.mmap = { addr, len, prot, flags, file, offset } });
}

static long unmap(int fd, unsigned long addr, unsigned long len)
{
	return request(fd, (struct proc_mm_op){ .op = MM_MUNMAP, .u.munmap = { addr, len } });
}

static long protect(int fd, unsigned long addr, unsigned long len, unsigned prot)
{
	return request(fd, (struct proc_mm_op){ .op = MM_MPROTECT, .u.mprotect = { addr, len, prot } });
}

static long copy(int fd, int from)
{
	return request(fd, (struct proc_mm_op){ .op = MM_COPY_SEGMENTS, .u.copy_segments = from });
}

static long trace(long what, pid_t pid, void *addr, void *data)
{
	return syscall(SYS_ptrace, what, pid, addr, data);
}

static long switch_mm(pid_t pid, int fd)
{
	return trace(PTRACE_SWITCH_MM_, pid, 0, (void *)(long)fd);
}

/* A stopped tracee. */
static pid_t tracee(void)
{
	pid_t child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(1);
	}
	waitpid(child, NULL, __WALL);
	return child;
}

/* Lets a stopped tracee run from `code` on; tells how it stops. */
static void run_at(pid_t child, unsigned long code, unsigned long rax)
{
	int status;
	struct user_regs_struct regs;
	ptrace(PTRACE_GETREGS, child, 0, &regs);
	PC = code;
	AX = rax;
	SP = STACK + PAGE;
	NUMBER = -1;
	ptrace(PTRACE_SETREGS, child, 0, &regs);
	ptrace(PTRACE_SYSEMU, child, 0, 0);
	waitpid(child, &status, __WALL);
	ptrace(PTRACE_GETREGS, child, 0, &regs);
	printf("  stops with %s at +%lu, result %lx\n", WIFSTOPPED(status) ? sigabbrev_np(WSTOPSIG(status) & 0x7f) : "an exit", (unsigned long)PC & 0xfff, (unsigned long)AX);
}

static void show_fault(pid_t child)
{
	struct ex_faultinfo fault = { 0 };
	OK(trace(PTRACE_EX_FAULTINFO_, child, 0, &fault));
	printf("  trap %d error %x address %lx\n", fault.trap_no, fault.error_code, fault.addr);
}

static void opening(void)
{
	char byte;
	struct stat st;
	printf("-- open\n");
	OK(open("/proc/mm", O_WRONLY));
	OK(access("/proc/mm", W_OK));
	OK(stat(MM_NAME, &st));
	printf("mode %o\n", st.st_mode);
	OK(stat("/dev/mm", &st));
	printf("mode %o device %d:%d\n", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
	int fd = open("/dev/mm", O_RDWR);
	SHOW(read(fd, &byte, 1));
	OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	OK(ioctl(fd, TCGETS, &byte));
	SHOW(lseek(fd, 0, SEEK_SET));
	SHOW(unmap(fd, 0, PAGE));
	close(fd);
	fd = open("/dev/mm", O_RDONLY);
	SHOW(unmap(fd, 0, PAGE));
	close(fd);
	fd = open("/dev/mm", O_PATH);
	SHOW(unmap(fd, 0, PAGE));
	close(fd);
}

static void writing(int fd)
{
	struct proc_mm_op op = { .op = MM_MUNMAP, .u.munmap = { 0, PAGE } };
	char longer[64] = { 0 };
	memcpy(longer, &op, sizeof op);
	printf("-- write\n");
	SHOW(write(fd, &op, sizeof op));
	SHOW(write(fd, &op, 3 * sizeof(long)));
	SHOW(write(fd, &op, 3 * sizeof(long) - 1));
	SHOW(write(fd, &op, 0));
	SHOW(write(fd, longer, sizeof op + 1));
	SHOW(write(fd, nowhere, sizeof op));
	SHOW(write(fd, nowhere, sizeof op + 1));
	op.op = 53;
	SHOW(write(fd, &op, sizeof op));
	op.op = 58;
	SHOW(write(fd, &op, sizeof op));
}

static void mapping(int fd, int file)
{
	int pipes[2];
	pipe(pipes);
	int read_only = open("/proc/self/exe", O_RDONLY);
	printf("-- mmap\n");
	SHOW(map(fd, CODE, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(map(fd, STACK, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	SHOW(map(fd, STACK + PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_FIXED, file, 0));
	SHOW(map(fd, 0, PAGE, PROT_READ, MAP_SHARED, file, 0));
	SHOW(map(fd, CODE + 1, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(map(fd, KERNEL_RANGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(map(fd, KERNEL_RANGE - PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(map(fd, -PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(map(fd, 0, -1ul, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(map(fd, STACK, 0, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0));
#ifdef __x86_64__
	SHOW(map(fd, STACK, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 1));
#else
	/* The offset's low bits do not matter here */
	SHOW(map(fd, STACK, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 1));
#endif
	SHOW(map(fd, STACK, PAGE, PROT_READ, MAP_FIXED, file, 0));
	SHOW(map(fd, STACK, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, 999, 0));
	SHOW(map(fd, STACK, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, -1, 0));
	SHOW(map(fd, STACK, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, pipes[0], 0));
	SHOW(map(fd, STACK, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0));
	SHOW(map(fd, STACK, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED, read_only, 0));
	printf("-- munmap\n");
	SHOW(unmap(fd, STACK + PAGE, PAGE));
	SHOW(unmap(fd, STACK + PAGE, PAGE));
	SHOW(unmap(fd, CODE + 1, PAGE));
	SHOW(unmap(fd, CODE, 0));
	SHOW(unmap(fd, KERNEL_RANGE, PAGE));
	SHOW(unmap(fd, 0, KERNEL_RANGE + PAGE));
	printf("-- mprotect\n");
	SHOW(protect(fd, STACK, PAGE, PROT_READ));
	SHOW(protect(fd, STACK, PAGE, PROT_READ | PROT_WRITE));
	SHOW(protect(fd, STACK, 2 * PAGE, PROT_READ | PROT_WRITE));
	SHOW(protect(fd, STACK + 1, PAGE, PROT_READ));
	SHOW(protect(fd, STACK, PAGE, 0x40));
	SHOW(protect(fd, KERNEL_RANGE, PAGE, PROT_READ));
	printf("-- copy segments\n");
	int other = open_mm();
	SHOW(copy(fd, other));
	SHOW(copy(fd, fd));
	SHOW(copy(fd, 999));
	SHOW(copy(fd, -1));
	SHOW(copy(fd, pipes[0]));
	close(other);
	close(read_only);
	close(pipes[0]);
	close(pipes[1]);
}

static void switching(int fd, int file)
{
	int status;
	long long pending = 0;
	struct { int error_code; unsigned long addr; } plain = { 0 };
	printf("-- switch\n");
	pid_t child = tracee();
	SHOW(switch_mm(child, 999));
	SHOW(switch_mm(child, file));
	SHOW(switch_mm(getpid(), fd));
	SHOW(switch_mm(1, fd));
	SHOW(switch_mm(999999, fd));
	SHOW(switch_mm(child, fd));
	SHOW(switch_mm(child, fd));
	run_at(child, CODE, 39);
	run_at(child, CODE + LOAD, 0x123456);
	show_fault(child);
	run_at(child, CODE + STORE, CODE);
	show_fault(child);
#ifdef __x86_64__
	run_at(child, CODE + LOAD, 0x8000000000000000);
	show_fault(child);
#endif
	run_at(child, CODE + HALT, 0);
	show_fault(child);
	run_at(child, 0x300000, 0);
	show_fault(child);
	OK(trace(PTRACE_EX_FAULTINFO_, child, 0, nowhere));
	OK(trace(PTRACE_FAULTINFO_, child, 0, &plain));
	printf("error %x address %lx\n", plain.error_code, plain.addr);
	kill(child, SIGUSR1);
	SHOW(trace(PTRACE_SIGPENDING_, child, 0, &pending));
	printf("pending %llx\n", pending);
	SHOW(trace(PTRACE_SIGPENDING_, child, 0, nowhere));

	printf("-- closed while a process runs in it\n");
	int other = open_mm();
	SHOW(map(other, CODE, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(switch_mm(child, other));
	close(other);
	SHOW(switch_mm(child, other));
	run_at(child, CODE, 39);
	SHOW(switch_mm(child, fd));
	run_at(child, CODE, 39);

	printf("-- not stopped, dead\n");
	trace(PTRACE_CONT, child, 0, 0);
	SHOW(switch_mm(child, fd));
	SHOW(trace(PTRACE_EX_FAULTINFO_, child, 0, &pending));
	kill(child, SIGKILL);
	waitpid(child, &status, __WALL);
	SHOW(switch_mm(child, fd));
	SHOW(unmap(fd, CODE, PAGE));
	child = tracee();
	SHOW(map(fd, CODE, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, file, 0));
	SHOW(switch_mm(child, fd));
	run_at(child, CODE, 39);
	kill(child, SIGKILL);
	waitpid(child, &status, __WALL);
}

static void descriptors(int fd)
{
	pid_t child = tracee();
	unsigned char table[128] = { 0 };
	struct user_desc entry = { .entry_number = 3, .base_addr = 0x12345678, .limit = 0xabcde, .seg_32bit = 1, .useable = 1 };
	struct ldt_request read_it = { 0, table, 40 }, write_it = { 0x11, &entry, sizeof entry };
	printf("-- LDT\n");
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	SHOW(trace(PTRACE_LDT_, child, 0, &write_it));
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	for (int i = 24; i < 32; i++)
		printf("%02x%s", table[i], i == 31 ? "\n" : " ");
	read_it.func = 2;
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	read_it.func = 3;
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	read_it = (struct ldt_request){ 0, nowhere, 40 };
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	SHOW(trace(PTRACE_LDT_, child, 0, nowhere));
	write_it.bytecount = 15;
	SHOW(trace(PTRACE_LDT_, child, 0, &write_it));
	write_it.bytecount = 16;
	entry.entry_number = 8192;
	SHOW(trace(PTRACE_LDT_, child, 0, &write_it));
	entry.entry_number = 0;
	entry.contents = 3;
	SHOW(trace(PTRACE_LDT_, child, 0, &write_it));

	/* The table belongs to the address space, and copying segments takes it along. */
	read_it = (struct ldt_request){ 0, table, 40 };
	int other = open_mm();
	SHOW(switch_mm(child, fd));
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	entry = (struct user_desc){ .entry_number = 4, .limit = 1, .seg_32bit = 1 };
	SHOW(trace(PTRACE_LDT_, child, 0, &write_it));
	SHOW(copy(other, fd));
	SHOW(switch_mm(child, other));
	SHOW(trace(PTRACE_LDT_, child, 0, &read_it));
	printf("%02x %02x\n", table[32], table[37]);
	close(other);
	kill(child, SIGKILL);
	waitpid(child, NULL, __WALL);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strcmp(argv[1], "hidden") == 0) {
		long word;
		pid_t child = tracee();
		OK(open("/proc/mm", O_WRONLY));
		OK(open("/proc/mm64", O_WRONLY));
		OK(open("/dev/mm", O_WRONLY));
		for (int what = 52; what <= 56; what++) {
			printf("%d: ", what);
			OK(trace(what, child, 0, &word));
		}
		kill(child, SIGKILL);
		return 0;
	}
	int file = memfd_create("code", 0);
	write(file, code, sizeof code);
	ftruncate(file, PAGE);
	opening();
	int fd = open_mm();
	writing(fd);
	mapping(fd, file);
	switching(fd, file);
	descriptors(fd);
	return 0;
}
