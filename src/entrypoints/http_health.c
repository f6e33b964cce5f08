/* What the machinery around the worker asks: is it alive, is it ready, how does it do. */
#include "entrypoints/http_exchange.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

void serve_liveness(struct http_api *api, struct evhttp_request *request)
{
	reply_text(request, &api->replies, 200, TEXT_TYPE, "alive\n", strlen("alive\n"));
}

/* What keeps the worker from its work, in words; "" when nothing does. */
static const char *reasons(const struct http_api *api, const struct failure *database, struct arena *arena)
{
	const struct http_services *services = &api->services;
	const char *text = "", *intake = services->intake_trouble(services->intake, arena);

	if (api->stopping)
		text = arena_printf(arena, "%s, stopping", text);
	if (database)
		text = arena_printf(arena, "%s, the database does not answer (%s)", text, database->text);
	if (intake)
		text = arena_printf(arena, "%s, %s", text, intake);
	if (!services->broker->ops->is_up(services->broker))
		text = arena_printf(arena, "%s, cannot publish on Redis", text);
	else if (!engine_stats(services->engine)->broker_takes)
		text = arena_printf(arena, "%s, Redis refuses events", text);
	if (engine_stats(services->engine)->restored)
		text = arena_printf(
			arena, "%s, the database is older than what was published (see allocd outbox renew)",
			text);
	return text[0] ? text + strlen(", ") : text;
}

static void on_ping(void *context, const struct failure *failure)
{
	struct exchange *exchange = context;
	struct evhttp_request *request = exchange_take(exchange);
	struct http_api *api = exchange->api;
	const char *text = reasons(api, failure, exchange->arena);

	if (request && text[0])
		reply_problem(request, &api->replies, 503,
			      arena_printf(exchange->arena, "Not ready: %s", text));
	else if (request)
		reply_text(request, &api->replies, 200, TEXT_TYPE, "ready\n", strlen("ready\n"));
	exchange_free(exchange);
}

/* Before the services are there. */
static void reply_starting(struct http_api *api, struct evhttp_request *request)
{
	struct arena *arena = arena_new(512);
	const char *reason = api->awaited ? api->awaited(api->awaiting, arena) : NULL;

	reply_problem(request, &api->replies, 503,
		      arena_printf(arena, "Not ready: %s%s%s", api->stopping ? "stopping" : "starting",
				   reason ? ", " : "", reason ? reason : ""));
	arena_free(&arena);
}

void serve_readiness(struct http_api *api, struct evhttp_request *request)
{
	struct exchange *exchange;

	if (!api->is_started) {
		reply_starting(api, request);
		return;
	}
	exchange = exchange_new(api, request, "Not ready: the database does not answer");
	api->services.views->ops->ping(api->services.views, on_ping, exchange);
}

void serve_metrics(struct http_api *api, struct evhttp_request *request)
{
	static const struct engine_stats nothing_yet;
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
