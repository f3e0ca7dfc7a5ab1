/* Floating point as libc and gcc use it: printf, strtod, long double, rounding modes, exceptions, int conversions. */
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void flags(const char *what)
{
	printf("%s:%s%s%s%s%s\n", what, fetestexcept(FE_INVALID) ? " invalid" : "", fetestexcept(FE_DIVBYZERO) ? " div0" : "",
	       fetestexcept(FE_OVERFLOW) ? " overflow" : "", fetestexcept(FE_UNDERFLOW) ? " underflow" : "", fetestexcept(FE_INEXACT) ? " inexact" : "");
	feclearexcept(FE_ALL_EXCEPT);
}

int main(void)
{
	volatile double a = 1.0, b = 3.0, zero = 0.0, big = 1e308, small = 4e-320;
	volatile long double la = 1.0L, lb = 3.0L;
	printf("%.17g %.21Lg %a %La\n", a / b, la / lb, a / b, la / lb);
	flags("division");
	printf("%g %g\n", a / zero, big * 10);
	flags("infinite");
	printf("%g\n", small / 7);
	flags("tiny");
	printf("%g\n", zero / zero);
	flags("nan");
	printf("%.17g\n", 2.0 * (a + a));
	flags("exact");
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	for (int i = 0; i < 4; i++) {
		fesetround(modes[i]);
		printf("mode %d: %.17g %.17g %ld %ld %.20Lg\n", i, a / b, -a / b, lrint(2.5), lrint(-3.5), la / lb);
	}
	fesetround(FE_TONEAREST);
	feclearexcept(FE_ALL_EXCEPT);
	volatile double huge = 1e30;
	printf("%d %d %d\n", (int)-3.99, (long)huge == (long)0x8000000000000000ul, (int)(long)a);
	flags("conversion");
	printf("%.15g %.15g %.15g %.15g %.15g\n", sin(1), cos(2), tan(0.5), exp(1.5), log(10));
	printf("%.18Lg %.18Lg %.18Lg\n", sinl(1), expl(1.5L), logl(10));
	printf("%g %g %g\n", floor(-2.5), rint(2.5), fmod(10.5, 3));
	printf("%.10g %.20Lg %g\n", strtod("123.456e-7", NULL), strtold("3.14159265358979323846", NULL), strtod("0x1.8p3", NULL));
	printf("%f %e %Lf\n", 123456789.987654321, 1e-300, 1e100L);
	float f = 0.1f;
	printf("%.9g %.9g %d\n", f * 3, sqrtf(2), (int)(f * 100));
	unsigned long u = 0xfffffffffffffbff;
	printf("%.17g %.17g\n", (double)u, (double)(float)u);
	return 0;
}
