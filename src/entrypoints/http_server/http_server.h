/*
 * Listening for HTTP: libevent's evhttp, with the limits that it lacks.
 *
 *   - A connection has HTTP_PATIENCE_S from one request to the next, however slowly it sends or reads.
 *   - There is a maximum of connections.  Beyond it a new connection takes the place of the one that has owed
 *     a request for the longest time: idle and slow clients shut out neither other clients nor the probe that
 *     asks whether the worker is alive.
 *   - Connections whose requests are being served may take a part of the places only: see
 *     http_server_is_busy().
 *   - A request that could be read in more than one way gets a 4xx and is the last of its connection: evhttp
 *     sees whole requests only, in one form (see http_connection.h).
 *   - Where the system refuses to accept a connection, the server pauses, ends an idle connection, and tries
 *     again; the log has one line when that begins and one when it is over.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_SERVER_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_SERVER_H

#include "bus/ports/logger.h"
#include "entrypoints/config/config.h"
#include "entrypoints/http_server/http_reader.h"

#include <event2/http.h>

#define HTTP_CONNECTIONS_MIN ((size_t)8)
#define HTTP_CONNECTIONS_MAX ((size_t)256)
#define HTTP_PATIENCE_S      60

/* While the server is busy: how long a client may take to read a reply. */
#define HTTP_PATIENCE_BUSY_S 3

struct http_server;

struct http_server_config {
	struct listen_address address;
	size_t connections_max; /* HTTP_CONNECTIONS_MIN to HTTP_CONNECTIONS_MAX, as descriptors allow */
	struct logger *logger;
};

/*
 * Called for every request, and for every one that is not served: see http_server_refusal().  evhttp's rules
 * on replying hold.
 */
typedef void http_handler(struct evhttp_request *request, void *context);

/*
 * Takes the address and begins to accept connections.  NULL, with one line in *error (in `arena`), when the
 * address cannot be had; *in_use tells whether that is because another program has it.
 */
struct http_server *http_server_new(struct event_base *base, const struct http_server_config *config,
				    http_handler *handle, void *context, struct arena *arena,
				    const char **error, bool *in_use);

/* The port that it has: asked for or, when that was 0, given by the system. */
uint16_t http_server_port(const struct http_server *server);

/* Whether only this machine reaches it. */
bool http_server_is_loopback(const struct http_server *server);

/* In the handler: what the request, whose own target and fields mean nothing then, is to be told; or NULL. */
const struct http_refusal *http_server_refusal(const struct http_server *server,
					       struct evhttp_request *request);

size_t http_server_connections(const struct http_server *server);

/*
 * Whether so many requests are being served, the present one included, that those which wait for something
 * are to be refused: the other places are for clients that only ask how the worker is.
 */
bool http_server_is_busy(const struct http_server *server);

/* How many connections have a reply that is not sent yet. */
size_t http_server_unsent(const struct http_server *server);

/*
 * Closes all connections and frees their requests, replied to or not.  Accepts NULL in *server and nulls it.
 */
void http_server_free(struct http_server **server);

#endif
