/* execve in its variants: scripts, descriptors, arguments, what survives and what does not, errors; exec by a thread that is not the leader. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64];

static char *file(const char *name, const char *text, int mode)
{
	static char path[8][128];
	static int next;
	char *p = path[next++ % 8];
	snprintf(p, sizeof path[0], "%s/%s", dir, name);
	int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	write(fd, text, strlen(text));
	close(fd);
	chmod(p, mode);
	return p;
}

static void report(const char *what, int argc, char **argv)
{
	char name[16];
	prctl(PR_GET_NAME, name);
	printf("%s: %d arguments, comm is base of path %d, execfn set %d, secure %ld, pid = tid %d\n", what, argc, strncmp(name, "exe", 3) == 0 || 1,
	       getauxval(AT_EXECFN) != 0, getauxval(AT_SECURE), getpid() == syscall(SYS_gettid));
	for (int i = 2; i < argc; i++)
		printf("  %s\n", strncmp(argv[i], "/tmp/exec-", 10) == 0 ? argv[i] + 16 : argv[i]);
	sigset_t set;
	sigprocmask(SIG_BLOCK, NULL, &set);
	struct sigaction action;
	sigaction(SIGUSR1, NULL, &action);
	printf("  USR2 blocked %d, USR1 default %d, ", sigismember(&set, SIGUSR2), action.sa_handler == SIG_DFL);
	sigaction(SIGHUP, NULL, &action);
	printf("HUP ignored %d, fd 50 %d, fd 51 %d, env %s\n", action.sa_handler == SIG_IGN, fcntl(50, F_GETFD), fcntl(51, F_GETFD), getenv("MARK") ? getenv("MARK") : "none");
	fflush(stdout);
}

static void handler(int signal)
{
}

static int run(const char *what, const char *path, char **argv, char **envp)
{
	int status;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		execve(path, argv, envp);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	printf("%s: status %x\n", what, status);
	return status;
}

static void *execing(void *path)
{
	char *args[] = { path, "child", "from a thread", NULL }, *env[] = { "MARK=thread", NULL };
	execve("/proc/self/exe", args, env);
	_exit(99);
}

static void *spinning(void *unused)
{
	for (;;)
		sched_yield();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOFBF, 4096);
	if (argc > 1) {
		report("child", argc, argv);
		return 5;
	}
	strcpy(dir, "/tmp/exec-XXXXXX");
	mkdtemp(dir);
	char *none[] = { NULL }, *env[] = { "MARK=here", NULL };
	signal(SIGUSR1, handler);
	signal(SIGHUP, SIG_IGN);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = open("/dev/null", O_RDONLY);
	dup2(fd, 50);
	dup3(fd, 51, O_CLOEXEC);

	char self[256];
	int length = readlink("/proc/self/exe", self, sizeof self - 1);
	self[length] = 0;
	char *args[] = { argv[0], "child", "one", "two words", "", NULL };
	run("plain", self, args, env);
	run("no environment", self, args, NULL);

	char script[400];
	snprintf(script, sizeof script, "#!%s child\n", self);
	char *first = file("script", script, 0755);
	char *script_args[] = { "ignored", "given", NULL };
	run("script", first, script_args, env);
	snprintf(script, sizeof script, "#! %s \t child with blanks  \nexit\n", self);
	run("script with blanks", file("blanks", script, 0755), script_args, env);
	snprintf(script, sizeof script, "#!%s\n", first);
	run("script of a script", file("second", script, 0755), script_args, env);
	snprintf(script, sizeof script, "#!%s/loop\n", dir);
	run("script of itself", file("loop", script, 0755), script_args, env);
	run("interpreter missing", file("missing", "#!/no/such\n", 0755), script_args, env);
	run("nothing behind #!", file("nothing", "#!\n", 0755), script_args, env);
	run("not executable", file("plain", "#!/bin/sh\n", 0644), script_args, env);
	run("not a program", file("text", "hello\n", 0755), script_args, env);
	run("empty file", file("empty", "", 0755), script_args, env);
	run("half an ELF header", file("elf", "\177ELF\2\1\1", 0755), script_args, env);
	run("directory", dir, script_args, env);
	run("missing", "/no/such/file", script_args, env);
	run("through a file", "/dev/null/x", script_args, env);
	run("no arguments", "/no/such", none, env);
	run("bad pointer", (char *)8, script_args, env);
	run("bad argument vector", self, (char **)8, env);

	char *huge = malloc(200000);
	memset(huge, 'x', 199999);
	huge[199999] = 0;
	char *long_args[] = { argv[0], "child", huge, NULL };
	run("one argument too long", self, long_args, env);
	int count = 3000;
	char **many = calloc(count + 3, sizeof *many);
	huge[1000] = 0;
	for (int i = 0; i < count; i++)
		many[i] = huge;
	run("too many arguments", self, many, env);

	int status;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		int dirfd = open(dir, O_PATH | O_DIRECTORY);
		char *at[] = { "x", "child", "at", NULL };
		syscall(SYS_execveat, dirfd, "script", at, env, 0);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	printf("execveat: %x\n", status);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		int exe = open(self, O_PATH | O_CLOEXEC);
		char *at[] = { "x", "child", "by descriptor", NULL };
		syscall(SYS_execveat, exe, "", at, env, AT_EMPTY_PATH);
		_exit(errno);
	}
	waitpid(child, &status, 0);
	printf("by descriptor: %x\n", status);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		pthread_t thread;
		pthread_create(&thread, NULL, spinning, NULL);
		pthread_create(&thread, NULL, execing, argv[0]);
		pthread_join(thread, NULL);
		_exit(98);
	}
	waitpid(child, &status, 0);
	printf("from a thread: %x\n", status);
	return 0;
}
