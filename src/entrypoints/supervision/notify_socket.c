/* Sends datagrams to a service manager. */
#include "entrypoints/supervision/notify_socket.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

bool notify_socket_open(struct notify_socket *to, const char *name)
{
	size_t length = strlen(name);

	if ((*name != '/' && *name != '@') || !name[1]) {
		errno = EAFNOSUPPORT;
		return false;
	}
	if (length + (*name == '/') > sizeof to->address.sun_path) {
		errno = ENAMETOOLONG;
		return false;
	}
	*to = (struct notify_socket){.address.sun_family = AF_UNIX};
	memcpy(to->address.sun_path, name, length);
	if (*name == '@') /* the name of an abstract socket begins with a NUL, and does not end in one */
		to->address.sun_path[0] = '\0';
	to->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (*name == '/'));
	to->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return to->fd >= 0;
}

void notify_socket_close(struct notify_socket *to)
{
	close(to->fd);
}

bool notify_socket_send(const struct notify_socket *to, const char *text)
{
	return sendto(to->fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&to->address,
		      to->address_size) >= 0;
}
