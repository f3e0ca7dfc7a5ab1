/* Ends at once and leaves a child that sleeps for ever. */
#include <unistd.h>

int main(void)
{
	if (fork() == 0)
		pause();
	usleep(1000);
	return 3;
}
