/*
 * One request that waits for the engine or the database, and the parts of the API that make and end such
 * waits.
 *
 * An exchange lives until what it waits for calls back, whatever becomes of its client meanwhile.  The client
 * is replied to once: by that call, or at the deadline.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_EXCHANGE_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_EXCHANGE_H

#include "entrypoints/http/http_api.h"
#include "entrypoints/http/http_reply.h"
#include "entrypoints/http_server/http_server.h"

#include <event2/event.h>
#include <time.h>

struct http_api {
	struct event_base *base;
	struct http_server *server;
	struct http_gate gate;
	char machine[HOST_NAME_MAX_BYTES + 1]; /* its name */
	struct http_services services;         /* once it `is_started` */
	bool is_started;
	http_awaited *awaited; /* before; or NULL */
	void *awaiting;
	struct http_replies replies;
	struct exchange *exchanges;
	size_t waiting; /* exchanges whose client was not replied to yet */
	int deadline_ms;
	time_t started_at;
	int64_t not_ready_since[2]; /* by enum readiness, as far as it was asked for; 0: it was ready then */
	bool stopping;
};

/* Ready for all of the work, or for commands over HTTP. */
enum readiness { READY_FOR_ALL, READY_FOR_HTTP };

struct exchange {
	struct exchange *next, **place; /* among the api's */
	struct http_api *api;
	struct evhttp_request *request; /* NULL once it was replied to */
	struct event *deadline;
	int64_t since_ms;                /* by monotonic_ms() */
	const struct http_refusal *late; /* what is said at the deadline */
	struct arena *arena;             /* of the exchange */
	const char *name;                /* the order or SKU that was asked for, or NULL */
	int64_t after;                   /* the version after which events were asked for */
	enum readiness readiness;        /* the one that was asked for */
};

struct exchange *exchange_new(struct http_api *api, struct evhttp_request *request,
			      const struct http_refusal *late);

/* The request, for a reply, or NULL when the deadline was faster.  Whoever gets it replies. */
struct evhttp_request *exchange_take(struct exchange *exchange);

/*
 * Ends the wait of the request that has waited for the longest time, so that another one can be served.
 * False: none has waited for long, or all of them wait for a database that is in trouble.
 */
bool exchange_make_room(struct http_api *api);

/* What it waited for has called back. */
void exchange_free(struct exchange *exchange);

/* Why units of work are not committed, since when, and what to do about it; "" when they are. */
const char *database_trouble_text(const struct http_api *api, struct arena *arena);

/* ---- the requests; each replies, at once or by an exchange ---- */

void serve_command(struct http_api *api, struct evhttp_request *request, enum message_type type);
void serve_allocations(struct http_api *api, struct evhttp_request *request, const char *order);
void serve_events(struct http_api *api, struct evhttp_request *request, const char *sku);
void serve_liveness(struct http_api *api, struct evhttp_request *request);
void serve_readiness(struct http_api *api, struct evhttp_request *request);
void serve_metrics(struct http_api *api, struct evhttp_request *request);

#endif
