/* Loads the part of each product that a unit of work asks for; handlers ask for more if necessary. */
#include "adapters/memory/store/load.h"

#include "bus/ports/unit_store.h"
#include "core/product_repository.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *copied(struct unit_of_work *uow, const char *text)
{
	return text ? arena_strdup(uow->arena, text) : NULL;
}

/* ---- batches ---- */

static struct batch *put_batch(struct unit_of_work *uow, struct product *product, const struct batch_row *row)
{
	struct batch *there = product_batch(product, row->reference);
	struct batch kept = {
		.reference = row->reference,
		.eta = row->eta,
		.original_qty = row->original_qty,
		.purchased = row->purchased,
		.allocated = row->allocated,
		.changed_at = row->changed_at,
	};

	if (there)
		return there;
	kept.reference = copied(uow, row->reference);
	return product_put_batch(product, &kept);
}

/* Puts the next batches with `fitting` free stock beyond `after`; if fewer than `at_most`, no more exist. */
static void put_fitting(struct unit_of_work *uow, struct product *product, const struct product_row *row,
			int32_t fitting, struct preference after, int32_t at_most)
{
	struct preference up_to = PREFERENCE_END;
	int count = 0;

	for (const struct batch_row *batch = row->batches; batch && count < at_most; batch = batch->next) {
		struct preference place = {batch->eta, batch->reference};

		if (batch->purchased - batch->allocated < fitting || preference_compare(place, after) <= 0)
			continue;
		put_batch(uow, product, batch);
		if (++count == at_most)
			up_to = (struct preference){batch->eta, copied(uow, batch->reference)};
	}
	product_put_range(product, fitting, up_to);
}

/* ---- lines ---- */

struct found_lines {
	const struct line_row **rows;
	size_t count;
};

static void find_line(struct unit_of_work *uow, struct found_lines *found, const struct line_row *row)
{
	found->rows = arena_grow(uow->arena, found->rows, found->count, sizeof *found->rows);
	found->rows[found->count++] = row;
}

static int64_t version_at(const void *place)
{
	const struct line_row *const *row = place;

	return (*row)->version;
}

static int oldest_first(const void *a, const void *b)
{
	return version_at(a) < version_at(b) ? -1 : version_at(a) > version_at(b);
}

static int newest_first(const void *a, const void *b)
{
	return oldest_first(b, a);
}

static void sort(struct found_lines *found, int (*compare)(const void *, const void *))
{
	if (found->count)
		qsort(found->rows, found->count, sizeof *found->rows, compare);
}

static void put_line(struct unit_of_work *uow, struct product *product, struct batch *batch,
		     const struct line_row *row)
{
	product_put_line(product, batch, copied(uow, row->orderid), row->qty, row->version);
}

/* Puts the newest lines of the batch that are not loaded, at most `max`, until they add up to `qty`. */
static void put_newest_lines(struct unit_of_work *uow, struct product *product, const struct product_row *row,
			     struct batch *batch, int64_t qty, size_t max)
{
	struct found_lines found = {0};
	size_t put = 0;

	for (const struct line_row *line = row->lines; line; line = line->next) {
		if (line->batchref && !strcmp(line->batchref, batch->reference) &&
		    line->version < batch->lines_from)
			find_line(uow, &found, line);
	}
	sort(&found, newest_first);
	for (int64_t sum = 0; put < found.count && put < max && sum < qty; put++) {
		put_line(uow, product, batch, found.rows[put]);
		sum += found.rows[put]->qty;
	}
	if (put == found.count)
		batch->lines_from = 0;
	else if (put)
		batch->lines_from = found.rows[put - 1]->version;
}

static void put_oldest_displaced(struct unit_of_work *uow, struct product *product,
				 const struct product_row *row)
{
	struct found_lines found = {0};

	for (const struct line_row *line = row->lines; line; line = line->next) {
		if (line->displaced)
			find_line(uow, &found, line);
	}
	sort(&found, oldest_first);
	for (size_t i = 0; i < found.count && i < (size_t)uow->move_max; i++)
		put_line(uow, product, NULL, found.rows[i]);
	product->shrink->all_displaced = found.count < (size_t)uow->move_max;
}

/* ---- products ---- */

static void put_shrink(const struct database *database, struct unit_of_work *uow, struct product *product,
		       const struct shrink_row *row)
{
	struct shrink kept = {
		.batch = put_batch(uow, product, database_batch(database, row->batchref)),
		.target = row->target,
		.cause = copied(uow, row->cause),
		.traceparent = copied(uow, row->traceparent),
	};

	product_put_shrink(product, &kept);
}

/* Returns the unit's product of that row; a new one gets its first batches with free stock and its shrink. */
static struct product *put_product(const struct database *database, struct unit_of_work *uow,
				   const struct product_row *row)
{
	struct product *product =
		unit_of_work_put_product(uow, row->sku, row->key, row->version, row->revision, 0);

	if (preference_compare(product_loaded_to(product, 1), PREFERENCE_START) != 0)
		return product;
	put_fitting(uow, product, row, 1, PREFERENCE_START, OPEN_BATCHES);
	if (row->shrink.batchref)
		put_shrink(database, uow, product, &row->shrink);
	return product;
}

static void serve_need(struct unit_of_work *uow, struct product *product, const struct product_row *row)
{
	struct need need = product->need;

	if (need.fitting)
		put_fitting(uow, product, row, need.fitting, need.after, batches_needed(need.batches));
	if (need.lines_of)
		put_newest_lines(uow, product, row, need.lines_of, need.lines_qty, (size_t)uow->move_max);
	if (need.displaced)
		put_oldest_displaced(uow, product, row);
	product->need = (struct need){0};
}

/* ---- what the unit asks for ---- */

static bool is_up_to_date(const struct database *database, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product *product = uow->products[i]->product;
		const struct product_row *row = product ? database_product(database, product->sku) : NULL;

		if (product && need_is_any(&product->need) && product->revision != (row ? row->revision : 0))
			return false;
	}
	return true;
}

static void serve_needs(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product *product = uow->products[i]->product;
		const struct product_row *row = product ? database_product(database, product->sku) : NULL;

		if (row)
			serve_need(uow, product, row);
	}
}

static void load_products(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product_slot *slot = uow->products[i];
		const struct product_row *row = slot->loaded ? NULL : database_product(database, slot->sku);

		if (row)
			put_product(database, uow, row);
		slot->loaded = true;
	}
}

static void load_batch(const struct database *database, struct unit_of_work *uow,
		       const struct batch_slot *slot, const struct batch_row *row)
{
	const struct product_row *owner = database_product(database, row->sku);
	struct product *product = put_product(database, uow, owner);
	struct batch *batch = put_batch(uow, product, row);

	unit_of_work_put_batch_owner(uow, slot->reference, row->sku);
	if (slot->lowest_qty < row->allocated)
		put_newest_lines(uow, product, owner, batch, row->allocated - slot->lowest_qty, FIRST_LINES);
}

static void load_batches(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->batch_count; i++) {
		struct batch_slot *slot = uow->batches[i];
		const struct batch_row *row = slot->loaded ? NULL : database_batch(database, slot->reference);

		if (row)
			load_batch(database, uow, slot, row);
		slot->loaded = true;
	}
}

static struct product *product_of(const struct unit_of_work *uow, const char *sku)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		if (!strcmp(uow->products[i]->sku, sku))
			return uow->products[i]->product;
	}
	return NULL;
}

/* As in Postgres, a line of a SKU that an earlier load did not find has no effect. */
static void load_line(const struct database *database, struct unit_of_work *uow, const struct line_row *row)
{
	struct product *product = product_of(uow, row->sku);
	struct batch *batch = NULL;

	if (!product)
		return;
	if (row->batchref)
		batch = put_batch(uow, product, database_batch(database, row->batchref));
	put_line(uow, product, batch, row);
}

static void load_lines(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->line_count; i++) {
		struct line_slot *slot = uow->lines[i];
		const struct line_row *row =
			slot->loaded ? NULL : database_line(database, slot->sku, slot->orderid, slot->qty);

		if (row)
			load_line(database, uow, row);
		slot->loaded = true;
	}
}

static void load_inbox(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->inbox_count; i++) {
		struct inbox_slot *slot = uow->inbox[i];
		const struct inbox_row *row = slot->loaded ? NULL : database_inbox(database, slot->key);

		if (row)
			unit_of_work_put_spent(slot, row->digest);
		slot->loaded = true;
	}
}

static void load_replays(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->replay_count; i++) {
		struct replay_slot *slot = uow->replays[i];

		if (!slot->loaded)
			slot->is_stale = database_is_stale(database, slot->delivery->replay);
		slot->loaded = true;
	}
}

static void load_letters(const struct database *database, struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->letter_count; i++) {
		struct letter_slot *slot = uow->letters[i];
		const struct entry_place *entry = &slot->delivery->first;
		const struct dead_letter_row like = {.origin = entry->origin,
						     .incarnation = entry->incarnation,
						     .entry_id = entry->entry_id};

		if (!slot->loaded)
			slot->is_kept |= database_find_entry(database, &like) != NULL;
		slot->loaded = true;
	}
}

bool load_unit(const struct database *database, struct unit_of_work *uow)
{
	if (!is_up_to_date(database, uow))
		return false;
	serve_needs(database, uow);
	load_products(database, uow);
	load_batches(database, uow);
	load_lines(database, uow);
	load_inbox(database, uow);
	load_replays(database, uow);
	load_letters(database, uow);
	uow->now = database_now(database);
	if (!uow->epoch)
		uow->epoch = database->lives;
	journal_forget(&uow->journal);
	return !uow->is_torn;
}

/* ---- for locking loads ---- */

bool load_is_first(const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		if (uow->products[i]->loaded)
			return false;
	}
	for (size_t i = 0; i < uow->batch_count; i++) {
		if (uow->batches[i]->loaded)
			return false;
	}
	return true;
}

struct lock_names load_locks(const struct database *database, const struct unit_of_work *uow,
			     struct arena *arena)
{
	struct lock_names names = {.arena = arena};

	for (size_t i = 0; i < uow->product_count; i++) {
		if (database_product(database, uow->products[i]->sku))
			lock_names_add(&names, "product", uow->products[i]->sku);
	}
	for (size_t i = 0; i < uow->batch_count; i++) {
		const struct batch_row *row = database_batch(database, uow->batches[i]->reference);

		if (row)
			lock_names_add(&names, "product", row->sku);
	}
	return names;
}
