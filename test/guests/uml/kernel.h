/*
 * A miniature UML kernel: tasks with demand-paged, copy-on-write memory, pipes, fork, exit and wait. It knows nothing of how its processes run on the
 * host; that is the technique's business (the host_* functions, in tt.c or skas.c with skas0.c or skas3.c).
 */
#ifndef KERNEL_H
#define KERNEL_H
#include "host.h"
#include <asm/ldt.h>
#include <sys/user.h>

typedef struct user_regs_struct registers;
#define FAULT_WRITE 2
#define PAGE_FAULT 14

/* ---- Physical memory: one file, mapped into the kernel and, page by page, into processes ---- */

#define PHYSICAL_PAGES 4096
extern char *physical;     /* where the kernel has it mapped */
extern int physical_file;  /* its host descriptor */

int page_get(void);        /* a zeroed page with one reference; -1: none is free */
void page_put(int page);
static inline void *page_address(int page) { return physical + page * PAGE; }

/* ---- Tasks ---- */

#define TASKS 16
#define AREAS 16
#define FILES 8
#define SEGMENTS 2

/* A range of a task's address space. File bytes come from the program, at `offset`, as far as they go; the rest is zeros. */
struct area {
	ulong start, end;
	int prot;
	ulong offset, file_bytes;
	const char *name;
};

struct pipe {
	int readers, writers;
	size_t head, count;
	char bytes[PAGE];
};

/* An open file: the console, an end of a pipe, or a text that is read. */
struct file {
	enum { NO_FILE, CONSOLE, PIPE_READ, PIPE_WRITE, TEXT } kind;
	int references;
	struct pipe *pipe;
	size_t position;
	char text[1024];
};

struct task {
	enum { FREE, RUNNABLE, SLEEPING, ZOMBIE } state;
	int pid, status;
	struct task *parent;
	const void *channel;               /* what it sleeps on */
	registers regs;                    /* of its user mode, while it is in the kernel */
	struct user_fpregs_struct fp;
	ulong *table;                      /* levels as the processor's; see memory.c */
	struct area areas[AREAS];
	int area_count;
	ulong heap_start, heap_end;
	struct file *files[FILES];
	struct user_desc segments[SEGMENTS]; /* of its local descriptor table, as they were set */
	/* The technique's: */
	int host_pid, mm;                  /* host process, handle of the address space */
	int stub_page;                     /* skas0: first page of its stub's data */
	int pipe[2], tracing, request, starting; /* tt: its turn, how it is traced */
	struct task *dead;                 /* tt: who handed over and is to be ended */
};

extern struct task tasks[TASKS], *current;
extern int turn_over;                      /* `current` has had its turn */
extern char secret[];                      /* what no user process is to read */
extern struct { ulong calls, faults, switches; } counts;

/* A new task, not yet runnable, with its parent's memory (copy-on-write), files and registers; or 0. */
struct task *task_fork(struct task *parent);
void task_exit(struct task *task, int status);
struct task *task_next(void);              /* whose turn it is, after `current` */
void wake(const void *channel);
_Noreturn void panic(const char *why);

/* ---- What the technique calls: `current` came from user mode with its registers in `regs` ---- */

void kernel_syscall(void);
void kernel_fault(int trap, ulong error, ulong address);
void kernel_signal(int signal);            /* kills it */

/* ---- What the kernel calls ---- */

extern const ulong task_top;               /* end of a process's address space */
void host_prepare(void);                   /* maps physical memory into the kernel */
_Noreturn void host_start(void);           /* runs tasks until init has exited */
int host_new(struct task *task, struct task *parent);
void host_map(struct task *task, ulong address, int page, int prot);
void host_unmap(struct task *task, ulong address, ulong bytes);
void host_protect(struct task *task, ulong address, ulong bytes, int prot);
int host_segment(struct task *task, struct user_desc *segment); /* modify_ldt; a new task has its parent's table */
void host_exit(struct task *task);
_Noreturn void host_halt(int status);

/* ---- Within the kernel ---- */

int fault_in(struct task *task, ulong address, int write);      /* makes a page present; 0, or -1 if there is none to be */
long copy_user(struct task *task, ulong address, void *bytes, size_t count, int write);
void add_area(struct task *task, ulong start, ulong end, int prot, ulong offset, ulong file_bytes, const char *name);
void drop_range(struct task *task, ulong start, ulong end);
int fork_memory(struct task *child, struct task *parent);
void free_memory(struct task *task);
void maps_text(struct task *task, char *to);
void load_program(struct task *init, int argc, char **argv);
extern int program_file, show_counts;
extern int no_sysemu;                      /* as on hosts before 2.6.8: calls are made harmless one by one */

#endif
