/*
 * The HTTP server: libevent's evhttp with the limits that it lacks.
 *
 *   - A connection has HTTP_TIMEOUT_S from one request to the next, however slowly it sends or reads, unless
 *     it is sent a reply without an end.
 *   - There is a maximum of connections.  Beyond it a new connection replaces the one that has waited longest
 *     for a request: idle and slow clients keep out neither other clients nor the liveness probe.
 *   - Connections whose requests are being served may use only a part of the places: see
 *     http_server_is_busy().  Replies without an end have a smaller part: see http_server_may_stream().
 *   - A request that could be read in more than one way gets a 4xx and is the last of its connection: evhttp
 *     sees whole requests only, in one form (see http_connection.h).
 *   - When the system refuses to accept a connection, the server pauses, ends an idle connection, and
 *     retries; it logs one line when that begins and one when it is over.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_SERVER_H
#define ALLOCD_ENTRYPOINTS_HTTP_SERVER_HTTP_SERVER_H

#include "bus/ports/logger.h"
#include "entrypoints/config/config.h"
#include "entrypoints/http_server/http_reader.h"

#include <event2/http.h>

#define HTTP_CONNECTIONS_MIN ((size_t)8)
#define HTTP_CONNECTIONS_MAX ((size_t)256)
#define HTTP_TIMEOUT_S       60
#define HTTP_STREAMS_MAX     ((size_t)32)

/* While the server is busy: how long a client may take to read a reply. */
#define HTTP_TIMEOUT_BUSY_S 3

struct http_server;

struct http_server_config {
	struct listen_address address;
	size_t connections_max; /* HTTP_CONNECTIONS_MIN to HTTP_CONNECTIONS_MAX, as descriptors allow */
	struct logger *logger;
};

/*
 * Called for every request, including those to be refused: see http_server_refusal().  evhttp's rules on
 * replying apply.
 */
typedef void http_handler(struct evhttp_request *request, void *context);

/*
 * Binds the address and begins to accept connections.  NULL, with one line in *error (in `arena`), when the
 * address cannot be bound; *in_use is set when another program uses it.
 */
struct http_server *http_server_new(struct event_base *base, const struct http_server_config *config,
				    http_handler *handle, void *context, struct arena *arena,
				    const char **error, bool *in_use);

/* The port of the address or, when that is 0, the one that the system chose. */
uint16_t http_server_port(const struct http_server *server);

/* Whether only this machine can connect. */
bool http_server_is_loopback(const struct http_server *server);

/* For the handler: why the request must be refused (its target and fields are then meaningless), or NULL. */
const struct http_refusal *http_server_refusal(const struct http_server *server,
					       struct evhttp_request *request);

size_t http_server_connections(const struct http_server *server);

/*
 * Whether the number of requests being served, this one included, leaves places only for probes: requests
 * that wait for a service are then to be refused.
 */
bool http_server_is_busy(const struct http_server *server);

/*
 * Sends the reply as evhttp_send_reply() does, and writes it to the socket at once: by the time this returns,
 * `request` may be freed.
 */
void http_server_reply(struct evhttp_request *request, int status, const char *title, struct evbuffer *body);

/*
 * Whether one more reply without an end may begin: HTTP_STREAMS_MAX at most, and fewer where there are few
 * connections.
 */
bool http_server_may_stream(const struct http_server *server);

/*
 * For the handler: the reply to the request has no end by itself.  Its client may be silent, and is closed
 * only when it does not read for HTTP_TIMEOUT_S.  The connection ends with the reply.
 */
void http_server_stream(const struct http_server *server, struct evhttp_request *request);

/* Closes the connection of a request that streams; what its client has not read yet is lost. */
void http_server_cut(const struct http_server *server, struct evhttp_request *request);

/* The number of connections with a reply that is not fully sent, other than those that stream. */
size_t http_server_unsent(const struct http_server *server);

/*
 * Closes all connections and frees their requests, replied to or not.  Accepts NULL in *server and nulls it.
 */
void http_server_free(struct http_server **server);

#endif
