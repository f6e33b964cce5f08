/* Passes messages on one by one; a flush is recognized by its first statement. */
#include "proxy.h"

#include "support/suites.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The statement is sent by its name, or whole behind an empty name. */
static const char flush_mark[] = "INSERT_WITNESS",
		  whole_flush_mark[] = "\0insert into units (witness) values ($1) r";

enum plan {
	PLAN_PASS,
	PLAN_CUT,
	PLAN_SWALLOW_FLUSH,
	PLAN_SWALLOW_ANSWER,
	PLAN_SWALLOW_ANSWER_AS_POOLER,
	PLAN_HOLD,
	PLAN_FREEZE
};

/* One connection: the client's side and the server's. */
struct link {
	struct link *next;
	struct proxy *proxy;
	struct bufferevent *client, *server;
	bool started;  /* the client's first message, which has no type, was passed on */
	bool flushing; /* a flush has begun */
	size_t passed; /* bytes of the flush that were passed on */
	enum plan plan;
	bool held; /* without its client, until proxy_end_held() */
};

struct proxy {
	struct event_base *base;
	struct evconnlistener *listener;
	char directory[64];
	char socket[96];
	char *conninfo;
	struct sockaddr_storage server;
	socklen_t server_size;
	struct link *links;
	enum plan plan; /* for the next flush */
	size_t cut_after;
	size_t flush_size;
	size_t connections;
};

/* ---- ending ---- */

static void close_side(struct bufferevent **side)
{
	if (*side)
		bufferevent_free(*side);
	*side = NULL;
}

static void free_link(struct link *link)
{
	struct link **place = &link->proxy->links;

	while (*place != link)
		place = &(*place)->next;
	*place = link->next;
	close_side(&link->client);
	close_side(&link->server);
	free(link);
}

/* ---- messages ---- */

/* Returns the size of the first message in the buffer, 0 if it is incomplete. */
static size_t whole_message(struct evbuffer *buffer, bool has_type)
{
	unsigned char head[5];
	size_t lead = has_type ? 1 : 0, length;

	if (evbuffer_copyout(buffer, head, lead + 4) < (ev_ssize_t)(lead + 4))
		return 0;
	length = (size_t)head[lead] << 24 | (size_t)head[lead + 1] << 16 | (size_t)head[lead + 2] << 8 |
		 head[lead + 3];
	return evbuffer_get_length(buffer) >= lead + length ? lead + length : 0;
}

static bool begins_flush(struct evbuffer *buffer, size_t size)
{
	const unsigned char *bytes = evbuffer_pullup(buffer, (ev_ssize_t)size);

	if (bytes[0] == 'P')
		return memmem(bytes, size, whole_flush_mark, sizeof whole_flush_mark - 1);
	return bytes[0] == 'B' && memmem(bytes, size, flush_mark, sizeof flush_mark);
}

static void pass(struct bufferevent *to, struct evbuffer *from, size_t size)
{
	evbuffer_remove_buffer(from, bufferevent_get_output(to), size);
}

/* Data that was passed on must arrive before the end of the connection does. */
static void write_out(struct bufferevent *side)
{
	struct evbuffer *output = bufferevent_get_output(side);

	bufferevent_disable(side, EV_WRITE);
	evbuffer_unfreeze(output, 1);
	while (evbuffer_get_length(output) && evbuffer_write(output, bufferevent_getfd(side)) > 0)
		continue;
}

/* ---- from the client ---- */

/* Passes on what fits before the cut; returns false after the cut. */
static bool pass_until_cut(struct link *link, struct evbuffer *input, size_t size)
{
	size_t rest = link->proxy->cut_after - link->passed;

	if (size <= rest) {
		link->passed += size;
		pass(link->server, input, size);
		return true;
	}
	pass(link->server, input, rest);
	write_out(link->server);
	free_link(link);
	return false;
}

/*
 * Handles a message of the flush for which there is a plan; returns false if the link can no longer be used.
 */
static bool spoil(struct link *link, struct evbuffer *input, size_t size, bool is_sync)
{
	if (link->plan == PLAN_CUT)
		return pass_until_cut(link, input, size);
	if (link->plan == PLAN_HOLD && is_sync) {
		link->held = true;
		close_side(&link->client);
		return false;
	}
	if (link->plan != PLAN_SWALLOW_FLUSH) {
		pass(link->server, input, size);
		return true;
	}
	evbuffer_drain(input, size);
	if (is_sync)
		free_link(link);
	return !is_sync;
}

static void begin_flush(struct link *link)
{
	link->flushing = true;
	link->passed = 0;
	link->plan = link->proxy->plan;
	link->proxy->plan = PLAN_PASS;
}

static void pass_unspoiled(struct link *link, struct evbuffer *input, size_t size, bool is_sync)
{
	pass(link->server, input, size);
	if (!link->flushing)
		return;
	link->passed += size;
	if (!is_sync)
		return;
	link->proxy->flush_size = link->passed;
	link->flushing = false;
}

/* Returns false if the link can no longer be used. */
static bool take_message(struct link *link, struct evbuffer *input, size_t size)
{
	bool is_sync = link->started && *evbuffer_pullup(input, 1) == 'S';

	if (link->started && !link->flushing && begins_flush(input, size))
		begin_flush(link);
	link->started = true;
	if (link->plan != PLAN_PASS)
		return spoil(link, input, size, is_sync);
	pass_unspoiled(link, input, size, is_sync);
	return true;
}

static void on_client_bytes(struct bufferevent *client, void *context)
{
	struct link *link = context;
	struct evbuffer *input = bufferevent_get_input(client);
	size_t size;

	while ((size = whole_message(input, link->started))) {
		if (!take_message(link, input, size))
			return;
	}
}

/* ---- from the server ---- */

/* PgBouncer's error; Postgres would repeat the severity in one more field. */
static void say_that_server_is_gone(struct link *link)
{
	static const char words[] = "E\0\0\0\x29SFATAL\0C08P01\0Mserver conn crashed?\0";

	bufferevent_write(link->client, words, sizeof words);
	write_out(link->client);
}

/* Handles the answer to a flush with a plan: it ends with ReadyForQuery, after the commit. */
static void drain_answer(struct link *link, struct evbuffer *input)
{
	size_t size;

	while ((size = whole_message(input, true))) {
		bool is_end = *evbuffer_pullup(input, 1) == 'Z';

		evbuffer_drain(input, size);
		if (is_end && link->plan == PLAN_SWALLOW_ANSWER_AS_POOLER)
			say_that_server_is_gone(link);
		if (is_end && link->plan != PLAN_FREEZE) {
			free_link(link);
			return;
		}
	}
}

static void on_server_bytes(struct bufferevent *server, void *context)
{
	struct link *link = context;
	struct evbuffer *input = bufferevent_get_input(server);

	if (link->plan != PLAN_PASS)
		drain_answer(link, input);
	else
		pass(link->client, input, evbuffer_get_length(input));
}

/* ---- connections ---- */

static void on_end(struct bufferevent *side, short what, void *context)
{
	struct link *link = context;

	if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)))
		return;
	if (side == link->server && link->client)
		write_out(link->client); /* the rest of what the server sent */
	free_link(link);
}

static struct bufferevent *make_side(struct link *link, evutil_socket_t fd, bufferevent_data_cb on_bytes)
{
	struct bufferevent *side = bufferevent_socket_new(link->proxy->base, fd, BEV_OPT_CLOSE_ON_FREE);

	bufferevent_setcb(side, on_bytes, NULL, on_end, link);
	bufferevent_enable(side, EV_READ | EV_WRITE);
	return side;
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
			  int size, void *context)
{
	struct proxy *proxy = context;
	struct link *link = calloc(1, sizeof *link);

	(void)listener, (void)address, (void)size;
	proxy->connections++;
	link->proxy = proxy;
	link->next = proxy->links;
	proxy->links = link;
	link->client = make_side(link, fd, on_client_bytes);
	link->server = make_side(link, -1, on_server_bytes);
	bufferevent_socket_connect(link->server, (struct sockaddr *)&proxy->server, (int)proxy->server_size);
}

/* ---- plans ---- */

void proxy_cut_flush_after(struct proxy *proxy, size_t bytes)
{
	proxy->plan = PLAN_CUT;
	proxy->cut_after = bytes;
}

void proxy_swallow_flush(struct proxy *proxy)
{
	proxy->plan = PLAN_SWALLOW_FLUSH;
}

void proxy_swallow_answer(struct proxy *proxy)
{
	proxy->plan = PLAN_SWALLOW_ANSWER;
}

void proxy_swallow_answer_as_pooler(struct proxy *proxy)
{
	proxy->plan = PLAN_SWALLOW_ANSWER_AS_POOLER;
}

void proxy_hold_commit(struct proxy *proxy)
{
	proxy->plan = PLAN_HOLD;
}

void proxy_freeze_flush(struct proxy *proxy)
{
	proxy->plan = PLAN_FREEZE;
}

void proxy_end_held(struct proxy *proxy, bool commits)
{
	static const unsigned char sync[] = {'S', 0, 0, 0, 4};

	for (struct link *link = proxy->links, *next; link; link = next) {
		next = link->next;
		if (!link->held)
			continue;
		link->held = false;
		if (commits)
			bufferevent_write(link->server, sync, sizeof sync);
		else
			free_link(link);
	}
}

void proxy_drop_connections(struct proxy *proxy)
{
	for (struct link *link = proxy->links, *next; link; link = next) {
		next = link->next;
		free_link(link);
	}
}

size_t proxy_flush_size(const struct proxy *proxy)
{
	return proxy->flush_size;
}

size_t proxy_connections(const struct proxy *proxy)
{
	return proxy->connections;
}

/* ---- lifetime ---- */

static void find_unix_server(struct proxy *proxy, const char *directory, const char *port)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&proxy->server;

	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof address->sun_path, "%s/.s.PGSQL.%s", directory, port);
	proxy->server_size = sizeof *address;
}

static void find_inet_server(struct proxy *proxy, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;

	ck_assert_int_eq(getaddrinfo(host, port, &hints, &found), 0);
	memcpy(&proxy->server, found->ai_addr, found->ai_addrlen);
	proxy->server_size = found->ai_addrlen;
	freeaddrinfo(found);
}

/* Lets libpq evaluate the connection string with the environment. */
static void find_server(struct proxy *proxy, const char *conninfo)
{
	PGconn *pg = PQconnectdb(conninfo);
	const char *host = PQhost(pg);

	ck_assert_msg(PQstatus(pg) == CONNECTION_OK, "%s", PQerrorMessage(pg));
	if (host[0] == '/')
		find_unix_server(proxy, host, PQport(pg));
	else
		find_inet_server(proxy, host, PQport(pg));
	ck_assert_int_gt(asprintf(&proxy->conninfo,
				  "host=%s port=5432 dbname='%s' user='%s' password='%s' sslmode=disable",
				  proxy->directory, PQdb(pg), PQuser(pg), PQpass(pg)),
			 0);
	PQfinish(pg);
}

static void listen_on_socket(struct proxy *proxy)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(proxy->socket, sizeof proxy->socket, "%s/.s.PGSQL.5432", proxy->directory);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", proxy->socket);
	proxy->listener = evconnlistener_new_bind(proxy->base, on_connection, proxy, LEV_OPT_CLOSE_ON_FREE,
						  -1, (struct sockaddr *)&address, sizeof address);
	ck_assert_ptr_nonnull(proxy->listener);
}

struct proxy *proxy_new(struct event_base *base, const char *conninfo)
{
	struct proxy *proxy = calloc(1, sizeof *proxy);

	proxy->base = base;
	snprintf(proxy->directory, sizeof proxy->directory, "%s/proxy-XXXXXX", suites_folder());
	ck_assert_ptr_nonnull(mkdtemp(proxy->directory));
	find_server(proxy, conninfo);
	listen_on_socket(proxy);
	return proxy;
}

void proxy_free(struct proxy **pointer)
{
	struct proxy *proxy = *pointer;

	if (!proxy)
		return;
	proxy_drop_connections(proxy);
	evconnlistener_free(proxy->listener);
	unlink(proxy->socket);
	rmdir(proxy->directory);
	free(proxy->conninfo);
	free(proxy);
	*pointer = NULL;
}

const char *proxy_conninfo(const struct proxy *proxy)
{
	return proxy->conninfo;
}
