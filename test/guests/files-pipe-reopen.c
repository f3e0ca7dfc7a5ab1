/* A pipe opened again through /proc/self/fd does not wait for the other side, which a named fifo would. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
	int ends[2];
	char path[40], buffer[8] = "";
	pipe(ends);
	write(ends[1], "text", 5);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	close(ends[1]);
	int again = open(path, O_RDONLY);
	printf("open %d read %zd %s, then %zd\n", again >= 0, read(again, buffer, sizeof buffer), buffer, read(ends[0], buffer, sizeof buffer));
	close(ends[0]);
	close(again);
	return 0;
}
