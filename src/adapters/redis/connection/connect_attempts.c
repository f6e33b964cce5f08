/* Looks the host up and connects to one address; the owner asks for each further one. */
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

struct connect_attempts {
	struct event_base *base;
	const struct redis_url *url;
	connect_done *done;
	void *context;

	struct resolver *resolver;
	struct address addresses[ADDRESSES_MAX];
	size_t count, tried;
	unsigned rotation;
	int64_t begun_ms;      /* when the last attempt began */
	struct event *waiting; /* the start, the look-up's timeout, or the socket */
	int fd;                /* the socket that is being connected, or -1 */
};

void connect_attempts_cancel(struct connect_attempts **attempts)
{
	if (!*attempts)
		return;
	resolver_cancel(&(*attempts)->resolver);
	if ((*attempts)->waiting)
		event_free((*attempts)->waiting);
	if ((*attempts)->fd >= 0)
		close((*attempts)->fd);
	free(*attempts);
	*attempts = NULL;
}

static void stop_waiting(struct connect_attempts *attempts)
{
	if (attempts->waiting)
		event_free(attempts->waiting);
	attempts->waiting = NULL;
}

bool connect_attempts_has_next(const struct connect_attempts *attempts)
{
	return attempts->tried < attempts->count;
}

size_t connect_attempts_address(const struct connect_attempts *attempts)
{
	return attempts->count ? (attempts->rotation + attempts->tried - 1) % attempts->count : 0;
}

int64_t connect_attempts_left_ms(const struct connect_attempts *attempts)
{
	int64_t all = connect_attempts_has_next(attempts) ? CONNECT_ADDRESS_MS : CONNECT_LAST_ADDRESS_MS;
	int64_t left = all - (monotonic_ms() - attempts->begun_ms);

	return left > 0 ? left : 0;
}

/* ---- one address ---- */

static void set_number(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value); /* we can do without the option */
}

/* In addition to our PINGs, the kernel detects data that the peer does not acknowledge. */
static void set_options(int fd)
{
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, 5);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, CONNECT_USER_TIMEOUT_MS);
}

static void fail(struct connect_attempts *attempts, int error)
{
	if (attempts->fd >= 0)
		close(attempts->fd);
	attempts->fd = -1;
	attempts->done(attempts->context, -1, strerror(error));
}

static void on_connected(evutil_socket_t fd, short what, void *context)
{
	struct connect_attempts *attempts = context;
	int error = 0;
	socklen_t size = sizeof error;

	stop_waiting(attempts);
	if (what & EV_TIMEOUT)
		error = ETIMEDOUT;
	else
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		fail(attempts, error);
		return;
	}
	attempts->fd = -1;
	attempts->done(attempts->context, fd, NULL);
}

void connect_attempts_next(struct connect_attempts *attempts)
{
	static const struct timeval timeout = {CONNECT_TIMEOUT_MS / 1000, CONNECT_TIMEOUT_MS % 1000 * 1000};
	size_t index = (attempts->rotation + attempts->tried++) % attempts->count;
	const struct address *address = &attempts->addresses[index];
	const struct sockaddr *socket_address = (const struct sockaddr *)&address->socket;

	attempts->begun_ms = monotonic_ms();
	attempts->fd = socket(socket_address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (attempts->fd >= 0 && socket_address->sa_family != AF_UNIX)
		set_options(attempts->fd);
	if (attempts->fd < 0 ||
	    (connect(attempts->fd, socket_address, address->size) < 0 && errno != EINPROGRESS)) {
		fail(attempts, errno);
		return;
	}
	attempts->waiting = must(event_new(attempts->base, attempts->fd, EV_WRITE, on_connected, attempts));
	event_add(attempts->waiting, &timeout);
}

/* ---- the addresses ---- */

static void add_socket_path(struct connect_attempts *attempts)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&attempts->addresses[0].socket;

	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof address->sun_path, "%s", attempts->url->path);
	attempts->addresses[0].size = sizeof *address;
	attempts->count = 1;
}

static void fail_look_up(struct connect_attempts *attempts, const char *error)
{
	char text[128];

	utf8_format(text, sizeof text, "host not found: %s", error);
	attempts->done(attempts->context, -1, text);
}

static void on_looked_up(void *context, struct addrinfo *addresses, const char *error)
{
	struct connect_attempts *attempts = context;

	attempts->resolver = NULL;
	stop_waiting(attempts);
	for (struct addrinfo *info = addresses; info && attempts->count < ADDRESSES_MAX;
	     info = info->ai_next) {
		struct address *address = &attempts->addresses[attempts->count++];

		memcpy(&address->socket, info->ai_addr, info->ai_addrlen);
		address->size = info->ai_addrlen;
	}
	if (addresses)
		freeaddrinfo(addresses);
	if (attempts->count)
		connect_attempts_next(attempts);
	else
		fail_look_up(attempts, error ? error : "it has no address");
}

static void on_look_up_timeout(evutil_socket_t fd, short what, void *context)
{
	struct connect_attempts *attempts = context;

	(void)fd;
	(void)what;
	stop_waiting(attempts);
	resolver_cancel(&attempts->resolver);
	fail_look_up(attempts, "the look-up takes too long");
}

static void look_up(struct connect_attempts *attempts)
{
	static const struct timeval timeout = {CONNECT_LOOK_UP_MS / 1000, CONNECT_LOOK_UP_MS % 1000 * 1000};

	attempts->waiting = must(evtimer_new(attempts->base, on_look_up_timeout, attempts));
	evtimer_add(attempts->waiting, &timeout);
	attempts->resolver = resolver_start(attempts->base, attempts->url->host, attempts->url->port,
					    on_looked_up, attempts);
}

static void on_begin(evutil_socket_t fd, short what, void *context)
{
	struct connect_attempts *attempts = context;

	(void)fd;
	(void)what;
	stop_waiting(attempts);
	if (!attempts->url->path) {
		look_up(attempts);
		return;
	}
	add_socket_path(attempts);
	connect_attempts_next(attempts);
}

struct connect_attempts *connect_attempts_start(struct event_base *base, const struct redis_url *url,
						unsigned rotation, connect_done *done, void *context)
{
	static const struct timeval at_once = {0, 0};
	struct connect_attempts *attempts = must_alloc(sizeof *attempts);

	*attempts = (struct connect_attempts){
		.base = base, .url = url, .rotation = rotation, .done = done, .context = context, .fd = -1};
	attempts->waiting = must(evtimer_new(base, on_begin, attempts));
	evtimer_add(attempts->waiting, &at_once);
	return attempts;
}
