/* pthreads on futexes: mutexes, condition variables, barriers, thread-local storage, joins, cancellation. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, ROUNDS = 2000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long counter, turn;
static __thread long local;

static void *count(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		counter++;
		local++;
		pthread_mutex_unlock(&lock);
	}
	pthread_barrier_wait(&barrier);
	pthread_mutex_lock(&lock);
	while (turn != (long)argument)
		pthread_cond_wait(&ready, &lock);
	printf("thread %ld: local %ld\n", (long)argument, local);
	turn++;
	pthread_cond_broadcast(&ready);
	pthread_mutex_unlock(&lock);
	return (void *)(local + (long)argument);
}

static void *sleeper(void *argument)
{
	pause();
	return NULL;
}

static void say(const char *what, long result)
{
	int error = result < 0 ? errno : 0;
	printf("%s: %ld errno %d\n", what, result, error);
}

int main(void)
{
	pthread_t threads[THREADS];
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, count, (void *)i);
	long results[THREADS];
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], (void **)&results[i]);
	for (int i = 0; i < THREADS; i++)
		printf("joined %d: %ld\n", i, results[i]);
	printf("counter %ld\n", counter);
	pthread_create(&threads[0], NULL, sleeper, NULL);
	pthread_cancel(threads[0]);
	void *result;
	pthread_join(threads[0], &result);
	printf("cancelled: %d\n", result == PTHREAD_CANCELED);

	int word = 5;
	say("wait on another value", syscall(SYS_futex, &word, FUTEX_WAIT, 4, NULL, NULL, 0));
	struct timespec little = { .tv_nsec = 1000000 };
	say("wait times out", syscall(SYS_futex, &word, FUTEX_WAIT, 5, &little, NULL, 0));
	printf("wake nobody: %ld\n", syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0));
	say("unaligned", syscall(SYS_futex, (char *)&word + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
	return 0;
}
