/* Statements, lines and calls for the debug adapter's tests to step through, forwards and backwards. */
static int twice(int x) {
  int y = x + x;
  return y;
}

static int deeper(int x) {
  int a = twice(x);
  int b = twice(a);
  return a + b;
}

int total;

int main(void) {
  int a = 1, b = 2;
  for (int i = 0; i < 2; i++) total += i;
  a = twice(a); b = twice(b);
  total = deeper(a) + b;
  total++;
  return total;
}
