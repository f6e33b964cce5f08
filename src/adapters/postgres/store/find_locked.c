/* Which products of a unit of work another session has locked: asked without waiting for any lock. */
#include "adapters/postgres/store/pg_store.h"

struct find_locked {
	struct postgres_store *store;
	size_t count;
	bool *locked;
	struct query *products, *batches;
};

static void note_locked(const struct find_locked *asked, const struct query *query)
{
	for (int row = 0; row < query_rows(query); row++)
		asked->locked[result_int8(query, row, 0) - 1] = true;
}

static void on_found(void *context, const struct failure *failure)
{
	struct find_locked *asked = context;

	if (!failure) {
		note_locked(asked, asked->products);
		note_locked(asked, asked->batches);
	}
	store_answer(asked->store, failure);
}

/* Asks for every loaded batch, for the flush may change any of them. */
static void ask_for_batches(struct find_locked *asked, const struct unit_of_work *uow)
{
	struct param *references = query_array(asked->batches, ARRAY_TEXT),
		     *numbers = query_array(asked->batches, ARRAY_INT8);

	for (size_t i = 0; i < asked->count; i++) {
		const struct product *product = uow->products[i]->product;

		for (const struct batch *it = product ? product->batches : NULL; it; it = it->next) {
			array_text(references, it->reference);
			array_int8(numbers, (int64_t)i + 1);
		}
	}
}

void store_find_locked(struct store *port, const struct unit_of_work *uow, bool *locked, store_done *done,
		       void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct find_locked *asked = arena_alloc(store->arena, sizeof *asked);
	struct param *skus;

	*asked = (struct find_locked){.store = store, .count = uow->product_count, .locked = locked};
	asked->products = query_pipeline_add(pipeline, FIND_LOCKED_PRODUCTS);
	skus = query_array(asked->products, ARRAY_TEXT);
	for (size_t i = 0; i < asked->count; i++) {
		locked[i] = false;
		array_text(skus, uow->products[i]->sku);
	}
	asked->batches = query_pipeline_add(pipeline, FIND_LOCKED_BATCHES);
	ask_for_batches(asked, uow);
	store_send(store, PIPELINE_READS, on_found, asked);
}
