/* The programs that run on the miniature UMLs, and unchanged on a host: the first argument says what to do, the second how often. */
#include "host.h"
#include <asm/ldt.h>

static int fork_(void) { return call(__NR_fork); }
static _Noreturn void exit_(int status) { for (;;) call(__NR_exit_group, status); }

static int wait_for(int pid)
{
	int status = 0;
	call(__NR_wait4, pid, &status, 0, 0);
	return status;
}

static char *anonymous(ulong bytes)
{
	return (char *)map(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0ul);
}

/* An integer loop; the answer is the same everywhere. */
static ulong churn(ulong turns)
{
	ulong x = 1;
	for (ulong i = 0; i < turns; i++)
		x = x * (ulong)6364136223846793005ull + (x >> (sizeof x * 4 + 1)) + i;
	return x;
}

static void system_calls(ulong count)
{
	int pid = call(__NR_getpid);
	for (ulong i = 0; i < count; i++)
		if (call(__NR_getpid) != pid)
			print("a wrong pid\n");
	print_number("system calls: ", count, "\n");
}

static void ping_pong(ulong count)
{
	int there[2], back[2];
	ulong value = 0;
	call(__NR_pipe, there);
	call(__NR_pipe, back);
	int child = fork_();
	if (child == 0) {
		call(__NR_close, there[1]);
		while (call(__NR_read, there[0], &value, sizeof value) == sizeof value) {
			value++;
			call(__NR_write, back[1], &value, sizeof value);
		}
		exit_(3);
	}
	for (ulong i = 0; i < count; i++) {
		call(__NR_write, there[1], &value, sizeof value);
		call(__NR_read, back[0], &value, sizeof value);
	}
	call(__NR_close, there[1]);
	print_number("ping-pong: ", value, ", ");
	print_number("the other ends with ", wait_for(child) >> 8, "\n");
}

static void forks(ulong count)
{
	ulong sum = 0;
	for (ulong i = 0; i < count; i++) {
		int child = fork_();
		if (child == 0)
			exit_(i & 0x7f);
		sum += wait_for(child) >> 8;
	}
	print_number("forks: ", count, ", ");
	print_number("statuses: ", sum, "\n");
}

static void faults(ulong count)
{
	ulong sum = 0;
	for (ulong round = 0; round < count; round++) {
		char *memory = anonymous(64 * PAGE);
		for (int i = 0; i < 64; i++)
			memory[i * PAGE + round % PAGE] += i;
		for (int i = 0; i < 64; i++)
			sum += memory[i * PAGE + round % PAGE];
		call(__NR_munmap, memory, 64 * PAGE);
	}
	print_number("page faults: ", count * 64, ", ");
	print_number("sum: ", sum, "\n");
}

static void processor(ulong count)
{
	int child = fork_();
	ulong result = churn(count * (child == 0 ? 1 : 2));
	if (child == 0)
		exit_(result & 0x7f);
	int status = wait_for(child);
	print_number("loop: ", result, ", ");
	print_number("the other's: ", status >> 8, "\n");
}

/* What a compiler run is to a kernel, in small: a process that computes, takes memory page by page, makes calls, and tells its parent. */
static void mix(ulong count)
{
	ulong sum = 0, answer;
	int ends[2];
	call(__NR_pipe, ends);
	for (ulong i = 0; i < count; i++) {
		int child = fork_();
		if (child == 0) {
			char *memory = anonymous(128 * PAGE);
			for (int page = 0; page < 128; page++) {
				memory[page * PAGE] = churn(10000);
				call(__NR_getppid);
			}
			answer = churn(100000) + i;
			call(__NR_write, ends[1], &answer, sizeof answer);
			exit_(0);
		}
		call(__NR_read, ends[0], &answer, sizeof answer);
		sum += answer;
		wait_for(child);
	}
	print_number("mix: ", sum, "\n");
}

static void __attribute__((noinline)) store(ulong address)
{
	asm volatile("" : "+r"(address));
	*(volatile char *)address = 't';
}

/* Many processes at a time, all waiting for the last one. */
static void crowd(ulong count)
{
	int ends[2], sum = 0;
	char byte;
	call(__NR_pipe, ends);
	for (ulong i = 0; i < count; i++)
		if (fork_() == 0) {
			call(__NR_read, ends[0], &byte, 1);
			exit_(1);
		}
	for (ulong i = 0; i < count; i++)
		call(__NR_write, ends[1], &byte, 1);
	for (ulong i = 0; i < count; i++)
		sum += wait_for(-1) >> 8;
	print_number("crowd: ", sum, "\n");
}

/* Copy-on-write: what one writes the other does not see. */
static void sharing(void)
{
	static ulong word = 1;
	int child = fork_();
	if (child == 0) {
		ulong before = word;
		word = 40;
		exit_(before + word);
	}
	word = 2;
	int status = wait_for(child);
	print_number("after fork: mine ", word, ", ");
	print_number("the other's ", status >> 8, "\n");
	word = call(__NR_brk, 0);
	call(__NR_brk, word + 3 * PAGE);
	*(ulong *)(word + 2 * PAGE) = 7;
	print_number("heap: ", *(ulong *)(word + 2 * PAGE) + *(ulong *)(word + PAGE), "\n");
	print_number("into nowhere: ", -call(__NR_write, 1, 8, 1), "\n");
	print_number("a bad descriptor: ", -call(__NR_write, 77, &word, 8), "\n");
	child = fork_();
	if (child == 0)
		store(8);
	print_number("a bad pointer ends with signal ", wait_for(child), "\n");
	child = fork_();
	if (child == 0)
		store((ulong)store);
	print_number("writing code ends with signal ", wait_for(child), "\n");
	child = fork_();
	if (child == 0)
		asm volatile("hlt");
	print_number("hlt ends with signal ", wait_for(child), "\n");
	child = fork_();
	if (child == 0)
		asm volatile("ud2");
	print_number("ud2 ends with signal ", wait_for(child), "\n");
}

/* A segment of the local descriptor table: a child has its parent's, and changes only its own. */
static void segments(void)
{
#ifdef __i386__
	static ulong words[] = { 11, 22, 33 };
	struct user_desc segment = { .entry_number = 1, .base_addr = (ulong)&words[0], .limit = 3, .seg_32bit = 1, .useable = 1 };
	ulong value;
	call(__NR_modify_ldt, 0x11, &segment, sizeof segment);
	asm volatile("mov %1, %%gs\n mov %%gs:0, %0" : "=r"(value) : "r"(1 << 3 | 7));
	print_number("through the segment: ", value, "\n");
	int child = fork_();
	if (child == 0) {
		asm volatile("mov %%gs:0, %0" : "=r"(value));
		segment.base_addr = (ulong)&words[1];
		call(__NR_modify_ldt, 0x11, &segment, sizeof segment);
		asm volatile("mov %1, %%gs\n mov %%gs:0, %%ecx\n add %%ecx, %0" : "+r"(value) : "r"(1 << 3 | 7) : "ecx");
		exit_(value);
	}
	print_number("the other's: ", wait_for(child) >> 8, "\n");
	asm volatile("mov %%gs:0, %0" : "=r"(value));
	print_number("mine: ", value, "\n");
	child = fork_();
	if (child == 0)
		asm volatile("mov %%gs:4, %%eax" ::: "eax");
	print_number("beyond it: signal ", wait_for(child), "\n");
#endif
}

/* Ranges, permissions and the bracketed names of /proc/self/maps. */
static void maps(void)
{
	static char text[4096];
	long count, size = 0;
	anonymous(3 * PAGE)[0] = 1;
	call(__NR_brk, call(__NR_brk, 0) + PAGE);
	int fd = call(__NR_open, "/proc/self/maps", 0);
	while ((count = call(__NR_read, fd, text + size, sizeof text - 1 - size)) > 0)
		size += count;
	for (char *line = text; *line != 0;) {
		char *end = line, *bracket = 0;
		for (; *end != '\n'; end++)
			if (*end == '[')
				bracket = end;
		*end = 0;
		char *rest = line;
		for (int spaces = 0; *rest != 0 && spaces < 2; rest++)
			spaces += *rest == ' ';
		char kept = *rest;
		*rest = 0;
		print(line);
		*rest = kept;
		print(bracket == 0 ? "" : bracket);
		print("\n");
		line = end + 1;
	}
}

static ulong number(const char *text)
{
	ulong value = 0, base = 10;
	if (text[0] == '0' && text[1] == 'x') {
		base = 16;
		text += 2;
	}
	for (; *text != 0; text++)
		value = value * base + (*text <= '9' ? *text - '0' : *text - 'a' + 10);
	return value;
}

/* Tries to read a kernel's memory, by every way there is. */
static void probe(ulong address, const char *pid)
{
	int child = fork_();
	if (child == 0) {
		char first = *(volatile char *)address;
		print("by pointer: ");
		call(__NR_write, 1, &first, 1);
		for (int i = 1; *(volatile char *)(address + i) != 0; i++) {
			first = *(volatile char *)(address + i);
			call(__NR_write, 1, &first, 1);
		}
		print("\n");
		exit_(0);
	}
	print_number("pointer: status ", wait_for(child), "\n");
	child = fork_();
	if (child == 0) {
		store(address);
		exit_(0);
	}
	print_number("store: status ", wait_for(child), "\n");
	print_number("write: error ", -call(__NR_write, 1, address, 19), "\n");
	ulong word = 0, vector[4] = { (ulong)&word, 8, address, 8 };
	print_number("process_vm_readv: error ", -call(__NR_process_vm_readv, number(pid), &vector[0], 1, &vector[2], 1, 0), "\n");
	print_number("ptrace attach: error ", -call(__NR_ptrace, 16, number(pid), 0, 0), "\n");
	char path[40] = "/proc/", *end = path + 6;
	while (*pid != 0)
		*end++ = *pid++;
	for (const char *rest = "/mem"; *rest != 0;)
		*end++ = *rest++;
	*end = 0;
	print_number("/proc/PID/mem: error ", -call(__NR_open, path, 0), "\n");
}

void user_start(ulong *stack)
{
	char **argv = (char **)&stack[1];
	const char *what = stack[0] > 1 ? argv[1] : "";
	ulong count = stack[0] > 2 ? number(argv[2]) : 1;
	if (equal(what, "syscalls"))
		system_calls(count);
	else if (equal(what, "pingpong"))
		ping_pong(count);
	else if (equal(what, "forks"))
		forks(count);
	else if (equal(what, "faults"))
		faults(count);
	else if (equal(what, "cpu"))
		processor(count);
	else if (equal(what, "mix"))
		mix(count);
	else if (equal(what, "crowd"))
		crowd(count);
	else if (equal(what, "sharing"))
		sharing();
	else if (equal(what, "all")) {
		system_calls(count * 10);
		ping_pong(count * 2);
		forks(count);
		faults(count);
		processor(count * 200000);
		mix(count / 4);
		sharing();
		segments();
	}
	else if (equal(what, "maps"))
		maps();
	else if (equal(what, "probe") && stack[0] > 3)
		probe(count, argv[3]);
	else
		print("syscalls, pingpong, forks, faults, cpu, mix, crowd, all COUNT; sharing; maps; probe ADDRESS PID\n");
	exit_(0);
}

ENTRY(user_start);
