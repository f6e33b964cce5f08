/* The table of SQLSTATEs. */
#include "adapters/postgres/connection/sqlstate.h"

#include <stddef.h>
#include <string.h>

struct meaning {
	const char *prefix; /* of the SQLSTATE: two characters are a whole class */
	const char *constraint;
	enum failure_kind kind;
};

/* The first match counts. */
static const struct meaning meanings[] = {
	/* Another worker was faster: our own guards, and keys that either worker may create. */
	{"ZR001", NULL, FAILURE_CONFLICT},
	{"ZR002", NULL, FAILURE_CONFLICT},
	{"23505", "inbox_pkey", FAILURE_CONFLICT},
	{"23505", "products_sku_key", FAILURE_CONFLICT},
	{"23505", "batches_reference_key", FAILURE_CONFLICT},
	{"23505", "order_lines_pkey", FAILURE_CONFLICT},
	{"23505", "displaced_lines_pkey", FAILURE_CONFLICT},
	{"23505", "shrinks_pkey", FAILURE_CONFLICT},
	{"23505", "allocations_view_pkey", FAILURE_CONFLICT},
	{"23505", "outbox_version_key", FAILURE_CONFLICT},
	{"23505", "outbox_key", FAILURE_CONFLICT},
	{"23505", "outbox_directory_pkey", FAILURE_CONFLICT},
	{"23505", "dead_letter_history_pkey", FAILURE_CONFLICT},
	{"40", NULL, FAILURE_CONFLICT}, /* serialization failure, deadlock */

	/* Another worker has taken a lease under which the unit's messages were read. */
	{"ZR003", NULL, FAILURE_FENCED},

	/* The server is on another timeline, and the publisher has yet to compare the outbox. */
	{"ZR004", NULL, FAILURE_RETRY},

	/* This very unit was flushed, or resolved as not committed, before. */
	{"23505", "units_pkey", FAILURE_UNCERTAIN},

	/* A lock was not granted in time, or the statement took too long. */
	{"55P03", NULL, FAILURE_BUSY},
	{"57014", NULL, FAILURE_BUSY},

	/* What was sent is to blame: wrong values, violated constraints, limits, triggers that refuse. */
	{"22", NULL, FAILURE_DATA},
	{"23", NULL, FAILURE_DATA},
	{"21", NULL, FAILURE_DATA},
	{"44", NULL, FAILURE_DATA},
	{"54", NULL, FAILURE_DATA},
	{"P0", NULL, FAILURE_DATA},
	/*
	 * An internal error that always meets the same message must not hold up the others; corrupt files
	 * (XX001, XX002) are no message's fault.
	 */
	{"XX000", NULL, FAILURE_DATA},

	/*
	 * The rest is the infrastructure's failure: connections (08), resources (53), locks (55), operators
	 * (57), disks (58), rights (28, 42501), a migration under way (42, 0A), a standby (25006), …
	 */
};

enum failure_kind sqlstate_kind(const char *sqlstate, const char *constraint)
{
	for (size_t i = 0; sqlstate && i < sizeof meanings / sizeof meanings[0]; i++) {
		const struct meaning *meaning = &meanings[i];

		if (strncmp(sqlstate, meaning->prefix, strlen(meaning->prefix)) != 0)
			continue;
		if (!meaning->constraint || (constraint && !strcmp(constraint, meaning->constraint)))
			return meaning->kind;
	}
	return FAILURE_RETRY;
}

bool sqlstate_ends_session(const char *sqlstate)
{
	static const char *const prefixes[] = {
		"0A",    /* cached plan must not change result type */
		"25006", /* read only: a standby, or one that is to become one */
		"26",    /* the prepared statement does not exist */
		"42",    /* no such table, column or function; not allowed */
	};

	for (size_t i = 0; sqlstate && i < sizeof prefixes / sizeof prefixes[0]; i++) {
		if (!strncmp(sqlstate, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}
