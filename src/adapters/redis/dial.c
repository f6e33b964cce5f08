/* Look the host up, then connect to one address after the other until one answers. */
#include "adapters/redis/dial.h"

#include "adapters/system/resolver.h"
#include "core/must.h"
#include "core/utf8.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESSES_MAX 8

struct address {
	struct sockaddr_storage socket;
	socklen_t size;
};

struct dial {
	struct event_base *base;
	const struct redis_url *url;
	dial_done *done;
	void *context;

	struct resolver *resolver;
	struct address addresses[ADDRESSES_MAX];
	size_t count, next;
	struct event *waiting; /* for the socket, or to begin */
	int fd;                /* being connected, or -1 */
	char error[128];       /* of the last attempt */
};

static void try_next(struct dial *dial);

void dial_cancel(struct dial **dial)
{
	if (!*dial)
		return;
	resolver_cancel(&(*dial)->resolver);
	if ((*dial)->waiting)
		event_free((*dial)->waiting);
	if ((*dial)->fd >= 0)
		close((*dial)->fd);
	free(*dial);
	*dial = NULL;
}

static void finish(struct dial *dial)
{
	struct dial ended = *dial;

	dial->fd = -1;
	dial_cancel(&dial);
	ended.done(ended.context, ended.fd, ended.fd < 0 ? ended.error : NULL);
}

/* ---- one address ---- */

static void set_number(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value); /* a kernel without it still works */
}

/* Besides the heartbeat of a connection: the kernel finds out about data that nobody acknowledges. */
static void set_options(int fd)
{
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, DIAL_USER_TIMEOUT_MS);
}

static void give_up_address(struct dial *dial, int error)
{
	utf8_format(dial->error, sizeof dial->error, "%s", strerror(error));
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
	struct dial *dial = context;
	int error = 0;
	socklen_t size = sizeof error;

	event_free(dial->waiting);
	dial->waiting = NULL;
	if (what & EV_TIMEOUT)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (!error) {
		finish(dial);
		return;
	}
	give_up_address(dial, error);
	try_next(dial);
}

/* Returns whether an answer is to be waited for. */
static bool try_address(struct dial *dial, const struct address *address)
{
	static const struct timeval timeout = {DIAL_TIMEOUT_MS / 1000, DIAL_TIMEOUT_MS % 1000 * 1000};
	const struct sockaddr *socket_address = (const struct sockaddr *)&address->socket;

	dial->fd = socket(socket_address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd >= 0 && socket_address->sa_family != AF_UNIX)
		set_options(dial->fd);
	if (dial->fd < 0 || (connect(dial->fd, socket_address, address->size) < 0 && errno != EINPROGRESS)) {
		give_up_address(dial, errno);
		return false;
	}
	dial->waiting = must(event_new(dial->base, dial->fd, EV_WRITE, on_connected, dial));
	event_add(dial->waiting, &timeout);
	return true;
}

static void try_next(struct dial *dial)
{
	while (dial->next < dial->count)
		if (try_address(dial, &dial->addresses[dial->next++]))
			return;
	finish(dial);
}

/* ---- the addresses ---- */

static void add_socket_path(struct dial *dial)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&dial->addresses[0].socket;

	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof address->sun_path, "%s", dial->url->path);
	dial->addresses[0].size = sizeof *address;
	dial->count = 1;
}

static void on_looked_up(void *context, struct addrinfo *addresses, const char *error)
{
	struct dial *dial = context;

	dial->resolver = NULL;
	if (error)
		utf8_format(dial->error, sizeof dial->error, "host not found: %s", error);
	for (struct addrinfo *info = addresses; info && dial->count < ADDRESSES_MAX; info = info->ai_next) {
		struct address *address = &dial->addresses[dial->count++];

		memcpy(&address->socket, info->ai_addr, info->ai_addrlen);
		address->size = info->ai_addrlen;
	}
	if (addresses)
		freeaddrinfo(addresses);
	try_next(dial);
}

static void on_begin(evutil_socket_t fd, short what, void *context)
{
	struct dial *dial = context;

	(void)fd;
	(void)what;
	event_free(dial->waiting);
	dial->waiting = NULL;
	if (dial->url->path) {
		add_socket_path(dial);
		try_next(dial);
	} else {
		dial->resolver =
			resolver_start(dial->base, dial->url->host, dial->url->port, on_looked_up, dial);
	}
}

struct dial *dial_start(struct event_base *base, const struct redis_url *url, dial_done *done, void *context)
{
	static const struct timeval at_once = {0, 0};
	struct dial *dial = must_alloc(sizeof *dial);

	*dial = (struct dial){.base = base, .url = url, .done = done, .context = context, .fd = -1};
	dial->waiting = must(evtimer_new(base, on_begin, dial));
	evtimer_add(dial->waiting, &at_once);
	return dial;
}
