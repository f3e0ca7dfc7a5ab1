/*
 * The ten kernels of `npm run bench`: small integer loops of different character. Each is run many times; the best
 * time is printed as "<name> <nanoseconds> <check value>". Build: gcc -O2 -fno-tree-vectorize -static.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KERNEL __attribute__((noinline, used))

KERNEL uint32_t crc32(const uint8_t *bytes, long count, const uint32_t *table)
{
	uint32_t crc = ~0u;
	while (count--)
		crc = table[(crc ^ *bytes++) & 0xff] ^ (crc >> 8);
	return ~crc;
}

KERNEL void copy_words(uint64_t *to, const uint64_t *from, long count)
{
	for (long i = 0; i < count; i++)
		to[i] = from[i];
}

KERNEL long length(const char *text)
{
	const char *at = text;
	while (*at)
		at++;
	return at - text;
}

struct node {
	struct node *next;
	long value;
};

KERNEL long sum_list(const struct node *node)
{
	long sum = 0;
	for (; node; node = node->next)
		sum += node->value;
	return sum;
}

KERNEL long fibonacci(long n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

KERNEL void quicksort(int *a, long low, long high)
{
	while (low < high) {
		int pivot = a[(low + high) >> 1];
		long i = low, j = high;
		while (i <= j) {
			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i <= j) {
				int t = a[i];
				a[i++] = a[j];
				a[j--] = t;
			}
		}
		if (j - low < high - i) {
			quicksort(a, low, j);
			low = i;
		} else {
			quicksort(a, i, high);
			high = j;
		}
	}
}

KERNEL long sieve(uint8_t *composite, long n)
{
	long primes = 0;
	for (long i = 2; i < n; i++)
		if (!composite[i]) {
			primes++;
			for (long j = i * 2; j < n; j += i)
				composite[j] = 1;
		}
	return primes;
}

KERNEL uint64_t fnv1a(const uint8_t *bytes, long count)
{
	uint64_t hash = 0xcbf29ce484222325ul;
	for (long i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ul;
	return hash;
}

KERNEL void multiply_matrices(const int *a, const int *b, int *c, long n)
{
	for (long i = 0; i < n; i++)
		for (long j = 0; j < n; j++) {
			int sum = 0;
			for (long k = 0; k < n; k++)
				sum += a[i * n + k] * b[k * n + j];
			c[i * n + j] = sum;
		}
}

/* A bytecode machine with an accumulator: what an interpreter's dispatch looks like. */
enum { ADD, SUB, XOR, DOUBLE, LOOP, STOP, LOAD, STORE, ADDMEM, MIX, SKIP_ODD };

KERNEL long bytecode(const uint8_t *code, long *memory, long count)
{
	long acc = 1;
	const uint8_t *pc = code;
	for (;;)
		switch (*pc++) {
		case ADD: acc += *pc++; break;
		case SUB: acc -= *pc++; break;
		case XOR: acc ^= *pc++; break;
		case DOUBLE: acc <<= 1; break;
		case LOOP: if (--count) pc = code; else pc++; break;
		case STOP: return acc;
		case LOAD: acc = memory[*pc++]; break;
		case STORE: memory[*pc++] = acc; break;
		case ADDMEM: acc += memory[*pc++]; break;
		case MIX: acc = (acc >> 3) + (acc << 2); break;
		case SKIP_ODD: if (acc & 1) pc++; break;
		}
}

static uint32_t table[256];
static uint8_t text[65536];
static uint64_t source[8192], target[8192];
static struct node nodes[4096];
static int numbers[20000], unsorted[20000];
static uint8_t composite[100000];
static int a[48 * 48], b[48 * 48], c[48 * 48];
static long memory[16];
static const uint8_t program[] = { ADD, 3, XOR, 0x55, STORE, 1, DOUBLE, ADDMEM, 1, MIX, STORE, 2, LOAD, 1, SKIP_ODD, DOUBLE, ADDMEM, 2, STORE, 1, LOOP, 0, STOP };

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t x = i;
		for (int k = 0; k < 8; k++)
			x = x & 1 ? 0xedb88320u ^ (x >> 1) : x >> 1;
		table[i] = x;
	}
	uint32_t seed = 1;
	for (int i = 0; i < 65536; i++) {
		seed = seed * 1103515245 + 12345;
		text[i] = (seed >> 16) | 1;
	}
	text[65535] = 0;
	for (int i = 0; i < 8192; i++)
		source[i] = i * 0x9e3779b97f4a7c15ul;
	for (int i = 0; i < 4096; i++) {
		int at = (i * 1237) & 4095, next = ((i + 1) * 1237) & 4095;
		nodes[at].next = i == 4095 ? NULL : &nodes[next];
		nodes[at].value = at;
	}
	for (int i = 0; i < 20000; i++) {
		seed = seed * 1103515245 + 12345;
		unsorted[i] = (int)(seed >> 8);
	}
	for (int i = 0; i < 48 * 48; i++) {
		a[i] = i * 7;
		b[i] = i * 13;
	}
}

#define RUN(name, times, setup, call)                                       \
	do {                                                                \
		double best = 1e18;                                         \
		unsigned long long check = 0;                               \
		for (int i = 0; i < (times); i++) {                         \
			setup;                                              \
			double start = now();                               \
			check = (unsigned long long)(call);                 \
			double took = now() - start;                        \
			if (took < best)                                    \
				best = took;                                \
		}                                                           \
		printf("%s %.0f %llu\n", name, best, check);                \
	} while (0)

/*
 * The machine's clock counts instructions, so a guest cannot time itself: with an argument "KERNEL REPEATS" one kernel
 * runs that often and whoever started the program holds the watch.
 */
int main(int argc, char **argv)
{
	const char *only = argc > 2 ? argv[1] : NULL;
	int times = argc > 2 ? atoi(argv[2]) : 100;
#define KERNEL_RUN(name, setup, call) if (!only || !strcmp(only, name)) RUN(name, times, setup, call)
	prepare();
	KERNEL_RUN("crc32", , crc32(text, 65536, table));
	KERNEL_RUN("memcpy8", , (copy_words(target, source, 8192), target[8191]));
	KERNEL_RUN("strlen", , length((char *)text));
	KERNEL_RUN("list", , sum_list(nodes));
	KERNEL_RUN("fib", , fibonacci(24));
	KERNEL_RUN("qsort", memcpy(numbers, unsorted, sizeof numbers), (quicksort(numbers, 0, 19999), numbers[777]));
	KERNEL_RUN("sieve", memset(composite, 0, sizeof composite), sieve(composite, 100000));
	KERNEL_RUN("fnv", , fnv1a(text, 65536));
	KERNEL_RUN("matmul", , (multiply_matrices(a, b, c, 48), c[2303]));
	KERNEL_RUN("vm", memset(memory, 0, sizeof memory), bytecode(program, memory, 3000));
	return 0;
}
