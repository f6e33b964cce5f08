/* What only a store sees of a product, for tests. */
#include "support/stored_product.h"

#include "core/product_repository.h"

#include <check.h>
#include <string.h>

/* ---- what a store has loaded ---- */

struct stored_batch stored_batch(const struct batch *batch)
{
	return (struct stored_batch){.key = batch->key,
				     .reference = batch->reference,
				     .eta = batch->eta,
				     .original_qty = batch->original_qty,
				     .purchased = batch->purchased,
				     .allocated = batch->allocated,
				     .changed_at = batch->changed_at,
				     .lines_from = batch->lines_from};
}

int64_t stored_key(const struct product *product)
{
	return product->key;
}

int64_t stored_revision(const struct product *product)
{
	return product->revision;
}

int64_t stored_last_row(const struct product *product)
{
	return product->last_row;
}

const char *stored_references(const struct product *product)
{
	const char *text = "";

	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		text = arena_printf(product->arena, "%s%s%s", text, *text ? " " : "", batch->reference);
	return text;
}

const char *stored_up_to(const struct product *product, int32_t qty)
{
	struct preference place = product_loaded_to(product, qty);

	ck_assert_msg(place.reference || preference_compare(place, PREFERENCE_END) == 0,
		      "all batches of one ETA are loaded, and no later ones");
	return place.reference;
}

size_t stored_line_count(const struct batch *batch)
{
	size_t count = 0;

	for (const struct allocation *line = batch->newest; line; line = line->older)
		count++;
	return count;
}

static const struct allocation *loaded_line(const struct batch *batch, size_t i)
{
	const struct allocation *line = batch->newest;

	for (; i && line; i--)
		line = line->older;
	ck_assert_ptr_nonnull(line);
	return line;
}

const char *stored_line_orderid(const struct batch *batch, size_t i)
{
	return loaded_line(batch, i)->line.orderid;
}

int64_t stored_line_version(const struct batch *batch, size_t i)
{
	return loaded_line(batch, i)->version;
}

const struct batch *stored_lines_needed(const struct product *product, int32_t *qty)
{
	*qty = product->need.lines_qty;
	return product->need.lines_of;
}

/* ---- what a store puts into a product ---- */

struct product *stored_product(struct arena *arena, struct journal *journal, const char *sku, int64_t key,
			       int64_t version, int64_t revision)
{
	struct product *product = product_new(arena, journal, sku, MOVE_MAX_DEFAULT);

	product->key = key;
	product->version = version;
	product->revision = revision;
	return product;
}

void stored_put_batch(struct product *product, const struct stored_batch *stored)
{
	product_put_batch(product, &(struct batch){.key = stored->key,
						   .reference = stored->reference,
						   .eta = stored->eta,
						   .original_qty = stored->original_qty,
						   .purchased = stored->purchased,
						   .allocated = stored->allocated,
						   .changed_at = stored->changed_at});
}

void stored_put_range(struct product *product, int32_t fitting, const char *reference)
{
	product_put_range(product, fitting,
			  reference ? batch_preference(product_batch(product, reference)) : PREFERENCE_END);
}

void stored_put_next_row(struct product *product, int64_t key)
{
	product->next_row = key;
}

void stored_put_shrink(struct product *product, struct batch *batch)
{
	product_put_shrink(product, &(struct shrink){.batch = batch});
}

/* ---- what handlers never do ---- */

void stored_need_stock(struct product *product)
{
	product->need = (struct need){.fitting = 1, .after = PREFERENCE_START};
}

void stored_corrupt_batch(struct batch *batch, int32_t purchased, int32_t allocated)
{
	batch->purchased = purchased;
	batch->allocated = allocated;
}
