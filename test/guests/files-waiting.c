/* Waiting for many: pipes, fifos, poll, select, epoll, eventfd, timerfd, signalfd, splice. */
#include "show.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

static void polled(const char *what, int fd, short events)
{
	struct pollfd p = { fd, events, 0 };
	int result = poll(&p, 1, 0);
	printf("%s: poll %d %x\n", what, result, p.revents);
}

static void waited(const char *what, int set, int timeout)
{
	struct epoll_event events[8];
	int count = epoll_wait(set, events, 8, timeout);
	printf("%s: %d", what, count);
	for (int i = 0; i < count; i++)
		printf(" %x:%llu", events[i].events, (unsigned long long)events[i].data.u64);
	printf("\n");
}

static void nothing(int signal)
{
	(void)signal;
}

int main(void)
{
	char buffer[200000];
	int ends[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	enter_fresh_directory();

	SHOW(pipe(ends));
	polled("empty pipe, read end", ends[0], POLLIN | POLLOUT);
	polled("empty pipe, write end", ends[1], POLLIN | POLLOUT);
	SHOW(write(ends[1], "hello", 5));
	polled("full pipe, read end", ends[0], POLLIN);
	SHOW(ioctl(ends[0], FIONREAD, buffer));
	printf("%d\n", *(int *)buffer);
	SHOW(read(ends[0], buffer, 3));
	SHOW(read(ends[0], buffer, 30));
	SHOW(fcntl(ends[0], F_SETFL, O_NONBLOCK));
	SHOW(read(ends[0], buffer, 30));
	SHOW(read(ends[0], buffer, 0));
	SHOW(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	memset(buffer, 'z', sizeof buffer);
	SHOW(write(ends[1], buffer, sizeof buffer));
	SHOW(write(ends[1], buffer, 1));
	polled("stuffed pipe, write end", ends[1], POLLOUT);
	SHOW(read(ends[0], buffer, 4095));
	SHOW(read(ends[0], buffer, 1));
	polled("a page free, write end", ends[1], POLLOUT);
	SHOW(write(ends[1], buffer, 5000));
	SHOW(fcntl(ends[0], F_GETPIPE_SZ));
	SHOW(fcntl(ends[0], F_SETPIPE_SZ, 100000));
	SHOW(lseek(ends[0], 0, SEEK_SET));
	SHOW(pread(ends[0], buffer, 1, 0));
	SHOW(read(ends[1], buffer, 1));
	SHOW(write(ends[0], buffer, 1));
	close(ends[1]);
	while (read(ends[0], buffer, sizeof buffer) > 0)
		;
	polled("writers gone", ends[0], POLLIN);
	SHOW(read(ends[0], buffer, 30));
	pipe(ends);
	close(ends[0]);
	polled("readers gone", ends[1], POLLOUT);
	SHOW(write(ends[1], "x", 1));
	SHOW(pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	SHOW(fcntl(ends[0], F_GETFD));
	SHOW(pipe2(ends, 077));
	SHOW(pipe((int *)8));
	signal(SIGPIPE, SIG_DFL);
	pipe(ends);
	if (fork() == 0) {
		close(ends[0]);
		usleep(20000);
		write(ends[1], "x", 1);
		_exit(0);
	}
	close(ends[0]);
	int status;
	wait(&status);
	printf("writer without readers: signal %d\n", WTERMSIG(status));
	signal(SIGPIPE, SIG_IGN);

	/* a blocking writer of more than fits, and its reader */
	pipe(ends);
	fflush(stdout);
	if (fork() == 0) {
		close(ends[0]);
		memset(buffer, 'w', sizeof buffer);
		_exit(write(ends[1], buffer, sizeof buffer) == sizeof buffer ? 0 : 1);
	}
	close(ends[1]);
	long total = 0, got;
	while ((got = read(ends[0], buffer, 7777)) > 0)
		total += got;
	wait(&status);
	printf("%ld bytes came, writer's status %d\n", total, status);

	mkfifo("fifo", 0600);
	SHOW(open("fifo", O_WRONLY | O_NONBLOCK));
	int reader = open("fifo", O_RDONLY | O_NONBLOCK);
	SHOW(read(reader, buffer, 1));
	polled("fifo without writer", reader, POLLIN);
	int writer = open("fifo", O_WRONLY);
	SHOW(read(reader, buffer, 1));
	SHOW(write(writer, "f", 1));
	SHOW(read(reader, buffer, 1));
	close(writer);
	polled("fifo's writer gone", reader, POLLIN);
	close(reader);
	fflush(stdout);
	if (fork() == 0) {
		int fd = open("fifo", O_WRONLY);
		write(fd, "from the child", 14);
		_exit(0);
	}
	reader = open("fifo", O_RDONLY);
	SHOW(read(reader, buffer, 100));
	wait(NULL);
	int both = open("fifo", O_RDWR);
	SHOW(write(both, "rw", 2));
	SHOW(read(both, buffer, 10));

	/* select */
	int a[2], b[2];
	pipe(a);
	pipe(b);
	fd_set in, out;
	struct timeval tv = { 0, 10000 };
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(a[0], &in);
	FD_SET(b[0], &in);
	SHOW(select(64, &in, NULL, NULL, &tv));
	printf("time left %ld %ld\n", (long)tv.tv_sec, (long)tv.tv_usec);
	write(b[1], "b", 1);
	FD_SET(a[0], &in);
	FD_SET(b[0], &in);
	FD_SET(a[1], &out);
	SHOW(select(64, &in, &out, NULL, NULL));
	printf("%d %d %d\n", !!FD_ISSET(a[0], &in), !!FD_ISSET(b[0], &in), !!FD_ISSET(a[1], &out));
	FD_SET(60, &in);
	SHOW(select(64, &in, NULL, NULL, &tv));
	SHOW(select(-1, NULL, NULL, NULL, &tv));
	struct pollfd many[3] = { { a[0], POLLIN, 0 }, { -5, POLLIN, 7 }, { 60, POLLIN, 0 } };
	SHOW(poll(many, 3, -1));
	printf("%x %x %x\n", many[0].revents, many[1].revents, many[2].revents);
	struct timespec ts = { 0, 1000000 };
	SHOW(ppoll(many, 1, &ts, NULL));
	ts.tv_nsec = -1;
	SHOW(ppoll(many, 1, &ts, NULL));

	/* epoll */
	int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { EPOLLIN, { .u64 = 1 } };
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, a[0], &event));
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, a[0], &event));
	event.data.u64 = 2;
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, b[0], &event));
	event.events = EPOLLOUT | EPOLLET;
	event.data.u64 = 3;
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, a[1], &event));
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, b[1], &event));
	SHOW(epoll_ctl(set, EPOLL_CTL_DEL, b[1], &event));
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, set, &event));
	SHOW(epoll_ctl(a[0], EPOLL_CTL_ADD, b[1], &event));
	SHOW(epoll_ctl(set, 17, b[1], &event));
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, 77, &event));
	int plain = open("plain", O_CREAT | O_RDWR, 0600);
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, plain, &event));
	waited("first", set, 0);
	waited("level again, edge not", set, 0);
	read(b[0], buffer, 10);
	waited("nothing", set, 5);
	write(a[1], "12", 2);
	waited("a", set, -1);
	event.events = EPOLLIN | EPOLLONESHOT;
	event.data.u64 = 4;
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, a[0], &event));
	waited("one shot", set, 0);
	waited("one shot again", set, 0);
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, a[0], &event));
	waited("rearmed", set, 0);
	event.events = EPOLLIN | EPOLLET;
	SHOW(epoll_ctl(set, EPOLL_CTL_MOD, a[0], &event));
	waited("edge", set, 0);
	waited("edge again", set, 0);
	write(a[1], "3", 1);
	waited("edge after a write", set, 0);
	int outer = epoll_create(5);
	event.events = EPOLLIN;
	event.data.u64 = 9;
	SHOW(epoll_ctl(outer, EPOLL_CTL_ADD, set, &event));
	SHOW(epoll_ctl(set, EPOLL_CTL_ADD, outer, &event));
	waited("outer", outer, 0);
	write(b[1], "x", 1);
	waited("outer", outer, 0);
	int copy = dup(b[0]);
	close(b[0]);
	waited("closed, but dup'ed", set, 0);
	close(copy);
	waited("closed", set, 0);
	close(a[1]);
	waited("hung up", set, 0);
	SHOW(epoll_wait(set, NULL, 0, 0));
	SHOW(epoll_wait(plain, NULL, 1, 0));

	/* eventfd */
	uint64_t value = 0;
	int counter = eventfd(3, EFD_NONBLOCK);
	polled("eventfd", counter, POLLIN | POLLOUT);
	SHOW(read(counter, &value, 8));
	printf("%llu\n", (unsigned long long)value);
	SHOW(read(counter, &value, 8));
	SHOW(read(counter, &value, 4));
	value = UINT64_MAX;
	SHOW(write(counter, &value, 8));
	value = UINT64_MAX - 1;
	SHOW(write(counter, &value, 8));
	polled("full eventfd", counter, POLLIN | POLLOUT);
	value = 1;
	SHOW(write(counter, &value, 8));
	int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	SHOW(read(semaphore, &value, 8));
	printf("%llu\n", (unsigned long long)value);
	SHOW(read(semaphore, &value, 8));
	SHOW(read(semaphore, &value, 8));
	int blocking = eventfd(0, 0);
	fflush(stdout);
	if (fork() == 0) {
		usleep(5000);
		value = 42;
		write(blocking, &value, 8);
		_exit(0);
	}
	SHOW(read(blocking, &value, 8));
	printf("%llu\n", (unsigned long long)value);
	wait(NULL);

	/* timerfd */
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	SHOW(timerfd_create(99, 0));
	SHOW(read(timer, &value, 8));
	struct itimerspec spec = { { 0, 0 }, { 0, 2000000 } }, old;
	SHOW(timerfd_settime(timer, 0, &spec, NULL));
	polled("armed timer", timer, POLLIN);
	SHOW(timerfd_gettime(timer, &old));
	printf("armed %d\n", old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 2000000);
	struct pollfd p = { timer, POLLIN, 0 };
	SHOW(poll(&p, 1, -1));
	SHOW(read(timer, &value, 8));
	printf("%llu\n", (unsigned long long)value);
	SHOW(read(timer, &value, 8));
	spec.it_interval.tv_nsec = 1000000;
	spec.it_value.tv_nsec = 1000000;
	SHOW(timerfd_settime(timer, 0, &spec, &old));
	printf("was %ld.%ld\n", (long)old.it_value.tv_sec, old.it_value.tv_nsec);
	usleep(10500);
	SHOW(read(timer, &value, 8));
	printf("about ten: %d\n", value >= 9);
	SHOW(timerfd_gettime(timer, &old));
	printf("interval %ld\n", old.it_interval.tv_nsec);
	spec.it_value.tv_nsec = 1000000000;
	SHOW(timerfd_settime(timer, 0, &spec, &old));
	clock_gettime(CLOCK_REALTIME, &ts);
	int calendar = timerfd_create(CLOCK_REALTIME, 0);
	spec.it_interval.tv_nsec = 0;
	spec.it_value = ts;
	SHOW(timerfd_settime(calendar, TFD_TIMER_ABSTIME, &spec, NULL));
	SHOW(read(calendar, &value, 8));

	/* signalfd */
	sigset_t mask;
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	int signals = signalfd(-1, &mask, SFD_NONBLOCK);
	struct signalfd_siginfo info[3];
	SHOW(read(signals, info, sizeof info));
	SHOW(read(signals, info, 10));
	kill(getpid(), SIGUSR1);
	polled("signalfd", signals, POLLIN);
	if (fork() == 0)
		_exit(3);
	waitid(P_ALL, 0, NULL, WEXITED | WNOWAIT);
	SHOW(read(signals, info, sizeof info));
	printf("signal %d pid ours %d; signal %d status %d code %d\n", info[0].ssi_signo, (pid_t)info[0].ssi_pid == getpid(), info[1].ssi_signo, info[1].ssi_status, info[1].ssi_code);
	wait(NULL);
	fcntl(signals, F_SETFL, 0);
	fflush(stdout);
	pid_t parent = getpid();
	if (fork() == 0) {
		usleep(2000);
		sigqueue(parent, SIGUSR1, (union sigval){ .sival_int = 77 });
		_exit(0);
	}
	SHOW(read(signals, info, sizeof info[0]));
	printf("signal %d value %d code %d\n", info[0].ssi_signo, info[0].ssi_int, info[0].ssi_code);
	wait(NULL);
	signal(SIGALRM, nothing);
	siginterrupt(SIGALRM, 1);
	struct timeval alarm_in[2] = { { 0, 0 }, { 0, 3000 } };
	syscall(SYS_setitimer, 0, alarm_in, NULL);
	SHOW(poll(NULL, 0, 1000));
	syscall(SYS_setitimer, 0, alarm_in, NULL);
	SHOW(epoll_wait(outer, (struct epoll_event *)buffer, 1, 0) >= 0);
	pipe(ends);
	SHOW(read(ends[0], buffer, 1));

	/* splice and tee */
	int other[2];
	pipe(other);
	write(ends[1], "spliced bytes", 13);
	SHOW(tee(ends[0], other[1], 7, 0));
	SHOW(read(other[0], buffer, 100));
	SHOW(splice(ends[0], NULL, plain, NULL, 100, 0));
	loff_t at = 2;
	SHOW(splice(plain, &at, other[1], NULL, 5, 0));
	printf("offset %ld\n", (long)at);
	SHOW(read(other[0], buffer, 100));
	printf("%.5s\n", buffer);
	SHOW(splice(plain, NULL, plain, NULL, 5, 0));
	SHOW(splice(ends[0], &at, plain, NULL, 5, 0));
	SHOW(splice(ends[0], NULL, plain, NULL, 5, SPLICE_F_NONBLOCK));
	close(ends[1]);
	SHOW(splice(ends[0], NULL, plain, NULL, 5, 0));
	return 0;
}
