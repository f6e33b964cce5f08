/*
 * Listening for HTTP.
 *
 * A connection is in one of three lists, the one that came to it first in front:
 *
 *     AWAITING ──request──► SERVING ──reply written──► AWAITING
 *         └─────────ended──────┴──► CLOSING ──a moment──► released
 *
 * evhttp does not say when a connection ends that never made a request: each bufferevent is made and held
 * here, and a timer looks for those whose callbacks evhttp has cleared.  The socket is closed a moment
 * later: a client that is still sending what was refused gets to read the answer.
 */
#include "entrypoints/http_server.h"

#include "core/must.h"
#include "entrypoints/http_address.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_MS   200
#define CLOSING_MS 100

/* How many sockets may be on their way to be closed while others are accepted. */
#define UNCLOSED_MAX 8

/* Accepting works again when the system has not refused it for that long. */
#define HEALED_MS 1000

enum stage { AWAITING, SERVING, CLOSING, STAGES };

struct connection {
	TAILQ_ENTRY(connection) entry; /* in the list of its stage */
	struct http_server *server;
	struct bufferevent *stream; /* one reference is ours */
	evutil_socket_t fd;         /* -1 until its first bytes came */
	enum stage stage;
	int64_t since_ms; /* when it came to its stage */
};

TAILQ_HEAD(connection_list, connection);

struct http_server {
	struct http_server *next; /* among all that listen */
	struct event_base *base;
	struct logger *logger;
	struct evhttp *http;
	evutil_socket_t socket;
	struct evconnlistener *listener;
	struct event *sweep;
	struct event *closed; /* fires when the sockets of released connections are closed */
	size_t unclosed;      /* how many that are at most */

	struct connection_list lists[STAGES];
	size_t counts[STAGES];
	size_t connections_max;
	struct connection **by_fd; /* those whose first bytes came */
	size_t by_fd_count;

	/* While the system refuses to accept connections. */
	bool is_refused;
	int64_t refused_since_ms, refused_last_ms;
	uint64_t refusals;

	http_handler *handle;
	void *context;
};

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- the lists ---- */

static void enter(struct connection *connection, enum stage stage)
{
	struct http_server *server = connection->server;

	connection->stage = stage;
	connection->since_ms = now_ms();
	TAILQ_INSERT_TAIL(&server->lists[stage], connection, entry);
	server->counts[stage]++;
}

static void leave(struct connection *connection)
{
	struct http_server *server = connection->server;

	TAILQ_REMOVE(&server->lists[connection->stage], connection, entry);
	server->counts[connection->stage]--;
}

static void move(struct connection *connection, enum stage stage)
{
	leave(connection);
	enter(connection, stage);
}

/* What a request knows of its connection is the descriptor. */
static void remember_fd(struct connection *connection)
{
	struct http_server *server = connection->server;
	size_t fd, room;

	connection->fd = bufferevent_getfd(connection->stream);
	if (connection->fd < 0)
		return;
	fd = (size_t)connection->fd;
	if (fd >= server->by_fd_count) {
		room = 2 * fd + 1;
		server->by_fd = must(realloc(server->by_fd, room * sizeof(struct connection *)));
		memset(server->by_fd + server->by_fd_count, 0,
		       (room - server->by_fd_count) * sizeof(struct connection *));
		server->by_fd_count = room;
	}
	server->by_fd[fd] = connection;
}

static struct connection *connection_of(const struct http_server *server, struct evhttp_request *request)
{
	struct bufferevent *stream =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	evutil_socket_t fd = bufferevent_getfd(stream);

	return fd >= 0 && (size_t)fd < server->by_fd_count ? server->by_fd[fd] : NULL;
}

/* ---- a connection's end ---- */

static bool is_let_go(const struct connection *connection)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(connection->stream, NULL, NULL, &on_event, NULL);
	return !on_event;
}

/* evhttp takes it for the peer's doing and ends the connection. */
static void end(const struct connection *connection)
{
	if (!is_let_go(connection))
		bufferevent_trigger_event(connection->stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

/*
 * Reading stops when more came than a request may hold; evhttp begins again when it has use for more.  (A
 * watermark would not do: in libevent 2.1.12 the loop then spins on a reader that waits for the rest of a
 * line.)
 */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *change, void *context)
{
	struct connection *connection = context;

	if (connection->fd < 0)
		remember_fd(connection);
	if (change->n_added && evbuffer_get_length(input) > HTTP_HEADERS_MAX + HTTP_BODY_MAX)
		bufferevent_disable(connection->stream, EV_READ);
}

/* libevent closes the socket before the loop's next turn. */
static void release(struct connection *connection)
{
	const struct timeval next_turn = {0};

	leave(connection);
	connection->server->unclosed++;
	event_add(connection->server->closed, &next_turn);
	if (connection->fd >= 0)
		connection->server->by_fd[connection->fd] = NULL;
	evbuffer_remove_cb(bufferevent_get_input(connection->stream), on_input, connection);
	bufferevent_decref(connection->stream);
	free(connection);
}

/*
 * Frees one place, and its descriptor, at once.  False when no connection can be ended: of those that owe a
 * request only one that has been idle for `idle_ms`.
 */
static bool end_oldest(struct http_server *server, int64_t idle_ms)
{
	struct connection *oldest = TAILQ_FIRST(&server->lists[CLOSING]);

	if (!oldest)
		oldest = TAILQ_FIRST(&server->lists[AWAITING]);
	if (!oldest || (oldest->stage == AWAITING && now_ms() - oldest->since_ms < idle_ms))
		return false;
	end(oldest);
	if (!is_let_go(oldest))
		return false;
	release(oldest);
	return true;
}

static bool has_output(const struct connection *connection)
{
	return evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0;
}

static bool is_overdue(const struct connection *connection, bool busy)
{
	int64_t waited_ms = now_ms() - connection->since_ms;

	return waited_ms >= 1000 * HTTP_PATIENCE_S ||
	       (busy && connection->stage == SERVING && has_output(connection) &&
		waited_ms >= 1000 * HTTP_PATIENCE_BUSY_S);
}

static void sweep_connection(struct connection *connection, bool busy)
{
	if (is_overdue(connection, busy))
		end(connection);
	if (connection->stage == CLOSING ? now_ms() - connection->since_ms >= CLOSING_MS
					 : is_let_go(connection))
		release(connection);
}

static void sweep_list(struct connection_list *list, bool busy)
{
	struct connection *connection = TAILQ_FIRST(list), *next;

	for (; connection; connection = next) {
		next = TAILQ_NEXT(connection, entry);
		sweep_connection(connection, busy);
	}
}

static void arm_sweep(struct http_server *server)
{
	const struct timeval delay = {.tv_usec = SWEEP_MS * 1000};

	if (!event_pending(server->sweep, EV_TIMEOUT, NULL))
		event_add(server->sweep, &delay);
}

/* ---- accepting ---- */

static void on_closed_sockets(evutil_socket_t socket, short what, void *context)
{
	struct http_server *server = context;

	(void)socket;
	(void)what;
	server->unclosed = 0;
	evconnlistener_enable(server->listener);
}

static void look_whether_healed(struct http_server *server)
{
	int64_t now = now_ms();

	if (!server->is_refused || now - server->refused_last_ms < HEALED_MS)
		return;
	server->is_refused = false;
	LOG(server->logger, LOG_INFO, "HTTP connections are accepted again",
	    LOG_NUMBER("refusals", server->refusals), LOG_NUMBER("ms", now - server->refused_since_ms));
}

static void on_sweep(evutil_socket_t socket, short what, void *context)
{
	struct http_server *server = context;
	bool busy = http_server_is_busy(server);

	(void)socket;
	(void)what;
	for (int stage = 0; stage < STAGES; stage++)
		sweep_list(&server->lists[stage], busy);
	look_whether_healed(server);
	if (server->unclosed < UNCLOSED_MAX)
		evconnlistener_enable(server->listener);
	if (http_server_connections(server) > 0 || server->is_refused)
		arm_sweep(server);
}

/* libevent's listener has one user pointer for both of its callbacks, and evhttp takes it for its own. */
static struct http_server *listening;

static struct http_server *server_of(const struct evconnlistener *listener)
{
	struct http_server *server = listening;

	while (server->listener != listener)
		server = server->next;
	return server;
}

/*
 * As a rule no descriptor is left: without a pause the loop would do nothing but try again.  The system also
 * refuses when no client is waiting, right after the last descriptor went to one: that client is left alone.
 */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
	struct http_server *server = server_of(listener);
	const char *reason = strerror(EVUTIL_SOCKET_ERROR());

	(void)context;
	evconnlistener_disable(listener);
	server->refused_last_ms = now_ms();
	if (!server->is_refused) {
		server->is_refused = true;
		server->refused_since_ms = server->refused_last_ms;
		server->refusals = 0;
		LOG(server->logger, LOG_WARN, "HTTP connections cannot be accepted",
		    LOG_TEXT("reason", reason), LOG_NUMBER("connections", http_server_connections(server)));
	}
	server->refusals++;
	end_oldest(server, SWEEP_MS);
	arm_sweep(server);
}

/* Whether another connection can be accepted, once a place is made for it where there is none. */
static bool make_room(struct http_server *server)
{
	bool has_room = http_server_connections(server) < server->connections_max || end_oldest(server, 0);

	return has_room && server->unclosed < UNCLOSED_MAX;
}

/*
 * evhttp asks for a bufferevent for the connection that it is about to take.  Where there is no room for
 * more, the next ones wait for a socket to be closed, or for the sweep.
 */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
	struct http_server *server = context;
	struct connection *connection = must_alloc(sizeof *connection);

	if (!make_room(server))
		evconnlistener_disable(server->listener);
	connection->server = server;
	connection->fd = -1;
	connection->stream = must(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
	must(evbuffer_add_cb(bufferevent_get_input(connection->stream), on_input, connection));
	bufferevent_incref(connection->stream);
	enter(connection, AWAITING);
	arm_sweep(server);
	return connection->stream;
}

/* ---- requests ---- */

static void on_closed(struct evhttp_connection *closed, void *context)
{
	(void)closed;
	move(context, CLOSING);
}

static void on_replied(struct evhttp_request *request, void *context)
{
	(void)request;
	move(context, AWAITING);
}

static void on_request(struct evhttp_request *request, void *context)
{
	struct http_server *server = context;
	struct connection *connection = connection_of(server, request);

	if (connection) {
		move(connection, SERVING);
		evhttp_request_set_on_complete_cb(request, on_replied, connection);
		evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_closed, connection);
	}
	server->handle(request, server->context);
}

/* ---- the server's life ---- */

/*
 * evhttp knows more methods than it allows by default, and refuses others by a page of its own: all come to
 * us.
 */
static void set_up(struct http_server *server)
{
	server->http = must(evhttp_new(server->base));
	evhttp_set_allowed_methods(server->http, UINT16_MAX);
	evhttp_set_max_headers_size(server->http, (ev_ssize_t)HTTP_HEADERS_MAX);
	evhttp_set_max_body_size(server->http, (ev_ssize_t)HTTP_BODY_MAX);
	evhttp_set_flags(server->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(server->http, HTTP_PATIENCE_S);
	evhttp_set_bevcb(server->http, on_connection, server);
	evhttp_set_gencb(server->http, on_request, server);
	server->sweep = must(evtimer_new(server->base, on_sweep, server));
	server->closed = must(evtimer_new(server->base, on_closed_sockets, server));
}

static void listen_for_clients(struct http_server *server)
{
	server->listener = must(evconnlistener_new(server->base, NULL, NULL,
						   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, SOMAXCONN,
						   server->socket));
	evconnlistener_set_error_cb(server->listener, on_accept_failed);
	must(evhttp_bind_listener(server->http, server->listener));
	server->next = listening;
	listening = server;
}

struct http_server *http_server_new(struct event_base *base, const struct http_server_config *config,
				    http_handler *handle, void *context, struct arena *arena,
				    const char **error, bool *in_use)
{
	struct http_server *server = must_alloc(sizeof *server);

	*server = (struct http_server){
		.base = base,
		.logger = config->logger,
		.socket = http_address_take(&config->address, arena, error, in_use),
		.connections_max = config->connections_max,
		.handle = handle,
		.context = context,
	};
	if (server->socket < 0) {
		free(server);
		return NULL;
	}
	for (int stage = 0; stage < STAGES; stage++)
		TAILQ_INIT(&server->lists[stage]);
	set_up(server);
	listen_for_clients(server);
	return server;
}

uint16_t http_server_port(const struct http_server *server)
{
	return http_address_port(server->socket);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->counts[AWAITING] + server->counts[SERVING] + server->counts[CLOSING];
}

bool http_server_is_busy(const struct http_server *server)
{
	return server->counts[SERVING] > server->connections_max - server->connections_max / 8;
}

static size_t unsent(const struct connection_list *list)
{
	const struct connection *connection;
	size_t count = 0;

	TAILQ_FOREACH(connection, list, entry)
	count += !is_let_go(connection) && has_output(connection);
	return count;
}

size_t http_server_unsent(const struct http_server *server)
{
	return unsent(&server->lists[SERVING]) + unsent(&server->lists[AWAITING]);
}

static void stop_listening(const struct http_server *server)
{
	struct http_server **place = &listening;

	while (*place != server)
		place = &(*place)->next;
	*place = server->next;
}

static void release_all(const struct connection_list *list)
{
	struct connection *connection = TAILQ_FIRST(list), *next;

	for (; connection; connection = next) {
		next = TAILQ_NEXT(connection, entry);
		release(connection);
	}
}

void http_server_free(struct http_server **place)
{
	struct http_server *server = *place;

	if (!server)
		return;
	stop_listening(server);
	evhttp_free(server->http);
	for (int stage = 0; stage < STAGES; stage++)
		release_all(&server->lists[stage]);
	event_free(server->sweep);
	event_free(server->closed);
	free(server->by_fd);
	free(server);
	*place = NULL;
}
