/* The queries of a load: everything that the unit of work names and has not loaded yet. */
#include "adapters/postgres/store/load.h"

#include "core/base/utf8.h"
#include "core/product_repository.h"

/* Checks the revisions of products of which more is loaded; the flush checks the other products. */
static struct query *add_revisions_query(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, CHECK_REVISIONS);
	struct param *keys = query_array(query, ARRAY_INT8), *revisions = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product *product = uow->products[i]->product;

		if (!product || !product->revision || !need_is_any(&product->need))
			continue;
		array_int8(keys, product->key);
		array_int8(revisions, product->revision);
	}
	return query;
}

/*
 * Adds a query about products that are new to the unit: by SKU, and the owners of batches that change.
 * (Whether a reference is taken is known without the product that has it.)
 */
static struct query *add_products_query(struct query_pipeline *pipeline, const struct unit_of_work *uow,
					enum statement_name statement)
{
	struct query *query = query_pipeline_add(pipeline, statement);
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

static struct query *add_open_batches_query(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = add_products_query(pipeline, uow, LOAD_OPEN_BATCHES);

	query_int4(query, OPEN_BATCHES);
	return query;
}

static struct query *add_batches_query(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, LOAD_BATCHES);
	struct param *references = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < uow->batch_count; i++) {
		if (!uow->batches[i]->loaded)
			array_text(references, uow->batches[i]->reference);
	}
	return query;
}

static struct query *add_lines_query(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, LOAD_LINES);
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

static struct query *add_newest_lines_query(struct query_pipeline *pipeline, const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, LOAD_NEWEST_LINES);
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

static struct query *add_inbox_query(struct load *load, struct query_pipeline *pipeline)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = query_pipeline_add(pipeline, LOAD_INBOX);
	struct param *sources = query_array(query, ARRAY_TEXT), *ids = query_array(query, ARRAY_TEXT);
	size_t count = 0;

	load->ids = arena_alloc(pipeline->arena, uow->inbox_count * sizeof(struct inbox_slot *));
	for (size_t i = 0; i < uow->inbox_count; i++) {
		struct inbox_slot *slot = uow->inbox[i];

		if (slot->loaded)
			continue;
		array_text(sources, slot->parts.source);
		array_text(ids, slot->parts.id);
		load->ids[count++] = slot;
	}
	return query;
}

static struct query *add_replays_query(struct load *load, struct query_pipeline *pipeline)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = query_pipeline_add(pipeline, LOAD_REPLAYS);
	struct param *keys = query_array(query, ARRAY_INT8), *attempts = query_array(query, ARRAY_INT4);
	size_t count = 0;

	load->replay_slots = arena_alloc(pipeline->arena, uow->replay_count * sizeof(struct replay_slot *));
	for (size_t i = 0; i < uow->replay_count; i++) {
		struct replay_slot *slot = uow->replays[i];

		if (slot->loaded)
			continue;
		array_int8(keys, slot->delivery->replay->dead_letter);
		array_int4(attempts, slot->delivery->replay->attempts);
		load->replay_slots[count++] = slot;
	}
	return query;
}

static struct query *add_letters_query(struct load *load, struct query_pipeline *pipeline)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = query_pipeline_add(pipeline, LOAD_LETTERS);
	struct param *places = query_array(query, ARRAY_TEXT), *incarnations = query_array(query, ARRAY_INT8),
		     *entries = query_array(query, ARRAY_TEXT);
	size_t count = 0;

	load->letter_slots = arena_alloc(pipeline->arena, uow->letter_count * sizeof(struct letter_slot *));
	for (size_t i = 0; i < uow->letter_count; i++) {
		const struct entry_place *first = &uow->letters[i]->delivery->first;

		if (uow->letters[i]->loaded)
			continue;
		array_text(places, utf8_repaired(pipeline->arena, first->origin));
		array_int8(incarnations, first->incarnation);
		array_text(entries, first->entry_id);
		load->letter_slots[count++] = uow->letters[i];
	}
	return query;
}

static struct query *add_fitting_batches_query(struct query_pipeline *pipeline,
					       const struct unit_of_work *uow)
{
	struct query *query = query_pipeline_add(pipeline, LOAD_FITTING_BATCHES);
	struct param *keys = query_array(query, ARRAY_INT8), *fitting = query_array(query, ARRAY_INT4),
		     *etas = query_array(query, ARRAY_DATE), *references = query_array(query, ARRAY_TEXT),
		     *counts = query_array(query, ARRAY_INT4);

	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product *product = uow->products[i]->product;

		if (!product || !product->need.fitting)
			continue;
		array_int8(keys, product->key);
		array_int4(fitting, product->need.fitting);
		array_day(etas, product->need.after.eta);
		array_text(references, product->need.after.reference);
		array_int4(counts, batches_needed(product->need.batches));
	}
	return query;
}

static struct query *add_older_lines_query(struct load *load, struct query_pipeline *pipeline)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = query_pipeline_add(pipeline, LOAD_OLDER_LINES);
	struct param *batches = query_array(query, ARRAY_INT8), *from = query_array(query, ARRAY_INT8),
		     *qtys = query_array(query, ARRAY_INT4);
	size_t count = 0;

	load->line_needs = arena_alloc(pipeline->arena, uow->product_count * sizeof(struct product *));
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product *product = uow->products[i]->product;

		if (!product || !product->need.lines_of)
			continue;
		array_int8(batches, product->need.lines_of->key);
		array_int8(from, product->need.lines_of->lines_from);
		array_int4(qtys, product->need.lines_qty);
		load->line_needs[count++] = product;
	}
	query_int4(query, uow->move_max);
	return query;
}

static struct query *add_displaced_lines_query(struct load *load, struct query_pipeline *pipeline)
{
	const struct unit_of_work *uow = load->uow;
	struct query *query = query_pipeline_add(pipeline, LOAD_DISPLACED_LINES);
	struct param *keys = query_array(query, ARRAY_INT8);
	size_t count = 0;

	load->displaced_needs = arena_alloc(pipeline->arena, uow->product_count * sizeof(struct product *));
	for (size_t i = 0; i < uow->product_count; i++) {
		struct product *product = uow->products[i]->product;

		if (!product || !product->need.displaced)
			continue;
		array_int8(keys, product->key);
		load->displaced_needs[count++] = product;
	}
	query_int4(query, uow->move_max);
	return query;
}

void load_add_queries(struct load *load, struct query_pipeline *pipeline)
{
	const struct unit_of_work *uow = load->uow;

	if (uow->locking)
		add_products_query(pipeline, uow, LOCK_PRODUCTS);
	load->clock = query_pipeline_add(pipeline, LOAD_CLOCK);
	store_drop_old_keys(load->store);
	/* The flush creates at most the products and batches that the unit names. */
	load->keys = store_reserve_keys(load->store, pipeline, uow->product_count + uow->batch_count + 1);
	load->revisions = add_revisions_query(pipeline, uow);
	load->products = add_products_query(pipeline, uow, LOAD_PRODUCTS);
	load->open = add_open_batches_query(pipeline, uow);
	load->batches = add_batches_query(pipeline, uow);
	load->lines = add_lines_query(pipeline, uow);
	load->newest = add_newest_lines_query(pipeline, uow);
	load->inbox = add_inbox_query(load, pipeline);
	load->replays = add_replays_query(load, pipeline);
	load->letters = add_letters_query(load, pipeline);
	load->fitting = add_fitting_batches_query(pipeline, uow);
	load->older = add_older_lines_query(load, pipeline);
	load->displaced = add_displaced_lines_query(load, pipeline);
}
