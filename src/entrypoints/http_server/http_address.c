/* Finds and binds the address that HTTP is served at. */
#include "entrypoints/http_server/http_address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A bound socket, or -1 with errno. */
static int bind_one(const struct addrinfo *info)
{
	int on = 1, reason;
	int bound =
		socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);

	if (bound < 0)
		return -1;
	setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(bound, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (bind(bound, info->ai_addr, info->ai_addrlen) == 0)
		return bound;
	reason = errno;
	close(bound);
	errno = reason;
	return -1;
}

/* The first address that can be bound, or -1 with the errno of the last one. */
static int bind_first(const struct addrinfo *infos)
{
	int bound = -1;

	for (; infos && bound < 0; infos = infos->ai_next)
		bound = bind_one(infos);
	return bound;
}

/* Returns what getaddrinfo() does. */
static int look_up(const struct listen_address *address, struct addrinfo **infos)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	char port[8];

	snprintf(port, sizeof port, "%u", address->port);
	return getaddrinfo(address->host, port, &hints, infos);
}

int http_address_bind(const struct listen_address *address, struct arena *arena, const char **error,
		      bool *in_use)
{
	struct addrinfo *infos;
	int code = look_up(address, &infos), bound = -1;
	const char *reason = gai_strerror(code);

	*in_use = false;
	if (!code) {
		bound = bind_first(infos);
		*in_use = bound < 0 && errno == EADDRINUSE;
	}
	if (code == 0 || code == EAI_SYSTEM)
		reason = strerror(errno);
	if (!code)
		freeaddrinfo(infos);
	if (bound < 0)
		*error = arena_printf(arena, "%s:%u: %s", address->host, address->port, reason);
	return bound;
}

uint16_t http_address_port(int bound)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	char port[8];

	if (getsockname(bound, (struct sockaddr *)&address, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
		return 0;
	return (uint16_t)strtoul(port, NULL, 10);
}

bool http_address_is_loopback(int bound)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_storage storage;
	} address = {0};
	socklen_t size = sizeof address;

	if (getsockname(bound, &address.any, &size) != 0)
		return false;
	if (address.any.sa_family == AF_INET)
		return ntohl(address.ipv4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return address.any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address.ipv6.sin6_addr);
}
