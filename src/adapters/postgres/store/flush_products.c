/* Writes what a unit of work changed in its products, and checks that no other worker changed them. */
#include "adapters/postgres/store/flush.h"

#include "core/product_repository.h"

#include <stdlib.h>
#include <string.h>

/* ---- products ---- */

static bool is_stored(const struct product *product)
{
	return product && product->revision;
}

static int by_key(const void *left, const void *right)
{
	const struct product *const *a = left, *const *b = right;

	return ((*a)->key > (*b)->key) - ((*a)->key < (*b)->key);
}

/* Returns the unit's stored products, in the order in which all workers lock them. */
static const struct product **find_stored(struct flush *flush, size_t *count)
{
	const struct unit_of_work *uow = flush->uow;
	const struct product **found =
		arena_alloc(flush->pipeline->arena, uow->product_count * sizeof(struct product *));

	*count = 0;
	for (size_t i = 0; i < uow->product_count; i++) {
		if (is_stored(uow->products[i]->product))
			found[(*count)++] = uow->products[i]->product;
	}
	if (*count)
		qsort(found, *count, sizeof *found, by_key);
	return found;
}

static void check_products(struct flush *flush, const struct product *const *products, size_t count)
{
	struct query *query = query_pipeline_add(flush->pipeline, CHECK_PRODUCTS);
	struct param *keys = query_array(query, ARRAY_INT8), *revisions = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < count; i++) {
		array_int8(keys, products[i]->key);
		array_int8(revisions, products[i]->revision);
	}
	query_int8(query, keys->count);
}

/* The update also locks and checks the products. */
static void update_products(struct flush *flush, const struct product *const *products, size_t count)
{
	struct query *query = query_pipeline_add(flush->pipeline, UPDATE_PRODUCTS);
	struct param *keys = query_array(query, ARRAY_INT8), *revisions = query_array(query, ARRAY_INT8),
		     *versions = query_array(query, ARRAY_INT8), *last_rows = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < count; i++) {
		if (!products[i]->changed)
			continue;
		array_int8(keys, products[i]->key);
		array_int8(revisions, products[i]->revision);
		array_int8(versions, products[i]->version);
		array_int8(last_rows, product_last_row(products[i]));
	}
	query_int8(query, keys->count);
}

/*
 * If a product was only consulted, all are locked and checked before any is written: a decision depends on
 * it, and locks must be acquired in one order.
 */
static void check_and_update_products(struct flush *flush)
{
	size_t count;
	const struct product **products = find_stored(flush, &count);
	bool all_changed = true;

	for (size_t i = 0; i < count; i++)
		all_changed = all_changed && products[i]->changed;
	if (!all_changed)
		check_products(flush, products, count);
	update_products(flush, products, count);
}

static void insert_products(struct flush *flush, struct product_slot **slots)
{
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_PRODUCTS);
	struct param *keys = query_array(query, ARRAY_INT8), *skus = query_array(query, ARRAY_TEXT),
		     *versions = query_array(query, ARRAY_INT8), *last_rows = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < flush->uow->product_count; i++) {
		struct product *product = slots[i]->product;

		if (!product || product->revision)
			continue;
		product->key = store_next_key(flush->store);
		array_int8(keys, product->key);
		array_text(skus, product->sku);
		array_int8(versions, product->version);
		array_int8(last_rows, product_last_row(product));
	}
}

/* ---- batches ---- */

static void update_batches(struct flush *flush, struct product_slot **slots)
{
	struct query *query = query_pipeline_add(flush->pipeline, UPDATE_BATCHES);
	struct param *keys = query_array(query, ARRAY_INT8), *purchased = query_array(query, ARRAY_INT4),
		     *allocated = query_array(query, ARRAY_INT4),
		     *changed_at = query_array(query, ARRAY_TIMESTAMP);

	for (size_t i = 0; i < flush->uow->product_count; i++) {
		const struct product *product = slots[i]->product;

		for (const struct batch *batch = product ? product->batches : NULL; batch;
		     batch = batch->next) {
			if (!batch->stored || !batch->changed)
				continue;
			array_int8(keys, batch->key);
			array_int4(purchased, batch->purchased);
			array_int4(allocated, batch->allocated);
			array_instant(changed_at, batch->changed_at);
		}
	}
}

struct new_batch {
	const struct product *product;
	struct batch *batch;
};

static int by_reference(const void *left, const void *right)
{
	const struct new_batch *a = left, *b = right;

	return strcmp(a->batch->reference, b->batch->reference);
}

static size_t find_new_batches(struct flush *flush, struct new_batch **found)
{
	size_t count = 0;

	for (size_t i = 0; i < flush->uow->product_count; i++) {
		const struct product *product = flush->uow->products[i]->product;

		for (struct batch *batch = product ? product->batches : NULL; batch; batch = batch->next) {
			if (batch->stored)
				continue;
			*found = arena_grow(flush->pipeline->arena, *found, count, sizeof **found);
			(*found)[count++] = (struct new_batch){product, batch};
		}
	}
	return count;
}

static void insert_batches(struct flush *flush)
{
	struct new_batch *found = NULL;
	size_t count = find_new_batches(flush, &found);
	struct query *query = query_pipeline_add(flush->pipeline, INSERT_BATCHES);
	struct param *keys = query_array(query, ARRAY_INT8), *products = query_array(query, ARRAY_INT8),
		     *references = query_array(query, ARRAY_TEXT), *etas = query_array(query, ARRAY_DATE),
		     *original = query_array(query, ARRAY_INT4), *purchased = query_array(query, ARRAY_INT4),
		     *allocated = query_array(query, ARRAY_INT4),
		     *changed_at = query_array(query, ARRAY_TIMESTAMP);

	if (count)
		qsort(found, count, sizeof *found, by_reference);
	for (size_t i = 0; i < count; i++) {
		struct batch *batch = found[i].batch;

		batch->key = store_next_key(flush->store);
		array_int8(keys, batch->key);
		array_int8(products, found[i].product->key);
		array_text(references, batch->reference);
		array_day(etas, batch->eta);
		array_int4(original, batch->original_qty);
		array_int4(purchased, batch->purchased);
		array_int4(allocated, batch->allocated);
		array_instant(changed_at, batch->changed_at);
	}
}

/* ---- lines ---- */

/*
 * A line is in a batch, displaced, or not stored, both before and after the unit; each transition has a
 * query.
 */
struct line_queries {
	struct query *delete, *update, *insert, *delete_displaced, *insert_displaced;
};

/* Adds a query whose first arrays are the lines' keys. */
static struct query *add_line_query(struct flush *flush, enum statement_name statement)
{
	struct query *query = query_pipeline_add(flush->pipeline, statement);

	query_array(query, ARRAY_INT8);
	query_array(query, ARRAY_TEXT);
	query_array(query, ARRAY_INT4);
	return query;
}

static void add_line_key(struct query *query, const struct product *product, const struct allocation *line)
{
	array_int8(&query->params[0], product->key);
	array_text(&query->params[1], line->line.orderid);
	array_int4(&query->params[2], line->line.qty);
}

static void write_held_line(struct query *query, const struct product *product, const struct allocation *line)
{
	add_line_key(query, product, line);
	array_int8(&query->params[3], line->batch->key);
	array_int8(&query->params[4], line->version);
}

static void write_line(struct line_queries *queries, const struct product *product,
		       const struct allocation *line)
{
	if (line->stored_batch && !line->batch)
		add_line_key(queries->delete, product, line);
	if (line->stored_batch && line->batch)
		write_held_line(queries->update, product, line);
	if (!line->stored_batch && line->batch)
		write_held_line(queries->insert, product, line);
	if (line->stored_displaced && !line->displaced)
		add_line_key(queries->delete_displaced, product, line);
	if (!line->stored_displaced && line->displaced) {
		add_line_key(queries->insert_displaced, product, line);
		array_int8(&queries->insert_displaced->params[3], line->version);
	}
}

static void write_lines(struct flush *flush, struct product_slot **slots)
{
	struct line_queries queries = {
		.delete = add_line_query(flush, DELETE_LINES),
		.update = add_line_query(flush, UPDATE_LINES),
		.insert = add_line_query(flush, INSERT_LINES),
		.delete_displaced = add_line_query(flush, DELETE_DISPLACED),
		.insert_displaced = add_line_query(flush, INSERT_DISPLACED),
	};

	query_array(queries.update, ARRAY_INT8);
	query_array(queries.update, ARRAY_INT8);
	query_array(queries.insert, ARRAY_INT8);
	query_array(queries.insert, ARRAY_INT8);
	query_array(queries.insert_displaced, ARRAY_INT8);
	for (size_t i = 0; i < flush->uow->product_count; i++) {
		const struct product *product = slots[i]->product;

		for (const struct allocation *line = product ? product->changed_lines : NULL; line;
		     line = line->next_changed)
			write_line(&queries, product, line);
	}
}

/* ---- active shrinks ---- */

static void delete_shrinks(struct flush *flush, struct product_slot **slots)
{
	struct query *query = query_pipeline_add(flush->pipeline, DELETE_SHRINKS);
	struct param *products = query_array(query, ARRAY_INT8);

	for (size_t i = 0; i < flush->uow->product_count; i++) {
		const struct product *product = slots[i]->product;

		if (product && product->shrink_stored && !product->shrink)
			array_int8(products, product->key);
	}
}

static void upsert_shrinks(struct flush *flush, struct product_slot **slots)
{
	struct query *query = query_pipeline_add(flush->pipeline, PUT_SHRINKS);
	struct param *products = query_array(query, ARRAY_INT8), *batches = query_array(query, ARRAY_INT8),
		     *targets = query_array(query, ARRAY_INT4), *causes = query_array(query, ARRAY_TEXT),
		     *traceparents = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < flush->uow->product_count; i++) {
		const struct product *product = slots[i]->product;
		const struct shrink *shrink = product && product->shrink_changed ? product->shrink : NULL;

		if (!shrink)
			continue;
		array_int8(products, product->key);
		array_int8(batches, shrink->batch->key);
		array_int4(targets, shrink->target);
		array_text(causes, shrink->cause);
		array_text(traceparents, shrink->traceparent);
	}
}

/* ---- everything of products ---- */

static int by_sku(const void *left, const void *right)
{
	const struct product_slot *const *a = left, *const *b = right;

	return strcmp((*a)->sku, (*b)->sku);
}

void flush_products(struct flush *flush)
{
	struct product_slot **slots =
		flush_sorted(flush, flush->uow->products, flush->uow->product_count, by_sku);

	check_and_update_products(flush);
	insert_products(flush, slots);
	update_batches(flush, slots);
	insert_batches(flush);
	write_lines(flush, slots);
	delete_shrinks(flush, slots);
	upsert_shrinks(flush, slots);
}
