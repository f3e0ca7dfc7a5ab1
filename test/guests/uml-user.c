/* A process of a UML guest for gdb to attach to: computes, writes, waits, forks, executes, as its argument says. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int counter;
volatile int watched;
char message[64] = "nothing yet";
/* Never touched before gdb looks. */
static char untouched[3 * 4096];

static char plenty[512 * 4096];

static int square(int x) {
  int y = x * x;
  return y;
}

static void report(int value) {
  int length = snprintf(message, sizeof message, "value %d\n", value);
  if (counter < 0) write(1, message, length);
  write(2, message, 0);
}

__attribute__((noinline)) void once_in_a_while(int turn) {
  watched = turn;
}

static void turn(void) {
  counter++;
  int value = square(counter);
  report(value);
  if (counter % 10 == 0) once_in_a_while(counter);
}

static void have_child(char *self) {
  pid_t child = fork();
  if (child == 0) {
    counter = 1000;
    turn();
    execl(self, self, "answer", (char *)0);
    _exit(3);
  }
  int status;
  waitpid(child, &status, 0);
  watched = WEXITSTATUS(status);
}

/* Pages that parent and child share until one of them writes. */
char page_of_both[4096] __attribute__((aligned(4096))) = "both";
char other_page[4096] __attribute__((aligned(4096))) = "both";

__attribute__((noinline)) void in_child(void) {
  counter = 1;
}

/* True if the child has been changed. */
static int share_pages(void) {
  int status = 0;
  pid_t child = fork();
  if (child == 0) in_child();
  else waitpid(child, &status, 0);
  if (status != 0 || untouched[5000] != 0) printf("%s says %s %s %d\n", child == 0 ? "child" : "parent", page_of_both, other_page, untouched[5000]);
  fflush(stdout);
  if (child == 0) _exit(untouched[5000]);
  return status != 0;
}

static void have_short_child(void) {
  pid_t child = vfork();
  if (child == 0) _exit(5);
  waitpid(child, NULL, 0);
}

volatile int handled;

volatile int sender;

__attribute__((noinline)) void on_alarm(int number) {
  handled += number;
}

/* A signal every millisecond. */
static void start_alarms(void) {
  signal(SIGALRM, on_alarm);
  setitimer(ITIMER_REAL, &(struct itimerval){ { 0, 1000 }, { 0, 1000 } }, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context) {
  handled += number;
  sender = info->si_pid;
}

/* The kernel writes into `message` on the process's behalf. */
static void through_pipe(void) {
  int ends[2];
  if (pipe(ends) != 0) return;
  write(ends[1], "through the pipe", 17);
  read(ends[0], message, 17);
  close(ends[0]);
  close(ends[1]);
}

/* On pages of its own, which nobody touches before it is called. */
__asm__(".text\n.skip 300000, 0x90\n");
volatile int went;
__attribute__((noinline)) void far_away(int turn) {
  went = turn;
}
__asm__(".text\n.skip 300000, 0x90\n");

volatile int others;

static void other_turn(void) {
  others++;
}

static void *other_thread(void *nothing) {
  for (;;) {
    other_turn();
    usleep(1000);
  }
  return nothing;
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "loop";
  if (strcmp(what, "answer") == 0) return 42;
  printf("user %d %s\n", (int)getpid(), what);
  fflush(stdout);
  if (argc > 2 && strcmp(argv[2], "pair") == 0 && fork() == 0) {
    printf("user %d pair\n", (int)getpid());
    fflush(stdout);
  }
  pthread_t other;
  if (strcmp(what, "threads") == 0) pthread_create(&other, NULL, other_thread, NULL);
  sigaction(SIGUSR1, &(struct sigaction){ .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO }, NULL);
  if (strcmp(what, "alarm") == 0) start_alarms();
  for (int i = 0; i < 1000000 && untouched[4096] == 0 && plenty[0] != 1; i++) {
    turn();
    if (strcmp(what, "fork") == 0 && counter % 20 == 0) have_child(argv[0]);
    if (strcmp(what, "crash") == 0 && counter == 400) *(volatile int *)16 = counter;
    if (strcmp(what, "signal") == 0 && counter % 20 == 0) raise(SIGUSR1);
    if (went == 1) far_away(counter);
    if (strcmp(what, "vfork") == 0 && counter % 20 == 0) have_short_child();
    if (strcmp(what, "share") == 0 && counter % 20 == 0 && share_pages()) return 0;
    if (strcmp(what, "pipe") == 0 && counter % 20 == 0) through_pipe();
    usleep(1000);
  }
  return 7;
}
