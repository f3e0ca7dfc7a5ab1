/* Names: path walks, links, directories, renames, permissions, times. */
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#include "show.h"
static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list(const char *path)
{
	char *names[64];
	int count = 0;
	DIR *dir = opendir(path);
	if (dir == NULL) {
		show(path, -1);
		return;
	}
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		char text[300];
		snprintf(text, sizeof text, "%s:%d", entry->d_name, entry->d_type);
		names[count++] = strdup(text);
	}
	closedir(dir);
	qsort(names, count, sizeof *names, by_name);
	printf("%s:", path);
	for (int i = 0; i < count; i++)
		printf(" %s", names[i]);
	printf("\n");
}

static void describe(const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0) {
		show(path, -1);
		return;
	}
	printf("%s: mode %o links %ld size %ld\n", path, st.st_mode, S_ISDIR(st.st_mode) ? 0L : (long)st.st_nlink, S_ISDIR(st.st_mode) ? 0L : (long)st.st_size);
}

static int make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0640);
	if (fd < 0)
		return -1;
	int result = write(fd, text, strlen(text));
	close(fd);
	return result;
}

int main(void)
{
	char buffer[5000];
	umask(022);
	enter_fresh_directory();
	SHOW(mkdir("d", 0777));
	SHOW(mkdir("d", 0777));
	SHOW(mkdir("d/e/", 0711));
	SHOW(mkdir("x/y", 0777));
	SHOW(mkdir("d/.", 0777));
	SHOW(mkdir("d/..", 0777));
	SHOW(mkdir("", 0777));
	SHOW(make("f", "hello"));
	SHOW(make("f/", "hello"));
	SHOW(make("f/g", "hello"));
	SHOW(make("new/", "hello"));
	SHOW(make("d", "hello"));
	SHOW(make("d/inner", "inner text"));
	SHOW(open("f", O_CREAT | O_EXCL | O_RDWR, 0600));
	SHOW(open("nothing", O_RDONLY));
	SHOW(open("f", O_DIRECTORY));
	SHOW(open("d", O_RDWR));
	OK(open("d", O_RDONLY));
	describe("d");
	describe("d/e");
	describe("f");

	SHOW(symlink("f", "l"));
	SHOW(symlink("f", "l"));
	SHOW(symlink("", "empty"));
	SHOW(symlink("d", "ld"));
	SHOW(symlink("loop2", "loop1"));
	SHOW(symlink("loop1", "loop2"));
	SHOW(symlink("dangling-target", "dangling"));
	SHOW(symlink("/proc/self/cwd/f", "magic"));
	describe("l");
	describe("magic");
	OK(open("l", O_RDONLY));
	SHOW(open("l", O_RDONLY | O_NOFOLLOW));
	OK(open("l", O_PATH | O_NOFOLLOW));
	OK(open("magic", O_RDONLY));
	SHOW(open("loop1", O_RDONLY));
	SHOW(open("loop1", O_RDONLY | O_NOFOLLOW));
	SHOW(open("dangling", O_RDONLY));
	SHOW(open("dangling", O_CREAT | O_EXCL | O_RDWR, 0600));
	OK(open("dangling", O_CREAT | O_RDWR, 0600));
	describe("dangling-target");
	SHOW(access("ld/inner", R_OK));
	SHOW(access("l/", F_OK));
	SHOW(access("ld/", F_OK));
	SHOW(access("ld/../f", F_OK));
	SHOW(access("d/../ld/./../f", R_OK | W_OK));
	SHOW(access("f/..", F_OK));
	SHOW(readlink("l", buffer, sizeof buffer));
	SHOW(readlink("ld", buffer, 1));
	SHOW(readlink("f", buffer, sizeof buffer));
	SHOW(readlink("nothing", buffer, sizeof buffer));
	SHOW(unlink("ld/"));
	SHOW(rmdir("ld"));
	SHOW(mkdir("dangling", 0700));
	list(".");
	list("ld");

	memset(buffer, 'n', 256);
	buffer[256] = 0;
	SHOW(open(buffer, O_RDONLY));
	buffer[255] = 0;
	SHOW(open(buffer, O_RDONLY));
	memset(buffer, '/', sizeof buffer);
	buffer[4096] = 0;
	SHOW(open(buffer, O_RDONLY));
	buffer[4095] = 0;
	OK(open(buffer, O_RDONLY));
	SHOW(open((char *)1, O_RDONLY));

	SHOW(link("f", "hard"));
	SHOW(link("f", "hard"));
	SHOW(link("d", "hard2"));
	SHOW(link("nothing", "hard2"));
	SHOW(link("l", "hardlink-to-link"));
	describe("hardlink-to-link");
	SHOW(linkat(AT_FDCWD, "l", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
	describe("followed");
	describe("f");
	SHOW(unlink("hard"));
	SHOW(unlink("hard"));
	SHOW(unlink("d"));
	SHOW(rmdir("f"));
	SHOW(rmdir("d"));
	SHOW(rmdir("d/."));
	SHOW(rmdir("d/e/.."));
	SHOW(rmdir("/"));
	describe("f");

	SHOW(rename("f", "g"));
	SHOW(rename("f", "g"));
	SHOW(rename("g", "d"));
	SHOW(rename("d", "g"));
	SHOW(rename("d", "d/e/sub"));
	SHOW(rename("g", "g"));
	SHOW(rename("d/.", "h"));
	SHOW(mkdir("empty-dir", 0755));
	SHOW(rename("empty-dir", "d/e"));
	SHOW(rename("d/e", "d"));
	SHOW(rename("g", "slash/"));
	SHOW(rename("d", "moved/"));
	SHOW(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "moved", 1));
	SHOW(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "moved", 2));
	describe("g");
	describe("moved");
	SHOW(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "moved", 2));
	SHOW(rename("moved", "d"));

	int dir = open("d", O_RDONLY | O_DIRECTORY);
	int file = open("g", O_RDONLY);
	OK(openat(dir, "inner", O_RDONLY));
	SHOW(openat(dir, "/nothing", O_RDONLY));
	SHOW(openat(file, "x", O_RDONLY));
	SHOW(openat(1000, "x", O_RDONLY));
	SHOW(mkdirat(dir, "at", 0700));
	SHOW(unlinkat(dir, "at", 0));
	SHOW(unlinkat(dir, "at", AT_REMOVEDIR));
	SHOW(unlinkat(dir, "at", 77));
	SHOW(symlinkat("inner", dir, "sl"));
	SHOW(readlinkat(dir, "sl", buffer, sizeof buffer));
	SHOW(faccessat(dir, "sl", R_OK, 0));
	SHOW(renameat(dir, "sl", AT_FDCWD, "sl-out"));
	SHOW(fchmodat(dir, "inner", 0604, 0));
	struct stat st;
	SHOW(fstatat(dir, "inner", &st, 0));
	printf("mode %o size %ld\n", st.st_mode, (long)st.st_size);
	SHOW(fstatat(dir, "", &st, AT_EMPTY_PATH));
	printf("type %o\n", st.st_mode & S_IFMT);
	SHOW(fstatat(dir, "", &st, 0));
	struct statx sx;
	SHOW(statx(dir, "inner", 0, STATX_BASIC_STATS, &sx));
	printf("statx mode %o size %llu\n", sx.stx_mode, (unsigned long long)sx.stx_size);
	struct { uint64_t flags, mode, resolve; } how = { O_RDONLY, 0, 0x08 };
	OK(syscall(SYS_openat2, dir, "inner", &how, sizeof how));
	SHOW(syscall(SYS_openat2, dir, "../g", &how, sizeof how));
	SHOW(syscall(SYS_openat2, dir, "/tmp", &how, sizeof how));
	how.resolve = 0x10;
	SHOW(syscall(SYS_openat2, dir, "/nothing", &how, sizeof how));
	OK(syscall(SYS_openat2, dir, "../../inner", &how, sizeof how));
	how.resolve = 0x04;
	SHOW(syscall(SYS_openat2, AT_FDCWD, "l", &how, sizeof how));
	SHOW(syscall(SYS_openat2, AT_FDCWD, "l", &how, 8));

	SHOW(chmod("g", 0));
	describe("g");
	SHOW(chmod("g", 07777));
	describe("g");
	SHOW(chown("g", 5, 6));
	SHOW(stat("g", &st));
	printf("owner %d %d\n", st.st_uid, st.st_gid);
	struct timespec times[2] = { { 1000, 5 }, { 2000, 7 } };
	SHOW(utimensat(AT_FDCWD, "g", times, 0));
	SHOW(stat("g", &st));
	printf("atime %ld.%ld mtime %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = 1000000000;
	SHOW(utimensat(AT_FDCWD, "g", times, 0));
	times[1].tv_nsec = 1;
	SHOW(utimensat(AT_FDCWD, "g", times, 0));
	SHOW(stat("g", &st));
	printf("atime %ld.%ld mtime %ld.%ld\n", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	SHOW(access("g", X_OK));
	SHOW(access("g", 8));

	SHOW(chmod("g", 06775));
	SHOW(chown("g", 0, 0));
	describe("g");
	SHOW(chmod("g", 02664));
	SHOW(chown("g", 0, 0));
	describe("g");
	SHOW(chmod("g", 0644));
	SHOW(mkdir("sgid", 0755));
	SHOW(chown("sgid", 3, 77));
	SHOW(chmod("sgid", 02775));
	SHOW(make("sgid/file", "x"));
	SHOW(mkdir("sgid/folder", 0700));
	SHOW(stat("sgid/file", &st));
	printf("group %d mode %o\n", st.st_gid, st.st_mode);
	SHOW(stat("sgid/folder", &st));
	printf("group %d mode %o\n", st.st_gid, st.st_mode);

	char cwd[4096];
	SHOW(mkdir("w", 0755));
	SHOW(mkdir("w/v", 0755));
	SHOW(chdir("w/v"));
	getcwd(cwd, sizeof cwd);
	printf("cwd ends in %s\n", cwd + strlen(cwd) - 4);
	SHOW(rename("../../w", "../../w2"));
	getcwd(cwd, sizeof cwd);
	printf("cwd ends in %s\n", cwd + strlen(cwd) - 5);
	SHOW(syscall(SYS_getcwd, cwd, 3));
	SHOW(rmdir("../v"));
	SHOW(syscall(SYS_getcwd, cwd, sizeof cwd));
	SHOW(open("anything", O_CREAT | O_RDWR, 0600));
	SHOW(chdir(".."));
	SHOW(fchdir(dir));
	SHOW(fchdir(file));
	SHOW(chdir("inner"));
	SHOW(chdir(".."));

	int removed = open("g", O_RDWR);
	SHOW(unlink("g"));
	SHOW(fstat(removed, &st));
	printf("links %ld\n", (long)st.st_nlink);
	SHOW(read(removed, buffer, 5));
	snprintf(buffer, sizeof buffer, "/proc/self/fd/%d", removed);
	SHOW(readlink(buffer, cwd, sizeof cwd) > 0);
	cwd[strlen(cwd)] = 0;
	printf("%s\n", strstr(cwd, "/g (deleted)") ? "shown as deleted" : "not shown as deleted");
	OK(open(buffer, O_RDONLY));
	SHOW(mkfifo("fifo", 0666));
	SHOW(mknod("node", S_IFCHR | 0600, 0x103));
	SHOW(mknod("plain", S_IFREG | 0644, 0));
	describe("fifo");
	describe("plain");
	list(".");
	return 0;
}
