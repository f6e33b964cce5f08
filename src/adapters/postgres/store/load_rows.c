/* Reads the rows of a load into products, batches and lines in memory. */
#include "adapters/postgres/store/load.h"

#include "core/product_repository.h"

#include <stdlib.h>

/* How far batches were loaded in order of preference. */
struct range {
	bool asked;
	int count;
	struct preference last;
};

/* A product of the unit, and how much of it was loaded. */
struct tally {
	int64_t key;
	struct product *product;
	struct range open;    /* its first batches with free stock */
	struct range fitting; /* what its need asks for */
};

static int by_key(const void *left, const void *right)
{
	int64_t a = ((const struct tally *)left)->key, b = ((const struct tally *)right)->key;

	return (a > b) - (a < b);
}

/* Returns NULL if the unit has no such product. */
static struct tally *tally_of(const struct load *load, int64_t key)
{
	const struct tally wanted = {.key = key};

	return bsearch(&wanted, load->tallies, load->tally_count, sizeof wanted, by_key);
}

/* Adds the batch in the columns from `column` on (see batch_columns in statements.sql) to the product. */
static struct batch *read_batch(struct load *load, struct product *product, const struct query *query,
				int row, int column)
{
	return product_put_batch(product,
				 &(struct batch){
					 .key = result_int8(query, row, column),
					 .reference = result_text(query, load->uow->arena, row, column + 1),
					 .eta = result_day(query, row, column + 2),
					 .original_qty = result_int4(query, row, column + 3),
					 .purchased = result_int4(query, row, column + 4),
					 .allocated = result_int4(query, row, column + 5),
					 .changed_at = result_instant(query, row, column + 6),
				 });
}

/* Adds the line in the columns from `column` on: order id, quantity, version. */
static void read_line(struct load *load, struct product *product, struct batch *batch,
		      const struct query *query, int row, int column)
{
	product_put_line(product, batch, result_text(query, load->uow->arena, row, column),
			 result_int4(query, row, column + 1), result_int8(query, row, column + 2));
}

static void read_shrink(struct load *load, struct product *product, int row)
{
	const struct query *query = load->products;
	struct arena *arena = load->uow->arena;

	if (result_is_null(query, row, 5))
		return;
	product_put_shrink(product, &(struct shrink){
					    .target = result_int4(query, row, 5),
					    .cause = result_text(query, arena, row, 6),
					    .traceparent = result_text(query, arena, row, 7),
					    .batch = read_batch(load, product, query, row, 8),
				    });
}

static void read_products(struct load *load)
{
	const struct query *query = load->products;

	for (int row = 0; row < query_rows(query); row++)
		read_shrink(load,
			    unit_of_work_put_product(load->uow, result_peek(query, row, 1),
						     result_int8(query, row, 0), result_int8(query, row, 2),
						     result_int8(query, row, 3), result_int8(query, row, 4)),
			    row);
}

/* Collects the unit's stored products, so that rows find theirs by key. */
static void make_tallies(struct load *load)
{
	const struct unit_of_work *uow = load->uow;

	load->tallies = arena_alloc(load->store->arena, uow->product_count * sizeof *load->tallies);
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product *product = uow->products[i]->product;

		if (product && product->revision)
			load->tallies[load->tally_count++] =
				(struct tally){.key = product->key,
					       .product = product,
					       .fitting.asked = product->need.fitting};
	}
	qsort(load->tallies, load->tally_count, sizeof *load->tallies, by_key);
	for (int row = 0; row < query_rows(load->products); row++)
		tally_of(load, result_int8(load->products, row, 0))->open.asked = true;
}

/* Rows may arrive in any order. */
static void extend_range(struct range *range, const struct batch *batch)
{
	struct preference preference = batch_preference(batch);

	if (!range->count++ || preference_compare(range->last, preference) < 0)
		range->last = preference;
}

static void read_open_batches(struct load *load)
{
	for (int row = 0; row < query_rows(load->open); row++) {
		struct tally *tally = tally_of(load, result_int8(load->open, row, 0));

		if (tally)
			extend_range(&tally->open, read_batch(load, tally->product, load->open, row, 1));
		else
			load->torn = true;
	}
}

static void read_fitting_batches(struct load *load)
{
	for (int row = 0; row < query_rows(load->fitting); row++) {
		struct tally *tally = tally_of(load, result_int8(load->fitting, row, 0));

		extend_range(&tally->fitting, read_batch(load, tally->product, load->fitting, row, 1));
	}
}

/* Fewer batches than asked for means that there are no more. */
static void set_range(struct product *product, int32_t fitting, int32_t asked, const struct range *range)
{
	if (range->asked)
		product_put_range(product, fitting, range->count < asked ? PREFERENCE_END : range->last);
}

static void set_ranges(struct load *load)
{
	for (size_t i = 0; i < load->tally_count; i++) {
		struct tally *tally = &load->tallies[i];

		set_range(tally->product, 1, OPEN_BATCHES, &tally->open);
		set_range(tally->product, tally->product->need.fitting,
			  batches_needed(tally->product->need.batches), &tally->fitting);
	}
}

static void read_named_batches(struct load *load)
{
	const struct query *query = load->batches;

	for (int row = 0; row < query_rows(query); row++) {
		struct tally *tally = tally_of(load, result_int8(query, row, 0));
		const struct batch_slot *slot = unit_of_work_put_batch_owner(
			load->uow, result_peek(query, row, 3), result_peek(query, row, 1));

		if (tally)
			read_batch(load, tally->product, query, row, 2);
		else if (slot->lowest_qty != INT32_MAX)
			load->torn = true;
	}
}

static void read_lines(struct load *load)
{
	const struct query *query = load->lines;

	for (int row = 0; row < query_rows(query); row++) {
		struct tally *tally = tally_of(load, result_int8(query, row, 0));

		if (tally)
			read_line(load, tally->product, read_batch(load, tally->product, query, row, 4),
				  query, row, 1);
	}
}

static void lower_lines_from(struct batch *batch, int64_t version)
{
	if (version < batch->lines_from)
		batch->lines_from = version;
}

static void read_newest_lines(struct load *load)
{
	const struct query *query = load->newest;

	for (int row = 0; row < query_rows(query); row++) {
		struct tally *tally = tally_of(load, result_int8(query, row, 0));
		struct batch *batch =
			tally ? product_batch(tally->product, result_peek(query, row, 1)) : NULL;

		if (!batch) {
			load->torn = true;
			continue;
		}
		read_line(load, tally->product, batch, query, row, 2);
		lower_lines_from(batch, result_int8(query, row, 4));
	}
}

static void read_inbox(struct load *load)
{
	for (int row = 0; row < query_rows(load->inbox); row++)
		unit_of_work_put_spent(load->ids[result_int8(load->inbox, row, 0) - 1],
				       (uint64_t)result_int8(load->inbox, row, 1));
}

/* The query returns only dead letters that have not changed. */
static void read_replays(struct load *load)
{
	const struct unit_of_work *uow = load->uow;

	for (size_t i = 0; i < uow->replay_count; i++) {
		if (!uow->replays[i]->loaded)
			uow->replays[i]->is_stale = true;
		uow->replays[i]->loaded = true;
	}
	for (int row = 0; row < query_rows(load->replays); row++)
		load->replay_slots[result_int8(load->replays, row, 0) - 1]->is_stale = false;
}

static void read_letters(struct load *load)
{
	for (size_t i = 0; i < load->uow->letter_count; i++)
		load->uow->letters[i]->loaded = true;
	for (int row = 0; row < query_rows(load->letters); row++)
		load->letter_slots[result_int8(load->letters, row, 0) - 1]->is_kept = true;
}

static void read_older_lines(struct load *load)
{
	const struct query *query = load->older;

	for (int row = 0; row < query_rows(query); row++) {
		struct product *product = load->line_needs[result_int8(query, row, 0) - 1];
		struct batch *batch = product->need.lines_of;

		read_line(load, product, batch, query, row, 1);
		lower_lines_from(batch, result_int8(query, row, 3));
	}
}

static void read_displaced_lines(struct load *load)
{
	const struct query *query = load->displaced;
	int rows = query_rows(query);

	for (int row = 0; row < rows; row++)
		read_line(load, load->displaced_needs[result_int8(query, row, 0) - 1], NULL, query, row, 1);
}

/* Fewer displaced lines than one step moves are all of them. */
static void note_all_displaced(const struct product *product)
{
	int count = 0;

	for (const struct allocation *line = product->oldest_displaced; line; line = line->newer)
		count++;
	product->shrink->all_displaced = count < product->move_max;
}

static void clear_needs(struct load *load)
{
	for (size_t i = 0; i < load->tally_count; i++) {
		struct product *product = load->tallies[i].product;

		if (product->need.displaced)
			note_all_displaced(product);
		product->need = (struct need){0};
	}
}

static void mark_loaded(struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++)
		uow->products[i]->loaded = true;
	for (size_t i = 0; i < uow->batch_count; i++)
		uow->batches[i]->loaded = true;
	for (size_t i = 0; i < uow->line_count; i++)
		uow->lines[i]->loaded = true;
	for (size_t i = 0; i < uow->inbox_count; i++)
		uow->inbox[i]->loaded = true;
}

void load_read_rows(struct load *load)
{
	load->uow->now = result_instant(load->clock, 0, 0);
	if (!load->uow->epoch)
		load->uow->epoch = result_int8(load->clock, 0, 1);
	store_keep_keys(load->store, load->keys);
	read_products(load);
	make_tallies(load);
	read_open_batches(load);
	read_fitting_batches(load);
	set_ranges(load);
	read_named_batches(load);
	read_lines(load);
	read_newest_lines(load);
	read_inbox(load);
	read_replays(load);
	read_letters(load);
	read_older_lines(load);
	read_displaced_lines(load);
	clear_needs(load);
	mark_loaded(load->uow);
	journal_forget(&load->uow->journal);
}
