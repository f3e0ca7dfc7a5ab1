/* Five expiries of an absolute timer, then the process takes a signal nobody handles. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static volatile int count;

static void handler(int signal)
{
	count++;
}

int main(void)
{
	timer_t timer;
	struct itimerspec when = { { 0, 700001 }, { 0, 0 } };
	signal(SIGALRM, handler);
	timer_create(CLOCK_MONOTONIC, NULL, &timer);
	clock_gettime(CLOCK_MONOTONIC, &when.it_value);
	when.it_value.tv_nsec += 500003;
	dprintf(1, "%ld\n", when.it_value.tv_sec * 1000000000 + when.it_value.tv_nsec);
	timer_settime(timer, TIMER_ABSTIME, &when, NULL);
	while (count < 5)
		;
	raise(SIGUSR1);
	return 0;
}
