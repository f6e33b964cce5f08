/*
 * Reads the read model and stored events: the rows are found, copied and handed over when the request
 * arrives.
 */
#include "adapters/memory/ports/views.h"

#include "core/base/container_of.h"
#include "core/base/must.h"

#include <string.h>

#define FRAMES_MAX (EVENTS_READ_MAX + 1)

struct memory_views {
	struct views views;
	struct database *database;
	struct cable requests;
	struct arena *arena;           /* of the reads under way */
	struct database_health health; /* what a ping answers */
	size_t under_way;
};

/* One read, from its beginning to its answer. */
struct memory_read {
	struct memory_views *views;
	const char *key;   /* order id, SKU or batch reference */
	const char *after; /* batches behind it are read */
	int64_t version;   /* events after it are read */
	allocations_done *allocations_done;
	stock_done *stock_done;
	events_done *events_done;
	gaps_done *gaps_done;
	ping_done *ping_done;
	void *context;
};

static const struct failure database_away = {FAILURE_RETRY, "the database is away"};

static const struct failure *failure_of(const struct memory_views *views)
{
	return views->database->down ? &database_away : NULL;
}

static struct memory_read *begin(struct views *port, const char *key, simulation_task *on_request,
				 void *context)
{
	struct memory_views *views = container_of(port, struct memory_views, views);
	struct memory_read *read = arena_alloc(views->arena, sizeof *read);

	views->under_way++;
	read->views = views;
	read->key = arena_strdup(views->arena, key);
	read->context = context;
	cable_pass(&views->requests, on_request, read);
	return read;
}

/* The reads' memory is cleared when no read is under way. */
static void end(struct memory_views *views)
{
	if (--views->under_way == 0)
		arena_clear(views->arena);
}

/* ---- allocations ---- */

static int by_sku_and_quantity(const void *a, const void *b)
{
	const struct view_row *const *one = a, *const *other = b;
	int order = strcmp((*one)->sku, (*other)->sku);

	return order ? order : ((*one)->qty > (*other)->qty) - ((*one)->qty < (*other)->qty);
}

static size_t find_views(const struct memory_read *read, const struct view_row ***found)
{
	const struct database *database = read->views->database;
	size_t count = 0;

	*found = NULL;
	for (size_t i = 0; i < database->view_count; i++) {
		const struct view_row *row = database->view_list[i];

		if (row->batchref && !strcmp(row->orderid, read->key)) {
			*found = arena_grow(read->views->arena, *found, count, sizeof **found);
			(*found)[count++] = row;
		}
	}
	if (count)
		qsort(*found, count, sizeof **found, by_sku_and_quantity);
	return count;
}

static void on_allocations(void *context)
{
	struct memory_read *read = context;
	const struct failure *failure = failure_of(read->views);
	const struct view_row **found;
	size_t count = failure ? 0 : find_views(read, &found);
	struct allocation_row *rows = arena_alloc(read->views->arena, (count + 1) * sizeof *rows);

	for (size_t i = 0; i < count; i++)
		rows[i] = (struct allocation_row){found[i]->sku, found[i]->qty, found[i]->batchref};
	read->allocations_done(read->context, rows, count, failure);
	end(read->views);
}

static void allocations(struct views *port, const char *orderid, allocations_done *done, void *context)
{
	begin(port, orderid, on_allocations, context)->allocations_done = done;
}

/* ---- products and batches ---- */

static struct batch_view view_of(const struct batch_row *row)
{
	return (struct batch_view){row->reference, row->eta, row->purchased, row->allocated};
}

/* Returns the first batch of the page, or NULL. */
static const struct batch_row *first_batch(const struct memory_read *read, const struct product_row *product,
					   struct stock_page *page)
{
	const struct batch_row *after = database_batch(read->views->database, read->after);

	if (!*read->after)
		return product->batches;
	page->after_is_unknown = !after || strcmp(after->sku, product->sku) != 0;
	return page->after_is_unknown ? NULL : after->next;
}

static void on_product(void *context)
{
	struct memory_read *read = context;
	const struct failure *failure = failure_of(read->views);
	const struct product_row *product = database_product(read->views->database, read->key);
	struct batch_view *batches =
		arena_alloc(read->views->arena, (BATCHES_READ_MAX + 1) * sizeof *batches);
	struct stock_page page = {.batches = batches};

	if (product && !failure) {
		page.sku = product->sku;
		page.version = product->version;
		for (const struct batch_row *row = first_batch(read, product, &page);
		     row && page.count <= BATCHES_READ_MAX; row = row->next)
			batches[page.count++] = view_of(row);
	}
	read->stock_done(read->context, &page, failure);
	end(read->views);
}

static void product(struct views *port, const char *sku, const char *after, stock_done *done, void *context)
{
	struct memory_read *read = begin(port, sku, on_product, context);

	read->after = arena_strdup(read->views->arena, after);
	read->stock_done = done;
}

static void on_batch(void *context)
{
	struct memory_read *read = context;
	const struct failure *failure = failure_of(read->views);
	const struct batch_row *row = database_batch(read->views->database, read->key);
	struct stock_page page = {0};
	struct batch_view view;

	if (row && !failure) {
		view = view_of(row);
		page = (struct stock_page){.sku = row->sku, .batches = &view, .count = 1};
		page.version = database_version(read->views->database, row->sku);
	}
	read->stock_done(read->context, &page, failure);
	end(read->views);
}

static void batch(struct views *port, const char *batchref, stock_done *done, void *context)
{
	begin(port, batchref, on_batch, context)->stock_done = done;
}

/* ---- events ---- */

/* Returns the row's part with events of that SKU after the version, or NULL. */
static const struct stored_outbox_part *part_after(const struct stored_outbox_row *row, const char *sku,
						   int64_t version)
{
	for (size_t i = 0; i < row->part_count; i++) {
		if (row->parts[i].last_version > version && !strcmp(row->parts[i].sku, sku))
			return &row->parts[i];
	}
	return NULL;
}

/* All rows of a SKU are in one partition, in the order of their versions. */
static size_t find_frames(const struct memory_read *read, struct event_frame *frames)
{
	const struct outbox_partition *partition = &read->views->database->outbox[partition_of(read->key)];
	int64_t first = 0;
	size_t count = 0;

	for (size_t i = partition->deleted; i < partition->count && count < FRAMES_MAX; i++) {
		const struct stored_outbox_row *row = &partition->rows[i];
		const struct stored_outbox_part *part = part_after(row, read->key, read->version);

		if (!part)
			continue;
		if (count == 0)
			first = part->first_version > read->version ? part->first_version : read->version + 1;
		if (part->first_version > first + EVENTS_READ_MAX)
			break;
		frames[count++] = (struct event_frame){part->first_version, stored_outbox_events(row, part)};
	}
	return count;
}

static void on_events(void *context)
{
	struct memory_read *read = context;
	const struct failure *failure = failure_of(read->views);
	struct event_frame *frames = arena_alloc(read->views->arena, FRAMES_MAX * sizeof *frames);
	const struct database *database = read->views->database;
	const struct product_row *product = database_product(database, read->key);
	struct events_page page = {
		.epoch = database->lives,
		.version = product ? product->version : 0,
		.after = read->version,
		.frames = frames,
		.count = failure ? 0 : find_frames(read, frames),
	};

	read->events_done(read->context, &page, failure);
	end(read->views);
}

/* Where an epoch begins is not known, so a read that knows of an earlier one begins with the first event. */
static void events(struct views *port, const char *sku, int64_t epoch, int64_t version, events_done *done,
		   void *context)
{
	struct memory_read *read = begin(port, sku, on_events, context);

	read->version = epoch < read->views->database->lives ? 0 : version;
	read->events_done = done;
}

/* ---- gaps of the subscription ---- */

static void on_gaps(void *context)
{
	struct memory_read *read = context;
	const struct database *database = read->views->database;
	const struct failure *failure = failure_of(read->views);
	struct subscription_gap gaps[GAPS_READ_MAX];
	size_t count = 0;

	for (size_t i = database->blind_window_count; i > 0 && !failure && count < GAPS_READ_MAX; i--)
		gaps[count++] = database->blind_windows[i - 1];
	read->gaps_done(read->context, gaps, count, failure);
	end(read->views);
}

static void read_gaps(struct views *port, gaps_done *done, void *context)
{
	begin(port, "", on_gaps, context)->gaps_done = done;
}

/* ---- ping ---- */

static void on_ping(void *context)
{
	struct memory_read *read = context;

	read->ping_done(read->context, &read->views->health, failure_of(read->views));
	end(read->views);
}

static void ping(struct views *port, ping_done *done, void *context)
{
	begin(port, "", on_ping, context)->ping_done = done;
}

/* ---- */

struct memory_views *memory_views_new(struct database *database)
{
	static const struct views_ops ops = {allocations, product, batch, events, read_gaps, ping};
	struct memory_views *views = must_alloc(sizeof *views);

	views->views.ops = &ops;
	views->database = database;
	views->arena = arena_new(1024);
	views->health.now_us = NO_INSTANT;
	cable_init(&views->requests, database->simulation);
	return views;
}

void memory_views_free(struct memory_views **views)
{
	if (!*views)
		return;
	cable_clear(&(*views)->requests);
	arena_free(&(*views)->arena);
	free(*views);
	*views = NULL;
}

void memory_views_set_health(struct memory_views *views, struct database_health health)
{
	views->health = health;
}

struct views *memory_views_port(struct memory_views *views)
{
	return &views->views;
}

struct cable *memory_views_requests(struct memory_views *views)
{
	return &views->requests;
}
