/*
 * Listening for HTTP.
 *
 * evhttp does not report the end of a connection that never made a request.  So each bufferevent is made and
 * held here, and a timer finds those whose callbacks evhttp has cleared.
 */
#include "entrypoints/http_server/http_server.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"
#include "entrypoints/http_server/http_address.h"
#include "entrypoints/http_server/http_connection.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWEEP_MS 200

/* Accepting pauses while libevent has yet to close this many released sockets. */
#define UNCLOSED_MAX 8

/* After this long without a refusal, accepting is considered to work again. */
#define HEALED_MS 1000

struct http_server {
	struct http_server *next; /* in the list of all servers */
	struct event_base *base;
	struct logger *logger;
	struct evhttp *http;
	evutil_socket_t socket;
	struct evconnlistener *listener;
	struct event *sweep;
	struct event *closed; /* fires when the sockets of released connections are closed */
	size_t unclosed;      /* upper bound of the released sockets that are open */

	struct http_connections connections;
	size_t connections_max;

	/* Set while the system refuses to accept connections. */
	bool is_refused;
	int64_t refused_since_ms, refused_last_ms;
	uint64_t refusals;

	http_handler *handle;
	void *context;
};

/* ---- a connection's end ---- */

/* libevent closes the socket before the loop's next turn. */
static void release(struct http_server *server, struct http_connection *connection)
{
	const struct timeval next_turn = {0};

	server->unclosed++;
	event_add(server->closed, &next_turn);
	http_connection_release(connection);
}

/*
 * Ends a connection at once, to free its place and its descriptor.  One that waits for a request is ended
 * only after `idle_ms`.  False: no connection can be ended.
 */
static bool end_oldest(struct http_server *server, int64_t idle_ms)
{
	struct http_connection *oldest = TAILQ_FIRST(&server->connections.lists[CLOSING]);

	if (!oldest)
		oldest = TAILQ_FIRST(&server->connections.lists[AWAITING]);
	if (!oldest || (oldest->stage == AWAITING && monotonic_ms() - oldest->since_ms < idle_ms))
		return false;
	http_connection_end(oldest);
	if (!http_connection_is_detached(oldest))
		return false;
	release(server, oldest);
	return true;
}

static bool is_overdue(const struct http_connection *connection, bool busy)
{
	int64_t waited_ms = monotonic_ms() - connection->since_ms;

	return waited_ms >= 1000 * HTTP_TIMEOUT_S ||
	       (busy && connection->stage == SERVING && http_connection_has_output(connection) &&
		waited_ms >= 1000 * HTTP_TIMEOUT_BUSY_S);
}

static void sweep_list(struct http_server *server, struct http_connection_list *list, bool busy)
{
	struct http_connection *connection = TAILQ_FIRST(list), *next;

	for (; connection; connection = next) {
		next = TAILQ_NEXT(connection, entry);
		if (connection->stage != STREAMING && is_overdue(connection, busy))
			http_connection_end(connection);
		if (http_connection_may_be_released(connection))
			release(server, connection);
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

static void check_accepting_works(struct http_server *server)
{
	int64_t now = monotonic_ms();

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
	for (int stage = 0; stage < HTTP_CONNECTION_STAGES; stage++)
		sweep_list(server, &server->connections.lists[stage], busy);
	check_accepting_works(server);
	if (server->unclosed < UNCLOSED_MAX)
		evconnlistener_enable(server->listener);
	if (http_server_connections(server) > 0 || server->is_refused)
		arm_sweep(server);
}

/* libevent's listener has one user pointer for both of its callbacks, and evhttp uses it. */
static struct http_server *listening;

static struct http_server *server_of(const struct evconnlistener *listener)
{
	struct http_server *server = listening;

	while (server->listener != listener)
		server = server->next;
	return server;
}

/*
 * The usual cause is that no descriptor is left: without a pause the loop would only retry.  The system also
 * refuses when no client is waiting, right after the last descriptor went to one; SWEEP_MS spares that one.
 */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
	struct http_server *server = server_of(listener);
	const char *reason = strerror(EVUTIL_SOCKET_ERROR());

	(void)context;
	evconnlistener_disable(listener);
	server->refused_last_ms = monotonic_ms();
	if (!server->is_refused) {
		server->is_refused = true;
		server->refused_since_ms = server->refused_last_ms;
		server->refusals = 0;
		LOG(server->logger, LOG_WARN, "HTTP connections cannot be accepted",
		    LOG_TEXT("error", reason), LOG_NUMBER("connections", http_server_connections(server)));
	}
	server->refusals++;
	end_oldest(server, SWEEP_MS);
	arm_sweep(server);
}

/* Whether another connection can be accepted; ends an idle one if that is needed for it. */
static bool make_room(struct http_server *server)
{
	bool has_room = http_server_connections(server) < server->connections_max || end_oldest(server, 0);

	return has_room && server->unclosed < UNCLOSED_MAX;
}

/*
 * evhttp asks for a bufferevent for the connection that it is about to accept.  When there is no room for
 * more, the next connections wait until a socket is closed, or for the sweep.
 */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
	struct http_server *server = context;

	(void)base;
	if (!make_room(server))
		evconnlistener_disable(server->listener);
	arm_sweep(server);
	return http_connection_new(&server->connections)->stream;
}

/* ---- requests ---- */

static void on_closed(struct evhttp_connection *closed, void *context)
{
	(void)closed;
	http_connection_closing(context);
}

static void on_replied(struct evhttp_request *request, void *context)
{
	(void)request;
	http_connection_replied(context);
}

static struct http_connection *connection_of(const struct http_server *server, struct evhttp_request *request)
{
	struct bufferevent *stream =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));

	return http_connection_by_fd(&server->connections, bufferevent_getfd(stream));
}

const struct http_refusal *http_server_refusal(const struct http_server *server,
					       struct evhttp_request *request)
{
	const struct http_connection *connection = connection_of(server, request);

	return connection ? connection->reader.refusal : NULL;
}

static void on_request(struct evhttp_request *request, void *context)
{
	struct http_server *server = context;
	struct http_connection *connection = connection_of(server, request);

	if (connection) {
		http_connection_move(connection, SERVING);
		evhttp_request_set_on_complete_cb(request, on_replied, connection);
		evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_closed, connection);
	}
	server->handle(request, server->context);
}

/*
 * evhttp leaves the writing to the event loop, which watches the socket for it, and then no more.  The loop
 * sends what the socket does not take, and finds out that it is broken.
 */
static void write_at_once(struct bufferevent *stream)
{
	struct evbuffer *output = bufferevent_get_output(stream);

	evbuffer_unfreeze(output, 1);
	evbuffer_write(output, bufferevent_getfd(stream));
	evbuffer_freeze(output, 1);
	if (evbuffer_get_length(output) == 0)
		bufferevent_trigger(stream, EV_WRITE, 0);
}

void http_server_reply(struct evhttp_request *request, int status, const char *title, struct evbuffer *body)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(request);
	struct bufferevent *stream = connection ? evhttp_connection_get_bufferevent(connection) : NULL;

	evhttp_send_reply(request, status, title, body);
	if (stream)
		write_at_once(stream);
}

/* ---- start and stop ---- */

/*
 * By default evhttp answers methods outside of a list with a page of its own.  So all are allowed, and the
 * handler answers them.
 */
static void set_up(struct http_server *server)
{
	server->http = must(evhttp_new(server->base));
	evhttp_set_allowed_methods(server->http, UINT16_MAX);
	evhttp_set_max_headers_size(server->http, 2 * (ev_ssize_t)HTTP_HEAD_MAX);
	evhttp_set_max_body_size(server->http, (ev_ssize_t)HTTP_BODY_MAX);
	evhttp_set_timeout(server->http, HTTP_TIMEOUT_S);
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
		.socket = http_address_bind(&config->address, arena, error, in_use),
		.connections_max = config->connections_max,
		.handle = handle,
		.context = context,
	};
	if (server->socket < 0) {
		free(server);
		return NULL;
	}
	http_connections_init(&server->connections, base);
	set_up(server);
	listen_for_clients(server);
	return server;
}

uint16_t http_server_port(const struct http_server *server)
{
	return http_address_port(server->socket);
}

bool http_server_is_loopback(const struct http_server *server)
{
	return http_address_is_loopback(server->socket);
}

size_t http_server_connections(const struct http_server *server)
{
	return http_connections_count(&server->connections);
}

bool http_server_is_busy(const struct http_server *server)
{
	const size_t *counts = server->connections.counts;

	return counts[SERVING] + counts[STREAMING] > server->connections_max - server->connections_max / 8;
}

bool http_server_may_stream(const struct http_server *server)
{
	size_t part = server->connections_max / 4;

	return server->connections.counts[STREAMING] < (part < HTTP_STREAMS_MAX ? part : HTTP_STREAMS_MAX);
}

/* evhttp promises a client of HTTP/1.0 that asks for it to keep the connection, with a length of 0. */
void http_server_stream(const struct http_server *server, struct evhttp_request *request)
{
	struct http_connection *connection = connection_of(server, request);

	evhttp_remove_header(evhttp_request_get_input_headers(request), "Connection");
	evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
	if (connection)
		http_connection_stream(connection, HTTP_TIMEOUT_S);
}

void http_server_cut(const struct http_server *server, struct evhttp_request *request)
{
	const struct http_connection *connection = connection_of(server, request);

	if (connection)
		http_connection_end(connection);
}

static size_t unsent(const struct http_connection_list *list)
{
	const struct http_connection *connection;
	size_t count = 0;

	TAILQ_FOREACH(connection, list, entry)
	count += !http_connection_is_detached(connection) && http_connection_has_output(connection);
	return count;
}

size_t http_server_unsent(const struct http_server *server)
{
	return unsent(&server->connections.lists[SERVING]) + unsent(&server->connections.lists[AWAITING]);
}

static void stop_listening(const struct http_server *server)
{
	struct http_server **place = &listening;

	while (*place != server)
		place = &(*place)->next;
	*place = server->next;
}

void http_server_free(struct http_server **place)
{
	struct http_server *server = *place;

	if (!server)
		return;
	stop_listening(server);
	evhttp_free(server->http);
	http_connections_release(&server->connections);
	event_free(server->sweep);
	event_free(server->closed);
	free(server);
	*place = NULL;
}
