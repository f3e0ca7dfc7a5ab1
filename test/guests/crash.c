/* A process that touches memory it does not have. */
int main(void)
{
	*(volatile int *)0x1230 = 1;
	return 0;
}
