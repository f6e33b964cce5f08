/* GET /events/SKU?after=VERSION&epoch=EPOCH */
#include "entrypoints/http_reads/read_exchange.h"

#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/memory_stream.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/http/http_event.h"

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

static void add_event(struct page *page, const struct outgoing *event, int64_t version)
{
	if (page->error || version <= page->read->after)
		return;
	if (page->count == EVENTS_READ_MAX) { /* the Link header leads to the next page */
		page->more = true;
		return;
	}
	if (!write_event(page->out, &page->exchange->api->services, event, !page->count, page->arena,
			 &page->error))
		return;
	page->count++;
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
		add_event(page, &events[i], kept->first_version + (int64_t)i);
}

static void write_page(struct page *page)
{
	page->out = memory_stream_open(&page->text, &page->size);
	fputc('[', page->out);
	for (size_t i = 0; i < page->read->count && !page->more && !page->error; i++)
		write_frame(page, &page->read->frames[i]);
	fputc(']', page->out);
	fclose(page->out);
}

/* Tells a consumer where the SKU is, so that it finds out what a restore of the database has undone. */
static void add_place(const struct page *page, const struct http_call *call)
{
	reply_header(call, "Allocd-Epoch", arena_printf(page->arena, "%lld", (long long)page->read->epoch));
	reply_header(call, "Allocd-Version",
		     arena_printf(page->arena, "%lld", (long long)page->read->version));
}

static void reply_events(struct exchange *exchange, const struct http_call *call,
			 const struct events_page *read)
{
	struct page page = {.exchange = exchange, .read = read, .arena = arena_new(16384)};

	write_page(&page);
	if (page.error) {
		reply_problem(call, 500, PROBLEM_INTERNAL,
			      arena_printf(page.arena, "The stored events cannot be read: %s", page.error));
	} else {
		if (page.more)
			reply_next_page(call, page.arena, "/events/", exchange->name,
					arena_printf(page.arena, "%lld", (long long)page.last));
		add_place(&page, call);
		reply_json_text(call, page.text);
	}
	free(page.text);
	arena_free(&page.arena);
}

static void on_events(void *context, const struct events_page *page, const struct failure *failure)
{
	struct exchange *exchange = context;
	const struct http_call *call = read_end(exchange, failure);

	if (call)
		reply_events(exchange, call, page);
	exchange_free(exchange);
}

/* Leaves the number as it is when the parameter is absent; false when its value is not a number. */
static bool read_number(const struct exchange *exchange, const char *name, int64_t *number)
{
	const char *encoded = read_parameter(exchange, name);
	const char *value = encoded ? name_decode(encoded, exchange->arena) : NULL;

	return !encoded || (value && text_to_number(value, number));
}

void serve_events(struct http_api *api, const struct http_call *call, const char *sku)
{
	struct exchange *exchange = read_begin(api, call, "a SKU", sku);
	int64_t after = 0, epoch = INT64_MAX;

	if (!exchange)
		return;
	if (!read_number(exchange, "after", &after) || !read_number(exchange, "epoch", &epoch))
		exchange_refuse(exchange,
				"Expected the numbers of a version and an epoch: ?after=VERSION&epoch=EPOCH");
	else
		api->services.views->ops->events(api->services.views, exchange->name, epoch, after, on_events,
						 exchange);
}
