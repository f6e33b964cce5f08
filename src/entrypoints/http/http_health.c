/* For orchestrators and monitors: liveness, readiness and metrics. */
#include "entrypoints/http/http_exchange.h"

#include "adapters/system/instants.h"
#include "core/base/calendar.h"
#include "core/base/must.h"
#include "entrypoints/http_reads/read_exchange.h"
#include "entrypoints/status/status_json.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_TYPE "text/plain; charset=utf-8"

void serve_liveness(struct http_api *api, const struct http_call *call)
{
	(void)api;
	reply_text(call, 200, TEXT_TYPE, "alive\n", strlen("alive\n"));
}

/* ---- readiness ---- */

/* What is asked for, in the query. */
struct readiness_query {
	enum readiness readiness;
	bool is_verbose;
};

/* Whether the parameter has that name; libevent's own reader knows none without a value. */
static bool is_named(const char *parameter, const char *name)
{
	return strcspn(parameter, "=&") == strlen(name) && strncmp(parameter, name, strlen(name)) == 0;
}

/* False when the value of `for` is unknown. */
static bool read_query(const struct http_call *call, struct readiness_query *asked)
{
	const char *at = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(call->request));
	bool ok = true;

	*asked = (struct readiness_query){READY_FOR_ALL, false};
	for (size_t length; at && *at; at += length + (at[length] == '&')) {
		length = strcspn(at, "&");
		if (is_named(at, "verbose")) {
			asked->is_verbose = true;
		} else if (is_named(at, "for")) {
			asked->readiness = READY_FOR_HTTP;
			ok = length == strlen("for=http") && strncmp(at, "for=http", length) == 0;
		}
	}
	return ok;
}

static void reply_not_ready(const struct http_call *call, const struct status *status,
			    enum readiness readiness)
{
	struct arena *arena = arena_new(2048);
	char since[INSTANT_TEXT_SIZE];
	int64_t since_us;
	const char *reason = status_reason(status, readiness, arena, &since_us);

	instant_format(since_us, since);
	reply_problem_with(
		call, 503, PROBLEM_NOT_READY, arena_printf(arena, "Not ready: %s", reason),
		must(json_pack("{s:s, s:o}", "since", since, "troubles", status_troubles_json(status))));
	arena_free(&arena);
}

static void reply_status(struct http_api *api, const struct http_call *call, int code, bool is_text)
{
	const struct status *status = sampler_status(api->sampler);
	char *text = is_text ? status_text(status) : status_json(status);

	reply_text(call, code, is_text ? TEXT_TYPE : "application/json", text, strlen(text));
	free(text);
}

static bool prefers_text(const struct http_call *call)
{
	const char *accept = request_header(call, "Accept");

	return accept && strncmp(accept, "text/plain", strlen("text/plain")) == 0;
}

void serve_readiness(struct http_api *api, const struct http_call *call)
{
	const struct status *status = sampler_status(api->sampler);
	struct readiness_query asked;
	bool is_ready;

	if (!read_query(call, &asked)) {
		reply_problem(call, 400, PROBLEM_INVALID, "Expected ?for=http, or no ?for");
		return;
	}
	is_ready = status_is_ready(status, asked.readiness);
	if (asked.is_verbose)
		reply_status(api, call, is_ready ? 200 : 503, prefers_text(call));
	else if (is_ready)
		reply_text(call, 200, TEXT_TYPE, "ready\n", strlen("ready\n"));
	else
		reply_not_ready(call, status, asked.readiness);
}

void serve_status(struct http_api *api, const struct http_call *call)
{
	reply_status(api, call, 200, false);
}

void serve_series(struct http_api *api, const struct http_call *call)
{
	struct arena *arena = arena_new(256);
	const char *step = request_parameter(call, "step", arena);
	bool of_minutes = step && !strcmp(step, "60");

	if (step && !of_minutes && strcmp(step, "1") != 0)
		reply_problem(call, 400, PROBLEM_INVALID, "Expected step=1 or step=60, in seconds");
	else
		reply_json(call, series_json(sampler_series(api->sampler), of_minutes));
	arena_free(&arena);
}

void serve_metrics(struct http_api *api, const struct http_call *call)
{
	static const struct engine_stats nothing_yet = {.dead_letters = -1, .dead_letters_dropped = -1};
	const struct http_services *services = &api->services;
	struct metrics metrics = {
		.engine = api->is_started ? engine_stats(services->engine) : &nothing_yet,
		.now_us = monotonic_us(),
		.began = api->clock_began,
		.http_connections = http_server_connections(api->server),
		.http_waiting = api->waiting,
		.http = &api->statistics,
		.publishing = api->is_started && services->broker->ops->is_up(services->broker),
		.started_at = (double)api->started_at,
		.stopping = api->stopping,
		.troubles = &sampler_status(api->sampler)->troubles,
	};
	char *text;

	if (services->live)
		metrics.live = *live_hub_statistics(services->live);
	metrics_measure_process(&metrics);
	if (services->measure)
		services->measure(services->measured, &metrics);
	text = metrics_text(&metrics);
	reply_text(call, 200, "text/plain; version=0.0.4; charset=utf-8", text, strlen(text));
	free(text);
}
