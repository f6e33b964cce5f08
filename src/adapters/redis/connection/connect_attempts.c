/* Look the host up, then connect to one address after the other, as the owner asks for it. */
#include "adapters/redis/connection/connect_attempts.h"

#include "adapters/system/instants.h"
#include "adapters/system/resolver.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

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
	size_t count, tried;
	unsigned rotation;
	int64_t begun_ms;      /* the last address */
	struct event *waiting; /* for the socket, for the resolver, or to begin */
	int fd;                /* being connected, or -1 */
};

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

static void stop_waiting(struct dial *dial)
{
	if (dial->waiting)
		event_free(dial->waiting);
	dial->waiting = NULL;
}

bool dial_has_next(const struct dial *dial)
{
	return dial->tried < dial->count;
}

size_t dial_address(const struct dial *dial)
{
	return dial->count ? (dial->rotation + dial->tried - 1) % dial->count : 0;
}

int64_t dial_left_ms(const struct dial *dial)
{
	int64_t all = dial_has_next(dial) ? DIAL_ADDRESS_MS : DIAL_LAST_ADDRESS_MS;
	int64_t left = all - (now_ms() - dial->begun_ms);

	return left > 0 ? left : 0;
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

static void fail(struct dial *dial, int error)
{
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
	dial->done(dial->context, -1, strerror(error));
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
	struct dial *dial = context;
	int error = 0;
	socklen_t size = sizeof error;

	stop_waiting(dial);
	if (what & EV_TIMEOUT)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		fail(dial, error);
		return;
	}
	dial->fd = -1;
	dial->done(dial->context, fd, NULL);
}

static void try_address(struct dial *dial, const struct address *address)
{
	static const struct timeval timeout = {DIAL_TIMEOUT_MS / 1000, DIAL_TIMEOUT_MS % 1000 * 1000};
	const struct sockaddr *socket_address = (const struct sockaddr *)&address->socket;

	dial->begun_ms = now_ms();
	dial->fd = socket(socket_address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd >= 0 && socket_address->sa_family != AF_UNIX)
		set_options(dial->fd);
	if (dial->fd < 0 || (connect(dial->fd, socket_address, address->size) < 0 && errno != EINPROGRESS)) {
		fail(dial, errno);
		return;
	}
	dial->waiting = must(event_new(dial->base, dial->fd, EV_WRITE, on_connected, dial));
	event_add(dial->waiting, &timeout);
}

void dial_next(struct dial *dial)
{
	size_t index = (dial->rotation + dial->tried++) % dial->count;

	try_address(dial, &dial->addresses[index]);
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

static void fail_look_up(struct dial *dial, const char *error)
{
	char text[128];

	utf8_format(text, sizeof text, "host not found: %s", error);
	dial->done(dial->context, -1, text);
}

static void on_looked_up(void *context, struct addrinfo *addresses, const char *error)
{
	struct dial *dial = context;

	dial->resolver = NULL;
	stop_waiting(dial);
	for (struct addrinfo *info = addresses; info && dial->count < ADDRESSES_MAX; info = info->ai_next) {
		struct address *address = &dial->addresses[dial->count++];

		memcpy(&address->socket, info->ai_addr, info->ai_addrlen);
		address->size = info->ai_addrlen;
	}
	if (addresses)
		freeaddrinfo(addresses);
	if (dial->count)
		dial_next(dial);
	else
		fail_look_up(dial, error ? error : "it has no address");
}

static void on_look_up_timeout(evutil_socket_t fd, short what, void *context)
{
	struct dial *dial = context;

	(void)fd;
	(void)what;
	stop_waiting(dial);
	resolver_cancel(&dial->resolver);
	fail_look_up(dial, "the look-up takes too long");
}

static void look_up(struct dial *dial)
{
	static const struct timeval timeout = {DIAL_LOOK_UP_MS / 1000, DIAL_LOOK_UP_MS % 1000 * 1000};

	dial->waiting = must(evtimer_new(dial->base, on_look_up_timeout, dial));
	evtimer_add(dial->waiting, &timeout);
	dial->resolver = resolver_start(dial->base, dial->url->host, dial->url->port, on_looked_up, dial);
}

static void on_begin(evutil_socket_t fd, short what, void *context)
{
	struct dial *dial = context;

	(void)fd;
	(void)what;
	stop_waiting(dial);
	if (!dial->url->path) {
		look_up(dial);
		return;
	}
	add_socket_path(dial);
	dial_next(dial);
}

struct dial *dial_start(struct event_base *base, const struct redis_url *url, unsigned rotation,
			dial_done *done, void *context)
{
	static const struct timeval at_once = {0, 0};
	struct dial *dial = must_alloc(sizeof *dial);

	*dial = (struct dial){
		.base = base, .url = url, .rotation = rotation, .done = done, .context = context, .fd = -1};
	dial->waiting = must(evtimer_new(base, on_begin, dial));
	evtimer_add(dial->waiting, &at_once);
	return dial;
}
