/* The time-stamp counter only grows: within a run of instructions, over system calls, and while sleeping. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

int main(void)
{
	unsigned long first = __rdtsc(), last = first;
	int falls = 0;
	for (int i = 0; i < 10000; i++) {
		unsigned long now = __rdtsc();
		falls += now < last;
		last = now;
		if (i % 1000 == 0)
			getppid();
	}
	struct timespec little = { .tv_nsec = 2000000 };
	nanosleep(&little, NULL);
	unsigned long slept = __rdtsc();
	printf("falls %d, grew %d, over sleep by more than 1000000: %d\n", falls, last > first, slept - last > 1000000);
	return 0;
}
