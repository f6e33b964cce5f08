/* GET /admin/events?sku=SKU&order=ORDERID&batch=REF&type=EVENT&before=ENTRY&limit=COUNT */
#include "entrypoints/cli/text.h"
#include "entrypoints/http_reads/read_exchange.h"
#include "entrypoints/live/past_events.h"
#include "entrypoints/live/serve_live.h"

#include <string.h>

#define LIMIT_DEFAULT 50

static const struct http_refusal late = {503, PROBLEM_EVENTS_AWAY, "Redis does not answer; retry later"};
static const struct http_refusal busy = {503, PROBLEM_TOO_BUSY,
					 "Too many searches of events wait already; retry later"};
static const struct http_refusal withheld = {403, PROBLEM_NOT_OPEN,
					     "Events bear what senders sent, and " PAYLOADS_WITHHELD};

static const char *read_limit(const struct exchange *exchange, size_t *limit)
{
	const char *text = read_parameter(exchange, "limit");
	int64_t number = LIMIT_DEFAULT;

	if (text && (!text_to_number(text, &number) || number < 1 || number > PAST_FOUND_MAX))
		return "Expected a number from 1 to 200 in limit=";
	*limit = (size_t)number;
	return NULL;
}

/* NULL, or what is wrong with it. */
static const char *read_search(const struct exchange *exchange, struct past_search *search)
{
	const char *before = read_parameter(exchange, "before"), *error;

	error = live_filter_read(&exchange->call, exchange->arena, &search->filter);
	if (!error)
		error = read_limit(exchange, &search->limit);
	search->before = STREAM_ID_MAX;
	if (!error && before && !stream_id_parse(before, &search->before))
		return "Expected the id of an entry, such as 1767225600000-0, in before=";
	return error;
}

static void reply_page(const struct http_call *call, const struct past_page *page)
{
	struct arena *arena = arena_new(4096);
	char last[STREAM_ID_TEXT];
	const char *next = "null";

	stream_id_format(page->last, last);
	if (page->has_more)
		next = arena_printf(arena, "\"%s\"", last);
	reply_json_text(call, arena_printf(arena, "{\"events\":%s,\"searched\":%zu,\"before\":%s}",
					   page->json, page->searched, next));
	arena_free(&arena);
}

static void on_done(void *context, const struct past_page *page, const char *error)
{
	struct exchange *exchange = context;
	const struct http_call *call = exchange_detach(exchange);

	if (call && error)
		reply_problem(call, 503, PROBLEM_EVENTS_AWAY, error);
	else if (call)
		reply_page(call, page);
	exchange_free(exchange);
}

void serve_past_events(struct http_api *api, const struct http_call *call)
{
	struct past_search search = {.limit = 0};
	struct exchange *exchange;
	const char *error;

	if (!http_shows_payloads(api, call)) {
		reply_refusal(call, &withheld);
		return;
	}
	if (!api->services.past) {
		reply_not_found(call, "There is no stream of events: ALLOCD_EVENT_STREAM is empty");
		return;
	}
	exchange = exchange_new(api, call, &late);
	error = read_search(exchange, &search);
	if (error) {
		exchange_refuse(exchange, error);
	} else if (!past_events_search(api->services.past, &search, on_done, exchange)) {
		reply_refusal(exchange_detach(exchange), &busy);
		exchange_free(exchange);
	}
}
