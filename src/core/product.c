/* The rules of allocation: which batch takes a line, and what happens when a batch shrinks. */
#include "core/product.h"

#include "core/base/hash.h"

#include <assert.h>
#include <string.h>

/* ---- changing things, with a way back ---- */

#define SET(product, field, value)                                                                           \
	(journal_keep((product)->journal, (product)->arena, &(field), sizeof(field)), (field) = (value))

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
			       const struct order_line *line)
{
	struct line_deallocated *event = &raise_event(product, MSG_LINE_DEALLOCATED)->as.line_deallocated;

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

int32_t batch_free(const struct batch *batch)
{
	return batch->purchased - batch->allocated;
}

/* ---- what is loaded ---- */

/* So many quantities are asked for exactly, further ones by the next lower power of two. */
#define EXACT_RANGES 8

static struct stock_range *range_of(const struct product *product, int32_t fitting)
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
 * What stock to ask for, for a line of `qty`.  Exactly that, because batches with a little less may be many;
 * but a shrink may move lines of a great many quantities, and they must not mean a load each.
 */
static int32_t fitting_for(const struct product *product, int32_t qty)
{
	if (product->range_count < EXACT_RANGES || range_of(product, qty))
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

/* As many again as are there: whoever asks and is undone and asks again, asks seldom. */
static void ask_for_batches(struct product *product, int32_t qty)
{
	int32_t fitting = fitting_for(product, qty);

	product->need = (struct need){
		.fitting = fitting,
		.after = product_loaded_to(product, fitting),
		.batches = count_batches(product),
	};
}

/* The first batch in order of preference that can take `qty`, or NULL; NEEDS_MORE when that is not known. */
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

/* ---- the product's parts ---- */

struct product *product_new(struct arena *arena, struct journal *journal, const char *sku, int move_max)
{
	struct product *product = arena_alloc(arena, sizeof *product);

	product->sku = sku;
	product->arena = arena;
	product->journal = journal;
	product->move_max = move_max;
	return product;
}

struct batch *product_batch(const struct product *product, const char *reference)
{
	struct batch *batch = product->batches;

	while (batch && strcmp(batch->reference, reference))
		batch = batch->next;
	return batch;
}

static void insert_batch(struct product *product, struct batch *batch)
{
	struct batch **place = &product->batches;

	while (*place && preference_compare(batch_preference(*place), batch_preference(batch)) < 0)
		place = &(*place)->next;
	batch->next = *place;
	SET(product, *place, batch);
}

static size_t bucket_of(const char *orderid, int32_t qty)
{
	return (size_t)(hash_text_with(orderid, (uint64_t)qty) % LINE_BUCKETS);
}

struct allocation *product_line(const struct product *product, const char *orderid, int32_t qty)
{
	struct allocation *allocation = product->lines[bucket_of(orderid, qty)];

	while (allocation && (allocation->line.qty != qty || strcmp(allocation->line.orderid, orderid)))
		allocation = allocation->next_in_bucket;
	return allocation;
}

static struct allocation *add_line(struct product *product, const char *orderid, int32_t qty)
{
	struct allocation *allocation = arena_alloc(product->arena, sizeof *allocation);
	struct allocation **bucket = &product->lines[bucket_of(orderid, qty)];

	allocation->line = (struct order_line){orderid, product->sku, qty};
	allocation->next_in_bucket = *bucket;
	SET(product, *bucket, allocation);
	return allocation;
}

/* The newest line of all, and one older than all (as they are loaded), find their place at once. */
static void link_line(struct product *product, struct batch *batch, struct allocation *allocation)
{
	struct allocation **place = &batch->newest;

	if (batch->oldest_loaded && batch->oldest_loaded->version > allocation->version)
		place = &batch->oldest_loaded->older;
	while (*place && (*place)->version > allocation->version)
		place = &(*place)->older;
	SET(product, allocation->older, *place);
	SET(product, *place, allocation);
	if (!allocation->older)
		SET(product, batch->oldest_loaded, allocation);
}

static void unlink_newest(struct product *product, struct batch *batch)
{
	SET(product, batch->newest, batch->newest->older);
	if (!batch->newest)
		SET(product, batch->oldest_loaded, NULL);
}

/* The oldest of all (as a batch gives them up), and one newer than all (as they are loaded), do so too. */
static void displace(struct product *product, struct allocation *allocation)
{
	struct allocation **place = &product->oldest_displaced;

	if (product->newest_displaced && product->newest_displaced->version < allocation->version)
		place = &product->newest_displaced->newer;
	while (*place && (*place)->version < allocation->version)
		place = &(*place)->newer;
	SET(product, allocation->newer, *place);
	SET(product, *place, allocation);
	if (!allocation->newer)
		SET(product, product->newest_displaced, allocation);
	SET(product, allocation->displaced, true);
}

static void undisplace_oldest(struct product *product)
{
	struct allocation *allocation = product->oldest_displaced;

	SET(product, product->oldest_displaced, allocation->newer);
	if (!product->oldest_displaced)
		SET(product, product->newest_displaced, NULL);
	SET(product, allocation->displaced, false);
}

/* ---- allocating ---- */

static void take(struct product *product, struct batch *batch, struct allocation *allocation)
{
	SET(product, batch->allocated, batch->allocated + allocation->line.qty);
	touch_batch(product, batch);
	record_allocated(product, batch, &allocation->line);
	SET(product, allocation->batch, batch);
	SET(product, allocation->version, product->version);
	link_line(product, batch, allocation);
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
	take(product, batch, allocation ? allocation : add_line(product, line->orderid, line->qty));
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
	insert_batch(product, batch);
	touch_batch(product, batch);
	return ACCEPTED;
}

/* ---- shrinking ---- */

static void give_up_newest(struct product *product, struct batch *batch)
{
	struct allocation *allocation = batch->newest;

	unlink_newest(product, batch);
	SET(product, batch->allocated, batch->allocated - allocation->line.qty);
	record_deallocated(product, batch, &allocation->line);
	SET(product, allocation->batch, NULL);
	displace(product, allocation);
	touch_line(product, allocation);
}

static bool is_newest_loaded(const struct batch *batch)
{
	return batch->newest && batch->newest->version >= batch->lines_from;
}

/*
 * Gives up the newest lines until the batch fits `target`, `move_max` lines at most.  As long as it does not,
 * it holds just what is allocated from it: never less than that, and nothing free for other lines.
 */
static enum verdict fit_batch(struct product *product, struct batch *batch, int32_t target)
{
	for (int moved = 0; batch->allocated > target && moved < product->move_max; moved++) {
		if (!is_newest_loaded(batch)) {
			product->need =
				(struct need){.lines_of = batch, .lines_qty = batch->allocated - target};
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

/* ---- allocating again what was given up ---- */

static enum verdict reallocate_oldest(struct product *product)
{
	struct allocation *allocation = product->oldest_displaced;
	struct batch *batch;

	if (soonest_batch_with(product, allocation->line.qty, &batch) == NEEDS_MORE)
		return NEEDS_MORE;
	undisplace_oldest(product);
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

/* ---- what was kept comes back ---- */

/* Every line that is stored is as old as the product's last event, or older: newer ones are in memory. */
int64_t product_lines_from(const struct product *product, int32_t allocated)
{
	return allocated == 0 ? 0 : product->version + 1;
}

struct batch *product_put_batch(struct product *product, const struct batch *kept)
{
	struct batch *batch = product_batch(product, kept->reference);

	if (batch)
		return batch;
	batch = arena_copy(product->arena, kept, sizeof *kept);
	batch->newest = batch->oldest_loaded = NULL;
	batch->next = NULL;
	batch->lines_from = product_lines_from(product, batch->allocated);
	batch->changed = false;
	batch->stored = true;
	insert_batch(product, batch);
	return batch;
}

struct allocation *product_put_line(struct product *product, struct batch *batch, const char *orderid,
				    int32_t qty, int64_t version)
{
	struct allocation *allocation = product_line(product, orderid, qty);

	if (allocation) {
		if (!allocation->stored_batch && !allocation->stored_displaced)
			product->contradicted = true;
		return allocation;
	}
	allocation = add_line(product, orderid, qty);
	allocation->version = version;
	allocation->batch = allocation->stored_batch = batch;
	if (batch) {
		link_line(product, batch, allocation);
	} else {
		allocation->stored_displaced = true;
		displace(product, allocation);
	}
	return allocation;
}

static struct stock_range *add_range(struct product *product, int32_t fitting)
{
	struct stock_range *range;

	product->ranges =
		arena_grow(product->arena, product->ranges, product->range_count, sizeof *product->ranges);
	range = &product->ranges[product->range_count++];
	*range = (struct stock_range){fitting, PREFERENCE_START};
	return range;
}

void product_put_range(struct product *product, int32_t fitting, struct preference up_to)
{
	struct stock_range *range = range_of(product, fitting);

	if (!range)
		range = add_range(product, fitting);
	if (preference_compare(range->up_to, up_to) < 0)
		range->up_to = up_to;
}

void product_put_shrink(struct product *product, const struct shrink *kept)
{
	if (product->shrink || product->shrink_stored)
		return;
	product->shrink = arena_copy(product->arena, kept, sizeof *kept);
	product->shrink_stored = true;
}
