/* A program without a C library: loops, calls, a switch by table, a call through a pointer; few enough instructions to step through all. */
static int even(int n);
static __attribute__((noinline)) int odd(int n) { return n == 0 ? 0 : even(n - 1); }
static __attribute__((noinline)) int even(int n) { return n == 0 ? 1 : odd(n - 1); }
static __attribute__((noinline)) int twice(int n) { return n * 2; }
static __attribute__((noinline)) int thrice(int n) { return n * 3; }

static __attribute__((noinline)) int choose(int n)
{
	switch (n & 7) {
	case 0: return twice(n);
	case 1: return thrice(n);
	case 2: return n + 7;
	case 3: return n - 9;
	case 4: return n ^ 5;
	default: return even(n & 3);
	}
}

void _start(void)
{
	int (*volatile functions[2])(int) = { twice, thrice };
	volatile int sum = 0;
	for (int i = 0; i < 12; i++) {
		sum += choose(i);
		if (sum & 1)
			sum += functions[i & 1](i);
	}
	__asm__ volatile("syscall" : : "a"(231), "D"(sum & 0x7f));
}
