/* The skas3 host interface for programs that use it: struct proc_mm_op and the ptrace requests, in the layout of the word size compiled for. */
#ifndef SKAS3_H
#define SKAS3_H

enum { PTRACE_FAULTINFO_ = 52, PTRACE_SIGPENDING_, PTRACE_LDT_, PTRACE_SWITCH_MM_, PTRACE_EX_FAULTINFO_ };
enum { MM_MMAP = 54, MM_MUNMAP, MM_MPROTECT, MM_COPY_SEGMENTS };

/* The name under which callers of this word size find it. */
#define MM_NAME (sizeof(long) == 8 ? "/proc/mm64" : "/proc/mm")

struct proc_mm_op {
	int op;
	union {
		struct { unsigned long addr, len, prot, flags, fd, offset; } mmap;
		struct { unsigned long addr, len; } munmap;
		struct { unsigned long addr, len; unsigned int prot; } mprotect;
		int copy_segments;
	} u;
};
struct ex_faultinfo {
	int error_code;
	unsigned long addr;
	int trap_no;
};
struct ldt_request {
	int func;
	void *ptr;
	unsigned long bytecount;
};

#endif
