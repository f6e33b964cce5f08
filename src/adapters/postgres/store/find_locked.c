/* Finds the products of a unit of work that another session has locked, without waiting for any lock. */
#include "adapters/postgres/store/pg_store.h"

#include "core/product_repository.h"

struct find_locked {
	struct postgres_store *store;
	size_t count;
	bool *locked;
	struct query *products, *batches;
};

static void note_locked(const struct find_locked *search, const struct query *query)
{
	for (int row = 0; row < query_rows(query); row++)
		search->locked[result_int8(query, row, 0) - 1] = true;
}

static void on_found(void *context, const struct failure *failure)
{
	struct find_locked *search = context;

	if (!failure) {
		note_locked(search, search->products);
		note_locked(search, search->batches);
	}
	store_answer(search->store, failure);
}

/* Asks about every loaded batch, because the flush may change any of them. */
static void add_loaded_batches(struct find_locked *search, const struct unit_of_work *uow)
{
	struct param *references = query_array(search->batches, ARRAY_TEXT),
		     *numbers = query_array(search->batches, ARRAY_INT8);

	for (size_t i = 0; i < search->count; i++) {
		const struct product *product = uow->products[i]->product;

		for (const struct batch *it = product ? product->batches : NULL; it; it = it->next) {
			array_text(references, it->reference);
			array_int8(numbers, (int64_t)i + 1);
		}
	}
}

void store_find_locked(struct unit_store *port, const struct unit_of_work *uow, bool *locked,
		       store_done *done, void *context)
{
	struct postgres_store *store = store_of_units(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct find_locked *search = arena_alloc(store->arena, sizeof *search);
	struct param *skus;

	*search = (struct find_locked){.store = store, .count = uow->product_count, .locked = locked};
	search->products = query_pipeline_add(pipeline, FIND_LOCKED_PRODUCTS);
	skus = query_array(search->products, ARRAY_TEXT);
	for (size_t i = 0; i < search->count; i++) {
		locked[i] = false;
		array_text(skus, uow->products[i]->sku);
	}
	search->batches = query_pipeline_add(pipeline, FIND_LOCKED_BATCHES);
	add_loaded_batches(search, uow);
	store_send(store, PIPELINE_READS, on_found, search);
}
