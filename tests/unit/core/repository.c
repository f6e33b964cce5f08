/* A repository without a database. */
#include "repository.h"

#include <check.h>
#include <string.h>

/* ---- loading ---- */

static struct batch *put_batch(struct flat *kept, struct product *product, const struct flat_batch *batch)
{
	return product_put_batch(product, &(struct batch){
						  .reference = batch->reference,
						  .eta = batch->eta,
						  .original_qty = batch->original_qty,
						  .purchased = batch->purchased,
						  .allocated = flat_allocated(kept, batch->reference),
						  .changed_at = batch->changed_at,
						  .key = 1 + (batch - kept->batches),
					  });
}

struct product *repository_load(struct flat *kept, struct arena *arena, struct journal *journal, int move_max)
{
	struct product *product = product_new(arena, journal, "chair", move_max);

	product->version = kept->version;
	product->revision = kept->revision;
	if (!kept->revision)
		product_put_range(product, 1, PREFERENCE_END);
	if (kept->shrinking) {
		struct batch *batch = put_batch(kept, product, flat_batch(kept, kept->shrinking));

		product_put_shrink(product, &(struct shrink){.batch = batch, .target = kept->shrink_target});
	}
	journal_forget(journal);
	return product;
}

void repository_load_batch(struct flat *kept, struct product *product, const char *reference)
{
	struct flat_batch *batch = flat_batch(kept, reference);

	if (batch)
		put_batch(kept, product, batch);
	journal_forget(product->journal);
}

void repository_load_line(struct flat *kept, struct product *product, const char *orderid, int32_t qty)
{
	struct flat_line *line = flat_line(kept, orderid, qty);

	if (line && line->batchref) {
		struct batch *batch = put_batch(kept, product, flat_batch(kept, line->batchref));

		product_put_line(product, batch, line->orderid, line->qty, line->version);
	}
	journal_forget(product->journal);
}

void repository_load_newest_lines(struct flat *kept, struct product *product, struct batch *batch, int max)
{
	for (int i = 0; i < max && batch->lines_from > 0; i++) {
		struct flat_line *line = flat_newest_line(kept, batch->reference, batch->lines_from);

		if (line)
			product_put_line(product, batch, line->orderid, line->qty, line->version);
		batch->lines_from = line ? line->version : 0;
	}
	journal_forget(product->journal);
}

static struct flat_batch *next_fitting_batch(struct flat *kept, int32_t fitting, struct preference after)
{
	struct flat_batch *next = NULL;

	for (int i = 0; i < kept->batch_count; i++) {
		struct flat_batch *batch = &kept->batches[i];
		struct preference place = {batch->eta, batch->reference};

		if (preference_compare(place, after) > 0 && flat_free(kept, batch) >= fitting &&
		    (!next || preference_compare(place, (struct preference){next->eta, next->reference}) < 0))
			next = batch;
	}
	return next;
}

void repository_load_range(struct flat *kept, struct product *product, int32_t fitting,
			   struct preference after, int max)
{
	for (int i = 0; i < max; i++) {
		struct flat_batch *batch = next_fitting_batch(kept, fitting, after);

		if (batch)
			put_batch(kept, product, batch);
		after = batch ? (struct preference){batch->eta, batch->reference} : PREFERENCE_END;
	}
	product_put_range(product, fitting, after);
	journal_forget(product->journal);
}

static struct flat_line *oldest_displaced(struct flat *kept, int64_t after)
{
	struct flat_line *oldest = NULL;

	for (int i = 0; i < kept->line_count; i++) {
		struct flat_line *line = &kept->lines[i];

		if (!line->batchref && line->version > after && (!oldest || line->version < oldest->version))
			oldest = line;
	}
	return oldest;
}

static void load_displaced(struct flat *kept, struct product *product)
{
	int64_t after = 0;

	for (int i = 0; i < product->move_max && !product->shrink->all_displaced; i++) {
		struct flat_line *line = oldest_displaced(kept, after);

		if (line) {
			product_put_line(product, NULL, line->orderid, line->qty, line->version);
			after = line->version;
		} else {
			product->shrink->all_displaced = true;
		}
	}
	journal_forget(product->journal);
}

void repository_load_need(struct flat *kept, struct product *product, int max)
{
	struct need need = product->need;

	product->need = (struct need){0};
	if (need.fitting)
		repository_load_range(kept, product, need.fitting, need.after, max);
	else if (need.lines_of)
		repository_load_newest_lines(kept, product, need.lines_of, max);
	else if (need.displaced)
		load_displaced(kept, product);
	else
		ck_abort_msg("more is needed, but not what");
}

/* ---- writing ---- */

static void flush_batch(struct flat *kept, const struct batch *batch)
{
	struct flat_batch row = {batch->reference, batch->eta, batch->original_qty, batch->purchased,
				 batch->changed_at};

	if (!batch->stored)
		flat_add_batch(kept, row);
	else
		*flat_batch(kept, batch->reference) = row;
}

static void remove_stored_line(struct flat *kept, const struct allocation *allocation)
{
	struct flat_line *line = flat_line(kept, allocation->line.orderid, allocation->line.qty);
	const char *batchref = allocation->stored_batch ? allocation->stored_batch->reference : NULL;

	if (!line || (line->batchref && (!batchref || strcmp(line->batchref, batchref) != 0)) ||
	    (!line->batchref && !allocation->stored_displaced))
		ck_abort_msg("line %s is not where the product thinks", allocation->line.orderid);
	flat_remove_line(kept, line);
}

static void flush_line(struct flat *kept, const struct allocation *allocation)
{
	if (allocation->stored_batch || allocation->stored_displaced)
		remove_stored_line(kept, allocation);
	if (allocation->batch && allocation->displaced)
		ck_abort_msg("line %s is in a batch and displaced", allocation->line.orderid);
	if (allocation->batch || allocation->displaced)
		flat_add_line(kept,
			      (struct flat_line){
				      .orderid = allocation->line.orderid,
				      .qty = allocation->line.qty,
				      .batchref = allocation->batch ? allocation->batch->reference : NULL,
				      .version = allocation->version,
			      });
}

static void flush_shrink(struct flat *kept, const struct product *product)
{
	if (product->shrink_stored != (kept->shrinking != NULL))
		ck_abort_msg("the shrink is not what the product thinks");
	if (!product->shrink_changed)
		return;
	kept->shrinking = product->shrink ? product->shrink->batch->reference : NULL;
	kept->shrink_target = product->shrink ? product->shrink->target : 0;
}

/* Asserts that every field not marked as changed equals the kept one. */
static void check_batch(struct flat *kept, const struct batch *batch)
{
	const struct flat_batch *row = flat_batch(kept, batch->reference);

	if (!row || row->purchased != batch->purchased || row->changed_at != batch->changed_at ||
	    flat_allocated(kept, batch->reference) != batch->allocated)
		ck_abort_msg("batch %s is in memory what it is not in the database", batch->reference);
	if (flat_free(kept, row) < 0)
		ck_abort_msg("batch %s is allocated beyond what was purchased", batch->reference);
}

static void check_line(struct flat *kept, const struct allocation *allocation)
{
	const struct flat_line *row = flat_line(kept, allocation->line.orderid, allocation->line.qty);

	if (!row != (!allocation->batch && !allocation->displaced))
		ck_abort_msg("line %s is there, or not there, without a mark", allocation->line.orderid);
	if (row && (row->version != allocation->version || !row->batchref != allocation->displaced ||
		    (row->batchref && strcmp(row->batchref, allocation->batch->reference) != 0)))
		ck_abort_msg("line %s moved without a mark", allocation->line.orderid);
}

static void check_unmarked(struct flat *kept, const struct product *product)
{
	for (const struct batch *batch = product->batches; batch; batch = batch->next)
		check_batch(kept, batch);
	for (int i = 0; i < LINE_BUCKETS; i++) {
		for (const struct allocation *line = product->lines[i]; line; line = line->next_in_bucket)
			check_line(kept, line);
	}
}

void repository_flush(struct flat *kept, struct product *product)
{
	bool changed = product->version != kept->version || product->shrink_changed || product->changed_lines;

	for (const struct batch *batch = product->batches; batch; batch = batch->next) {
		if (batch->changed)
			flush_batch(kept, batch);
		changed |= batch->changed;
	}
	for (const struct allocation *line = product->changed_lines; line; line = line->next_changed)
		flush_line(kept, line);
	flush_shrink(kept, product);
	if (changed != product->changed)
		ck_abort_msg("the product's mark is wrong");
	check_unmarked(kept, product);
	kept->version = product->version;
	kept->revision += changed;
}
