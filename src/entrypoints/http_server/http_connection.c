/* One connection of an HTTP client, between its socket and evhttp. */
#include "entrypoints/http_server/http_connection.h"

#include "adapters/system/instants.h"
#include "core/base/must.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * How long a socket stays open after evhttp released its connection; the longer time while the client sends.
 */
#define CLOSING_MS  100
#define DRAINING_MS 2000

/* Maximum number of bytes read ahead while a request is served. */
#define READ_AHEAD_MAX ((size_t)16 * 1024)

/* The system would keep megabytes for a client that does not read, and it would be noticed late. */
#define STREAM_BUFFER (64 * 1024)

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* ---- the lists ---- */

void http_connections_init(struct http_connections *all, struct event_base *base)
{
	*all = (struct http_connections){.base = base};
	for (int stage = 0; stage < HTTP_CONNECTION_STAGES; stage++)
		TAILQ_INIT(&all->lists[stage]);
}

size_t http_connections_count(const struct http_connections *all)
{
	return all->counts[AWAITING] + all->counts[SERVING] + all->counts[STREAMING] + all->counts[CLOSING];
}

static void enter(struct http_connection *connection, enum http_connection_stage stage)
{
	struct http_connections *all = connection->all;

	connection->stage = stage;
	connection->since_ms = monotonic_ms();
	TAILQ_INSERT_TAIL(&all->lists[stage], connection, entry);
	all->counts[stage]++;
}

static void leave(struct http_connection *connection)
{
	struct http_connections *all = connection->all;

	TAILQ_REMOVE(&all->lists[connection->stage], connection, entry);
	all->counts[connection->stage]--;
}

void http_connection_move(struct http_connection *connection, enum http_connection_stage stage)
{
	leave(connection);
	enter(connection, stage);
}

void http_connection_stream(struct http_connection *connection, int write_timeout_s)
{
	const struct timeval write_timeout = {.tv_sec = write_timeout_s};
	int buffer = STREAM_BUFFER;

	http_connection_move(connection, STREAMING);
	bufferevent_set_timeouts(connection->stream, NULL, &write_timeout);
	setsockopt(connection->fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
}

/* Only the descriptor of a request identifies its connection. */
static void remember_fd(struct http_connection *connection)
{
	struct http_connections *all = connection->all;
	size_t fd, room;

	connection->fd = bufferevent_getfd(connection->stream);
	if (connection->fd < 0)
		return;
	fd = (size_t)connection->fd;
	if (fd >= all->by_fd_count) {
		room = 2 * fd + 1;
		all->by_fd = must(realloc(all->by_fd, room * sizeof(struct http_connection *)));
		memset(all->by_fd + all->by_fd_count, 0,
		       (room - all->by_fd_count) * sizeof(struct http_connection *));
		all->by_fd_count = room;
	}
	all->by_fd[fd] = connection;
}

struct http_connection *http_connection_by_fd(const struct http_connections *all, evutil_socket_t fd)
{
	return fd >= 0 && (size_t)fd < all->by_fd_count ? all->by_fd[fd] : NULL;
}

/* ---- from the socket to evhttp ---- */

/* Puts the request before the bytes that arrived while the last one was served. */
static void feed(struct http_connection *connection, struct bytes head, struct bytes body)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);

	connection->is_feeding = true;
	if (evbuffer_prepend(input, body.data, body.size) != 0 ||
	    evbuffer_prepend(input, head.data, head.size) != 0)
		must(NULL);
	connection->is_feeding = false;
}

/* Feeds evhttp a request in place of the refused one; the reply to it is the refusal. */
static void feed_refusal(struct http_connection *connection)
{
	static const char get[] = "GET /refused HTTP/1.1\r\nConnection: close\r\n\r\n";
	static const char head[] = "HEAD /refused HTTP/1.1\r\nConnection: close\r\n\r\n";
	const char *request = connection->reader.head.is_head ? head : get;

	feed(connection, (struct bytes){request, strlen(request)}, (struct bytes){"", 0});
}

/*
 * Writes to the socket itself, because evhttp takes a write through the bufferevent as the end of a reply.
 * Replies to earlier requests have been written.  A client that does not read them gets no "100 Continue".
 */
static void ask_for_body(const struct http_connection *connection)
{
	ssize_t sent =
		send(connection->fd, continue_line, strlen(continue_line), MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent > 0 && (size_t)sent < strlen(continue_line))
		shutdown(connection->fd, SHUT_RDWR);
}

/* Moves the whole input to the reader when the reader needs more bytes. */
static enum http_stage advance(struct http_connection *connection)
{
	struct evbuffer *input = bufferevent_get_input(connection->stream);
	struct evbuffer_iovec part;

	if (http_reader_advance(&connection->reader) >= HTTP_WHOLE)
		return connection->reader.stage;
	while (evbuffer_peek(input, -1, NULL, &part, 1) > 0) {
		http_reader_add(&connection->reader, part.iov_base, part.iov_len);
		evbuffer_drain(input, part.iov_len);
	}
	return http_reader_advance(&connection->reader);
}

static void read_request(struct http_connection *connection)
{
	enum http_stage stage = advance(connection);
	struct bytes head, body;

	if (stage == HTTP_WHOLE) {
		http_reader_request(&connection->reader, &head, &body);
		feed(connection, head, body);
	} else if (stage == HTTP_REFUSED)
		feed_refusal(connection);
	else if (http_reader_must_ask(&connection->reader))
		ask_for_body(connection);
}

/*
 * Runs before evhttp reads the input, which then holds a whole request or nothing.  Bytes that arrive while a
 * request is served stay in the input, within the watermark, until that request has its reply.
 */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *change, void *context)
{
	struct http_connection *connection = context;

	(void)input;
	if (connection->is_feeding || change->n_added == 0)
		return;
	if (connection->fd < 0)
		remember_fd(connection);
	if (connection->reader.stage < HTTP_WHOLE)
		read_request(connection);
}

void http_connection_replied(struct http_connection *connection)
{
	http_connection_move(connection, AWAITING);
	if (connection->reader.stage != HTTP_WHOLE)
		return;
	http_reader_next(&connection->reader);
	read_request(connection);
}

struct http_connection *http_connection_new(struct http_connections *all)
{
	struct http_connection *connection = must_alloc(sizeof *connection);

	connection->all = all;
	connection->fd = -1;
	http_reader_init(&connection->reader);
	connection->stream = must(bufferevent_socket_new(all->base, -1, BEV_OPT_CLOSE_ON_FREE));
	bufferevent_setwatermark(connection->stream, EV_READ, 0, READ_AHEAD_MAX);
	must(evbuffer_add_cb(bufferevent_get_input(connection->stream), on_input, connection));
	bufferevent_incref(connection->stream);
	enter(connection, AWAITING);
	return connection;
}

/* ---- closing ---- */

static void on_leftover(evutil_socket_t socket, short what, void *context)
{
	struct http_connection *connection = context;
	char bytes[4096];
	ssize_t got = recv(socket, bytes, sizeof bytes, MSG_DONTWAIT);

	(void)what;
	if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	connection->is_drained = true;
	event_del(connection->leftover);
}

/* Closing a socket with unread input resets the connection, and the client may lose the reply. */
void http_connection_closing(struct http_connection *connection)
{
	http_connection_move(connection, CLOSING);
	connection->is_drained = connection->reader.stage != HTTP_REFUSED || connection->fd < 0;
	if (connection->is_drained)
		return;
	connection->leftover = must(event_new(connection->all->base, connection->fd, EV_READ | EV_PERSIST,
					      on_leftover, connection));
	event_add(connection->leftover, NULL);
}

bool http_connection_is_detached(const struct http_connection *connection)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(connection->stream, NULL, NULL, &on_event, NULL);
	return !on_event;
}

void http_connection_end(const struct http_connection *connection)
{
	if (!http_connection_is_detached(connection))
		bufferevent_trigger_event(connection->stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

bool http_connection_may_be_released(const struct http_connection *connection)
{
	int64_t waited_ms = monotonic_ms() - connection->since_ms;

	if (connection->stage != CLOSING)
		return http_connection_is_detached(connection);
	return waited_ms >= (connection->is_drained ? CLOSING_MS : DRAINING_MS);
}

void http_connection_release(struct http_connection *connection)
{
	leave(connection);
	if (connection->fd >= 0)
		connection->all->by_fd[connection->fd] = NULL;
	if (connection->leftover)
		event_free(connection->leftover);
	http_reader_release(&connection->reader);
	evbuffer_remove_cb(bufferevent_get_input(connection->stream), on_input, connection);
	bufferevent_decref(connection->stream);
	free(connection);
}

void http_connections_release(struct http_connections *all)
{
	struct http_connection *connection, *next;

	for (int stage = 0; stage < HTTP_CONNECTION_STAGES; stage++) {
		for (connection = TAILQ_FIRST(&all->lists[stage]); connection; connection = next) {
			next = TAILQ_NEXT(connection, entry);
			http_connection_release(connection);
		}
	}
	free(all->by_fd);
}

bool http_connection_has_output(const struct http_connection *connection)
{
	return evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0;
}
