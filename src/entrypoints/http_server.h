/*
 * Listening for HTTP: libevent's evhttp, with the limits that it lacks.
 *
 *   - So many connections at most; more wait in the system's queue until one ends.
 *   - A connection has HTTP_PATIENCE_S from one request to the next, however slowly it sends or reads.
 *   - While there are so many, who owes us a request has only HTTP_PATIENCE_FULL_S: idle and slow peers must
 *     not shut out the others, nor whoever asks whether we are alive.
 *   - No more is read ahead of a connection than one request may hold.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_H

#include "entrypoints/config.h"

#include <event2/http.h>

#define HTTP_CONNECTIONS_MAX 256
#define HTTP_HEADERS_MAX     ((size_t)16 * 1024)
#define HTTP_PATIENCE_S      60
#define HTTP_PATIENCE_FULL_S 3

/*
 * A larger body is refused by evhttp itself, with a page of its own; one up to that size by whoever handles
 * the request.
 */
#define HTTP_BODY_MAX ((size_t)256 * 1024)

struct http_server;

/* Called for every request; evhttp's rules on replying hold. */
typedef void http_handler(struct evhttp_request *request, void *context);

/*
 * Takes the address, and does not listen yet.  NULL, with one line in *error (in `arena`), when it cannot be
 * had; *in_use tells whether that is because somebody else has it.
 */
struct http_server *http_server_new(struct event_base *base, const struct listen_address *address,
				    http_handler *handle, void *context, struct arena *arena,
				    const char **error, bool *in_use);

/* Begins to accept connections. */
void http_server_listen(struct http_server *server);

/* The port that it has: asked for or, when that was 0, given by the system. */
uint16_t http_server_port(const struct http_server *server);

size_t http_server_connections(const struct http_server *server);

/* Whether nothing that was replied is still on its way out. */
bool http_server_is_flushed(const struct http_server *server);

/*
 * Closes all connections and frees their requests, replied to or not.  Accepts NULL in *server and nulls it.
 */
void http_server_free(struct http_server **server);

#endif
