/* Starting the miniature kernel: its physical memory, the program that is to be init, and that program's first stack. */
#include "kernel.h"

char secret[] = "the kernel's secret";
int program_file, show_counts, no_sysemu;

static void read_at(ulong offset, void *into, size_t count)
{
	if (call(__NR_pread64, program_file, into, count, offset, 0) != (long)count)
		panic("program is too short");
}

static ulong push(struct task *task, ulong sp, const void *bytes, size_t count)
{
	copy_user(task, sp - count, (void *)bytes, count, 1);
	return sp - count;
}

/* Areas for an ELF program at fixed addresses, and its stack with the arguments, where a bare host would put them. */
void load_program(struct task *init, int argc, char **argv)
{
	elf_header header;
	program_file = call(__NR_open, argv[0], 0);
	if (program_file < 0)
		panic("cannot open the program");
	read_at(0, &header, sizeof header);
	for (int i = 0; i < header.e_phnum; i++) {
		elf_segment segment;
		read_at(header.e_phoff + i * sizeof segment, &segment, sizeof segment);
		if (segment.p_type != PT_LOAD || segment.p_memsz == 0)
			continue;
		ulong start = segment.p_vaddr & -PAGE, end = (segment.p_vaddr + segment.p_memsz + PAGE - 1) & -PAGE;
		ulong file_end = (segment.p_vaddr + segment.p_filesz + PAGE - 1) & -PAGE;
		int prot = (segment.p_flags & PF_R ? PROT_READ : 0) | (segment.p_flags & PF_W ? PROT_WRITE : 0) | (segment.p_flags & PF_X ? PROT_EXEC : 0);
		if (segment.p_filesz != 0)
			add_area(init, start, file_end, prot, segment.p_offset & -PAGE, segment.p_vaddr - start + segment.p_filesz, "");
		if (end > file_end || segment.p_filesz == 0)
			add_area(init, segment.p_filesz != 0 ? file_end : start, end, prot, 0, 0, "");
		init->heap_start = init->heap_end = end;
	}
	add_area(init, task_top - 33 * PAGE, task_top, PROT_READ | PROT_WRITE, 0, 0, "[stack]");
	ulong sp = task_top - sizeof(ulong), pointers[20];
	for (int i = argc - 1; i >= 0; i--)
		pointers[1 + i] = sp = push(init, sp, argv[i], length(argv[i]) + 1);
	pointers[0] = argc;
	for (int i = argc + 1; i < argc + 5; i++)
		pointers[i] = 0; /* end of the arguments, of the environment, and of the auxiliary vector */
	sp = (sp - (argc + 5) * sizeof(ulong)) & -16ul;
	copy_user(init, sp, pointers, (argc + 5) * sizeof(ulong), 1);
	SP(&init->regs) = sp;
	PC(&init->regs) = header.e_entry;
}

/* mini-TECHNIQUE [--counts] [--nosysemu] PROGRAM ARGUMENTS; the words @secret and @pid among them become the secret's address and the kernel's host process. */
void kernel_start(ulong *stack)
{
	static char numbers[2][24] = { "0x" };
	int argc = stack[0] - 1;
	char **argv = (char **)&stack[2];
	for (; argc > 0 && argv[0][0] == '-'; argc--, argv++) {
		show_counts |= equal(argv[0], "--counts");
		no_sysemu |= equal(argv[0], "--nosysemu");
	}
	if (argc < 1 || argc > 12)
		panic("which program?");
	for (int i = 0; i < argc; i++) {
		if (equal(argv[i], "@secret")) {
			digits(numbers[0] + 2, (ulong)secret, 16, 1);
			argv[i] = numbers[0];
		} else if (equal(argv[i], "@pid")) {
			digits(numbers[1], call(__NR_getpid), 10, 1);
			argv[i] = numbers[1];
		}
	}
	static struct file console = { .kind = CONSOLE, .references = 3 };
	struct task *init = &tasks[0];
	init->pid = 1;
	init->state = RUNNABLE;
	for (int fd = 0; fd < 3; fd++)
		init->files[fd] = &console;
	current = init;
	physical_file = call(__NR_memfd_create, "physical memory", 0);
	call(__NR_ftruncate, physical_file, PHYSICAL_PAGES * PAGE);
	host_prepare();
	if (host_new(init, 0) < 0)
		panic("the host gives no process");
	load_program(init, argc, argv);
	host_start();
}

ENTRY(kernel_start);
