/* TCP and UDP on the loopback interface. */
#include "show.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void polled(const char *what, int fd, short events)
{
	struct pollfd p = { fd, events, 0 };
	int result = poll(&p, 1, 1000);
	printf("%s: poll %d %x\n", what, result, p.revents);
}

static struct sockaddr_in address_of(int fd, int (*get)(int, struct sockaddr *, socklen_t *), const char *what)
{
	struct sockaddr_in address = { 0 };
	socklen_t length = sizeof address;
	if (get(fd, (struct sockaddr *)&address, &length) < 0)
		show(what, -1);
	else
		printf("%s: %d bytes, family %d, %s, port %s\n", what, (int)length, address.sin_family, inet_ntoa(address.sin_addr), address.sin_port ? "set" : "none");
	return address;
}

int main(void)
{
	char buffer[70000];
	int value = 1, status;
	socklen_t length = sizeof value;
	struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);

	int listener = socket(AF_INET, SOCK_STREAM, 0);
	polled("unconnected", listener, POLLIN | POLLOUT);
	SHOW(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value));
	address_of(listener, getsockname, "unbound");
	SHOW(bind(listener, (struct sockaddr *)&loopback, sizeof loopback));
	SHOW(bind(listener, (struct sockaddr *)&loopback, sizeof loopback));
	struct sockaddr_in server = address_of(listener, getsockname, "bound");
	int client = socket(AF_INET, SOCK_STREAM, 0);
	SHOW(connect(client, (struct sockaddr *)&server, sizeof server));
	SHOW(listen(listener, 5));
	int second = socket(AF_INET, SOCK_STREAM, 0);
	SHOW(bind(second, (struct sockaddr *)&server, sizeof server));
	SHOW(accept(client, NULL, NULL));
	SHOW(connect(client, (struct sockaddr *)&server, sizeof server));
	SHOW(connect(client, (struct sockaddr *)&server, sizeof server));
	polled("listener", listener, POLLIN);
	int connection = accept(listener, NULL, NULL);
	printf("accepted %d\n", connection >= 0);
	struct sockaddr_in one = address_of(client, getsockname, "client");
	struct sockaddr_in two = address_of(connection, getpeername, "connection's peer");
	printf("the same port: %d\n", one.sin_port == two.sin_port);
	two = address_of(connection, getsockname, "connection");
	printf("the listener's port: %d\n", server.sin_port == two.sin_port);
	SHOW(setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
	value = 0;
	SHOW(getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &value, &length));
	printf("%d\n", value != 0);
	SHOW(getsockopt(client, SOL_SOCKET, SO_PROTOCOL, &value, &length));
	printf("%d\n", value);
	SHOW(write(client, "request", 7));
	polled("request", connection, POLLIN | POLLOUT | POLLRDHUP);
	SHOW(read(connection, buffer, 100));
	SHOW(send(connection, "part one,", 9, MSG_MORE));
	SHOW(send(connection, "part two", 8, 0));
	SHOW(recv(client, buffer, 17, MSG_WAITALL));
	printf("%.17s\n", buffer);
	SHOW(shutdown(client, SHUT_WR));
	polled("half closed", connection, POLLIN | POLLOUT | POLLRDHUP);
	SHOW(read(connection, buffer, 100));
	SHOW(write(client, "x", 1));
	SHOW(write(connection, "answer", 6));
	SHOW(close(connection));
	polled("both closed", client, POLLIN | POLLOUT | POLLRDHUP);
	SHOW(read(client, buffer, 100));
	SHOW(read(client, buffer, 100));
	close(client);

	client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SHOW(connect(client, (struct sockaddr *)&server, sizeof server));
	polled("connecting", client, POLLOUT);
	SHOW(getsockopt(client, SOL_SOCKET, SO_ERROR, &value, &length));
	printf("%d\n", value);
	SHOW(read(client, buffer, 1));
	close(listener);
	close(client);
	client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	SHOW(connect(client, (struct sockaddr *)&server, sizeof server));
	polled("refused", client, POLLIN | POLLOUT);
	SHOW(getsockopt(client, SOL_SOCKET, SO_ERROR, &value, &length));
	printf("%s\n", strerrorname_np(value));
	SHOW(write(client, "x", 1));

	/* much data through a small window */
	listener = socket(AF_INET, SOCK_STREAM, 0);
	SHOW(listen(listener, 1));
	struct sockaddr_in any = address_of(listener, getsockname, "autobound");
	fflush(stdout);
	if (fork() == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		connect(fd, (struct sockaddr *)&any, sizeof any);
		memset(buffer, 'd', sizeof buffer);
		long sent = 0;
		for (int i = 0; i < 20; i++)
			sent += write(fd, buffer, sizeof buffer);
		_exit(sent == 20 * sizeof buffer ? 0 : 1);
	}
	connection = accept(listener, NULL, NULL);
	long total = 0, got;
	while ((got = read(connection, buffer, sizeof buffer)) > 0)
		total += got;
	wait(&status);
	printf("%ld bytes, sender's status %d\n", total, status);

	int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
	SHOW(bind(a, (struct sockaddr *)&loopback, sizeof loopback));
	struct sockaddr_in to = address_of(a, getsockname, "datagram socket");
	SHOW(send(b, "x", 1, 0));
	SHOW(sendto(b, "datagram", 8, 0, (struct sockaddr *)&to, sizeof to));
	struct sockaddr_in from;
	length = sizeof from;
	SHOW(recvfrom(a, buffer, 100, 0, (struct sockaddr *)&from, &length));
	printf("from %s, %d bytes of address\n", inet_ntoa(from.sin_addr), (int)length);
	SHOW(sendto(a, "reply", 5, 0, (struct sockaddr *)&from, sizeof from));
	SHOW(recv(b, buffer, 2, MSG_TRUNC));
	SHOW(connect(b, (struct sockaddr *)&to, sizeof to));
	address_of(b, getpeername, "connected");
	address_of(b, getsockname, "connected");
	SHOW(send(b, "", 0, 0));
	SHOW(recv(a, buffer, 100, 0));
	SHOW(recv(a, buffer, 100, MSG_DONTWAIT));
	close(a);
	SHOW(send(b, "lost", 4, 0));
	polled("refused", b, POLLIN | POLLOUT);
	SHOW(recv(b, buffer, 4, MSG_DONTWAIT));
	SHOW(recv(b, buffer, 4, MSG_DONTWAIT));
	SHOW(sendto(b, buffer, 65508, 0, (struct sockaddr *)&to, sizeof to));

	int six = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6 };
	SHOW(bind(six, (struct sockaddr *)&any6, sizeof any6));
	SHOW(listen(six, 3));
	length = sizeof any6;
	SHOW(getsockname(six, (struct sockaddr *)&any6, &length));
	struct sockaddr_in four = loopback;
	four.sin_port = any6.sin6_port;
	client = socket(AF_INET, SOCK_STREAM, 0);
	SHOW(connect(client, (struct sockaddr *)&four, sizeof four));
	length = sizeof any6;
	connection = accept(six, (struct sockaddr *)&any6, &length);
	inet_ntop(AF_INET6, &any6.sin6_addr, buffer, sizeof buffer);
	printf("accepted from %s\n", buffer);
	SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	SHOW(socket(AF_INET, SOCK_SEQPACKET, 0));
	SHOW(bind(six, (struct sockaddr *)&loopback, sizeof loopback));
	struct sockaddr_in foreign = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x08080808) };
	SHOW(bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&foreign, sizeof foreign));
	return 0;
}
