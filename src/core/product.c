/* The rules of allocation: which batch a line is allocated from, and what happens when a batch shrinks. */
#include "core/product_internal.h"

#include <assert.h>
#include <string.h>

/* ---- marking what has changed ---- */

static void touch(struct product *product)
{
	if (!product->changed)
		SET(product, product->changed, true);
}

static void touch_batch(struct product *product, struct batch *batch)
{
	if (!batch->changed)
		SET(product, batch->changed, true);
	touch(product);
}

static void touch_line(struct product *product, struct allocation *allocation)
{
	if (!allocation->changed) {
		SET(product, allocation->changed, true);
		SET(product, allocation->next_changed, product->changed_lines);
		SET(product, product->changed_lines, allocation);
	}
	touch(product);
}

/* ---- events ---- */

static struct message *raise_event(struct product *product, enum message_type type)
{
	struct event *event = arena_alloc(product->arena, sizeof *event);

	message_init(&event->message, type);
	if (product->last_event)
		SET(product, product->last_event->next, event);
	else
		SET(product, product->events, event);
	SET(product, product->last_event, event);
	SET(product, product->version, product->version + 1);
	touch(product);
	return &event->message;
}

static void record_allocated(struct product *product, const struct batch *batch,
			     const struct order_line *line)
{
	struct line_allocated *event = &raise_event(product, MSG_LINE_ALLOCATED)->as.line_allocated;

	event->orderid = line->orderid;
	event->sku = product->sku;
	event->qty = line->qty;
	event->batchref = batch->reference;
	event->version = product->version;
}

static void record_deallocated(struct product *product, const struct batch *batch,
			       const struct order_line *line, const char *reason)
{
	struct line_deallocated *event = &raise_event(product, MSG_LINE_DEALLOCATED)->as.line_deallocated;

	event->orderid = line->orderid;
	event->sku = product->sku;
	event->qty = line->qty;
	event->batchref = batch->reference;
	event->version = product->version;
	event->reason = reason;
}

static void record_shipped(struct product *product, const struct batch *batch, const struct order_line *line)
{
	struct line_shipped *event = &raise_event(product, MSG_LINE_SHIPPED)->as.line_shipped;

	event->orderid = line->orderid;
	event->sku = product->sku;
	event->qty = line->qty;
	event->batchref = batch->reference;
	event->version = product->version;
}

static void record_out_of_stock(struct product *product, const struct order_line *line)
{
	struct out_of_stock *event = &raise_event(product, MSG_OUT_OF_STOCK)->as.out_of_stock;

	event->sku = product->sku;
	event->orderid = line->orderid;
	event->qty = line->qty;
	event->version = product->version;
}

struct event *product_collect_events(struct product *product)
{
	struct event *events = product->events;

	product->events = NULL;
	product->last_event = NULL;
	return events;
}

/* ---- preference ---- */

int preference_compare(struct preference a, struct preference b)
{
	if (a.eta != b.eta)
		return a.eta < b.eta ? -1 : 1;
	if (!a.reference || !b.reference)
		return !a.reference - !b.reference;
	return strcmp(a.reference, b.reference);
}

struct preference batch_preference(const struct batch *batch)
{
	return (struct preference){batch->eta, batch->reference};
}

/* ---- what is loaded ---- */

int32_t batch_free(const struct batch *batch)
{
	return batch->purchased - batch->allocated;
}

/* This many quantities are asked for exactly; any other is rounded down to a power of two. */
#define EXACT_RANGES 8

struct stock_range *product_range(const struct product *product, int32_t fitting)
{
	for (size_t i = 0; i < product->range_count; i++) {
		if (product->ranges[i].fitting == fitting)
			return &product->ranges[i];
	}
	return NULL;
}

struct preference product_loaded_to(const struct product *product, int32_t qty)
{
	struct preference place = PREFERENCE_START;

	for (size_t i = 0; i < product->range_count; i++) {
		const struct stock_range *range = &product->ranges[i];

		if (range->fitting <= qty && preference_compare(place, range->up_to) < 0)
			place = range->up_to;
	}
	return place;
}

static int32_t power_of_two_in(int32_t qty)
{
	int shift = 0;

	while (qty >> (shift + 1))
		shift++;
	return 1 << shift;
}

/*
 * The free stock to ask for when a line of `qty` needs a batch: exactly `qty`, because many batches may have
 * slightly less.  A shrink may move lines of many different quantities, and must not need a load for each.
 */
static int32_t fitting_for(const struct product *product, int32_t qty)
{
	if (product->range_count < EXACT_RANGES || product_range(product, qty))
		return qty;
	return power_of_two_in(qty);
}

static int32_t count_batches(const struct product *product)
{
	int32_t count = 0;

	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		count++;
	return count;
}

/*
 * Doubles the number of loaded batches, so that a command that repeatedly needs more is redone only O(log n)
 * times.
 */
static void ask_for_batches(struct product *product, int32_t qty)
{
	int32_t fitting = fitting_for(product, qty);

	product->need = (struct need){
		.fitting = fitting,
		.after = product_loaded_to(product, fitting),
		.batches = count_batches(product),
	};
}

/* Finds the most preferred batch with `qty` free, or NULL; NEEDS_MORE if too little is loaded to decide. */
static enum verdict soonest_batch_with(struct product *product, int32_t qty, struct batch **found)
{
	struct preference loaded_to = product_loaded_to(product, qty);
	struct batch *batch = product->batches;

	while (batch && batch_free(batch) < qty)
		batch = batch->next;
	*found = batch;
	if (preference_compare(batch ? batch_preference(batch) : PREFERENCE_END, loaded_to) <= 0)
		return ACCEPTED;
	ask_for_batches(product, qty);
	return NEEDS_MORE;
}

/* ---- allocating ---- */

static void take(struct product *product, struct batch *batch, struct allocation *allocation)
{
	SET(product, batch->allocated, batch->allocated + allocation->line.qty);
	touch_batch(product, batch);
	record_allocated(product, batch, &allocation->line);
	SET(product, allocation->batch, batch);
	SET(product, allocation->version, product->version);
	product_link_line(product, batch, allocation);
	touch_line(product, allocation);
}

enum verdict product_allocate(struct product *product, const struct order_line *line)
{
	struct allocation *allocation = product_line(product, line->orderid, line->qty);
	struct batch *batch;

	assert(!product->shrink);
	if (allocation && (allocation->batch || allocation->displaced))
		return SKIP_DUPLICATE;
	if (soonest_batch_with(product, line->qty, &batch) == NEEDS_MORE)
		return NEEDS_MORE;
	if (!batch) {
		record_out_of_stock(product, line);
		return ACCEPTED;
	}
	take(product, batch, allocation ? allocation : product_add_line(product, line->orderid, line->qty));
	return ACCEPTED;
}

/* ---- giving stock back, and shipping ---- */

/* The line no longer takes its quantity from its batch, which holds it. */
static void release(struct product *product, struct allocation *allocation)
{
	struct batch *batch = allocation->batch;

	product_unlink_line(product, batch, allocation);
	SET(product, batch->allocated, batch->allocated - allocation->line.qty);
	touch_batch(product, batch);
	SET(product, allocation->batch, NULL);
	touch_line(product, allocation);
}

enum verdict product_deallocate(struct product *product, const struct order_line *line)
{
	struct allocation *allocation = product_line(product, line->orderid, line->qty);

	assert(!product->shrink);
	if (!allocation || !allocation->batch)
		return SKIP_NOT_ALLOCATED;
	record_deallocated(product, allocation->batch, &allocation->line, LINE_DEALLOCATED_REASON_CANCELLED);
	release(product, allocation);
	return ACCEPTED;
}

enum verdict product_ship(struct product *product, const struct order_line *line)
{
	struct allocation *allocation = product_line(product, line->orderid, line->qty);

	assert(!product->shrink);
	if (!allocation || !allocation->batch)
		return SKIP_NOT_ALLOCATED;
	record_shipped(product, allocation->batch, &allocation->line);
	SET(product, allocation->batch->purchased, allocation->batch->purchased - allocation->line.qty);
	release(product, allocation);
	return ACCEPTED;
}

/* ---- new stock ---- */

enum verdict product_add_batch(struct product *product, const char *reference, int32_t qty, int32_t eta)
{
	struct batch *batch = product_batch(product, reference);

	assert(!product->shrink);
	if (batch)
		return batch->eta == eta && batch->original_qty == qty ? SKIP_DUPLICATE
								       : REJECT_BATCHREF_TAKEN;
	batch = arena_alloc(product->arena, sizeof *batch);
	*batch = (struct batch){
		.reference = reference,
		.eta = eta,
		.original_qty = qty,
		.purchased = qty,
		.changed_at = NO_INSTANT,
	};
	product_insert_batch(product, batch);
	touch_batch(product, batch);
	return ACCEPTED;
}

/* ---- shrinking ---- */

static void give_up_newest(struct product *product, struct batch *batch)
{
	struct allocation *allocation = batch->newest;

	record_deallocated(product, batch, &allocation->line, LINE_DEALLOCATED_REASON_BATCH_SHRUNK);
	release(product, allocation);
	product_displace(product, allocation);
}

static bool is_newest_loaded(const struct batch *batch)
{
	return batch->newest && batch->newest->version >= batch->lines_from;
}

/*
 * Returns the quantity of the lines that this unit took out of the batch, and that a store would still load
 * as lines of the batch: too much rather than too little, because a line's version changes with its batch.
 */
static int64_t count_released(const struct product *product, const struct batch *batch)
{
	int64_t qty = 0;

	for (const struct allocation *it = product->changed_lines; it; it = it->next_changed) {
		if (it->stored_batch == batch && it->batch != batch &&
		    (it->batch || it->version < batch->lines_from))
			qty += it->line.qty;
	}
	return qty;
}

static void ask_for_lines(struct product *product, struct batch *batch, int32_t target)
{
	int64_t qty = batch->allocated - target + count_released(product, batch);

	product->need = (struct need){
		.lines_of = batch,
		.lines_qty = qty < INT32_MAX ? (int32_t)qty : INT32_MAX,
	};
}

/*
 * Deallocates the newest lines, at most `move_max`, until the batch fits `target`.  While it does not fit,
 * its purchased quantity equals its allocated one: never less, and with no free stock for other lines.
 */
static enum verdict fit_batch(struct product *product, struct batch *batch, int32_t target)
{
	for (int moved = 0; batch->allocated > target && moved < product->move_max; moved++) {
		if (!is_newest_loaded(batch)) {
			ask_for_lines(product, batch, target);
			return NEEDS_MORE;
		}
		give_up_newest(product, batch);
	}
	SET(product, batch->purchased, batch->allocated > target ? batch->allocated : target);
	touch_batch(product, batch);
	return ACCEPTED;
}

static void set_shrink(struct product *product, struct shrink *shrink)
{
	SET(product, product->shrink, shrink);
	SET(product, product->shrink_changed, true);
	touch(product);
}

static void begin_shrink(struct product *product, struct batch *batch, int32_t target)
{
	struct shrink *shrink = arena_alloc(product->arena, sizeof *shrink);

	shrink->batch = batch;
	shrink->target = target;
	shrink->all_displaced = true;
	set_shrink(product, shrink);
}

static bool is_out_of_date(const struct batch *batch, int64_t occurred_at)
{
	return occurred_at != NO_INSTANT && occurred_at < batch->changed_at;
}

enum verdict product_change_quantity(struct product *product, struct batch *batch, int32_t qty,
				     int64_t occurred_at)
{
	assert(!product->shrink);
	if (is_out_of_date(batch, occurred_at))
		return SKIP_OUT_OF_DATE;
	if (fit_batch(product, batch, qty) == NEEDS_MORE)
		return NEEDS_MORE;
	if (occurred_at != NO_INSTANT)
		SET(product, batch->changed_at, occurred_at);
	if (batch->allocated > qty)
		begin_shrink(product, batch, qty);
	return ACCEPTED;
}

void product_set_shrink_cause(struct product *product, const char *cause, const char *traceparent)
{
	product->shrink->cause = cause;
	product->shrink->traceparent = traceparent;
}

/* ---- reallocating displaced lines ---- */

static enum verdict reallocate_oldest(struct product *product)
{
	struct allocation *allocation = product->oldest_displaced;
	struct batch *batch;

	if (soonest_batch_with(product, allocation->line.qty, &batch) == NEEDS_MORE)
		return NEEDS_MORE;
	product_undisplace_oldest(product);
	touch_line(product, allocation);
	if (batch)
		take(product, batch, allocation);
	else
		record_out_of_stock(product, &allocation->line);
	return ACCEPTED;
}

enum verdict product_reallocate_next(struct product *product)
{
	if (product->shrink || !product->oldest_displaced)
		return ACCEPTED;
	return reallocate_oldest(product);
}

static enum verdict reallocate_many(struct product *product)
{
	for (int moved = 0; product->oldest_displaced && moved < product->move_max; moved++) {
		if (reallocate_oldest(product) == NEEDS_MORE)
			return NEEDS_MORE;
	}
	if (!product->oldest_displaced && product->shrink->all_displaced)
		set_shrink(product, NULL);
	return ACCEPTED;
}

enum verdict product_continue_shrink(struct product *product)
{
	struct shrink *shrink = product->shrink;

	assert(shrink);
	if (shrink->batch->allocated > shrink->target)
		return fit_batch(product, shrink->batch, shrink->target);
	if (!product->oldest_displaced && !shrink->all_displaced) {
		product->need = (struct need){.displaced = true};
		return NEEDS_MORE;
	}
	return reallocate_many(product);
}
