/* What a program finds at its start: stack layout, auxiliary vector, registers as far as C sees them, the order of its mappings. */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

extern char **environ;
extern char __executable_start[], end[];

int main(int argc, char **argv)
{
	unsigned long *word = (unsigned long *)argv;
	printf("argc below argv %d, at a multiple of 16 %d, argv ends with 0 %d, then environ %d\n", (int)word[-1] == argc, (unsigned long)&word[-1] % 16 == 0, argv[argc] == NULL,
	       environ == argv + argc + 1);
	char *next = argv[0];
	int adjacent = 1, count = 0;
	for (int i = 0; i < argc; next += strlen(next) + 1, i++)
		adjacent &= argv[i] == next;
	for (char **e = environ; *e; next += strlen(next) + 1, e++)
		adjacent &= *e == next;
	printf("strings in order without gaps %d, execfn behind them %d, 8 bytes to the page's end %d\n", adjacent, (char *)getauxval(AT_EXECFN) == next,
	       ((unsigned long)next + strlen(next) + 1 + 8) % 4096 == 0);
	word = (unsigned long *)environ;
	while (*word)
		word++;
	ElfW(auxv_t) *aux = (ElfW(auxv_t) *)(word + 1);
	printf("auxv:");
	for (; aux->a_type != AT_NULL; aux++, count++)
		/* The vDSO, the signal frame's size and what is for rseq are optional. */
		if (aux->a_type != AT_SYSINFO && aux->a_type != AT_SYSINFO_EHDR && aux->a_type != 51 && aux->a_type != 27 && aux->a_type != 28)
			printf(" %lu", (unsigned long)aux->a_type);
	printf("\n");
	char *platform = (char *)getauxval(AT_PLATFORM), *random = (char *)getauxval(AT_RANDOM);
	printf("platform %s, 16 random bytes below it %d, base 0x%lx, entry inside %d, headers inside %d, %lu of %lu bytes\n", platform, random + 16 == platform, getauxval(AT_BASE),
	       getauxval(AT_ENTRY) > (unsigned long)__executable_start && getauxval(AT_ENTRY) < (unsigned long)end, getauxval(AT_PHDR) == (unsigned long)__executable_start + 64,
	       getauxval(AT_PHNUM), getauxval(AT_PHENT));
	printf("page %lu tick %lu secure %lu flags %lu ids %d\n", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_SECURE), getauxval(AT_FLAGS),
	       getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() && getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
	unsigned int mxcsr;
	unsigned short control;
	unsigned long flags, selectors[3] = { 0 };
	asm volatile("stmxcsr %0; fnstcw %1; pushf; pop %2; mov %%cs, %3; mov %%ss, %4; mov %%ds, %5"
		     : "=m"(mxcsr), "=m"(control), "=r"(flags), "=r"(selectors[0]), "=r"(selectors[1]), "=r"(selectors[2]));
	printf("mxcsr %x control %x interrupts on %lu selectors %lx %lx %lx\n", mxcsr & ~0x3f, control, flags >> 9 & 1, selectors[0] & 0xffff, selectors[1] & 0xffff, selectors[2] & 0xffff);

	char line[512], last[128] = "";
	unsigned long from, to, offset, inode;
	char rights[8], device[16], name[256];
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof line, maps)) {
		name[0] = 0;
		sscanf(line, "%lx-%lx %7s %lx %15s %lu %255s", &from, &to, rights, &offset, device, &inode, name);
		if (strncmp(name, "[v", 2) == 0 || (name[0] == 0 && from > 0x100000000))
			continue;
		char *base = strrchr(name, '/') ? "program" : name;
		printf("%s %s offset %lx%s", base, rights, offset, strcmp(base, "program") == 0 ? " " : "");
		if (strcmp(base, "program") == 0)
			printf("%lx-%lx", from, to);
		printf("\n");
		strcpy(last, base);
	}
	char exe[512];
	int length = readlink("/proc/self/exe", exe, sizeof exe);
	printf("exe is execfn %d, heap right behind bss is legal %d\n", length == (int)strlen(next) && memcmp(exe, next, length) == 0, (char *)sbrk(0) >= end);
	return 0;
}
