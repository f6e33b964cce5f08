/* Finds the SKU of each batch. */
#include "adapters/postgres/store/pg_store.h"
#include "adapters/postgres/tools/dry_run_commits.h"

struct resolve {
	struct postgres_store *store;
	struct resolved_batch *batches;
	struct arena *arena;
	struct query *owners;
};

static void on_resolved(void *context, const struct failure *failure)
{
	struct resolve *resolve = context;
	struct query *owners = resolve->owners;

	for (int row = 0; !failure && row < query_rows(owners); row++)
		resolve->batches[result_int8(owners, row, 0) - 1].sku =
			result_text(owners, resolve->arena, row, 1);
	store_answer(resolve->store, failure);
}

void store_resolve(struct batch_directory *port, struct resolved_batch *batches, size_t count,
		   struct arena *arena, store_done *done, void *context)
{
	struct postgres_store *store = store_of_directory(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct resolve *resolve = arena_alloc(store->arena, sizeof *resolve);
	struct param *references;
	struct query *query;

	if (store->is_dry_run)
		dry_run_copy_owners(pipeline, batches, count);
	query = query_pipeline_add(pipeline, RESOLVE_BATCHES);
	references = query_array(query, ARRAY_TEXT);
	for (size_t i = 0; i < count; i++) {
		batches[i].sku = NULL;
		array_text(references, batches[i].reference);
	}
	*resolve = (struct resolve){store, batches, arena, query};
	store_send(store, PIPELINE_READS, on_resolved, resolve);
}
