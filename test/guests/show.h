/* What the comparing programs share: calls printed with their results, and an empty directory to start in. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Prints a call, its result and errno by name. */
static inline void show(const char *what, long result)
{
	int error = errno;
	if (result < 0)
		printf("%s = -1 %s\n", what, strerrorname_np(error));
	else
		printf("%s = %ld\n", what, result);
}
#define SHOW(call) (errno = 0, show(#call, (long)(call)))
/* Only success or the error. */
#define OK(call) do { errno = 0; long r_ = (long)(call); show(#call, r_ < 0 ? r_ : 0); } while (0)

static inline void enter_fresh_directory(void)
{
	char name[] = "/tmp/skas-files-XXXXXX";
	if (mkdtemp(name) == NULL || chdir(name) != 0)
		exit(99);
}
