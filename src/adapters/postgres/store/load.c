/* The load reads everything that a unit of work needs, in one round trip and one snapshot. */
#include "adapters/postgres/store/load.h"

#include "adapters/postgres/tools/dry_run_commits.h"

/* Whether an earlier load of the unit read something. */
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

static struct query_pipeline *begin_transaction(struct postgres_store *store, const struct unit_of_work *uow,
						store_done *done, void *context)
{
	struct query_pipeline *pipeline;

	if (store->in_transaction && uow->locking && is_again(uow))
		return store_continue(store, done, context);
	pipeline = store_begin(store, done, context);
	query_pipeline_add(pipeline, uow->locking ? BEGIN_LOCKING : BEGIN_SNAPSHOT);
	store->in_transaction = true;
	store_set_statement_time(pipeline, uow->statement_ms);
	return pipeline;
}

static void on_loaded(void *context, const struct failure *failure);

void store_load(struct unit_store *port, struct unit_of_work *uow, store_done *done, void *context)
{
	struct postgres_store *store = store_of_units(port);
	struct query_pipeline *pipeline = begin_transaction(store, uow, done, context);
	struct load *load = arena_alloc(store->arena, sizeof *load);

	if (store->is_dry_run)
		dry_run_copy_unit(pipeline, uow);
	load->store = store;
	load->uow = uow;
	load_add_queries(load, pipeline);
	if (!uow->locking)
		query_pipeline_add(pipeline, COMMIT);
	store_send(store, PIPELINE_READS, on_loaded, load);
}

static void on_loaded(void *context, const struct failure *failure)
{
	static const struct failure moved_on = {
		FAILURE_CONFLICT, "a product was changed between two loads of one unit of work"};
	static const struct failure torn = {FAILURE_CONFLICT,
					    "a product was created while the unit of work was loaded"};
	struct load *load = context;
	struct postgres_store *store = load->store;

	/* A load that failed did not reach its COMMIT. */
	if (!failure)
		store->in_transaction = load->uow->locking;
	if (!failure && query_rows(load->revisions))
		failure = &moved_on;
	if (!failure)
		load_read_rows(load);
	if (load->torn || load->uow->is_torn)
		failure = &torn;
	store_answer(store, failure);
}
