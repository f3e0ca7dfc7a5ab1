/* /proc/self and friends, as far as it does not depend on the machine; SIGIO of pipes and sockets; statfs. */
#include "show.h"
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

static char text[100000];

static int slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	int total = 0, got;
	while ((got = read(fd, text + total, sizeof text - 1 - total)) > 0)
		total += got;
	text[total] = 0;
	close(fd);
	return got < 0 ? got : total;
}

static void keys(const char *path)
{
	slurp(path);
	printf("%s:", path);
	static const char *wanted[] = { "Name", "State", "Tgid", "Pid", "PPid", "TracerPid", "Uid", "Threads", "SigBlk", "SigIgn", "SigCgt", "VmSize", "pos", "flags", NULL };
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		char *colon = strchr(line, ':');
		if (colon == NULL)
			continue;
		*colon = 0;
		for (int i = 0; wanted[i] != NULL; i++)
			if (strcmp(line, wanted[i]) == 0)
				printf(" %s", line);
	}
	printf("\n");
}

static volatile int signals;

static void on_signal(int signal)
{
	(void)signal;
	signals++;
}

int main(int argc, char **argv)
{
	char buffer[5000], path[200];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1) {
		SHOW(slurp("/proc/self/cmdline"));
		printf("%s\n", text + strlen(text) + 1);
		SHOW(slurp("/proc/self/environ"));
		printf("%s\n", text);
		SHOW(slurp("/proc/self/comm"));
		printf("%s", text);
		return 0;
	}
	enter_fresh_directory();
	snprintf(path, sizeof path, "/proc/%d/stat", getpid());
	SHOW(slurp(path) > 100);
	int pid, parent, group, session;
	char name[50], state;
	int fields = sscanf(text, "%d (%49[^)]) %c %d %d %d", &pid, name, &state, &parent, &group, &session);
	printf("%d fields, pid %d state %c parent %d group %d\n", fields, pid == getpid(), state, parent == getppid(), group == getpgrp());
	int spaces = 0;
	for (char *c = strrchr(text, ')'); *c; c++)
		spaces += *c == ' ';
	printf("%d fields after the name\n", spaces);
	keys("/proc/self/status");
	SHOW(slurp("/proc/self/statm") > 0);
	SHOW(readlink("/proc/self", buffer, sizeof buffer) == snprintf(path, sizeof path, "%d", getpid()));
	SHOW(readlink("/proc/self/cwd", buffer, sizeof buffer) > 0);
	SHOW(readlink("/proc/self/root", buffer, sizeof buffer));
	SHOW(access("/proc/self/exe", X_OK));
	SHOW(open("/proc/self/nothing", O_RDONLY));
	SHOW(open("/proc/999999/stat", O_RDONLY));
	SHOW(mkdir("/proc/x", 0700));
	SHOW(unlink("/proc/self/stat"));
	SHOW(open("/proc/self/stat", O_RDWR | O_CREAT | O_EXCL, 0600));

	char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int file = open("mapped file", O_RDWR | O_CREAT, 0600);
	ftruncate(file, 10000);
	char *second = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 4096);
	slurp("/proc/self/maps");
	int has_stack = strstr(text, "[stack]") != NULL, has_heap = 0;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		unsigned long start, end, offset, inode;
		unsigned major, minor;
		char flags[5], file_name[300] = "";
		sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %299[^\n]", &start, &end, flags, &offset, &major, &minor, &inode, file_name);
		if (start == (unsigned long)mapped)
			printf("shared: %s %s %ld\n", flags, file_name, (long)(end - start));
		if (start == (unsigned long)second) {
			struct stat st;
			fstat(file, &st);
			printf("file: %s offset %lx %s inode %d, name at column %d\n", flags, offset, strrchr(file_name, '/'), inode == st.st_ino, (int)(strchr(line, '/') - line));
		}
	}
	printf("stack %d heap %d\n", has_stack, has_heap);
	int mem = open("/proc/self/mem", O_RDWR);
	strcpy(mapped, "in memory");
	SHOW(pread(mem, buffer, 9, (off_t)mapped));
	printf("%.9s\n", buffer);
	SHOW(pwrite(mem, "IN", 2, (off_t)mapped));
	SHOW(pwrite(mem, "written", 7, (off_t)second));
	printf("%.9s %.7s\n", mapped, second);
	SHOW(pread(mem, buffer, 1, 0));
	SHOW(slurp("/proc/self/auxv") % (2 * sizeof(long)));

	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int seen = 0;
	while ((entry = readdir(dir)) != NULL)
		seen += entry->d_name[0] != '.' && atoi(entry->d_name) < 3;
	closedir(dir);
	printf("%d standard descriptors\n", seen);
	int ends[2];
	pipe(ends);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	int length = readlink(path, buffer, sizeof buffer);
	printf("%.6s\n", length > 0 ? buffer : "?");
	int again = open(path, O_RDONLY | O_NONBLOCK);
	write(ends[1], "x", 1);
	SHOW(read(again, buffer, 10));
	struct stat st;
	SHOW(lstat(path, &st));
	printf("mode %o\n", st.st_mode);
	int epoll = syscall(SYS_epoll_create1, 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", epoll);
	length = readlink(path, buffer, sizeof buffer);
	printf("%.*s\n", length, buffer);
	SHOW(open(path, O_RDONLY));
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", s);
	SHOW(open(path, O_RDONLY));
	lseek(file, 77, SEEK_SET);
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
	slurp(path);
	printf("%.18s\n", text);
	prctl(PR_SET_NAME, "renamed", 0, 0, 0);
	slurp("/proc/self/comm");
	printf("%s", text);
	int comm = open("/proc/self/comm", O_WRONLY);
	SHOW(write(comm, "by a write of many", 18));
	slurp("/proc/thread-self/comm");
	printf("%s", text);
	snprintf(path, sizeof path, "/proc/self/task/%d/comm", getpid());
	SHOW(slurp(path));
	fflush(stdout);
	int status;
	pid_t child = fork();
	if (child == 0) {
		char *const args[] = { "zero", "argument", NULL };
		char *const environment[] = { "A=environment", NULL };
		execve("/proc/self/exe", args, environment);
		_exit(1);
	}
	waitpid(child, &status, 0);
	child = fork();
	if (child == 0)
		_exit(0);
	waitid(P_PID, child, NULL, WEXITED | WNOWAIT);
	snprintf(path, sizeof path, "/proc/%d/stat", child);
	SHOW(slurp(path) > 0);
	printf("zombie: %c\n", strrchr(text, ')')[2]);
	snprintf(path, sizeof path, "/proc/%d/cmdline", child);
	SHOW(slurp(path));
	snprintf(path, sizeof path, "/proc/%d/exe", child);
	SHOW(readlink(path, buffer, sizeof buffer));
	waitpid(child, &status, 0);
	SHOW(readlink(path, buffer, sizeof buffer));
	SHOW(slurp("/proc/sys/kernel/pid_max") > 0);
	SHOW(slurp("/proc/filesystems") > 0);
	printf("tmpfs %d\n", strstr(text, "\ttmpfs\n") != NULL);
	SHOW(slurp("/proc/cpuinfo") > 0);
	printf("sse2 %d\n", strstr(text, " sse2 ") != NULL);
	SHOW(slurp("/proc/meminfo") > 0);
	printf("%d\n", strncmp(text, "MemTotal:", 9) == 0);
	SHOW(slurp("/proc/mounts") > 0);
	printf("proc %d\n", strstr(text, "proc /proc proc rw") != NULL);
	struct statfs fs;
	SHOW(statfs("/dev/shm", &fs));
	printf("%lx\n", (long)fs.f_type);
	SHOW(statfs("/proc", &fs));
	printf("%lx\n", (long)fs.f_type);
	SHOW(fstatfs(ends[0], &fs));
	printf("%lx\n", (long)fs.f_type);
	SHOW(statfs("/nothing", &fs));

	signal(SIGIO, on_signal);
	pipe(ends);
	SHOW(fcntl(ends[0], F_SETOWN, getpid()));
	SHOW(fcntl(ends[0], F_SETFL, O_ASYNC));
	write(ends[1], "x", 1);
	usleep(1000);
	printf("pipe signals %d\n", signals);
	read(ends[0], buffer, 1);
	signals = 0;
	int pair[2], one = 1;
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	SHOW(fcntl(pair[0], F_SETOWN, -getpgrp()));
	printf("owner is the group %d\n", fcntl(pair[0], F_GETOWN) == -getpgrp());
	SHOW(fcntl(pair[0], F_SETOWN, getpid()));
	SHOW(ioctl(pair[0], FIOASYNC, &one));
	printf("%o\n", fcntl(pair[0], F_GETFL));
	write(pair[1], "x", 1);
	usleep(1000);
	printf("socket signals %d\n", signals);
	SHOW(fcntl(file, F_SETFL, O_ASYNC));
	return 0;
}
