/* Private to the load: its queries (load_query.c), and reading their rows into products (load_rows.c). */
#ifndef ALLOCD_ADAPTERS_POSTGRES_STORE_LOAD_H
#define ALLOCD_ADAPTERS_POSTGRES_STORE_LOAD_H

#include "adapters/postgres/store/pg_store.h"

struct load {
	struct postgres_store *store;
	struct unit_of_work *uow;

	/* The queries, in the order in which they are sent; `keys` may be NULL. */
	struct query *clock, *keys, *revisions, *products, *open, *batches, *lines, *newest, *inbox, *replays,
		*letters, *fitting, *older, *displaced;

	/* What the rows of inbox, replays, letters, older and displaced refer to by number. */
	struct inbox_slot **ids;
	struct replay_slot **replay_slots;
	struct letter_slot **letter_slots;
	struct product **line_needs;
	struct product **displaced_needs;

	/* For load_rows.c: the unit's stored products, by key. */
	struct tally *tallies;
	size_t tally_count;

	/*
	 * The load found only parts of a product that was created meanwhile: in a load that locks, each
	 * statement has a snapshot of its own.
	 */
	bool torn;
};

void load_add_queries(struct load *load, struct query_pipeline *pipeline);

/* Reads the rows of all queries; sets `torn` if they do not fit together. */
void load_read_rows(struct load *load);

#endif
