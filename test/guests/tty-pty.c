/* Pseudo-terminals: line discipline, settings, job control, SIGIO. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Prints a call, its result and errno by name. */
static void show(const char *what, long result)
{
	int error = errno;
	if (result < 0)
		printf("%s = -1 %s\n", what, strerrorname_np(error));
	else
		printf("%s = %ld\n", what, result);
}
#define SHOW(call) (errno = 0, show(#call, (long)(call)))
/* Only success or the error. */
#define OK(call) do { errno = 0; long r_ = (long)(call); show(#call, r_ < 0 ? r_ : 0); } while (0)
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;

static void print(const char *what, const char *bytes, int count)
{
	printf("%s %d: ", what, count);
	for (int i = 0; i < count; i++)
		printf(bytes[i] >= 32 && bytes[i] < 127 ? "%c" : "\\%o", (unsigned char)bytes[i]);
	printf("\n");
}

/* Types bytes, shows the echo and what can be read. */
static void type(const char *bytes, int count)
{
	char buffer[5000];
	write(master, bytes, count);
	usleep(2000);
	int flags = fcntl(master, F_GETFL);
	fcntl(master, F_SETFL, flags | O_NONBLOCK);
	int got = read(master, buffer, sizeof buffer);
	fcntl(master, F_SETFL, flags);
	print("echo", buffer, got < 0 ? 0 : got);
	flags = fcntl(slave, F_GETFL);
	fcntl(slave, F_SETFL, flags | O_NONBLOCK);
	while ((got = read(slave, buffer, sizeof buffer)) >= 0) {
		print("read", buffer, got);
		if (got == 0)
			break;
	}
	if (errno != EAGAIN)
		show("read", got);
	fcntl(slave, F_SETFL, flags);
}
#define TYPE(text) (printf("-- %s\n", #text), type(text, sizeof text - 1))

static void put(const char *text, int count)
{
	char buffer[1000];
	SHOW(write(slave, text, count));
	usleep(2000);
	print("master gets", buffer, read(master, buffer, sizeof buffer));
}

static volatile int signals;
static volatile siginfo_t last;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	signals++;
	*(siginfo_t *)&last = *info;
}

static void on_winch(int signal)
{
	write(1, "window changed\n", 15);
	(void)signal;
}

int main(void)
{
	char buffer[1000];
	struct termios t;
	setvbuf(stdout, NULL, _IOLBF, 0);
	setsid();
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	int number = -1, lock = 0;
	SHOW(ioctl(master, TIOCGPTN, &number));
	printf("number %d\n", number >= 0);
	snprintf(buffer, sizeof buffer, "/dev/pts/%d", number);
	SHOW(open(buffer, O_RDWR | O_NOCTTY));
	SHOW(ioctl(master, TIOCSPTLCK, &lock));
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	printf("slave %d tty %d\n", slave >= 0, isatty(slave));
	struct stat st;
	fstat(slave, &st);
	printf("type %o major %d\n", st.st_mode & S_IFMT, (int)(st.st_rdev >> 8));
	tcgetattr(slave, &t);
	printf("%o %o %o %o speed %d\n", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, cfgetospeed(&t));
	for (int i = 0; i < 17; i++)
		printf("%d ", t.c_cc[i]);
	printf("\n");
	struct winsize size;
	SHOW(ioctl(slave, TIOCGWINSZ, &size));
	printf("%d %d\n", size.ws_row, size.ws_col);

	put("line\n", 5);
	put("tab\tx\r\n", 7);
	TYPE("plain\r");
	TYPE("two\nlines\n");
	TYPE("no end");
	TYPE(" yet\n");
	TYPE("erase\177\177\177X\n");
	TYPE("kill this\25new\n");
	TYPE("one two  \27word\n");
	TYPE("ctrl \1\2 chars\n");
	TYPE("tab\there\177\177\177\177\177x\n");
	TYPE("\26\3literal\n");
	TYPE("partial\4");
	TYPE("rest\4\4");
	TYPE("\4");
	TYPE("reprint\22\n");
	put("\tafter\n", 7);
	t.c_lflag &= ~ECHO;
	tcsetattr(slave, TCSANOW, &t);
	TYPE("silent\n");
	t.c_lflag |= ECHO;
	t.c_iflag &= ~ICRNL;
	t.c_oflag &= ~OPOST;
	tcsetattr(slave, TCSANOW, &t);
	TYPE("cr\rnl\n");
	put("raw out\n", 8);
	write(master, "typed ahead", 11);
	usleep(2000);
	t.c_lflag &= ~(ICANON | ECHO | ISIG);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	tcsetattr(slave, TCSANOW, &t);
	TYPE("\3\4\177raw\r\n");
	t.c_cc[VMIN] = 0;
	tcsetattr(slave, TCSANOW, &t);
	SHOW(read(slave, buffer, 10));
	t.c_cc[VTIME] = 1;
	tcsetattr(slave, TCSANOW, &t);
	SHOW(read(slave, buffer, 10));
	t.c_cc[VMIN] = 5;
	t.c_cc[VTIME] = 0;
	tcsetattr(slave, TCSANOW, &t);
	write(master, "123", 3);
	struct pollfd p = { slave, POLLIN | POLLOUT, 0 };
	SHOW(poll(&p, 1, 20));
	printf("%x\n", p.revents);
	write(master, "456", 3);
	SHOW(poll(&p, 1, 20));
	printf("%x\n", p.revents);
	SHOW(read(slave, buffer, 10));
	t.c_lflag |= ICANON | ISIG | ECHO;
	t.c_oflag |= OPOST;
	t.c_iflag |= ICRNL;
	tcsetattr(slave, TCSAFLUSH, &t);
	SHOW(ioctl(slave, FIONREAD, &number));
	write(master, "abc\ndef", 7);
	usleep(1000);
	SHOW(ioctl(slave, FIONREAD, &number));
	printf("%d\n", number);
	SHOW(tcflush(slave, TCIFLUSH));
	SHOW(ioctl(slave, FIONREAD, &number));
	read(master, buffer, sizeof buffer);

	/* job control */
	SHOW(tcgetpgrp(slave));
	SHOW(ioctl(slave, TIOCGSID, &number));
	SHOW(ioctl(slave, TIOCSCTTY, 0));
	printf("foreground is us: %d\n", tcgetpgrp(slave) == getpgrp());
	SHOW(ioctl(slave, TIOCGSID, &number));
	printf("session is ours: %d\n", number == getsid(0));
	SHOW(open("/dev/tty", O_RDWR) >= 0);
	signal(SIGWINCH, on_winch);
	size.ws_row = 50;
	size.ws_col = 100;
	SHOW(ioctl(master, TIOCSWINSZ, &size));
	SHOW(ioctl(slave, TIOCSWINSZ, &size));
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGQUIT, &action, NULL);
	TYPE("lost\3kept\n");
	printf("signals %d code %x\n", signals, last.si_code);
	TYPE("\34");
	printf("signals %d\n", signals);
	fflush(stdout);
	int status;
	pid_t child = fork();
	if (child == 0) {
		setpgid(0, 0);
		signal(SIGTTIN, SIG_DFL);
		read(slave, buffer, 1);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(slave, getpgrp());
		printf("child in the foreground %d\n", tcgetpgrp(slave) == getpgrp());
		_exit(read(slave, buffer, 10) == 2 ? 0 : 1);
	}
	waitpid(child, &status, WUNTRACED);
	printf("background reader: stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	signal(SIGTTOU, SIG_IGN);
	SHOW(tcsetpgrp(slave, child));
	kill(child, SIGCONT);
	write(master, "y\nzz\n", 5);
	waitpid(child, &status, 0);
	printf("status %d\n", status);
	SHOW(tcsetpgrp(slave, getpgrp()));
	SHOW(tcsetpgrp(slave, 99999));
	fflush(stdout);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		tcgetattr(slave, &t);
		t.c_lflag |= TOSTOP;
		tcsetattr(slave, TCSANOW, &t);
		_exit(0);
	}
	waitpid(child, &status, WUNTRACED);
	printf("background setter: stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
	kill(child, SIGKILL);
	waitpid(child, &status, 0);

	/* SIGIO */
	signals = 0;
	sigaction(SIGIO, &action, NULL);
	sigaction(SIGUSR1, &action, NULL);
	SHOW(fcntl(master, F_SETOWN, getpid()));
	printf("owner %d\n", fcntl(master, F_GETOWN) == getpid());
	tcflush(master, TCIOFLUSH);
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	while (read(master, buffer, sizeof buffer) > 0)
		;
	SHOW(fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC));
	write(slave, "async\n", 6);
	usleep(1000);
	printf("got SIGIO: %d code %x\n", signals > 0, last.si_code);
	signals = 0;
	SHOW(fcntl(master, F_SETSIG, SIGUSR1));
	write(slave, "async\n", 6);
	usleep(1000);
	printf("got signal: %d, %d code %d band %lx fd %d\n", signals > 0, last.si_signo, last.si_code, last.si_band, last.si_fd == master);
	SHOW(fcntl(master, F_GETSIG));
	struct f_owner_ex owner = { F_OWNER_TID, gettid() };
	SHOW(fcntl(master, F_SETOWN_EX, &owner));
	SHOW(fcntl(master, F_GETOWN_EX, &owner));
	printf("owner type %d\n", owner.type);
	SHOW(fcntl(master, F_SETOWN, 99999));
	fcntl(master, F_SETFL, O_RDWR);
	read(master, buffer, sizeof buffer);

	/* the end */
	int extra = dup(slave);
	close(slave);
	p.fd = master;
	p.events = POLLIN;
	SHOW(poll(&p, 1, 1));
	close(extra);
	slave = open("/dev/tty", O_RDWR);
	printf("opened again %d\n", slave >= 0);
	signal(SIGHUP, SIG_IGN);
	close(master);
	SHOW(read(slave, buffer, 1));
	SHOW(write(slave, "x", 1));
	p.fd = slave;
	p.events = POLLIN | POLLOUT;
	SHOW(poll(&p, 1, 0));
	printf("%x\n", p.revents);
	SHOW(open("/dev/tty", O_RDWR));
	master = posix_openpt(O_RDWR | O_NOCTTY);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	write(slave, "left", 4);
	close(slave);
	usleep(1000);
	p.fd = master;
	SHOW(poll(&p, 1, 0));
	printf("%x\n", p.revents);
	SHOW(read(master, buffer, 10));
	SHOW(read(master, buffer, 10));
	return 0;
}
