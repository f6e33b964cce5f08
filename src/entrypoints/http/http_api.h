/*
 * The HTTP API: commands through the same engine as those from Redis, answered after the commit; reads on a
 * connection of their own; and what the machinery around the worker asks.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_API_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_API_H

#include "bus/engine/engine.h"
#include "bus/ports/views.h"
#include "entrypoints/http/metrics.h"
#include "entrypoints/http_server/http_gate.h"
#include "entrypoints/http_server/http_server.h"

struct event_base;
struct http_api;

/* How long a caller waits for a command's outcome, or for a read. */
#define HTTP_DEADLINE_MS 5000

/* What it serves from; all of it outlives the last call of the event loop. */
struct http_services {
	struct engine *engine;
	struct views *views;
	const struct broker *broker;

	/*
	 * Whether something keeps commands on Redis from being taken as they should be.  Its text, in
	 * `arena`, says what to do as well.
	 */
	bool (*intake_trouble)(void *context, struct arena *arena, struct engine_trouble *trouble);
	void *intake;

	/* An event's payload as one line of JSON, whatever its encoding. */
	bool (*event_to_json)(struct bytes payload, struct arena *arena, const char **json,
			      const char **error);

	/* Adds what only others know to the engine's figures; or NULL. */
	void (*measure)(void *context, struct metrics *metrics);
	void *measured;
};

/*
 * Takes the address and listens; see http_server_new() for failures.  Until http_api_start() it answers that
 * the worker is alive and not ready, and takes no commands and no reads.  `deadline_ms`: HTTP_DEADLINE_MS, or
 * less for tests.  Of `gate` the token, `is_open` and `names` are used, and outlive the API.
 */
struct http_api *http_api_new(struct event_base *base, const struct http_server_config *config,
			      const struct http_gate *gate, int deadline_ms, struct arena *arena,
			      const char **error, bool *in_use);

/* Whether every command is refused, for the settings leave the address open to other machines. */
bool http_api_is_shut(const struct http_api *api);

/* What the worker is waiting for before http_api_start(), in `arena`: the reason why it is not ready. */
typedef const char *http_awaited(void *context, struct arena *arena);

void http_api_await(struct http_api *api, http_awaited *awaited, void *context);

/* Begins to serve commands and reads. */
void http_api_start(struct http_api *api, const struct http_services *services);

uint16_t http_api_port(const struct http_api *api);

/* From now on commands are refused and readiness is off; reads go on. */
void http_api_stop(struct http_api *api);

/* How many requests have no reply yet, or one that is not sent yet. */
size_t http_api_unanswered(const struct http_api *api);

/*
 * When neither engine nor views call back any more: whoever still waits is cut off.  Accepts NULL in *api and
 * nulls it.
 */
void http_api_free(struct http_api **api);

#endif
