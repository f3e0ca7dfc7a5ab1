/* Where things are in a 32-bit address space with the personality given as argument: of the heap, the stack, the program and its interpreter, with their protection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

int main(int argc, char **argv) {
	if (argc > 1) {
		personality(strtoul(argv[1], 0, 16) | ADDR_NO_RANDOMIZE);
		execl("/proc/self/exe", argv[0], (char *)0);
		return 1;
	}
	free(malloc(100));
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof line, maps) != 0) {
		const char *name = strchr(line, '/') != 0 ? strrchr(line, '/') + 1 : strchr(line, '[') != 0 ? strchr(line, '[') : "";
		if (strncmp(name, "[heap", 5) == 0 || strncmp(name, "[stack", 6) == 0 || strncmp(name, "layout", 6) == 0 || strncmp(name, "ld-linux", 8) == 0) printf("%.22s %.6s\n", line, name);
	}
	return 0;
}
