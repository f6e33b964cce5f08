/*
 * One request that waits for the engine or the database, and the parts of the API that make and end such
 * waits.
 *
 * An exchange lives until the engine or the database calls back, even if its client has left meanwhile.  The
 * client gets one reply: from that call, or at the deadline.
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
	char machine[HOST_NAME_MAX_BYTES + 1]; /* this machine's name */
	struct http_services services;         /* set when `is_started` */
	bool is_started;
	struct sampler *sampler;
	struct http_admin *admin;          /* or NULL */
	struct http_statistics statistics; /* http_api.c numbers the routes */
	struct exchange *exchanges;
	size_t waiting; /* exchanges whose client has no reply yet */
	int deadline_ms;
	time_t started_at;
	double clock_began; /* when monotonic_us() was 0, in seconds since 1970, as was known at the start */
	bool stopping;
};

struct exchange {
	struct exchange *next, **place; /* in the list of the API's exchanges */
	struct http_api *api;
	struct http_call call;
	bool is_replied;
	struct event *deadline;
	int64_t since_ms;                /* by monotonic_ms() */
	const struct http_refusal *late; /* the answer at the deadline */
	struct arena *arena;             /* the exchange itself, and what it needs */
	const char *name;                /* the order, SKU or batch of a read, or NULL */
	const char *after;               /* the batch behind which a page begins, or "" */
	bool is_full;                    /* an order's lines are read with their quantities */
	struct span *span;               /* of a command that is sampled, or NULL */
};

struct exchange *exchange_new(struct http_api *api, const struct http_call *call,
			      const struct http_refusal *late);

/* The same with a deadline of its own. */
struct exchange *exchange_new_for(struct http_api *api, const struct http_call *call,
				  const struct http_refusal *late, int deadline_ms);

/* Begins the span of a command, if it is sampled; returns the traceparent of what it causes, or NULL. */
const char *exchange_begin_trace(struct exchange *exchange);

/* The command is about to be answered with that status. */
void exchange_end_trace(struct exchange *exchange, int status);

/* Answers 400 to a request that was not begun, and frees its exchange. */
void exchange_refuse(struct exchange *exchange, const char *message);

/*
 * The request, which the caller must reply to before it frees the exchange; NULL when the deadline has
 * already replied.
 */
const struct http_call *exchange_detach(struct exchange *exchange);

/*
 * Answers the request that has waited longest as if its deadline had passed, so that another can be served.
 * False: none has waited long enough, or all of them wait for a database that is in trouble.
 */
bool exchange_make_room(struct http_api *api);

/* To be called when the engine or the database has called back, or was not asked. */
void exchange_free(struct exchange *exchange);

/*
 * Whether the answer may show what senders sent.  It may not where other machines reach the address and no
 * token is needed, unless the request carries the admin token.
 */
bool http_shows_payloads(const struct http_api *api, const struct http_call *call);

/* Why it may not. */
#define PAYLOADS_WITHHELD "other machines reach this address: give the admin token, or set ALLOCD_HTTP_TOKEN"

/* ---- requests: each function replies at once, or later through an exchange ---- */

void serve_command(struct http_api *api, const struct http_call *call, enum message_type type);
void serve_liveness(struct http_api *api, const struct http_call *call);
void serve_readiness(struct http_api *api, const struct http_call *call);
void serve_series(struct http_api *api, const struct http_call *call);
void serve_status(struct http_api *api, const struct http_call *call);
void serve_metrics(struct http_api *api, const struct http_call *call);
void serve_page(struct http_api *api, const struct http_call *call);
void serve_asset(struct http_api *api, const struct http_call *call, const char *name);
void serve_specification(struct http_api *api, const struct http_call *call);
void serve_schema(struct http_api *api, const struct http_call *call, const char *name);

#endif
