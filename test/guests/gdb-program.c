/* What the gdb dialogues look at: calls, loops, globals, floats, structures, signals, faults, threads, sleeping and spinning. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct pair { double x; double y; };
struct big { long values[8]; };

volatile int counter;
volatile long wide[16];
volatile int flag;
volatile int ticks;
char buffer[64] = "watch this buffer, all of it";
int *trap_page;

__attribute__((noinline)) int add(int a, int b) { return a + b; }
__attribute__((noinline)) double scale(double value, float factor) { return value * factor; }
__attribute__((noinline)) struct pair swap(struct pair p) { struct pair q = { p.y, p.x }; return q; }
__attribute__((noinline)) struct big fill(long start) {
    struct big b;
    for (int i = 0; i < 8; i++) b.values[i] = start + i;
    return b;
}
__attribute__((noinline)) long double precise(long double value) { return value / 3; }
__attribute__((noinline)) int recurse(int n) { return n == 0 ? 0 : 1 + recurse(n - 1); }

__attribute__((noinline)) void count_to(int limit) {
    for (int i = 0; i < limit; i++) {
        counter = i;
        wide[i & 15] = i;
    }
}

void on_usr1(int signal) { flag = signal; }
void on_alarm(int signal) { (void)signal; ticks++; }

void on_segv(int signal, siginfo_t *info, void *context) {
    (void)signal; (void)info; (void)context;
    mprotect(trap_page, 4096, PROT_READ | PROT_WRITE);
}

__attribute__((noinline)) void handled_fault(void) {
    struct sigaction action = { .sa_flags = SA_SIGINFO };
    action.sa_sigaction = on_segv;
    sigaction(SIGSEGV, &action, 0);
    trap_page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *trap_page = 42;
    counter = *trap_page;
}

__attribute__((noinline)) void spin(void) {
    while (!flag) counter++;
}

__attribute__((noinline)) void sleep_long(void) {
    struct timespec t = { 1000, 0 };
    int result = nanosleep(&t, 0);
    printf("nanosleep %d\n", result);
}

void *worker(void *argument) {
    add(*(int *)argument, 1);
    return argument;
}

__attribute__((noinline)) void with_threads(void) {
    pthread_t thread[2];
    int numbers[2] = { 10, 20 };
    for (int i = 0; i < 2; i++) pthread_create(&thread[i], 0, worker, &numbers[i]);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], 0);
    puts("threads done");
}

volatile int rounds[2];
volatile int stop_rounds;

void *go_round(void *argument) {
    int me = *(int *)argument;
    while (!stop_rounds) {
        rounds[me]++;
        rounds[me] += 0;
    }
    return 0;
}

__attribute__((noinline)) void all_started(void) {}

__attribute__((noinline)) void with_rounds(void) {
    pthread_t thread[2];
    int numbers[2] = { 0, 1 };
    for (int i = 0; i < 2; i++) pthread_create(&thread[i], 0, go_round, &numbers[i]);
    while (!rounds[0] || !rounds[1]) counter++;
    all_started();
    for (int i = 0; i < 2; i++) pthread_join(thread[i], 0);
    puts("rounds done");
}

__attribute__((noinline)) void with_timer(void) {
    struct itimerval t = { { 0, 100 }, { 0, 100 } };
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &t, 0);
    count_to(100);
    while (ticks < 5) counter++;
    memset(&t, 0, sizeof t);
    setitimer(ITIMER_REAL, &t, 0);
}

__attribute__((noinline)) void read_pipe(void) {
    int ends[2];
    char byte;
    pipe(ends);
    if (fork() == 0) {
        sleep(2);
        write(ends[1], "x", 1);
        _exit(3);
    }
    long got = read(ends[0], &byte, 1);
    int status;
    wait(&status);
    printf("read %ld, status %d\n", got, WEXITSTATUS(status));
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "basic";
    if (!strcmp(what, "basic")) {
        count_to(10);
        printf("%d\n", add(2, 3));
        struct pair p = swap((struct pair){ 1, 2 });
        printf("%g %g %g\n", p.x, p.y, scale(1.5, 2));
        printf("%ld %Lg %d\n", fill(7).values[7], precise(1), recurse(5));
        return 7;
    }
    if (!strcmp(what, "signal")) {
        signal(SIGUSR1, on_usr1);
        raise(SIGUSR1);
        return flag;
    }
    if (!strcmp(what, "fault")) { handled_fault(); printf("%d\n", counter); return 0; }
    if (!strcmp(what, "crash")) { *(volatile int *)8 = 1; return 0; }
    if (!strcmp(what, "spin")) { spin(); return 5; }
    if (!strcmp(what, "sleep")) { sleep_long(); return 6; }
    if (!strcmp(what, "threads")) { with_threads(); return 0; }
    if (!strcmp(what, "exec")) { execl("/proc/self/exe", argv[0], "basic", (char *)0); return 98; }
    if (!strcmp(what, "rounds")) { with_rounds(); return 0; }
    if (!strcmp(what, "timer")) { with_timer(); return 0; }
    if (!strcmp(what, "pipe")) { read_pipe(); return 0; }
    return 99;
}
