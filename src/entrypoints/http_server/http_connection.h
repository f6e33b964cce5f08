/*
 * One connection of an HTTP client, between its socket and evhttp: used only by the files of the
 * HTTP server.
 *
 * A connection is in one of four lists, each in order of arrival:
 *
 *     AWAITING --request--> SERVING --reply written--> AWAITING
 *         |                    |`--> STREAMING, whose reply has no end by itself
 *         `---------ended------'---------'--> CLOSING --a moment--> released
 *
 * Bytes from the socket go through a reader (see http_reader.h), which feeds evhttp whole requests in one
 * form, one at a time: each after the reply to the last.  In place of a request that the reader refuses,
 * evhttp gets a stand-in: it is answered with the refusal, in its turn, and is the last of its connection.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_CONNECTION_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_CONNECTION_H

#include "entrypoints/http_server/http_reader.h"

#include <event2/util.h>
#include <sys/queue.h>

struct event_base;
struct bufferevent;
struct event;

enum http_connection_stage { AWAITING, SERVING, STREAMING, CLOSING, HTTP_CONNECTION_STAGES };

struct http_connection {
	TAILQ_ENTRY(http_connection) entry; /* in the list of its stage */
	struct http_connections *all;
	struct bufferevent *stream; /* this struct holds one reference */
	evutil_socket_t fd;         /* -1 until the first bytes arrive */
	enum http_connection_stage stage;
	int64_t since_ms; /* when it entered its stage, by monotonic_ms() */
	struct http_reader reader;
	bool is_feeding; /* the reader is adding to the input */
	bool is_drained; /* the client sends nothing more */
	struct event
		*leftover; /* while CLOSING after a refusal: reads and drops what the client still sends */
};

TAILQ_HEAD(http_connection_list, http_connection);

struct http_connections {
	struct event_base *base;
	struct http_connection_list lists[HTTP_CONNECTION_STAGES];
	size_t counts[HTTP_CONNECTION_STAGES];
	struct http_connection **by_fd; /* connections whose first bytes have arrived */
	size_t by_fd_count;
};

void http_connections_init(struct http_connections *all, struct event_base *base);
void http_connections_release(struct http_connections *all);
size_t http_connections_count(const struct http_connections *all);

/* A new connection, AWAITING its first request; evhttp sets the socket of `stream`. */
struct http_connection *http_connection_new(struct http_connections *all);

/* The connection with that socket, or NULL. */
struct http_connection *http_connection_by_fd(const struct http_connections *all, evutil_socket_t fd);

void http_connection_move(struct http_connection *connection, enum http_connection_stage stage);

/* The connection, which is SERVING, is STREAMING from now on: its client may be silent for any time. */
void http_connection_stream(struct http_connection *connection, int write_timeout_s);

/* A reply was written: feeds evhttp the next request, if it has arrived. */
void http_connection_replied(struct http_connection *connection);

/*
 * Called when evhttp is about to release the connection.  The socket is closed a moment later, so that the
 * client can read the reply.
 */
void http_connection_closing(struct http_connection *connection);

/* Makes evhttp release the connection as if the client had closed it. */
void http_connection_end(const struct http_connection *connection);
bool http_connection_is_detached(const struct http_connection *connection);
bool http_connection_may_be_released(const struct http_connection *connection);

/* Frees a connection that evhttp has released.  libevent closes the socket before the loop's next turn. */
void http_connection_release(struct http_connection *connection);

bool http_connection_has_output(const struct http_connection *connection);

#endif
