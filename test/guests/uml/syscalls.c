/* Tasks and system calls of the miniature kernel. A call that has to wait puts its task to sleep and is made again when that wakes. */
#include <string.h>
#include "kernel.h"

#define WAIT (-512)
#define PIPES 8
#define OPEN_FILES 24
#define GAP (128ul << 20)

struct task tasks[TASKS], *current;
__typeof__(counts) counts;
static struct pipe pipes[PIPES];
static struct file open_files[OPEN_FILES];
static int last_pid = 1;
int turn_over;

void panic(const char *why)
{
	print("panic: ");
	print(why);
	print("\n");
	host_halt(255);
}

/* ---- Tasks ---- */

struct task *task_next(void)
{
	for (int i = 1; i <= TASKS; i++) {
		struct task *task = &tasks[(current - tasks + i) % TASKS];
		if (task->state == RUNNABLE) {
			if (task != current)
				counts.switches++;
			return task;
		}
	}
	panic("all tasks sleep");
}

static long sleep_on(const void *channel)
{
	current->state = SLEEPING;
	current->channel = channel;
	return WAIT;
}

void wake(const void *channel)
{
	for (struct task *task = tasks; task < tasks + TASKS; task++)
		if (task->state == SLEEPING && task->channel == channel)
			task->state = RUNNABLE;
}

struct task *task_fork(struct task *parent)
{
	struct task *child = tasks;
	while (child < tasks + TASKS && child->state != FREE)
		child++;
	if (child == tasks + TASKS)
		return 0;
	memset(child, 0, sizeof *child);
	child->pid = ++last_pid;
	child->parent = parent;
	child->regs = parent->regs;
	child->fp = parent->fp;
	memcpy(child->segments, parent->segments, sizeof child->segments);
	RESULT(&child->regs) = 0;
	if (fork_memory(child, parent) < 0 || host_new(child, parent) < 0) {
		free_memory(child);
		return 0;
	}
	for (int fd = 0; fd < FILES; fd++)
		if ((child->files[fd] = parent->files[fd]) != 0)
			child->files[fd]->references++;
	return child;
}

static long close_file(int fd)
{
	struct file *file = fd >= 0 && fd < FILES ? current->files[fd] : 0;
	if (file == 0)
		return -EBADF;
	current->files[fd] = 0;
	if (--file->references > 0)
		return 0;
	if (file->kind == PIPE_READ)
		file->pipe->readers = 0;
	if (file->kind == PIPE_WRITE)
		file->pipe->writers = 0;
	wake(file->pipe);
	file->kind = NO_FILE;
	return 0;
}

void task_exit(struct task *task, int status)
{
	for (int fd = 0; fd < FILES; fd++)
		close_file(fd);
	free_memory(task);
	task->state = ZOMBIE;
	task->status = status;
	for (struct task *child = tasks; child < tasks + TASKS; child++)
		if (child->parent == task)
			child->parent = &tasks[0];
	wake(task->parent);
	host_exit(task);
	if (task->parent != 0)
		return;
	if (show_counts) {
		print_number("counts: ", counts.calls, " calls, ");
		print_number("", counts.faults, " faults, ");
		print_number("", counts.switches, " switches\n");
	}
	host_halt(status >> 8);
}

static long wait_child(ulong pid, ulong status)
{
	int children = 0;
	for (struct task *child = tasks; child < tasks + TASKS; child++) {
		if (child->state == FREE || child->parent != current || ((long)(int)pid > 0 && child->pid != (int)pid))
			continue;
		children++;
		if (child->state != ZOMBIE)
			continue;
		if (status != 0 && copy_user(current, status, &child->status, sizeof(int), 1) < 0)
			return -EFAULT;
		child->state = FREE;
		return child->pid;
	}
	return children == 0 ? -ECHILD : sleep_on(current);
}

/* ---- Files ---- */

static struct file *new_file(int kind)
{
	for (struct file *file = open_files; file < open_files + OPEN_FILES; file++)
		if (file->kind == NO_FILE) {
			*file = (struct file){ .kind = kind, .references = 1 };
			return file;
		}
	panic("too many open files");
}

static long place(struct file *file)
{
	for (int fd = 0; fd < FILES; fd++)
		if (current->files[fd] == 0) {
			current->files[fd] = file;
			return fd;
		}
	file->kind = NO_FILE;
	return -EMFILE;
}

static long make_pipe(ulong ends)
{
	struct pipe *pipe = pipes;
	while (pipe < pipes + PIPES && (pipe->readers || pipe->writers))
		pipe++;
	if (pipe == pipes + PIPES)
		return -EMFILE;
	pipe->readers = pipe->writers = 1;
	pipe->head = pipe->count = 0;
	struct file *read_end = new_file(PIPE_READ), *write_end = new_file(PIPE_WRITE);
	read_end->pipe = write_end->pipe = pipe;
	int fds[2] = { place(read_end), place(write_end) };
	return copy_user(current, ends, fds, sizeof fds, 1) < 0 ? -EFAULT : 0;
}

static long read_file(struct file *file, ulong to, size_t count)
{
	if (file->kind == TEXT) {
		size_t left = length(file->text) - file->position, piece = count < left ? count : left;
		long result = copy_user(current, to, file->text + file->position, piece, 1);
		file->position += result > 0 ? result : 0;
		return result;
	}
	struct pipe *pipe = file->pipe;
	if (file->kind != PIPE_READ)
		return -EBADF;
	if (pipe->count == 0)
		return pipe->writers ? sleep_on(pipe) : 0;
	size_t piece = count < pipe->count ? count : pipe->count;
	for (size_t done = 0, part; done < piece; done += part) {
		size_t at = (pipe->head + done) % PAGE;
		part = PAGE - at < piece - done ? PAGE - at : piece - done;
		if (copy_user(current, to + done, &pipe->bytes[at], part, 1) < 0)
			return -EFAULT;
	}
	pipe->head += piece;
	pipe->count -= piece;
	wake(pipe);
	return piece;
}

static long write_file(struct file *file, ulong from, size_t count)
{
	char bytes[256];
	size_t piece = count < sizeof bytes ? count : sizeof bytes;
	if (file->kind != CONSOLE && file->kind != PIPE_WRITE)
		return -EBADF;
	if (copy_user(current, from, bytes, piece, 0) < 0)
		return -EFAULT;
	if (file->kind == CONSOLE)
		return call(__NR_write, 1, bytes, piece);
	struct pipe *pipe = file->pipe;
	if (!pipe->readers)
		return -EPIPE;
	if (PAGE - pipe->count < piece)
		return sleep_on(pipe);
	for (size_t i = 0; i < piece; i++)
		pipe->bytes[(pipe->head + pipe->count++) % PAGE] = bytes[i];
	wake(pipe);
	return piece;
}

/* There is one name to open. */
static long open_path(ulong path)
{
	char name[16];
	if (copy_user(current, path, name, sizeof name, 0) < 0)
		return -EFAULT;
	name[sizeof name - 1] = 0;
	if (!equal(name, "/proc/self/maps"))
		return -ENOENT;
	struct file *file = new_file(TEXT);
	maps_text(current, file->text);
	return place(file);
}

/* ---- Memory ---- */

static long map_anonymous(ulong bytes, int prot, ulong flags)
{
	if ((flags & (MAP_ANONYMOUS | MAP_PRIVATE | MAP_FIXED)) != (MAP_ANONYMOUS | MAP_PRIVATE) || bytes == 0)
		return -EINVAL;
	ulong size = (bytes + PAGE - 1) & -PAGE, start = task_top - GAP - size;
	for (int i = current->area_count - 1; i >= 0; i--) {
		struct area *area = &current->areas[i];
		if (area->start < start + size && area->end > start)
			start = area->start - size;
	}
	if (current->area_count == AREAS)
		return -ENOMEM;
	add_area(current, start, start + size, prot, 0, 0, "");
	return start;
}

static long move_break(ulong end)
{
	ulong old = (current->heap_end + PAGE - 1) & -PAGE, new = (end + PAGE - 1) & -PAGE;
	if (end < current->heap_start || end > task_top / 2)
		return current->heap_end;
	if (new < old)
		drop_range(current, new, old);
	if (new > old) {
		struct area *heap = 0;
		for (int i = 0; i < current->area_count; i++)
			if (equal(current->areas[i].name, "[heap]"))
				heap = &current->areas[i];
		if (heap != 0)
			heap->end = new;
		else
			add_area(current, current->heap_start, new, PROT_READ | PROT_WRITE, 0, 0, "[heap]");
	}
	return current->heap_end = end;
}

static long set_segment(ulong function, ulong address, ulong bytes)
{
	struct user_desc segment;
	if (function != 0x11 || bytes != sizeof segment || copy_user(current, address, &segment, sizeof segment, 0) < 0 || segment.entry_number >= SEGMENTS)
		return -EINVAL;
	int result = host_segment(current, &segment);
	if (result == 0)
		current->segments[segment.entry_number] = segment;
	return result;
}

/* ---- From user mode ---- */

static long dispatch(ulong number, const ulong a[6])
{
	struct file *file = a[0] < FILES ? current->files[a[0]] : 0;
	struct task *child;
	switch (number) {
	case __NR_read:
		return file == 0 ? -EBADF : read_file(file, a[1], a[2]);
	case __NR_write:
		return file == 0 ? -EBADF : write_file(file, a[1], a[2]);
	case __NR_open:
		return open_path(a[0]);
	case __NR_close:
		return close_file(a[0]);
	case __NR_pipe:
		return make_pipe(a[0]);
	case __NR_getpid:
		return current->pid;
	case __NR_getppid:
		return current->parent == 0 ? 0 : current->parent->pid;
	case __NR_sched_yield:
		turn_over = 1;
		return 0;
	case __NR_fork:
		if ((child = task_fork(current)) == 0)
			return -EAGAIN;
		child->state = RUNNABLE;
		return child->pid;
	case __NR_wait4:
		return wait_child(a[0], a[1]);
	case __NR_exit:
	case __NR_exit_group:
		task_exit(current, (a[0] & 0xff) << 8);
		return 0;
	case NR_MMAP:
		return map_anonymous(a[1], a[2], a[3]);
	case __NR_munmap:
		drop_range(current, a[0], (a[0] + a[1] + PAGE - 1) & -PAGE);
		return 0;
	case __NR_modify_ldt:
		return set_segment(a[0], a[1], a[2]);
	case __NR_brk:
		return move_break(a[0]);
	default:
		return -ENOSYS;
	}
}

void kernel_syscall(void)
{
	registers *regs = &current->regs;
	const ulong arguments[6] = ARGUMENTS(regs);
	counts.calls++;
	long result = dispatch(NUMBER(regs), arguments);
	if (result == WAIT) {
		PC(regs) -= SYSCALL_LENGTH;
		RESULT(regs) = NUMBER(regs);
	} else {
		RESULT(regs) = result;
	}
	NUMBER(regs) = -1;
}

void kernel_fault(int trap, ulong error, ulong address)
{
	counts.faults++;
	if (trap != PAGE_FAULT || address >= task_top || fault_in(current, address, (error & FAULT_WRITE) != 0) < 0)
		kernel_signal(SIGSEGV);
}

void kernel_signal(int signal)
{
	task_exit(current, signal);
}
