/*
 * The host as the miniature UMLs and their user programs see it: raw system calls, no libc. tt needs that (its kernel code runs with the user's
 * segment registers), and it keeps what is measured free of anything else.
 */
#ifndef HOST_H
#define HOST_H
#include <stddef.h>
#include "arch.h"

#define PAGE 4096ul
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
enum { O_WRONLY = 1, O_CLOEXEC = 02000000 };
enum { EPERM = 1, ENOENT, ESRCH, EINTR, EBADF = 9, ECHILD, EAGAIN, ENOMEM, EFAULT = 14, EINVAL = 22, EMFILE = 24, EPIPE = 32, ENOSYS = 38 };
enum { SIGILL = 4, SIGTRAP, SIGBUS = 7, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGCHLD = 17, SIGCONT, SIGSTOP, SIGVTALRM = 26, SIGIO = 29 };

/* call(nr, up to six arguments) */
#define CALL_(nr, a, b, c, d, e, f, ...) call6(nr, (ulong)(a), (ulong)(b), (ulong)(c), (ulong)(d), (ulong)(e), (ulong)(f))
#define call(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* mmap; the offset in pages */
#define map(address, bytes, prot, flags, fd, page) call(NR_MMAP, address, bytes, prot, flags, fd, MMAP_OFFSET(page))
typedef unsigned long long signal_set;     /* as the host's, on both */

static inline size_t length(const char *text)
{
	size_t n = 0;
	while (text[n] != 0)
		n++;
	return n;
}

static inline int equal(const char *a, const char *b)
{
	while (*a != 0 && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline void print(const char *text)
{
	call(__NR_write, 1, text, length(text));
}

/* Writes a number of at least `width` digits at `to`; returns its end, where it puts a 0. */
static inline char *digits(char *to, ulong value, int base, int width)
{
	char reversed[24];
	int n = 0;
	do
		reversed[n++] = "0123456789abcdef"[value % base];
	while ((value /= base) != 0 || n < width);
	while (n > 0)
		*to++ = reversed[--n];
	*to = 0;
	return to;
}

static inline void print_number(const char *before, ulong value, const char *after)
{
	char text[24];
	digits(text, value, 10, 1);
	print(before);
	print(text);
	print(after);
}

#endif
