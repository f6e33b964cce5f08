/*
 * Inside LOAD: its questions (load_query.c), and what becomes of the answers (load_rows.c).
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_STORE_LOAD_H
#define ALLOCD_ADAPTERS_POSTGRES_STORE_LOAD_H

#include "adapters/postgres/store/pg_store.h"

struct load {
	struct postgres_store *store;
	struct unit_of_work *uow;

	/* The questions, in the order in which they are sent; `keys` may be NULL. */
	struct query *clock, *keys, *revisions, *products, *open, *batches, *lines, *newest, *inbox, *replays,
		*fitting, *older, *displaced;

	/* Whom the rows are about that count by the question: inbox, replays, older, displaced. */
	struct inbox_slot **ids;
	struct replay_slot **replay_slots;
	struct product **line_needs;
	struct product **displaced_needs;

	/* For load_rows.c: the unit's stored products, by key. */
	struct tally *tallies;
	size_t tally_count;

	/*
	 * It has parts of a product that came to be in its midst: each statement of a load that locks has a
	 * snapshot of its own.
	 */
	bool torn;
};

void load_add_queries(struct load *load, struct query_pipeline *pipeline);

/* All answers are there.  Whether they fit together is told by `torn`. */
void load_read_rows(struct load *load);

#endif
