/* POST: the engine handles the command, and the client is answered after the commit. */
#include "entrypoints/http/http_exchange.h"

#include "bus/messages/raised_events.h"
#include "core/base/memory_stream.h"
#include "core/base/must.h"
#include "entrypoints/http/http_accept.h"
#include "entrypoints/http/http_event.h"

#include <event2/buffer.h>
#include <jansson.h>
#include <string.h>

static const struct http_refusal late = {
	503, PROBLEM_LATE, "Perhaps done: the outcome is not known yet; retry with the same id"};

/*
 * An external event is answered before its commands have their outcomes, so it has none yet.  A duplicate is
 * skipped, and raised no events.
 */
static json_t *outcome_json(const struct delivery *delivery)
{
	bool is_known = !delivery->is_event || delivery->outcome == OUTCOME_SKIPPED;

	return is_known ? must(json_string(outcome_name(delivery->outcome))) : json_null();
}

static json_t *id_json(const struct delivery *delivery)
{
	return delivery->envelope.id ? must(json_string(delivery->envelope.id)) : json_null();
}

/* Returns the number of events that were written. */
static size_t write_events(FILE *out, const struct http_services *services,
			   const struct raised_events *raised, struct arena *arena)
{
	const char *error;
	size_t i = 0;

	while (i < raised->count && write_event(out, services, &raised->events[i], i == 0, arena, &error))
		i++;
	return i;
}

/* The rest of the events is what GET /events has behind the last one here. */
static void link_to_rest(const struct http_call *call, const struct delivery *delivery, size_t written,
			 struct arena *arena)
{
	const struct raised_events *raised = delivery->raised;

	if (written == raised->count && !raised->has_more)
		return;
	reply_next_page(
		call, arena, "/events/", delivery->sku,
		arena_printf(arena, "%lld", (long long)(raised->first_version + (int64_t)written - 1)));
}

/* The facts are written without their closing brace, and the events behind them. */
static void reply_events(const struct exchange *exchange, const struct http_call *call,
			 const struct delivery *delivery, const struct http_answer *answer)
{
	json_t *facts =
		must(json_pack("{s:o, s:o}", "id", id_json(delivery), "outcome", outcome_json(delivery)));
	struct arena *arena = arena_new(16384);
	char *text, *body;
	size_t size;
	FILE *out = memory_stream_open(&body, &size);

	text = must(json_dumps(facts, JSON_COMPACT));
	fprintf(out, "%.*s,\"events\":[", (int)strlen(text) - 1, text);
	link_to_rest(call, delivery, write_events(out, &exchange->api->services, delivery->raised, arena),
		     arena);
	fputs("]}", out);
	fclose(out);
	if (answer->location)
		reply_header(call, "Location", answer->location);
	reply_text(call, answer->status, "application/json", body, size);
	free(body);
	free(text);
	json_decref(facts);
	arena_free(&arena);
}

static void on_answered(void *context, const struct delivery *delivery)
{
	struct exchange *exchange = context;
	const struct http_call *call = exchange_detach(exchange);
	struct http_answer answer;

	if (call) {
		answer = answer_for(delivery, exchange->arena);
		exchange_end_trace(exchange, answer.status);
		if (delivery->raised && !answer.type)
			reply_events(exchange, call, delivery, &answer);
		else
			reply_answer(call, &answer);
	}
	exchange_free(exchange);
}

static void submit(struct http_api *api, const struct http_call *call, enum message_type type)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(call->request);
	size_t size = evbuffer_get_length(body);
	struct exchange *exchange = exchange_new(api, call, &late);
	const char *traceparent = exchange_begin_trace(exchange);

	engine_submit(api->services.engine,
		      &(struct arrival){
			      .transport = TRANSPORT_HTTP,
			      .origin = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(call->request)),
			      .traceparent = traceparent,
			      .is_unsampled = !exchange->span,
			      .type = type,
			      .payload = {evbuffer_pullup(body, -1), size},
			      .payload_size = size,
			      .wants_events = prefers_json(request_header(call, "Accept")),
			      .answered = on_answered,
			      .context = exchange,
		      });
}

void serve_command(struct http_api *api, const struct http_call *call, enum message_type type)
{
	if (api->stopping)
		reply_problem(call, 503, PROBLEM_STOPPING,
			      "Not done: allocd is stopping; retry with the same id");
	else if (!is_json_type(request_header(call, "Content-Type")))
		reply_problem(call, 415, PROBLEM_NOT_JSON, "Expected Content-Type: application/json");
	else if (!engine_takes_commands(api->services.engine))
		reply_problem(
			call, 503, PROBLEM_DATABASE_RESTORED,
			"Not done: the database is older than what was published, and waits for an operator "
			"(see allocd outbox renew); retry with the same id");
	else if (!engine_has_room(api->services.engine))
		reply_problem(call, 503, PROBLEM_QUEUE_FULL,
			      "Not done: the queue is full; retry with the same id");
	else
		submit(api, call, type);
}
