/*
 * One connection of an HTTP client, between its socket and evhttp: shared by the files of the HTTP server and
 * by no others.
 *
 * A connection is in one of three lists, the one that came to it first in front:
 *
 *     AWAITING --request--> SERVING --reply written--> AWAITING
 *         `---------ended-------'--> CLOSING --a moment--> released
 *
 * What comes from the socket goes through a reader (see http_reader.h), which hands evhttp whole requests in
 * one form, and one at a time: the next when the last one was replied to.  In place of a request that the
 * reader refuses evhttp gets one that stands for the refusal: it is answered in its turn and is the last.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_CONNECTION_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_CONNECTION_H

#include "entrypoints/http_server/http_reader.h"

#include <event2/util.h>
#include <sys/queue.h>

struct event_base;
struct bufferevent;
struct event;

enum http_connection_stage { AWAITING, SERVING, CLOSING, HTTP_CONNECTION_STAGES };

struct http_connection {
	TAILQ_ENTRY(http_connection) entry; /* in the list of its stage */
	struct http_connections *all;
	struct bufferevent *stream; /* one reference is ours */
	evutil_socket_t fd;         /* -1 until its first bytes came */
	enum http_connection_stage stage;
	int64_t since_ms; /* when it came to its stage */
	struct http_reader reader;
	bool is_feeding; /* what is added to the input comes from the reader */
	bool is_drained; /* nothing more comes from the client, or it was given its time */
	struct event
		*leftover; /* while CLOSING after a refusal: what the client still sends, which is dropped */
};

TAILQ_HEAD(http_connection_list, http_connection);

struct http_connections {
	struct event_base *base;
	struct http_connection_list lists[HTTP_CONNECTION_STAGES];
	size_t counts[HTTP_CONNECTION_STAGES];
	struct http_connection **by_fd; /* those whose first bytes came */
	size_t by_fd_count;
};

void http_connections_init(struct http_connections *all, struct event_base *base);
void http_connections_release(struct http_connections *all);
size_t http_connections_count(const struct http_connections *all);

/* A new one, AWAITING its first request; its socket is yet to be put into `stream`. */
struct http_connection *http_connection_new(struct http_connections *all);

/* The connection with that socket, or NULL. */
struct http_connection *http_connection_by_fd(const struct http_connections *all, evutil_socket_t fd);

void http_connection_move(struct http_connection *connection, enum http_connection_stage stage);

/* A reply was handed to the socket: the next request, which may have come already, is fed to evhttp. */
void http_connection_replied(struct http_connection *connection);

/* evhttp is about to let it go.  The socket is closed a moment later: the client can read the answer. */
void http_connection_closing(struct http_connection *connection);

/* evhttp takes it for the peer's doing and lets it go. */
void http_connection_end(const struct http_connection *connection);
bool http_connection_is_let_go(const struct http_connection *connection);
bool http_connection_may_be_released(const struct http_connection *connection);

/* Of one that evhttp has let go.  libevent closes the socket before the loop's next turn. */
void http_connection_release(struct http_connection *connection);

bool http_connection_has_output(const struct http_connection *connection);

#endif
