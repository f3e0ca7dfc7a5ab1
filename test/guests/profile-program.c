/* What a profile should find: calls in loops, recursion, calls through pointers, a tail call, code that is never run, and a way out of nested calls. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf out;

__attribute__((noinline)) int leaf(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += i ^ n;
  return sum;
}

__attribute__((noinline)) int middle(int n) {
  int sum = 0;
  for (int i = 0; i < n; i++) sum += leaf(i);
  return sum;
}

__attribute__((noinline)) int fibonacci(int n) {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

__attribute__((noinline)) int compare(const void *a, const void *b) {
  return *(const int *)a - *(const int *)b;
}

__attribute__((noinline)) void escape(int depth) {
  if (depth == 0) longjmp(out, 1);
  escape(depth - 1);
  leaf(1);
}

__attribute__((noinline)) int never(int n) {
  return leaf(n) + middle(n);
}

int main(int argc, char **argv) {
  (void)argv;
  int numbers[200], sum = 0;
  for (int i = 0; i < 50; i++) sum += middle(i) + leaf(i);
  for (int i = 0; i < 200; i++) numbers[i] = (i * 7919) % 211;
  qsort(numbers, 200, sizeof *numbers, compare);
  if (setjmp(out) == 0) escape(5);
  if (argc > 100) sum += never(argc);
  printf("%d %d %d\n", sum, fibonacci(15), numbers[100]);
  return 0;
}
