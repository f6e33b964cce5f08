/* A product's parts (batches, lines, ranges of loaded stock), and how a store fills it. */
#include "core/product_internal.h"

#include "core/base/hash.h"

#include <string.h>

/* ---- batches and lines ---- */

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

void product_insert_batch(struct product *product, struct batch *batch)
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

struct allocation *product_add_line(struct product *product, const char *orderid, int32_t qty)
{
	struct allocation *allocation = arena_alloc(product->arena, sizeof *allocation);
	struct allocation **bucket = &product->lines[bucket_of(orderid, qty)];

	allocation->line = (struct order_line){orderid, product->sku, qty};
	allocation->next_in_bucket = *bucket;
	SET(product, *bucket, allocation);
	return allocation;
}

/* No search is needed for a line that is newer than all others, or older than all (the order of loading). */
void product_link_line(struct product *product, struct batch *batch, struct allocation *allocation)
{
	struct allocation *newer = NULL, *older = batch->newest;

	if (batch->oldest_loaded && batch->oldest_loaded->version > allocation->version) {
		newer = batch->oldest_loaded;
		older = NULL;
	}
	while (older && older->version > allocation->version) {
		newer = older;
		older = older->older;
	}
	SET(product, allocation->older, older);
	if (allocation->newer != newer)
		SET(product, allocation->newer, newer);
	SET(product, *(newer ? &newer->older : &batch->newest), allocation);
	SET(product, *(older ? &older->newer : &batch->oldest_loaded), allocation);
}

void product_unlink_line(struct product *product, struct batch *batch, struct allocation *allocation)
{
	struct allocation *newer = allocation->newer, *older = allocation->older;

	SET(product, *(newer ? &newer->older : &batch->newest), older);
	SET(product, *(older ? &older->newer : &batch->oldest_loaded), newer);
}

/*
 * No search is needed for a line that is older than all others (the order in which a batch loses them), or
 * newer than all (the order of loading).
 */
void product_displace(struct product *product, struct allocation *allocation)
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

void product_undisplace_oldest(struct product *product)
{
	struct allocation *allocation = product->oldest_displaced;

	SET(product, product->oldest_displaced, allocation->newer);
	if (!product->oldest_displaced)
		SET(product, product->newest_displaced, NULL);
	SET(product, allocation->displaced, false);
}

/* ---- what is stored is put in ---- */

/* A stored line's version is at most that of the product's last event; newer lines are in memory. */
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
	product_insert_batch(product, batch);
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
	allocation = product_add_line(product, orderid, qty);
	allocation->version = version;
	allocation->batch = allocation->stored_batch = batch;
	if (batch) {
		product_link_line(product, batch, allocation);
	} else {
		allocation->stored_displaced = true;
		product_displace(product, allocation);
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
	struct stock_range *range = product_range(product, fitting);

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

int64_t product_last_row(const struct product *product)
{
	return product->next_row ? product->next_row : product->last_row;
}
