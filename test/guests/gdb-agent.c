/* A loop whose calls conditions look at: registers, arguments on the stack, globals, pointers, strings. */
#include <stdio.h>
#include <stdlib.h>

struct item { int id; struct item *next; char name[16]; };
struct item second = { 2, 0, "second" };
struct item first = { 1, &second, "first" };
volatile long total;
volatile int last;
volatile unsigned short low;
static signed char sign;

__attribute__((noinline)) void visit(int i, const char *what, struct item *item) {
    total += i;
    last = i;
    low = i & 0xff;
    sign = i & 1 ? -1 : 1;
    (void)what; (void)item;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 1000;
    for (int i = 0; i < n; i++) visit(i, i & 1 ? "odd" : "even", &first);
    printf("%ld %d\n", total, sign);
    return 0;
}
