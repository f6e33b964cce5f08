/* GET: the allocations of an order and the events of a SKU, read on a database connection of their own. */
#include "entrypoints/http/http_exchange.h"

#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/must.h"
#include "core/message.h"
#include "entrypoints/cli/text.h"

#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <string.h>

static const struct http_refusal late = {503, PROBLEM_DATABASE_AWAY,
					 "The database does not answer; retry later"};

static void reply_json(const struct exchange *exchange, struct evhttp_request *request, const char *json)
{
	reply_text(request, &exchange->api->replies, 200, "application/json", json, strlen(json));
}

/* An exchange for a read of the name in the path; NULL when the name is malformed, which is answered 400. */
static struct exchange *begin_read(struct http_api *api, struct evhttp_request *request, const char *what,
				   const char *encoded)
{
	struct exchange *exchange = exchange_new(api, request, &late);

	exchange->name = name_decode(encoded, exchange->arena);
	if (exchange->name)
		return exchange;
	reply_problem(
		exchange_detach(exchange), &api->replies, 400, PROBLEM_INVALID,
		arena_printf(exchange->arena,
			     "Expected %s of 1 to 255 characters of UTF-8, percent-encoded, in the path",
			     what));
	exchange_free(exchange);
	return NULL;
}

/* ---- GET /allocations/ORDERID ---- */

static char *allocations_json(const struct allocation_row *rows, size_t count)
{
	json_t *list = json_array();
	char *text;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "sku", rows[i].sku, "batchref", rows[i].batchref));
	text = must(json_dumps(list, JSON_COMPACT));
	json_decref(list);
	return text;
}

static void reply_allocations(const struct exchange *exchange, struct evhttp_request *request,
			      const struct allocation_row *rows, size_t count)
{
	char *json = allocations_json(rows, count);

	reply_json(exchange, request, json);
	free(json);
}

static void on_allocations(void *context, const struct allocation_row *rows, size_t count,
			   const struct failure *failure)
{
	struct exchange *exchange = context;
	struct evhttp_request *request = exchange_detach(exchange);
	struct http_replies *replies = &exchange->api->replies;

	if (request && failure)
		reply_refusal(request, replies, &late);
	else if (request && count == 0)
		reply_problem(
			request, replies, 404, PROBLEM_NOT_FOUND,
			arena_printf(exchange->arena, "Nothing is allocated to order %s", exchange->name));
	else if (request)
		reply_allocations(exchange, request, rows, count);
	exchange_free(exchange);
}

void serve_allocations(struct http_api *api, struct evhttp_request *request, const char *order)
{
	struct exchange *exchange = begin_read(api, request, "an order id", order);

	if (exchange)
		api->services.views->ops->allocations(api->services.views, exchange->name, on_allocations,
						      exchange);
}

/* ---- GET /events/SKU?after=VERSION&epoch=EPOCH ---- */

/* A page of events that is being written as text. */
struct page {
	const struct exchange *exchange;
	const struct events_page *read;
	struct arena *arena;
	FILE *out;
	char *text;
	size_t size;
	size_t count;
	int64_t last;      /* version of the last event written */
	int64_t next;      /* version of the event after those that were read; 0: none was read */
	bool more;         /* there are events beyond the page */
	const char *error; /* NULL: no error */
};

/* Writes the type beside the data, because a bare allocation looks like a deallocation. */
static void write_event(struct page *page, const struct outgoing *event, int64_t version)
{
	const char *json;

	if (page->error || version <= page->read->after)
		return;
	if (page->count == EVENTS_READ_MAX) { /* the Link header leads to the next page */
		page->more = true;
		return;
	}
	if (!page->exchange->api->services.event_to_json(event->payload, page->arena, &json, &page->error))
		return;
	fprintf(page->out, "%s{\"type\":\"%s\",\"data\":%s}", page->count++ ? "," : "",
		message_name(event->type), json);
	page->last = version;
}

/* A consumer must not take events that are missing for events that never were. */
static void write_frame(struct page *page, const struct event_frame *kept)
{
	struct outgoing *events = NULL;
	size_t count = 0;
	bool is_next = !page->next || kept->first_version == page->next;

	if (!outbox_frame_decode(page->arena, kept->frame, &events, &count) || !count || !is_next) {
		page->error = arena_printf(
			page->arena, "those from version %lld on are missing or damaged, see `allocd verify`",
			(long long)(is_next ? kept->first_version : page->next));
		return;
	}
	page->next = kept->first_version + (int64_t)count;
	for (size_t i = 0; i < count; i++)
		write_event(page, &events[i], kept->first_version + (int64_t)i);
}

static void write_page(struct page *page)
{
	page->out = must(open_memstream(&page->text, &page->size));
	fputc('[', page->out);
	for (size_t i = 0; i < page->read->count && !page->more && !page->error; i++)
		write_frame(page, &page->read->frames[i]);
	fputc(']', page->out);
	fclose(page->out);
}

static void add_link(const struct page *page, struct evhttp_request *request)
{
	reply_header(request, "Link",
		     arena_printf(page->arena, "</events/%s?after=%lld>; rel=\"next\"",
				  name_encode(page->exchange->name, page->arena), (long long)page->last));
}

/* Tells a consumer where the SKU is, so that it finds out what a restore of the database has undone. */
static void add_place(const struct page *page, struct evhttp_request *request)
{
	reply_header(request, "Allocd-Epoch",
		     arena_printf(page->arena, "%lld", (long long)page->read->epoch));
	reply_header(request, "Allocd-Version",
		     arena_printf(page->arena, "%lld", (long long)page->read->version));
}

static void reply_events(struct exchange *exchange, struct evhttp_request *request,
			 const struct events_page *read)
{
	struct page page = {.exchange = exchange, .read = read, .arena = arena_new(16384)};

	write_page(&page);
	if (page.error) {
		reply_problem(request, &exchange->api->replies, 500, PROBLEM_INTERNAL,
			      arena_printf(page.arena, "The stored events cannot be read: %s", page.error));
	} else {
		if (page.more)
			add_link(&page, request);
		add_place(&page, request);
		reply_json(exchange, request, page.text);
	}
	free(page.text);
	arena_free(&page.arena);
}

static void on_events(void *context, const struct events_page *page, const struct failure *failure)
{
	struct exchange *exchange = context;
	struct evhttp_request *request = exchange_detach(exchange);

	if (request && failure)
		reply_refusal(request, &exchange->api->replies, &late);
	else if (request)
		reply_events(exchange, request, page);
	exchange_free(exchange);
}

/* Leaves the number as it is when the parameter is absent; false when its value is not a number. */
static bool read_number(const struct evkeyvalq *parameters, const char *name, int64_t *number)
{
	const char *value = evhttp_find_header(parameters, name);

	return !value || text_to_number(value, number);
}

static bool read_parameters(struct evhttp_request *request, int64_t *after, int64_t *epoch)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq parameters;
	bool ok;

	if (!query)
		return true;
	if (evhttp_parse_query_str(query, &parameters) != 0)
		return false;
	ok = read_number(&parameters, "after", after) && read_number(&parameters, "epoch", epoch);
	evhttp_clear_headers(&parameters);
	return ok;
}

void serve_events(struct http_api *api, struct evhttp_request *request, const char *sku)
{
	int64_t after = 0, epoch = INT64_MAX;
	struct exchange *exchange;

	if (!read_parameters(request, &after, &epoch)) {
		reply_problem(request, &api->replies, 400, PROBLEM_INVALID,
			      "Expected the numbers of a version and an epoch: ?after=VERSION&epoch=EPOCH");
		return;
	}
	exchange = begin_read(api, request, "a SKU", sku);
	if (!exchange)
		return;
	api->services.views->ops->events(api->services.views, exchange->name, epoch, after, on_events,
					 exchange);
}
