/* Clocks, interval and POSIX timers. Only what does not depend on how fast the machine is gets printed. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

static volatile int fired, code, value, overrun;

static void on_timer(int signal, siginfo_t *info, void *context)
{
	fired++;
	code = info->si_code;
	value = info->si_value.sival_int;
	overrun = info->si_overrun;
}

static void spin_until(int count)
{
	while (fired < count)
		;
}

static long long ns(int clock)
{
	struct timespec t;
	if (clock_gettime(clock, &t) < 0)
		return -errno;
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int clock = 0; clock < 13; clock++) {
		struct timespec resolution = { -1, -1 };
		int result = clock_getres(clock, &resolution);
		printf("clock %d: %d %d, resolution %ld, reads %d\n", clock, result, result < 0 ? errno : 0, clock == 5 || clock == 6 ? 0 : resolution.tv_nsec, ns(clock) >= 0);
	}
	long long before = ns(CLOCK_MONOTONIC), real = ns(CLOCK_REALTIME);
	struct timespec pause = { 0, 30000000 };
	nanosleep(&pause, NULL);
	long long slept = ns(CLOCK_MONOTONIC) - before;
	printf("slept %d, calendar too %d, processor not %d\n", slept >= 30000000, ns(CLOCK_REALTIME) - real >= 30000000, ns(CLOCK_PROCESS_CPUTIME_ID) < 30000000);
	struct timeval now;
	gettimeofday(&now, NULL);
	printf("time and gettimeofday agree %d\n", labs(time(NULL) - now.tv_sec) <= 1);
	struct timespec wrong = { 0, 1000000000 };
	printf("bad time %d", nanosleep(&wrong, NULL));
	printf(" %d", errno);
	printf(" %d %d", clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &pause, NULL), clock_nanosleep(77, 0, &pause, NULL));
	wrong.tv_nsec = -1;
	printf(" %d\n", clock_nanosleep(CLOCK_REALTIME, 0, &wrong, NULL));

	struct sigaction action = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaction(SIGALRM, &action, NULL);
	sigaction(SIGVTALRM, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	sigaction(SIGRTMIN, &action, NULL);
	struct itimerval every = { { 0, 5000 }, { 0, 2000 } }, left;
	int kinds[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
	for (int i = 0; i < 3; i++) {
		fired = 0;
		printf("setitimer %d", setitimer(kinds[i], &every, NULL));
		spin_until(3);
		getitimer(kinds[i], &left);
		printf(" code %x interval %ld left %d", code, left.it_interval.tv_usec, left.it_value.tv_usec > 0 && left.it_value.tv_usec <= 5000);
		memset(&left, 0, sizeof left);
		struct itimerval old;
		setitimer(kinds[i], &left, &old);
		getitimer(kinds[i], &left);
		printf(" old %ld off %ld\n", old.it_interval.tv_usec, left.it_value.tv_usec);
	}
	printf("setitimer errors %d", setitimer(3, &every, NULL));
	printf(" %d\n", errno);
	printf("alarm %u", alarm(100));
	printf(" %u", alarm(50));
	printf(" %u\n", alarm(0));

	timer_t timer, silent;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42 };
	printf("timer_create %d\n", timer_create(CLOCK_MONOTONIC, &event, &timer));
	struct itimerspec period = { { 0, 3000000 }, { 0, 1000000 } }, rest;
	fired = 0;
	timer_settime(timer, 0, &period, NULL);
	spin_until(4);
	timer_gettime(timer, &rest);
	printf("code %d value %d interval %ld left %d\n", code, value, rest.it_interval.tv_nsec, rest.it_value.tv_nsec > 0 && rest.it_value.tv_nsec <= 3000000);
	sigset_t block;
	sigemptyset(&block);
	sigaddset(&block, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &block, NULL);
	struct timespec while_blocked = { 0, 31000000 };
	nanosleep(&while_blocked, NULL);
	fired = 0;
	sigprocmask(SIG_UNBLOCK, &block, NULL);
	int reported = timer_getoverrun(timer);
	printf("one signal for all %d, overrun %d %d\n", fired >= 1, overrun >= 8, reported == overrun || fired > 1);
	memset(&period, 0, sizeof period);
	timer_settime(timer, 0, &period, &rest);
	printf("old interval %ld\n", rest.it_interval.tv_nsec);
	timer_gettime(timer, &rest);
	printf("disarmed %ld\n", rest.it_value.tv_nsec);

	clock_gettime(CLOCK_REALTIME, &period.it_value);
	period.it_value.tv_nsec += 5000000;
	if (period.it_value.tv_nsec >= 1000000000) {
		period.it_value.tv_sec++;
		period.it_value.tv_nsec -= 1000000000;
	}
	event.sigev_notify = SIGEV_THREAD_ID;
	event.sigev_value.sival_int = 43;
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif
	event.sigev_notify_thread_id = syscall(SYS_gettid);
	timer_t other;
	printf("timer_create %d\n", timer_create(CLOCK_REALTIME, &event, &other));
	fired = 0;
	timer_settime(other, TIMER_ABSTIME, &period, NULL);
	spin_until(1);
	printf("absolute, to a thread: value %d overrun %d\n", value, timer_getoverrun(other));
	event.sigev_notify = SIGEV_SIGNAL;
	timer_t used;
	printf("timer on processor time %d\n", timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &used));
	struct itimerspec once = { { 0, 0 }, { 0, 2000000 } };
	fired = 0;
	timer_settime(used, 0, &once, NULL);
	spin_until(1);
	printf("fired %d\n", fired);
	event.sigev_notify = SIGEV_NONE;
	timer_create(CLOCK_MONOTONIC, &event, &silent);
	timer_settime(silent, 0, &once, NULL);
	timer_gettime(silent, &rest);
	printf("silent runs %d", rest.it_value.tv_nsec > 0 && rest.it_value.tv_nsec <= 2000000);
	nanosleep(&pause, NULL);
	timer_gettime(silent, &rest);
	printf(" and ends %ld\n", rest.it_value.tv_nsec);
	printf("delete %d %d %d %d", timer_delete(timer), timer_delete(other), timer_delete(used), timer_delete(silent));
	printf(" errors %ld", syscall(SYS_timer_delete, 99));
	printf(" %d", errno);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = 99;
	printf(" %d", timer_create(CLOCK_MONOTONIC, &event, &timer));
	printf(" %d\n", errno);
	struct tms t;
	struct rusage usage;
	printf("times %d rusage %d\n", times(&t) != -1, getrusage(RUSAGE_SELF, &usage));
	return 0;
}
