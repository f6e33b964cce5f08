/*
 * The HTTP API.  Commands go through the same engine as those from Redis and are answered after the commit;
 * reads use a database connection of their own; probes and metrics are for orchestrators and monitors.
 */
#ifndef ALLOCD_ENTRYPOINTS_HTTP_HTTP_API_H
#define ALLOCD_ENTRYPOINTS_HTTP_HTTP_API_H

#include "bus/engine/engine.h"
#include "bus/ports/views.h"
#include "entrypoints/http_admin/http_admin.h"
#include "entrypoints/http_server/http_gate.h"
#include "entrypoints/http_server/http_server.h"
#include "entrypoints/live/live_hub.h"
#include "entrypoints/live/past_events.h"
#include "entrypoints/metrics/metrics.h"
#include "entrypoints/status/sampler.h"

struct event_base;
struct http_api;

/* How long a caller waits for a command's outcome, or for a read. */
#define HTTP_DEADLINE_MS 5000

/* The services behind the API; all of them must outlive the last turn of the event loop. */
struct http_services {
	struct engine *engine;
	struct views *views;
	const struct broker *broker;
	struct past_events *past; /* NULL: no stream of events */
	struct tracer *tracer;    /* NULL: nothing is traced */
	struct live_hub *live;    /* freed before the API; NULL: /admin/live is not served */

	/* Decodes an event's payload, of any encoding, to one line of JSON. */
	bool (*event_to_json)(struct bytes payload, struct arena *arena, const char **json,
			      const char **error);

	/* Adds the figures of the intake and the publisher to the engine's; or NULL. */
	void (*measure)(void *context, struct metrics *metrics);
	void *measured;
};

/*
 * Binds the address and listens; see http_server_new() for failures.  Until http_api_start() it answers that
 * the worker is alive but not ready, and refuses commands and reads.  `deadline_ms`: HTTP_DEADLINE_MS, or
 * less for tests.  The sampler, and the token, `is_open` and `names` of `gate`, which are used, must outlive
 * the API.
 */
struct http_api *http_api_new(struct event_base *base, const struct http_server_config *config,
			      const struct http_gate *gate, struct sampler *sampler, int deadline_ms,
			      struct arena *arena, const char **error, bool *in_use);

/* Serves the admin API from now on. */
void http_api_add_admin(struct http_api *api, const struct http_admin_config *config);

/* Whether every command is refused because the settings leave the address open to other machines. */
bool http_api_is_shut(const struct http_api *api);

/* Begins to serve commands and reads. */
void http_api_start(struct http_api *api, const struct http_services *services);

uint16_t http_api_port(const struct http_api *api);

/* Ends what is sent to those who watch.  From now on commands are refused; reads are still served. */
void http_api_stop(struct http_api *api);

/* How many children of the admin API run; they end soon after http_api_stop(). */
size_t http_api_children(const struct http_api *api);

/* How many requests have no reply yet, or one that is not sent yet. */
size_t http_api_unanswered(const struct http_api *api);

/*
 * To be called when neither engine nor views can call back any more; requests that still wait are cut off.
 * Accepts NULL in *api and nulls it.
 */
void http_api_free(struct http_api **api);

#endif
