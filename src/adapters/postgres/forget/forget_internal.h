/* What the parts of the forgetting share. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_FORGET_FORGET_INTERNAL_H
#define ALLOCD_ADAPTERS_POSTGRES_FORGET_FORGET_INTERNAL_H

#include "adapters/postgres/forget/forget.h"

struct forget_call {
	struct blocking_client *client;
	struct forgetting *forgetting;
	struct arena *arena; /* holds what concerns one row */
};

/*
 * Begins a transaction, runs the piece in it and commits.  When other sessions hold its locks, or it asks
 * for that by setting *again, the piece is run once more from its beginning.  Returns false after a
 * failure.
 */
typedef bool forget_piece(const struct forget_call *call, void *context, bool *again);
bool forget_in_transaction(const struct forget_call *call, forget_piece *piece, void *context);

/* Runs one statement and returns in *count how many rows it has changed. */
bool forget_count_changed(const struct forget_call *call, const char *sql, int count,
			  const char *const *params, int64_t *changed);

bool forget_in_outbox(const struct forget_call *call);
bool forget_in_letters(const struct forget_call *call);
bool forget_in_history(const struct forget_call *call);

#endif
