/* Checks the leases of a unit of work inside its transaction, and finds those that are lost. */
#include "adapters/postgres/store/pg_store.h"

#include "bus/leases/lease.h"

static void add_leases(struct query *query, struct lease *const *leases, size_t count)
{
	struct param *names = query_array(query, ARRAY_TEXT), *terms = query_array(query, ARRAY_TEXT);

	for (size_t i = 0; i < count; i++) {
		array_text(names, leases[i]->name);
		array_text(terms, leases[i]->term);
	}
}

void store_check_leases(struct query_pipeline *pipeline, struct lease *const *leases, size_t count)
{
	struct query *query = query_pipeline_add(pipeline, CHECK_LEASES);

	add_leases(query, leases, count);
	query_int8(query, (int64_t)count);
}

struct find_lost {
	struct postgres_store *store;
	const struct unit_of_work *uow;
	struct query *query;
};

static void on_found(void *context, const struct failure *failure)
{
	const struct find_lost *find_lost = context;

	for (int row = 0; !failure && row < query_rows(find_lost->query); row++)
		find_lost->uow->leases[result_int8(find_lost->query, row, 0) - 1]->is_lost = true;
	store_answer(find_lost->store, failure);
}

void store_find_lost_leases(struct unit_store *port, const struct unit_of_work *uow, store_done *done,
			    void *context)
{
	struct postgres_store *store = store_of_units(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct find_lost *find_lost = arena_alloc(store->arena, sizeof *find_lost);

	*find_lost = (struct find_lost){store, uow, query_pipeline_add(pipeline, FIND_LOST_LEASES)};
	add_leases(find_lost->query, uow->leases, uow->lease_count);
	store_send(store, PIPELINE_READS, on_found, find_lost);
}
