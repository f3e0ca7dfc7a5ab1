/* Segments as Linux gives them to 32-bit programs: TLS entries, the LDT, limits, selectors. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int last_signal, last_code, last_trap, last_error;

/* The C library's TLS is gs: everything here uses fs. */
static void handler(int signal, siginfo_t *info, void *context) {
	ucontext_t *uc = context;
	last_signal = signal;
	last_code = info->si_code;
	last_trap = uc->uc_mcontext.gregs[REG_TRAPNO];
	last_error = uc->uc_mcontext.gregs[REG_ERR];
	siglongjmp(back, 1);
}

#define TRYING(what, statement) \
	do { \
		if (sigsetjmp(back, 1) == 0) { \
			statement; \
			printf("%s: done\n", what); \
		} else \
			printf("%s: signal %d code %d trap %d error %x\n", what, last_signal, last_code, last_trap, last_error); \
	} while (0)

static void load_fs(unsigned selector) {
	__asm__ volatile("mov %w0,%%fs" : : "r"(selector));
}
static unsigned fs_selector(void) {
	unsigned selector;
	__asm__ volatile("mov %%fs,%0" : "=r"(selector));
	return selector & 0xffff;
}
static uint32_t fs_read(unsigned offset) {
	uint32_t value;
	__asm__ volatile("movl %%fs:(%1),%0" : "=r"(value) : "r"(offset));
	return value;
}
static uint32_t fs_byte(unsigned offset) {
	uint32_t value;
	__asm__ volatile("movzbl %%fs:(%1),%0" : "=r"(value) : "r"(offset));
	return value;
}
static void fs_write(unsigned offset, uint32_t value) {
	__asm__ volatile("movl %1,%%fs:(%0)" : : "r"(offset), "r"(value) : "memory");
}

static uint32_t *page;

static struct user_desc desc(unsigned entry, void *base, unsigned limit) {
	struct user_desc d;
	memset(&d, 0, sizeof d);
	d.entry_number = entry;
	d.base_addr = (unsigned long)base;
	d.limit = limit;
	d.seg_32bit = 1;
	d.useable = 1;
	return d;
}

static void show_desc(const char *what, struct user_desc *d) {
	printf("%s: entry %d base %s limit %x 32bit %d contents %d readonly %d pages %d absent %d useable %d\n", what, d->entry_number,
	       d->base_addr == (unsigned long)page ? "page" : d->base_addr == 0 ? "0" : "other", d->limit, d->seg_32bit, d->contents, d->read_exec_only, d->limit_in_pages, d->seg_not_present, d->useable);
}

static int result(long value) {
	return value < 0 ? -errno : (int)value;
}

static void tls(void) {
	struct user_desc d = desc(-1, page, 0xfffff);
	d.limit_in_pages = 1;
	printf("set_thread_area any: %d\n", result(syscall(SYS_set_thread_area, &d)));
	printf("entry %d\n", d.entry_number);
	unsigned selector = d.entry_number * 8 + 3;
	TRYING("load", load_fs(selector));
	printf("selector is kept %d, reads %x\n", fs_selector() == selector, fs_read(8));
	TRYING("write", fs_write(12, 0x5678));
	printf("written %x\n", page[3]);
	TRYING("negative offset", printf("%x\n", fs_read(-4u)));
	struct user_desc got = desc(d.entry_number, 0, 0);
	printf("get: %d\n", result(syscall(SYS_get_thread_area, &got)));
	show_desc("got", &got);
	struct user_desc moved = desc(d.entry_number, page + 4, 0xfffff);
	moved.limit_in_pages = 1;
	printf("moved: %d, reads %x\n", result(syscall(SYS_set_thread_area, &moved)), fs_read(0));
	struct user_desc limited = desc(d.entry_number, page, 15);
	printf("limited: %d\n", result(syscall(SYS_set_thread_area, &limited)));
	load_fs(selector);
	TRYING("last word", printf("%x\n", fs_read(12)));
	TRYING("across the limit", printf("%x\n", fs_read(13)));
	TRYING("last byte", printf("%x\n", fs_byte(15)));
	TRYING("byte beyond", printf("%x\n", fs_byte(16)));
	TRYING("write beyond", fs_write(16, 1));
	TRYING("wrapping", printf("%x\n", fs_read(-2u)));
	struct user_desc second = desc(-1, page, 0xfffff), third = desc(-1, page, 0xfffff);
	printf("second %d third %d\n", result(syscall(SYS_set_thread_area, &second)), result(syscall(SYS_set_thread_area, &third)));
	printf("is next %d\n", second.entry_number - d.entry_number);
	struct user_desc bad = desc(5, page, 1);
	printf("bad entry %d", result(syscall(SYS_set_thread_area, &bad)));
	bad = desc(d.entry_number, page, 1);
	bad.seg_32bit = 0;
	printf(" 16 bit %d", result(syscall(SYS_set_thread_area, &bad)));
	bad = desc(d.entry_number, page, 1);
	bad.contents = 2;
	printf(" code %d", result(syscall(SYS_set_thread_area, &bad)));
	bad = desc(d.entry_number, page, 1);
	bad.seg_not_present = 1;
	printf(" absent %d", result(syscall(SYS_set_thread_area, &bad)));
	printf(" fault %d", result(syscall(SYS_set_thread_area, 16)));
	got = desc(99, 0, 0);
	printf(" get bad %d\n", result(syscall(SYS_get_thread_area, &got)));
	struct user_desc empty = {.entry_number = d.entry_number, .read_exec_only = 1, .seg_not_present = 1};
	load_fs(0);
	printf("empty %d\n", result(syscall(SYS_set_thread_area, &empty)));
	TRYING("load of an empty entry", load_fs(selector));
	got = desc(d.entry_number, page, 1);
	printf("get empty: %d\n", result(syscall(SYS_get_thread_area, &got)));
	show_desc("got", &got);
}

static void null_and_flat(void) {
	load_fs(0);
	TRYING("null segment", printf("%x\n", fs_read((unsigned)page)));
	TRYING("null with privilege 3", load_fs(3));
	printf("selector %x\n", fs_selector());
	load_fs(0x2b);
	TRYING("flat data", printf("%x\n", fs_read((unsigned)&page[2])));
	load_fs(0x23);
	TRYING("flat code", printf("%x\n", fs_read((unsigned)&page[2])));
	TRYING("privilege 0 of user data", load_fs(0x28));
	printf("selector %x\n", fs_selector());
	TRYING("kernel data", load_fs(0x18));
	TRYING("beyond the table", load_fs(0xfff8));
	TRYING("code in ss", __asm__ volatile("mov %w0,%%ss" : : "r"(0x23)));
	TRYING("null in ss", __asm__ volatile("mov %w0,%%ss" : : "r"(0)));
	TRYING("null in ds", __asm__ volatile("push %%ds; mov %w0,%%ds; pop %%ds" : : "r"(0)));
	TRYING("es and back", __asm__ volatile("push %%es; mov %w0,%%es; mov %%es,%w0; pop %%es" : : "r"(0x2b)));
	struct { unsigned offset; unsigned short selector; } __attribute__((packed)) far = {0x12345678, 0x2b}, bad = {1, 0x1234};
	unsigned value = 0;
	TRYING("lfs", __asm__ volatile("lfs %1,%0" : "=r"(value) : "m"(far)));
	printf("%x selector %x\n", value, fs_selector());
	TRYING("lfs of nothing", __asm__ volatile("lfs %1,%0" : "+r"(value) : "m"(bad)));
	printf("%x selector %x\n", value, fs_selector());
	TRYING("les", __asm__ volatile("les %1,%0" : "=r"(value) : "m"(far)));
	TRYING("lds", __asm__ volatile("lds %1,%0" : "=r"(value) : "m"(far)));
	TRYING("lss", __asm__ volatile("mov %%ss,4(%1); mov %%esp,(%1); lss (%1),%%esp; mov %2,%0" : "=r"(value) : "r"(&bad), "i"(7) : "memory"));
	printf("%x\n", value);
	TRYING("short lfs", __asm__ volatile("lfsw %1,%w0" : "+r"(value) : "m"(*(short *)((char *)&far + 2))));
	printf("%x selector %x\n", value, fs_selector());
	TRYING("push and pop", __asm__ volatile("push %%fs; pop %%fs" : : : "memory"));
	load_fs(0);
}

static void ldt(void) {
	char buffer[64];
	memset(buffer, 1, sizeof buffer);
	printf("read empty: %d\n", result(syscall(SYS_modify_ldt, 0, buffer, sizeof buffer)));
	printf("default: %d", result(syscall(SYS_modify_ldt, 2, buffer, sizeof buffer)));
	printf(" zeros %d\n", buffer[0] == 0 && buffer[39] == 0);
	TRYING("load without a table", load_fs(7));
	struct user_desc d = desc(2, page, 0xfffff);
	d.limit_in_pages = 1;
	printf("write: %d\n", result(syscall(SYS_modify_ldt, 0x11, &d, sizeof d)));
	TRYING("load", load_fs(2 * 8 + 7));
	printf("reads %x\n", fs_read(8));
	d = desc(3, page, 7);
	printf("write: %d\n", result(syscall(SYS_modify_ldt, 0x11, &d, sizeof d)));
	TRYING("load", load_fs(3 * 8 + 7));
	TRYING("inside", printf("%x\n", fs_read(4)));
	TRYING("outside", printf("%x\n", fs_read(5)));
	d = desc(4, page, 0xfffff);
	d.seg_not_present = 1;
	printf("absent: %d\n", result(syscall(SYS_modify_ldt, 0x11, &d, sizeof d)));
	TRYING("load of what is not present", load_fs(4 * 8 + 7));
	TRYING("hole", load_fs(1 * 8 + 7));
	TRYING("beyond", load_fs(100 * 8 + 7));
	d = desc(5, page, 0xfffff);
	d.contents = 3;
	printf("conforming code: %d\n", result(syscall(SYS_modify_ldt, 0x11, &d, sizeof d)));
	d.entry_number = 8192;
	printf("entry 8192: %d size %d function %d\n", result(syscall(SYS_modify_ldt, 0x11, &d, sizeof d)), result(syscall(SYS_modify_ldt, 0x11, &d, 15)), result(syscall(SYS_modify_ldt, 77, &d, 15)));
	uint32_t table[16];
	memset(table, 0x55, sizeof table);
	int bytes = result(syscall(SYS_modify_ldt, 0, table, sizeof table));
	printf("read: %d\n", bytes);
	for (int i = 0; i < 5; i++) printf(" %d: low %s high %s\n", i, table[i * 2] == 0 ? "0" : (table[i * 2] & 0xffff) == 7 ? "..0007" : "other", table[i * 2 + 1] == 0 ? "0" : "set");
	printf("high of 3 %x\n", table[7] & 0x00ffff00);
	/* A child has a copy, in which changes are its own. */
	load_fs(2 * 8 + 7);
	fflush(stdout);
	if (fork() == 0) {
		printf("child reads %x\n", fs_read(8));
		struct user_desc gone = {.entry_number = 2, .read_exec_only = 1, .seg_not_present = 1};
		printf("child clears: %d\n", result(syscall(SYS_modify_ldt, 0x11, &gone, sizeof gone)));
		TRYING("child loads", load_fs(2 * 8 + 7));
		fflush(stdout);
		_exit(0);
	}
	wait(0);
	TRYING("parent loads", load_fs(2 * 8 + 7));
	printf("parent reads %x\n", fs_read(8));
	d = desc(2, page + 4, 0xfffff);
	printf("old function: %d\n", result(syscall(SYS_modify_ldt, 1, &d, sizeof d)));
	load_fs(2 * 8 + 7);
	printf("reads %x\n", fs_read(0));
	load_fs(0);
}

int main(void) {
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &action, 0);
	sigaction(SIGBUS, &action, 0);
	page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page++;
	page[-1] = 0xbefa0e;
	page[2] = 0x1234;
	page[4] = 0x4444;
	setvbuf(stdout, 0, _IOLBF, 0);
	null_and_flat();
	tls();
	ldt();
	return 0;
}
