/* AF_UNIX sockets: pairs, names, ancillary data, options. */
#include "show.h"
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static void polled(const char *what, int fd, short events)
{
	struct pollfd p = { fd, events, 0 };
	int result = poll(&p, 1, 0);
	printf("%s: poll %d %x\n", what, result, p.revents);
}

static void name_of(const char *what, int (*get)(int, struct sockaddr *, socklen_t *), int fd)
{
	struct sockaddr_un address;
	socklen_t length = sizeof address;
	memset(&address, 0, sizeof address);
	int result = get(fd, (struct sockaddr *)&address, &length);
	if (result < 0) {
		show(what, result);
		return;
	}
	printf("%s: length %d family %d name %s%s\n", what, (int)length, address.sun_family, length > 2 && address.sun_path[0] == 0 ? "@" : "",
	       length > 2 ? address.sun_path + (address.sun_path[0] == 0) : "");
}

static socklen_t fill(struct sockaddr_un *address, const char *path)
{
	memset(address, 0, sizeof *address);
	address->sun_family = AF_UNIX;
	strcpy(address->sun_path, path);
	if (path[0] == '@')
		address->sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] == '@' ? 0 : 1);
}

static int send_fds(int socket, const char *text, const int *fds, int count)
{
	char control[CMSG_SPACE(10 * sizeof(int))] = { 0 };
	struct iovec vector = { (char *)text, strlen(text) };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	if (count > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	return sendmsg(socket, &message, 0);
}

static int receive(const char *what, int socket, size_t room, size_t control_room, int flags)
{
	char text[200] = { 0 }, control[300];
	struct sockaddr_un from;
	int last = -1;
	struct iovec vector = { text, room };
	struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = control_room };
	int result = recvmsg(socket, &message, flags);
	if (result < 0) {
		show(what, result);
		return -1;
	}
	printf("%s: %d \"%s\" flags %x name %d control %d", what, result, text, message.msg_flags, (int)message.msg_namelen, (int)message.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c)) {
		printf(" [%d:%d]", c->cmsg_type, (int)c->cmsg_len);
		if (c->cmsg_type == SCM_RIGHTS) {
			int count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			for (int i = 0; i < count; i++) {
				memcpy(&last, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
				printf(" cloexec %d", fcntl(last, F_GETFD));
			}
		} else {
			struct ucred credentials;
			memcpy(&credentials, CMSG_DATA(c), sizeof credentials);
			printf(" pid %d uid %d", credentials.pid == getpid(), credentials.uid);
		}
	}
	printf("\n");
	return last;
}

int main(void)
{
	char buffer[1000];
	int pair[2], one = 1, value;
	socklen_t length;
	struct sockaddr_un address;
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	enter_fresh_directory();

	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	polled("fresh pair", pair[0], POLLIN | POLLOUT | POLLRDHUP);
	SHOW(write(pair[0], "hello", 5));
	SHOW(write(pair[0], "world", 5));
	polled("something to read", pair[1], POLLIN);
	SHOW(recv(pair[1], buffer, 3, MSG_PEEK));
	SHOW(recv(pair[1], buffer, 100, 0));
	printf("%.10s\n", buffer);
	SHOW(recv(pair[1], buffer, 100, MSG_DONTWAIT));
	SHOW(send(pair[0], "x", 1, MSG_OOB) >= -1);
	recv(pair[1], buffer, 100, MSG_DONTWAIT);
	name_of("pair's name", getsockname, pair[0]);
	name_of("pair's peer", getpeername, pair[0]);
	SHOW(shutdown(pair[0], SHUT_WR));
	polled("peer wrote its last", pair[1], POLLIN | POLLRDHUP);
	SHOW(read(pair[1], buffer, 1));
	SHOW(write(pair[0], "x", 1));
	SHOW(write(pair[1], "back", 4));
	SHOW(read(pair[0], buffer, 100));
	SHOW(shutdown(pair[0], 7));
	close(pair[1]);
	polled("peer gone", pair[0], POLLIN | POLLOUT | POLLRDHUP);
	SHOW(read(pair[0], buffer, 1));
	close(pair[0]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	write(pair[0], "unread", 6);
	close(pair[1]);
	SHOW(read(pair[0], buffer, 1));
	SHOW(read(pair[0], buffer, 1));
	SHOW(write(pair[0], "x", 1));
	close(pair[0]);

	SHOW(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair));
	SHOW(fcntl(pair[0], F_GETFD));
	SHOW(send(pair[0], "first", 5, 0));
	SHOW(send(pair[0], "second", 6, 0));
	receive("packet", pair[1], 3, 0, 0);
	receive("packet", pair[1], 100, 0, 0);
	receive("packet", pair[1], 100, 0, 0);
	SHOW(send(pair[0], "third", 5, 0));
	SHOW(recv(pair[1], buffer, 2, MSG_TRUNC));
	close(pair[0]);
	receive("end", pair[1], 100, 0, 0);
	close(pair[1]);

	SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	SHOW(send(pair[0], "", 0, 0));
	SHOW(send(pair[0], "datagram", 8, 0));
	SHOW(recv(pair[1], buffer, 100, 0));
	receive("datagram", pair[1], 4, 0, 0);
	SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
	int fds[3] = { 0, pair[0], 2 };
	SHOW(send_fds(pair[0], "with files", fds, 3));
	receive("files", pair[1], 100, 300, MSG_CMSG_CLOEXEC);
	SHOW(send_fds(pair[0], "with files", fds, 3));
	receive("files, no room", pair[1], 100, 0, 0);
	SHOW(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &(int){ 0 }, sizeof one));
	SHOW(send_fds(pair[0], "with files", fds, 3));
	receive("files, little room", pair[1], 100, CMSG_LEN(4), 0);
	fds[1] = 500;
	SHOW(send_fds(pair[0], "bad file", fds, 3));
	close(pair[1]);
	SHOW(send(pair[0], "x", 1, 0));
	close(pair[0]);

	/* a pipe's end travels and works at the other side */
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	int ends[2];
	pipe(ends);
	fflush(stdout);
	if (fork() == 0) {
		close(ends[0]);
		close(ends[1]);
		int got = receive("child", pair[1], 100, 300, 0);
		write(got, "through the pipe", 16);
		_exit(0);
	}
	send_fds(pair[0], "take this", &ends[1], 1);
	close(ends[1]);
	SHOW(read(ends[0], buffer, 100));
	wait(NULL);
	SHOW(read(ends[0], buffer, 100));
	send_fds(pair[0], "a", &ends[0], 1);
	write(pair[0], "b", 1);
	receive("stream stops after files", pair[1], 100, 300, 0);
	receive("the rest", pair[1], 100, 300, 0);
	close(pair[0]);
	close(pair[1]);

	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	polled("unbound", listener, POLLIN | POLLOUT);
	length = fill(&address, "name");
	SHOW(connect(listener, (struct sockaddr *)&address, length));
	SHOW(listen(listener, 5));
	SHOW(bind(listener, (struct sockaddr *)&address, length));
	SHOW(bind(listener, (struct sockaddr *)&address, length));
	int second = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(bind(second, (struct sockaddr *)&address, length));
	SHOW(connect(second, (struct sockaddr *)&address, length));
	SHOW(accept(listener, NULL, NULL));
	SHOW(listen(listener, 1));
	name_of("listener", getsockname, listener);
	struct stat st;
	SHOW(stat("name", &st));
	printf("type %o\n", st.st_mode & S_IFMT);
	SHOW(open("name", O_RDWR));
	SHOW(connect(second, (struct sockaddr *)&address, length));
	SHOW(connect(second, (struct sockaddr *)&address, length));
	SHOW(write(second, "before accept", 13));
	polled("listener", listener, POLLIN);
	length = sizeof address;
	int connection = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC);
	printf("accepted %d, address length %d\n", connection >= 0, (int)length);
	name_of("connection", getsockname, connection);
	name_of("connection's peer", getpeername, connection);
	name_of("client's peer", getpeername, second);
	SHOW(read(connection, buffer, 100));
	struct ucred credentials;
	length = sizeof credentials;
	SHOW(getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length));
	printf("peer is us %d, uid %d\n", credentials.pid == getpid(), credentials.uid);
	length = sizeof value;
	SHOW(getsockopt(connection, SOL_SOCKET, SO_TYPE, &value, &length));
	printf("type %d\n", value);
	SHOW(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
	printf("listens %d\n", value);
	SHOW(getsockopt(connection, SOL_SOCKET, SO_ERROR, &value, &length));
	SHOW(getsockopt(connection, SOL_SOCKET, SO_DOMAIN, &value, &length));
	printf("domain %d\n", value);
	SHOW(getsockopt(connection, SOL_SOCKET, 9999, &value, &length));
	SHOW(getsockopt(1, SOL_SOCKET, SO_TYPE, &value, &length));
	fcntl(listener, F_SETFL, O_NONBLOCK);
	SHOW(accept(listener, NULL, NULL));
	close(listener);
	int third = socket(AF_UNIX, SOCK_STREAM, 0);
	length = fill(&address, "name");
	SHOW(connect(third, (struct sockaddr *)&address, length));
	SHOW(unlink("name"));
	SHOW(connect(third, (struct sockaddr *)&address, length));
	SHOW(send(third, "x", 1, 0));
	SHOW(recv(third, buffer, 1, 0));
	name_of("unconnected", getpeername, third);

	int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
	length = fill(&address, "@abstract");
	SHOW(bind(receiver, (struct sockaddr *)&address, length));
	SHOW(bind(sender, (struct sockaddr *)&address, length));
	name_of("abstract", getsockname, receiver);
	SHOW(send(sender, "x", 1, 0));
	SHOW(sendto(sender, "anonymous", 9, 0, (struct sockaddr *)&address, length));
	receive("from nobody", receiver, 100, 0, 0);
	struct sockaddr_un own;
	socklen_t own_length = fill(&own, "sender");
	SHOW(bind(sender, (struct sockaddr *)&own, own_length));
	SHOW(connect(sender, (struct sockaddr *)&address, length));
	SHOW(send(sender, "named", 5, 0));
	receive("from a name", receiver, 100, 0, 0);
	SHOW(sendto(receiver, "reply", 5, 0, (struct sockaddr *)&own, own_length));
	receive("reply", sender, 100, 0, 0);
	SHOW(connect(third, (struct sockaddr *)&address, length));
	close(receiver);
	SHOW(send(sender, "x", 1, 0));
	SHOW(send(sender, "x", 1, 0));
	struct timeval timeout = { 0, 5000 };
	SHOW(setsockopt(sender, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
	SHOW(recv(sender, buffer, 1, 0));
	SHOW(socket(AF_UNIX, SOCK_RAW, 0) >= 0);
	SHOW(socket(AF_UNIX, 9, 0));
	SHOW(socket(AF_UNIX, SOCK_STREAM, 5));
	SHOW(socket(77, SOCK_STREAM, 0));
	SHOW(lseek(sender, 0, SEEK_SET));
	SHOW(listen(sender, 1));
	SHOW(accept(sender, NULL, NULL));
	SHOW(ftruncate(sender, 0));
	return 0;
}
