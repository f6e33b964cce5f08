/*
 * The addresses that a connector tries, in the order of the connection string, and what was wrong with each.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_PLACE_H
#define ALLOCD_ADAPTERS_POSTGRES_PLACE_H

#include "adapters/postgres/conninfo.h"
#include "adapters/postgres/trouble.h"

/* One address of one host; or a host whose name could not be looked up. */
struct place {
	struct place *next;
	const struct conninfo_host *host;
	const char *address; /* NULL: a socket, or a name that could not be looked up */
	const char *key;     /* see servers.h */
	bool tried;
	int tries;              /* of the session's first statement */
	struct trouble trouble; /* once it was tried in vain */
};

struct places {
	struct place *first, **end;
};

void places_init(struct places *places);
struct place *place_add(struct places *places, struct arena *arena, const struct conninfo_host *host,
			const char *address);

/* The place was tried in vain; the text begins with its name. */
void place_fail(struct place *place, enum failure_kind kind, const char *reason);

/* All troubles in one line; FAILURE_FATAL when every one is. */
void places_describe(const struct places *places, struct trouble *trouble);

#endif
