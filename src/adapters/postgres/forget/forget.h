/*
 * Forgets an order: replaces its id by a random token in every table that has it, while workers continue.
 *
 * Products' rows are locked before their lines, as workers do, and their revisions are raised: a unit
 * of work that has loaded such a line before is done again.  Each piece is a transaction of its own.  An
 * interrupted call is repeated with the same token, which is kept in the table `forgets` until all is done.
 *
 * To add a table: `tables` in forget.c, if one of its columns is the id, or a file of its own; and the
 * list in tests/e2e/operators/test_forget.py, which names every column that may hold a text.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_FORGET_FORGET_H
#define ALLOCD_ADAPTERS_POSTGRES_FORGET_FORGET_H

#include "adapters/postgres/tools/blocking_client.h"
#include "bus/ports/broker.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

enum forget_place {
	PLACE_LINES,
	PLACE_DISPLACED,
	PLACE_VIEW,
	PLACE_OUTBOX,
	PLACE_NOTIFICATIONS,
	PLACE_INBOX,
	PLACE_DEAD_LETTERS,
	PLACE_HISTORY,
	FORGET_PLACES
};

/* The name of the place's table. */
const char *forget_place_name(enum forget_place place);

/* The id, and what replaces it. */
struct forgotten_order {
	const char *orderid, *token;
};

/* What may name the order in a dead letter; `reason` and `message_id` may be NULL. */
struct forgettable_letter {
	const char *outcome;
	struct bytes payload;
	const char *reason, *message_id;
};

/* The same of an attempt in the history of dead letters. */
struct forgettable_attempt {
	const char *edits, *reason, *message_id;
};

/* How texts are rewritten: each returns whether it has replaced something, by texts in `arena`. */
struct forget_rules {
	bool (*event)(const struct forgotten_order *order, struct outgoing *event, struct arena *arena);
	bool (*letter)(const struct forgotten_order *order, struct forgettable_letter *letter,
		       struct arena *arena);
	bool (*attempt)(const struct forgotten_order *order, struct forgettable_attempt *attempt,
			struct arena *arena);
};

struct forgetting {
	struct forgotten_order order; /* the token is used unless an interrupted call has left one */
	bool is_dry_run;              /* only counts */
	const struct forget_rules *rules;
	void (*progress)(const struct forgetting *forgetting); /* after each piece */

	/* Results. */
	int64_t replaced[FORGET_PLACES]; /* rows, and events of the outbox */
	int64_t rows_read;               /* of the outbox */
	int64_t rows_damaged;            /* rows of the outbox that cannot be read, and stay as they are */
};

/* Returns false after a failure, with the counts of what was committed until then: see the client. */
bool postgres_forget(struct blocking_client *client, struct forgetting *forgetting);

#endif
