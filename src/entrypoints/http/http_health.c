/* For orchestrators and monitors: liveness, readiness and metrics. */
#include "entrypoints/http/http_exchange.h"

#include "adapters/system/instants.h"
#include "core/base/calendar.h"
#include "entrypoints/http/database_advice.h"

#include <event2/keyvalq_struct.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

void serve_liveness(struct http_api *api, struct evhttp_request *request)
{
	reply_text(request, &api->replies, 200, TEXT_TYPE, "alive\n", strlen("alive\n"));
}

/* ---- why the worker is not ready ---- */

struct reasons {
	struct arena *arena;
	const char *text; /* "": it is ready */
	int64_t now, since;
};

static void add(struct reasons *reasons, const char *text)
{
	reasons->text = *reasons->text ? arena_printf(reasons->arena, "%s; %s", reasons->text, text) : text;
}

/* Notes when the trouble began, and returns that instant as text. */
static const char *add_since(struct reasons *reasons, const struct engine_trouble *trouble)
{
	int64_t since = reasons->now - 1000 * trouble->for_ms;
	char *text = arena_alloc(reasons->arena, INSTANT_TEXT_SIZE);

	if (since < reasons->since)
		reasons->since = since;
	instant_format(since, text);
	return text;
}

static void add_database(struct reasons *reasons, const struct engine *engine)
{
	struct engine_trouble trouble;
	const char *since;

	if (!engine_database_trouble(engine, &trouble))
		return;
	since = add_since(reasons, &trouble);
	add(reasons,
	    *trouble.text ? arena_printf(reasons->arena, "units of work are not committed, since %s: %s: %s",
					 since, trouble.text, advice_for_database(trouble.text))
			  : arena_printf(reasons->arena,
					 "work waits, and none was committed since %s: look in "
					 "pg_stat_activity and pg_locks for what makes statements wait",
					 since));
}

const char *database_trouble_text(const struct http_api *api, struct arena *arena)
{
	struct reasons reasons = {arena, "", wall_clock_us(), INT64_MAX};

	add_database(&reasons, api->services.engine);
	return reasons.text;
}

static void add_events(struct reasons *reasons, const struct engine *engine)
{
	struct engine_trouble trouble;
	const char *since;

	if (!engine_events_trouble(engine, &trouble))
		return;
	since = add_since(reasons, &trouble);
	add(reasons,
	    *trouble.text
		    ? arena_printf(reasons->arena, "Redis refuses events, since %s: %s", since, trouble.text)
		    : arena_printf(reasons->arena,
				   "committed events wait, and none was published since %s: look at the "
				   "worker's log",
				   since));
}

static void add_intake(struct reasons *reasons, const struct http_services *services)
{
	struct engine_trouble trouble;

	if (services->intake_trouble(services->intake, reasons->arena, &trouble))
		add(reasons, arena_printf(reasons->arena, "%s (since %s)", trouble.text,
					  add_since(reasons, &trouble)));
	else if (!services->broker->ops->is_up(services->broker))
		add(reasons, "cannot publish on Redis");
}

/* Why a command over HTTP would not be committed. */
static void find_reasons(const struct http_api *api, const struct failure *database, struct reasons *reasons)
{
	if (api->stopping)
		add(reasons, "stopping");
	if (database)
		add(reasons,
		    arena_printf(reasons->arena, "the database does not answer (%s)", database->text));
	add_database(reasons, api->services.engine);
	if (!engine_takes_commands(api->services.engine))
		add(reasons, "the database is older than what was published (see allocd outbox renew)");
}

/* Why commands on Redis would not be received, or events not be published. */
static void find_reasons_of_redis(const struct http_api *api, struct reasons *reasons)
{
	const struct http_services *services = &api->services;
	const struct engine_stats *stats = engine_stats(services->engine);

	add_intake(reasons, services);
	add_events(reasons, services->engine);
	if (stats->damaged)
		add(reasons,
		    arena_printf(reasons->arena,
				 "the outbox row of partition %d, position %lld is damaged, and holds up "
				 "the events of its partition",
				 stats->damaged_partition, (long long)stats->damaged_position));
}

/* ---- readiness ---- */

static void reply_not_ready(struct http_api *api, struct evhttp_request *request, int64_t *not_ready_since,
			    const struct reasons *reasons)
{
	char since[INSTANT_TEXT_SIZE];

	if (!*not_ready_since || reasons->since < *not_ready_since)
		*not_ready_since = reasons->since;
	instant_format(*not_ready_since, since);
	reply_problem_since(request, &api->replies, 503, PROBLEM_NOT_READY,
			    arena_printf(reasons->arena, "Not ready: %s", reasons->text), since);
}

static void on_ping(void *context, const struct failure *failure)
{
	struct exchange *exchange = context;
	struct evhttp_request *request = exchange_detach(exchange);
	struct http_api *api = exchange->api;
	struct reasons reasons = {exchange->arena, "", wall_clock_us(), INT64_MAX};
	int64_t *not_ready_since = &api->not_ready_since[exchange->readiness];

	reasons.since = reasons.now;
	find_reasons(api, failure, &reasons);
	if (exchange->readiness == READY_FOR_ALL)
		find_reasons_of_redis(api, &reasons);
	if (request && *reasons.text) {
		reply_not_ready(api, request, not_ready_since, &reasons);
	} else if (request) {
		*not_ready_since = 0;
		reply_text(request, &api->replies, 200, TEXT_TYPE, "ready\n", strlen("ready\n"));
	}
	exchange_free(exchange);
}

/* Readiness before http_api_start(). */
static void reply_starting(struct http_api *api, struct evhttp_request *request)
{
	struct arena *arena = arena_new(512);
	const char *reason = api->awaited ? api->awaited(api->awaiting, arena) : NULL;

	reply_problem(request, &api->replies, 503, PROBLEM_NOT_READY,
		      arena_printf(arena, "Not ready: %s%s%s", api->stopping ? "stopping" : "starting",
				   reason ? ", " : "", reason ? reason : ""));
	arena_free(&arena);
}

/* Reads the parameter `for`; false when its value is unknown. */
static bool readiness_of(struct evhttp_request *request, enum readiness *readiness)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request)), *value;
	struct evkeyvalq parameters;
	bool ok = true;

	*readiness = READY_FOR_ALL;
	if (!query || evhttp_parse_query_str(query, &parameters) != 0)
		return true;
	value = evhttp_find_header(&parameters, "for");
	if (value) {
		*readiness = READY_FOR_HTTP;
		ok = strcmp(value, "http") == 0;
	}
	evhttp_clear_headers(&parameters);
	return ok;
}

void serve_readiness(struct http_api *api, struct evhttp_request *request)
{
	static const struct http_refusal late = {503, PROBLEM_NOT_READY,
						 "Not ready: the database does not answer"};
	enum readiness readiness;
	struct exchange *exchange;

	if (!readiness_of(request, &readiness)) {
		reply_problem(request, &api->replies, 400, PROBLEM_INVALID, "Expected ?for=http, or no ?for");
		return;
	}
	if (!api->is_started) {
		reply_starting(api, request);
		return;
	}
	exchange = exchange_new(api, request, &late);
	exchange->readiness = readiness;
	api->services.views->ops->ping(api->services.views, on_ping, exchange);
}

void serve_metrics(struct http_api *api, struct evhttp_request *request)
{
	static const struct engine_stats nothing_yet = {.dead_letters = -1, .dead_letters_dropped = -1};
	const struct http_services *services = &api->services;
	struct metrics metrics = {
		.engine = api->is_started ? engine_stats(services->engine) : &nothing_yet,
		.http_connections = http_server_connections(api->server),
		.http_waiting = api->waiting,
		.http_replies = api->replies.by_class,
		.publishing = api->is_started && services->broker->ops->is_up(services->broker),
		.started_at = (double)api->started_at,
		.stopping = api->stopping,
	};
	char *text;

	metrics_measure_process(&metrics);
	if (services->measure)
		services->measure(services->measured, &metrics);
	text = metrics_text(&metrics);
	reply_text(request, &api->replies, 200, "text/plain; version=0.0.4; charset=utf-8", text,
		   strlen(text));
	free(text);
}
