/*
 * Listening for HTTP.
 *
 * evhttp tells nobody when a connection ends.  So each connection's bufferevent is made here and kept by a
 * reference of our own; evhttp clears a bufferevent's callbacks when it lets it go, and a timer looks for
 * those.  That we close the socket a moment after evhttp ended the connection has its use, too: a client that
 * is still sending what was refused gets to read the answer.
 */
#include "entrypoints/http_server.h"

#include "core/must.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SWEEP_MS 200
#define BACKLOG  128

struct connection {
	struct connection *next;
	struct bufferevent *stream; /* one reference is ours */
	time_t since;               /* when it was accepted, or its last request came; see now() */
};

struct http_server {
	struct event_base *base;
	struct evhttp *http;
	evutil_socket_t socket; /* bound; the listener's once there is one */
	struct evconnlistener *listener;
	struct event *sweep;
	struct connection *connections;
	size_t connection_count;
	http_handler *handle;
	void *context;
};

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* ---- a connection's life ---- */

static void arm_sweep(struct http_server *server)
{
	const struct timeval delay = {.tv_usec = SWEEP_MS * 1000};

	if (!event_pending(server->sweep, EV_TIMEOUT, NULL))
		event_add(server->sweep, &delay);
}

/*
 * Reading stops when more came than a request may hold; evhttp begins again when it has use for more.  (A
 * watermark would not do: in libevent 2.1.12 the loop then spins on a reader that waits for the rest of a
 * line.)
 */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *change, void *context)
{
	const struct connection *connection = context;

	if (change->n_added && evbuffer_get_length(input) > HTTP_HEADERS_MAX + HTTP_BODY_MAX)
		bufferevent_disable(connection->stream, EV_READ);
}

/* evhttp asks for a bufferevent for the connection that it is about to take. */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
	struct http_server *server = context;
	struct connection *connection = must_alloc(sizeof *connection);

	connection->stream = must(bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE));
	must(evbuffer_add_cb(bufferevent_get_input(connection->stream), on_input, connection));
	bufferevent_incref(connection->stream);
	connection->since = now();
	connection->next = server->connections;
	server->connections = connection;
	if (++server->connection_count >= HTTP_CONNECTIONS_MAX)
		evconnlistener_disable(server->listener);
	arm_sweep(server);
	return connection->stream;
}

static void on_request(struct evhttp_request *request, void *context)
{
	struct http_server *server = context;
	const struct bufferevent *stream =
		evhttp_connection_get_bufferevent(evhttp_request_get_connection(request));
	struct connection *connection = server->connections;

	while (connection && connection->stream != stream)
		connection = connection->next;
	if (connection)
		connection->since = now();
	server->handle(request, server->context);
}

static bool is_let_go(const struct connection *connection)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(connection->stream, NULL, NULL, &on_event, NULL);
	return !on_event;
}

/* evhttp reads until it has a whole request, and again when that was replied to. */
static bool owes_a_request(const struct connection *connection)
{
	return bufferevent_get_enabled(connection->stream) & EV_READ;
}

static bool is_overdue(const struct connection *connection, bool full)
{
	time_t waited = now() - connection->since;

	return waited >= HTTP_PATIENCE_S ||
	       (full && waited >= HTTP_PATIENCE_FULL_S && owes_a_request(connection));
}

/* evhttp takes it for the peer's doing and ends the connection. */
static void end_if_overdue(const struct connection *connection, bool full)
{
	if (!is_let_go(connection) && is_overdue(connection, full))
		bufferevent_trigger_event(connection->stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

static void release(struct http_server *server, struct connection **place)
{
	struct connection *connection = *place;

	*place = connection->next;
	evbuffer_remove_cb(bufferevent_get_input(connection->stream), on_input, connection);
	bufferevent_decref(connection->stream);
	free(connection);
	server->connection_count--;
}

static void on_sweep(evutil_socket_t socket, short what, void *context)
{
	struct http_server *server = context;
	bool full = server->connection_count >= HTTP_CONNECTIONS_MAX;

	(void)socket;
	(void)what;
	for (struct connection **place = &server->connections; *place;) {
		end_if_overdue(*place, full);
		if (is_let_go(*place))
			release(server, place);
		else
			place = &(*place)->next;
	}
	if (server->connection_count < HTTP_CONNECTIONS_MAX)
		evconnlistener_enable(server->listener);
	if (server->connections)
		arm_sweep(server);
}

/* No descriptor is left, as a rule: without a pause the loop would do nothing but try again. */
static void on_accept_failed(struct evconnlistener *listener, void *context)
{
	struct http_server *server = context;

	evconnlistener_disable(listener);
	arm_sweep(server);
}

/* ---- the server's life ---- */

static evutil_socket_t bind_one(const struct addrinfo *info)
{
	int on = 1, reason;
	evutil_socket_t taken =
		socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, info->ai_protocol);

	if (taken < 0)
		return -1;
	setsockopt(taken, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(taken, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (bind(taken, info->ai_addr, info->ai_addrlen) == 0)
		return taken;
	reason = errno;
	close(taken);
	errno = reason;
	return -1;
}

static const char *bind_first(struct http_server *server, const struct addrinfo *infos)
{
	for (; infos && server->socket < 0; infos = infos->ai_next)
		server->socket = bind_one(infos);
	return server->socket < 0 ? strerror(errno) : NULL;
}

static const char *take_address(struct http_server *server, const struct listen_address *address)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *infos;
	const char *error;
	char port[8];
	int trouble;

	snprintf(port, sizeof port, "%u", address->port);
	trouble = getaddrinfo(address->host, port, &hints, &infos);
	if (trouble) {
		errno = 0;
		return gai_strerror(trouble);
	}
	error = bind_first(server, infos);
	freeaddrinfo(infos);
	return error;
}

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
}

struct http_server *http_server_new(struct event_base *base, const struct listen_address *address,
				    http_handler *handle, void *context, struct arena *arena,
				    const char **error, bool *in_use)
{
	struct http_server *server = must_alloc(sizeof *server);
	const char *reason;

	*server = (struct http_server){.base = base, .socket = -1, .handle = handle, .context = context};
	reason = take_address(server, address);
	if (reason) {
		*in_use = errno == EADDRINUSE;
		*error = arena_printf(arena, "%s:%u: %s", address->host, address->port, reason);
		free(server);
		return NULL;
	}
	set_up(server);
	return server;
}

void http_server_listen(struct http_server *server)
{
	server->listener = must(evconnlistener_new(server->base, NULL, NULL,
						   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG,
						   server->socket));
	evconnlistener_set_error_cb(server->listener, on_accept_failed);
	must(evhttp_bind_listener(server->http, server->listener));
}

uint16_t http_server_port(const struct http_server *server)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof address;
	char port[8];

	if (getsockname(server->socket, (struct sockaddr *)&address, &size) != 0 ||
	    getnameinfo((struct sockaddr *)&address, size, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
		return 0;
	return (uint16_t)strtoul(port, NULL, 10);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->connection_count;
}

bool http_server_is_flushed(const struct http_server *server)
{
	for (const struct connection *connection = server->connections; connection;
	     connection = connection->next) {
		if (!is_let_go(connection) &&
		    evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0)
			return false;
	}
	return true;
}

void http_server_free(struct http_server **place)
{
	struct http_server *server = *place;

	if (!server)
		return;
	evhttp_free(server->http);
	while (server->connections)
		release(server, &server->connections);
	event_free(server->sweep);
	if (!server->listener)
		close(server->socket);
	free(server);
	*place = NULL;
}
