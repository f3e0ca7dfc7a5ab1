/* A process of a UML guest for gdb to attach to: computes, writes, waits, forks, executes, as its argument says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int counter;
volatile int watched;
char message[64] = "nothing yet";
/* Never touched before gdb looks. */
static char untouched[3 * 4096];

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

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "loop";
  if (strcmp(what, "answer") == 0) return 42;
  printf("user %d %s\n", (int)getpid(), what);
  fflush(stdout);
  if (argc > 2 && strcmp(argv[2], "pair") == 0 && fork() == 0) {
    printf("user %d pair\n", (int)getpid());
    fflush(stdout);
  }
  for (int i = 0; i < 1000000 && untouched[4096] == 0; i++) {
    turn();
    if (strcmp(what, "fork") == 0 && counter % 20 == 0) have_child(argv[0]);
    if (strcmp(what, "crash") == 0 && counter == 400) *(volatile int *)16 = counter;
    usleep(1000);
  }
  return 7;
}
