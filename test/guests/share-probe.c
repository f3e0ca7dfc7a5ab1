/* Tries what a guest may and may not do with shares: argv[1] is a read-only one, argv[2] a writable one, argv[3] a file outside. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static void show(const char *what, long result)
{
	int error = errno;
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(error));
	else
		printf("%s: ok\n", what);
}
#define SHOW(call) show(#call, (long)(call))

static void contents(const char *path)
{
	char buffer[100];
	int fd = open(path, O_RDONLY);
	int got = fd < 0 ? -1 : read(fd, buffer, sizeof buffer);
	if (got < 0)
		show(path, -1);
	else
		printf("%s: \"%.*s\"\n", path, got, buffer);
	if (fd >= 0)
		close(fd);
}

static void list(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	printf("%s:", path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		printf(" %s", entry->d_name);
	printf("\n");
	if (dir != NULL)
		closedir(dir);
}

int main(int argc, char **argv)
{
	char path[4096];
	struct statfs fs;
	setvbuf(stdout, NULL, _IOLBF, 0);
	contents(argv[3]);
	SHOW(chdir(argv[1]));
	list(".");
	contents("plain");
	contents("to-plain");
	contents("out-absolute");
	contents("out-relative");
	contents("out-folder/secret");
	contents("through/../../secret");
	contents("../secret");
	contents("/proc/self/root/etc/shadow");
	snprintf(path, sizeof path, "/proc/self/cwd/..%s", strrchr(argv[3], '/'));
	SHOW(open(path, O_RDONLY));
	snprintf(path, sizeof path, "/proc/self/root%s", argv[3]);
	SHOW(open(path, O_RDONLY));
	SHOW(open("plain", O_WRONLY));
	SHOW(open("plain", O_RDONLY | O_TRUNC));
	SHOW(open("new", O_CREAT | O_RDWR, 0600));
	SHOW(mkdir("new", 0700));
	SHOW(unlink("plain"));
	SHOW(rmdir("through"));
	SHOW(rename("plain", "other"));
	SHOW(link("plain", "other"));
	SHOW(symlink("x", "other"));
	SHOW(chmod("plain", 0600));
	SHOW(truncate("plain", 0));
	SHOW(utimensat(AT_FDCWD, "plain", NULL, 0));
	SHOW(access("plain", W_OK));
	SHOW(access("plain", R_OK));
	SHOW(open("pipe", O_RDONLY | O_NONBLOCK));
	int fd = open("plain", O_RDONLY);
	SHOW(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	SHOW(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0);
	statfs(".", &fs);
	printf("read-only: %d\n", (int)(fs.f_flags & 1));

	SHOW(chdir(argv[2]));
	list(".");
	fd = open("made", O_CREAT | O_EXCL | O_RDWR, 0640);
	SHOW(write(fd, "made by the guest", 17));
	SHOW(lseek(fd, 5000, SEEK_SET));
	SHOW(write(fd, "far", 3));
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory[0] = 'M';
	memory[4999] = '!';
	close(fd);
	SHOW(munmap(memory, 8192));
	SHOW(mkdir("folder", 0750));
	SHOW(rename("existing", "folder/moved"));
	contents("folder/moved");
	SHOW(symlink("../../secret", "folder/link"));
	contents("folder/link");
	SHOW(link("made", "folder/hard"));
	SHOW(chmod("made", 0604));
	struct timespec times[2] = { { 1000000000, 0 }, { 1200000000, 0 } };
	SHOW(utimensat(AT_FDCWD, "folder/moved", times, 0));
	SHOW(truncate("shrink", 3));
	fd = open("gone", O_RDWR);
	SHOW(unlink("gone"));
	char buffer[10];
	SHOW(read(fd, buffer, 4));
	printf("%.4s\n", buffer);
	struct stat st;
	stat("made", &st);
	printf("made: links %d size %d mode %o\n", (int)st.st_nlink, (int)st.st_size, st.st_mode);
	list("folder");
	/* The machine's clock starts at 2026-01-01 and has not gone far: no time of the real machine may show in what the guest changed. */
	const char *changed[] = { ".", "made", "folder", "folder/link", "folder/hard", "shrink" };
	for (int i = 0; i < 6; i++) {
		lstat(changed[i], &st);
		printf("%s: %d %d\n", changed[i], st.st_mtim.tv_sec == 1767225600, st.st_ctim.tv_sec == 1767225600);
	}
	(void)argc;
	return 0;
}
