/* Code that is run often, once, and never, for gcov. */
#include <stdio.h>

static int odd(int n) {
  return n % 2 ? 1 : 0;
}

int never(int n) {
  return n > 3 ? n : -n;
}

__attribute__((noinline)) void done(void) {
  __asm__ volatile("");
}

int main(int argc, char **argv) {
  (void)argv;
  long sum = 0;
  for (int i = 0; i < 1000; i++) sum += odd(i) ? i : -1;
  if (argc > 50) sum += never(argc);
  printf("%ld\n", sum);
  done();
  return 0;
}
