/*
 * Finds out after a lost connection whether the unit of work was committed, and probes whether the database
 * accepts writes.
 */
#include "adapters/postgres/store/pg_store.h"

#include <stdio.h>

struct resolve_commit {
	struct postgres_store *store;
	struct query *witness;
};

/*
 * The row shows whether the unit itself inserted it, or an attempt to resolve the commit (perhaps our own,
 * whose answer was lost).
 */
static void on_resolved(void *context, const struct failure *failure)
{
	static const struct failure committed = {FAILURE_CONFLICT, "the unit of work was committed"};
	struct resolve_commit *resolve_commit = context;

	if (!failure && query_rows(resolve_commit->witness) && !result_bool(resolve_commit->witness, 0, 0))
		failure = &committed;
	store_answer(resolve_commit->store, failure);
}

void store_resolve_commit(struct unit_store *port, const unsigned char witness[WITNESS_SIZE],
			  store_done *done, void *context)
{
	struct postgres_store *store = store_of_units(port);
	struct query_pipeline *pipeline = store_begin(store, done, context);
	struct resolve_commit *resolve_commit = arena_alloc(store->arena, sizeof *resolve_commit);

	query_pipeline_add(pipeline, WAIT_LONGER);
	query_uuid(query_pipeline_add(pipeline, SETTLE_WITNESS), witness);
	resolve_commit->store = store;
	resolve_commit->witness = query_pipeline_add(pipeline, READ_WITNESS);
	query_uuid(resolve_commit->witness, witness);
	store_send(store, PIPELINE_READS, on_resolved, resolve_commit);
}

static void probe(struct postgres_store *store, store_done *done, void *context)
{
	struct query_pipeline *pipeline = store_begin(store, done, context);

	query_pipeline_add(pipeline, PROBE);
	query_pipeline_add(pipeline, PROBE_TABLES);
	query_pipeline_add(pipeline, PROBE_LETTERS);
	query_pipeline_add(pipeline, PROBE_HEADS);
	store_send_and_answer(store, PIPELINE_READS);
}

void store_probe(struct unit_store *port, store_done *done, void *context)
{
	probe(store_of_units(port), done, context);
}

void store_probe_for_chores(struct chores_store *port, store_done *done, void *context)
{
	probe(store_of_chores(port), done, context);
}
