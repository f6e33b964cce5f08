/* After a lost connection: was the unit of work committed?  And: does the database take anything at all? */
#include "adapters/postgres/store/pg_store.h"

#include <stdio.h>

struct settle {
	struct postgres_store *store;
	struct query *witness;
};

/*
 * The row says who inserted it: the unit itself, or somebody who settled it (perhaps we, and the answer was
 * lost).
 */
static void on_settled(void *context, const struct failure *failure)
{
	static const struct failure committed = {FAILURE_CONFLICT, "the unit of work was committed"};
	struct settle *settle = context;

	if (!failure && query_rows(settle->witness) && !result_bool(settle->witness, 0, 0))
		failure = &committed;
	store_answer(settle->store, failure);
}

void store_settle(struct store *port, const unsigned char witness[WITNESS_SIZE], store_done *done,
		  void *context)
{
	struct postgres_store *store = postgres_store(port);
	struct segment *segment = store_begin(store, done, context);
	struct settle *settle = arena_alloc(store->arena, sizeof *settle);

	segment_add(segment, WAIT_LONGER);
	query_uuid(segment_add(segment, SETTLE_WITNESS), witness);
	settle->store = store;
	settle->witness = segment_add(segment, READ_WITNESS);
	query_uuid(settle->witness, witness);
	store_send(store, SEGMENT_READS, on_settled, settle);
}

void store_probe(struct store *port, store_done *done, void *context)
{
	struct postgres_store *store = postgres_store(port);

	struct segment *segment = store_begin(store, done, context);

	segment_add(segment, PROBE);
	segment_add(segment, PROBE_TABLES);
	segment_add(segment, PROBE_LETTERS);
	segment_add(segment, PROBE_HEADS);
	store_send_and_answer(store, SEGMENT_READS);
}
