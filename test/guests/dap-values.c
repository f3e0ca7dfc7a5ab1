/* Variables of many kinds, which a debugger changes before they are printed. */
#include <stdio.h>

enum colour { RED, GREEN = 5, BLUE };
struct point { short x; int y; };
struct shape {
	struct point corner, other;
	unsigned low : 3, middle : 7, high : 22;
	signed negative : 5;
	enum colour colour;
	_Bool filled;
	char name[8];
	float width;
	double height;
	long double exact;
	int sizes[3];
	const char *label;
	union { int number; float real; } either;
};

static struct shape shape = {{1, 2}, {3, 4}, 1, 2, 3, -1, RED, 0, "square", 1.5f, 2.5, 3.5L, {7, 8, 9}, "first", {11}};
static const char *other_label = "second";

static void show(struct shape *s, unsigned char byte, unsigned long long wide)
{
	printf("%d,%d %d,%d %u %u %u %d %d %d %.8s %g %g %Lg %d %d %d %s %d\n", s->corner.x, s->corner.y, s->other.x, s->other.y, s->low, s->middle, s->high, s->negative, s->colour, s->filled,
		s->name, s->width, s->height, s->exact, s->sizes[0], s->sizes[1], s->sizes[2], s->label, s->either.number);
	printf("%u %llu %s\n", byte, wide, other_label);
}

int main(void)
{
	unsigned char byte = 1;
	unsigned long long wide = 2;
	double local = 0.5;
	show(&shape, byte, wide);
	printf("%g\n", local);
	return 0;
}
