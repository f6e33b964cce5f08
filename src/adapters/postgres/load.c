/*
 * LOAD: everything that a unit of work asks for, in one round trip and one snapshot.
 *
 * First the questions, in the order in which they are sent; then the answers, in the same order.
 */
#include "adapters/postgres/store.h"

#include <stdlib.h>
#include <string.h>

/* Keys that are taken beyond the ones needed now. */
#define SPARE_KEYS 500

/* Batches that came in order of preference. */
struct range {
	bool asked;
	int count;
	struct preference last;
};

/* A product of the unit, and what is being loaded of it. */
struct tally {
	int64_t key;
	struct product *product;
	struct range open;    /* its first batches with free stock */
	struct range fitting; /* what its need asks for */
};

struct load {
	struct postgres_store *store;
	struct unit_of_work *uow;

	struct query *clock, *keys, *revisions, *products, *open, *batches, *lines, *newest, *inbox, *fitting,
		*older, *displaced;

	struct inbox_slot **ids;          /* in the order of the question */
	struct product **line_needs;      /* the same, of `older` */
	struct product **displaced_needs; /* and of `displaced` */

	struct tally *tallies; /* by key */
	size_t tally_count;
};

/* ---- the questions ---- */

/* Whether an earlier load brought something. */
static bool is_again(const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		if (uow->products[i]->loaded)
			return true;
	}
	for (size_t i = 0; i < uow->batch_count; i++) {
		if (uow->batches[i]->loaded)
			return true;
	}
	return false;
}

static struct segment *begin_transaction(struct postgres_store *store, const struct unit_of_work *uow,
					 store_done *done, void *context)
{
	struct segment *segment;

	if (store->in_transaction && uow->locking && is_again(uow))
		return store_go_on(store, done, context);
	segment = store_begin(store, done, context);
	segment_add(segment, uow->locking ? BEGIN_LOCKING : BEGIN_SNAPSHOT);
	store->in_transaction = uow->locking;
	return segment;
}

/* The rows that the flush may create are at most the ones that the unit names. */
static struct query *ask_keys(struct postgres_store *store, struct segment *segment,
			      const struct unit_of_work *uow)
{
	size_t needed = uow->product_count + uow->batch_count;
	struct query *query;

	if (store_keys(store) >= needed)
		return NULL;
	query = segment_add(segment, TAKE_KEYS);
	query_int4(query, (int32_t)(needed + SPARE_KEYS));
	return query;
}

static struct query *ask_revisions(struct segment *segment, const struct unit_of_work *uow)
{
	struct query *query = segment_add(segment, CHECK_REVISIONS);
	struct param *keys = query_array(query, ARRAY_INT8), *revisions = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product *product = uow->products[i]->product;

		if (!product || !product->revision)
			continue;
		array_int8(keys, product->key);
		array_int8(revisions, product->revision);
	}
	return query;
}

/*
 * A statement that begins with the products which are new to the unit: by SKU, and the owners of batches that change.
 * (That a reference is taken can be told without the product that has it.)
 */
static struct query *ask_of_products(struct segment *segment, const struct unit_of_work *uow,
				     enum statement_name statement)
{
	struct query *query = segment_add(segment, statement);
	struct param *skus = query_array(query, ARRAY_TEXT), *references = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->product_count; i++) {
		if (!uow->products[i]->loaded)
			array_text(skus, uow->products[i]->sku);
	}
	for (size_t i = 0; i < uow->batch_count; i++) {
		if (!uow->batches[i]->loaded && uow->batches[i]->lowest_qty != INT32_MAX)
			array_text(references, uow->batches[i]->reference);
	}
	return query;
}

static struct query *ask_open_batches(struct segment *segment, const struct unit_of_work *uow)
{
	struct query *query = ask_of_products(segment, uow, LOAD_OPEN_BATCHES);

	query_int4(query, OPEN_BATCHES);
	return query;
}

static struct query *ask_batches(struct segment *segment, const struct unit_of_work *uow)
{
	struct query *query = segment_add(segment, LOAD_BATCHES);
	struct param *references = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->batch_count; i++) {
		if (!uow->batches[i]->loaded)
			array_text(references, uow->batches[i]->reference);
	}
	return query;
}

static struct query *ask_lines(struct segment *segment, const struct unit_of_work *uow)
{
	struct query *query = segment_add(segment, LOAD_LINES);
	struct param *skus = query_array(query, ARRAY_TEXT), *orderids = query_array(query, ARRAY_TEXT),
		     *qtys = query_array(query, ARRAY_INT4);

	for (size_t i = 0; i < uow->line_count; i++) {
		const struct line_slot *slot = uow->lines[i];

		if (slot->loaded)
			continue;
		array_text(skus, slot->sku);
		array_text(orderids, slot->orderid);
		array_int4(qtys, slot->qty);
	}
	return query;
}

static struct query *ask_newest_lines(struct segment *segment, const struct unit_of_work *uow)
{
	struct query *query = segment_add(segment, LOAD_NEWEST_LINES);
	struct param *references = query_array(query, ARRAY_TEXT), *qtys = query_array(query, ARRAY_INT4);

	for (size_t i = 0; i < uow->batch_count; i++) {
		const struct batch_slot *slot = uow->batches[i];

		if (slot->loaded || slot->lowest_qty == INT32_MAX)
			continue;
		array_text(references, slot->reference);
		array_int4(qtys, slot->lowest_qty);
	}
	query_int4(query, FIRST_LINES);
	return query;
}

static struct query *ask_inbox(struct load *load, struct segment *segment)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = segment_add(segment, LOAD_INBOX);
	struct param *messages = query_array(query, ARRAY_TEXT), *sources = query_array(query, ARRAY_TEXT),
		     *ids = query_array(query, ARRAY_TEXT);
	size_t count = 0;

	load->ids = arena_alloc(segment->arena, uow->inbox_count * sizeof(struct inbox_slot *));
	for (size_t i = 0; i < uow->inbox_count; i++) {
		struct inbox_slot *slot = uow->inbox[i];

		if (slot->loaded)
			continue;
		array_text(messages, message_name(slot->type));
		array_text(sources, slot->source);
		array_text(ids, slot->id);
		load->ids[count++] = slot;
	}
	return query;
}

static struct query *ask_fitting_batches(struct segment *segment, const struct unit_of_work *uow)
{
	struct query *query = segment_add(segment, LOAD_FITTING_BATCHES);
	struct param *keys = query_array(query, ARRAY_INT8), *fitting = query_array(query, ARRAY_INT4),
		     *etas = query_array(query, ARRAY_DATE), *references = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product *product = uow->products[i]->product;

		if (!product || !product->need.fitting)
			continue;
		array_int8(keys, product->key);
		array_int4(fitting, product->need.fitting);
		array_day(etas, product->need.after.eta);
		array_text(references, product->need.after.reference);
	}
	query_int4(query, OPEN_BATCHES);
	return query;
}

static struct query *ask_older_lines(struct load *load, struct segment *segment)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = segment_add(segment, LOAD_OLDER_LINES);
	struct param *batches = query_array(query, ARRAY_INT8), *from = query_array(query, ARRAY_INT8),
		     *qtys = query_array(query, ARRAY_INT4);
	size_t count = 0;

	load->line_needs = arena_alloc(segment->arena, uow->product_count * sizeof(struct product *));
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product *product = uow->products[i]->product;

		if (!product || !product->need.lines_of)
			continue;
		array_int8(batches, product->need.lines_of->key);
		array_int8(from, product->need.lines_of->lines_from);
		array_int4(qtys, product->need.lines_qty);
		load->line_needs[count++] = product;
	}
	query_int4(query, MOVE_MAX);
	return query;
}

static struct query *ask_displaced_lines(struct load *load, struct segment *segment)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = segment_add(segment, LOAD_DISPLACED_LINES);
	struct param *keys = query_array(query, ARRAY_INT8);
	size_t count = 0;

	load->displaced_needs = arena_alloc(segment->arena, uow->product_count * sizeof(struct product *));
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product *product = uow->products[i]->product;

		if (!product || !product->need.displaced)
			continue;
		array_int8(keys, product->key);
		load->displaced_needs[count++] = product;
	}
	query_int4(query, MOVE_MAX);
	return query;
}

static void on_loaded(void *context, const struct failure *failure);

void store_load(struct store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct segment *segment = begin_transaction(store, uow, done, context);
	struct load *load = arena_alloc(store->arena, sizeof *load);

	load->store = store;
	load->uow = uow;
	if (uow->locking)
		ask_of_products(segment, uow, LOCK_PRODUCTS);
	load->clock = segment_add(segment, LOAD_CLOCK);
	load->keys = ask_keys(store, segment, uow);
	load->revisions = ask_revisions(segment, uow);
	load->products = ask_of_products(segment, uow, LOAD_PRODUCTS);
	load->open = ask_open_batches(segment, uow);
	load->batches = ask_batches(segment, uow);
	load->lines = ask_lines(segment, uow);
	load->newest = ask_newest_lines(segment, uow);
	load->inbox = ask_inbox(load, segment);
	load->fitting = ask_fitting_batches(segment, uow);
	load->older = ask_older_lines(load, segment);
	load->displaced = ask_displaced_lines(load, segment);
	if (!uow->locking)
		segment_add(segment, COMMIT);
	store_send(store, SEGMENT_READS, on_loaded, load);
}

/* ---- the answers ---- */

static int by_key(const void *left, const void *right)
{
	int64_t a = ((const struct tally *)left)->key, b = ((const struct tally *)right)->key;

	return (a > b) - (a < b);
}

/* NULL when the unit has no such product. */
static struct tally *tally_of(const struct load *load, int64_t key)
{
	const struct tally wanted = {.key = key};

	return bsearch(&wanted, load->tallies, load->tally_count, sizeof wanted, by_key);
}

/* The batch in the columns from `column` on (see BATCH_COLUMNS), as the product's own. */
static struct batch *put_batch(struct load *load, struct product *product, const struct query *query, int row,
			       int column)
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

/* The line in the columns from `column` on: order id, quantity, version. */
static void put_line(struct load *load, struct product *product, struct batch *batch,
		     const struct query *query, int row, int column)
{
	product_put_line(product, batch, result_text(query, load->uow->arena, row, column),
			 result_int4(query, row, column + 1), result_int8(query, row, column + 2));
}

static void put_keys(struct load *load)
{
	for (int row = 0; load->keys && row < query_rows(load->keys); row++)
		store_put_key(load->store, result_int8(load->keys, row, 0));
}

static void put_shrink(struct load *load, struct product *product, int row)
{
	const struct query *query = load->products;
	struct arena *arena = load->uow->arena;

	if (result_is_null(query, row, 4))
		return;
	product_put_shrink(product, &(struct shrink){
					    .target = result_int4(query, row, 4),
					    .cause = result_text(query, arena, row, 5),
					    .traceparent = result_text(query, arena, row, 6),
					    .batch = put_batch(load, product, query, row, 7),
				    });
}

static void put_products(struct load *load)
{
	const struct query *query = load->products;

	for (int row = 0; row < query_rows(query); row++)
		put_shrink(load,
			   unit_of_work_put_product(load->uow, result_peek(query, row, 1),
						    result_int8(query, row, 0), result_int8(query, row, 2),
						    result_int8(query, row, 3)),
			   row);
}

/* All stored products of the unit, so that rows find theirs by key. */
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

/* Whatever the order in which they come. */
static void extend_range(struct range *range, const struct batch *batch)
{
	struct preference place = batch_preference(batch);

	if (!range->count++ || preference_compare(range->last, place) < 0)
		range->last = place;
}

static void put_open_batches(struct load *load)
{
	for (int row = 0; row < query_rows(load->open); row++) {
		struct tally *tally = tally_of(load, result_int8(load->open, row, 0));

		extend_range(&tally->open, put_batch(load, tally->product, load->open, row, 1));
	}
}

static void put_fitting_batches(struct load *load)
{
	for (int row = 0; row < query_rows(load->fitting); row++) {
		struct tally *tally = tally_of(load, result_int8(load->fitting, row, 0));

		extend_range(&tally->fitting, put_batch(load, tally->product, load->fitting, row, 1));
	}
}

/* When fewer came than were asked for, there are no more. */
static void put_range(struct product *product, int32_t fitting, const struct range *range)
{
	if (range->asked)
		product_put_range(product, fitting,
				  range->count < OPEN_BATCHES ? PREFERENCE_END : range->last);
}

static void put_ranges(struct load *load)
{
	for (size_t i = 0; i < load->tally_count; i++) {
		struct tally *tally = &load->tallies[i];

		put_range(tally->product, 1, &tally->open);
		put_range(tally->product, tally->product->need.fitting, &tally->fitting);
	}
}

static void put_named_batches(struct load *load)
{
	const struct query *query = load->batches;

	for (int row = 0; row < query_rows(query); row++) {
		struct tally *tally = tally_of(load, result_int8(query, row, 0));

		unit_of_work_put_batch_owner(load->uow, result_peek(query, row, 3),
					     result_peek(query, row, 1));
		if (tally)
			put_batch(load, tally->product, query, row, 2);
	}
}

static void put_lines(struct load *load)
{
	const struct query *query = load->lines;

	for (int row = 0; row < query_rows(query); row++) {
		struct tally *tally = tally_of(load, result_int8(query, row, 0));

		if (tally)
			put_line(load, tally->product, put_batch(load, tally->product, query, row, 4), query,
				 row, 1);
	}
}

static void lower_lines_from(struct batch *batch, int64_t version)
{
	if (version < batch->lines_from)
		batch->lines_from = version;
}

static void put_newest_lines(struct load *load)
{
	const struct query *query = load->newest;

	for (int row = 0; row < query_rows(query); row++) {
		struct product *product = tally_of(load, result_int8(query, row, 0))->product;
		struct batch *batch = product_batch(product, result_peek(query, row, 1));

		put_line(load, product, batch, query, row, 2);
		lower_lines_from(batch, result_int8(query, row, 4));
	}
}

static void put_inbox(struct load *load)
{
	for (int row = 0; row < query_rows(load->inbox); row++)
		unit_of_work_put_spent(load->ids[result_int8(load->inbox, row, 0) - 1],
				       (uint64_t)result_int8(load->inbox, row, 1));
}

static void put_older_lines(struct load *load)
{
	const struct query *query = load->older;

	for (int row = 0; row < query_rows(query); row++) {
		struct product *product = load->line_needs[result_int8(query, row, 0) - 1];
		struct batch *batch = product->need.lines_of;

		put_line(load, product, batch, query, row, 1);
		lower_lines_from(batch, result_int8(query, row, 3));
	}
}

static void put_displaced_lines(struct load *load)
{
	const struct query *query = load->displaced;
	int rows = query_rows(query);

	for (int row = 0; row < rows; row++)
		put_line(load, load->displaced_needs[result_int8(query, row, 0) - 1], NULL, query, row, 1);
}

/* Fewer than MOVE_MAX displaced lines are all of them. */
static void note_all_displaced(const struct product *product)
{
	int count = 0;

	for (const struct allocation *line = product->oldest_displaced; line; line = line->newer)
		count++;
	product->shrink->all_displaced = count < MOVE_MAX;
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

static void put_all(struct load *load)
{
	load->uow->now = result_instant(load->clock, 0, 0);
	put_keys(load);
	put_products(load);
	make_tallies(load);
	put_open_batches(load);
	put_fitting_batches(load);
	put_ranges(load);
	put_named_batches(load);
	put_lines(load);
	put_newest_lines(load);
	put_inbox(load);
	put_older_lines(load);
	put_displaced_lines(load);
	clear_needs(load);
	mark_loaded(load->uow);
	journal_forget(&load->uow->journal);
}

static void on_loaded(void *context, const struct failure *failure)
{
	static const struct failure moved_on = {
		FAILURE_CONFLICT, "a product was changed between two loads of one unit of work"};
	struct load *load = context;
	struct postgres_store *store = load->store;

	if (!failure && query_rows(load->revisions))
		failure = &moved_on;
	if (!failure)
		put_all(load);
	store_answer(store, failure);
}
