/* One request that waits for the engine or the database. */
#include "entrypoints/http/http_exchange.h"

#include "adapters/system/instants.h"
#include "bus/tracing/tracer.h"
#include "core/base/must.h"

#include <string.h>

/* While there is no room for new requests, a request may wait for the deadline divided by this. */
#define CROWDED_WAIT_DIVISOR 5

static void reply_late(struct exchange *exchange)
{
	const struct http_call *call = exchange_detach(exchange);
	const char *cause = status_database_trouble(sampler_status(exchange->api->sampler), exchange->arena);

	exchange_end_trace(exchange, exchange->late->status);
	reply_problem(call, exchange->late->status, exchange->late->type,
		      *cause ? arena_printf(exchange->arena, "%s (%s)", exchange->late->message, cause)
			     : exchange->late->message);
}

static void on_deadline(evutil_socket_t socket, short what, void *context)
{
	(void)socket;
	(void)what;
	reply_late(context);
}

/* Searches the whole list, because it begins with the newest. */
static struct exchange *longest_waiting(const struct http_api *api)
{
	struct exchange *longest = NULL;

	for (struct exchange *it = api->exchanges; it; it = it->next)
		longest = it->is_replied ? longest : it;
	return longest;
}

bool exchange_make_room(struct http_api *api)
{
	struct exchange *longest = longest_waiting(api);
	struct arena *arena = arena_new(512);
	bool may_end = longest &&
		       monotonic_ms() - longest->since_ms >= api->deadline_ms / CROWDED_WAIT_DIVISOR &&
		       !*status_database_trouble(sampler_status(api->sampler), arena);

	arena_free(&arena);
	if (!may_end)
		return false;
	evtimer_del(longest->deadline);
	reply_late(longest);
	return true;
}

struct exchange *exchange_new(struct http_api *api, const struct http_call *call,
			      const struct http_refusal *late)
{
	return exchange_new_for(api, call, late, api->deadline_ms);
}

struct exchange *exchange_new_for(struct http_api *api, const struct http_call *call,
				  const struct http_refusal *late, int deadline_ms)
{
	const struct timeval deadline = {deadline_ms / 1000, deadline_ms % 1000 * 1000};
	struct arena *arena = arena_new(512);
	struct exchange *exchange = arena_alloc(arena, sizeof *exchange);

	*exchange = (struct exchange){
		.api = api, .call = *call, .late = late, .arena = arena, .since_ms = monotonic_ms()};
	exchange->next = api->exchanges;
	exchange->place = &api->exchanges;
	if (exchange->next)
		exchange->next->place = &exchange->next;
	api->exchanges = exchange;
	api->waiting++;
	exchange->deadline = must(evtimer_new(api->base, on_deadline, exchange));
	evtimer_add(exchange->deadline, &deadline);
	return exchange;
}

const struct http_call *exchange_detach(struct exchange *exchange)
{
	if (exchange->is_replied)
		return NULL;
	exchange->is_replied = true;
	exchange->api->waiting--;
	return &exchange->call;
}

void exchange_free(struct exchange *exchange)
{
	struct arena *arena = exchange->arena;

	exchange_detach(exchange);
	*exchange->place = exchange->next;
	if (exchange->next)
		exchange->next->place = exchange->place;
	event_free(exchange->deadline);
	arena_free(&arena);
}

/* ---- its trace ---- */

static const char *path_of(const struct exchange *exchange)
{
	return evhttp_uri_get_path(evhttp_request_get_evhttp_uri(exchange->call.request));
}

const char *exchange_begin_trace(struct exchange *exchange)
{
	const char *header = request_header(&exchange->call, "traceparent");
	const char *parent = header ? traceparent_read(header, strlen(header), exchange->arena) : NULL;
	struct tracer *tracer = exchange->api->services.tracer;
	struct span span;

	if (!tracer || !span_begin(tracer, parent, &span))
		return parent;
	span.began_us = exchange->call.began_us;
	exchange->span = arena_copy(exchange->arena, &span, sizeof span);
	return span_traceparent(&span, exchange->arena);
}

void exchange_end_trace(struct exchange *exchange, int status)
{
	struct tracer *tracer = exchange->api->services.tracer;

	if (exchange->span)
		tracer->ops->request_ended(tracer, &(struct request_trace){
							   .span = exchange->span,
							   .ended_us = monotonic_us(),
							   .path = path_of(exchange),
							   .status = status,
						   });
	exchange->span = NULL;
}

void exchange_refuse(struct exchange *exchange, const char *message)
{
	reply_problem(exchange_detach(exchange), 400, PROBLEM_INVALID, message);
	exchange_free(exchange);
}
