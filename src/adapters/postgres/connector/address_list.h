/*
 * The addresses that a connector tries, in the order of the connection string, and what was wrong with each.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_ADDRESS_LIST_H
#define ALLOCD_ADAPTERS_POSTGRES_CONNECTOR_ADDRESS_LIST_H

#include "adapters/postgres/connection/pg_error.h"
#include "adapters/postgres/connector/conninfo.h"

/* One address of one host; or a host whose name could not be looked up. */
struct place {
	struct place *next;
	const struct conninfo_host *host;
	const char *address; /* NULL: a socket, or a name that could not be looked up */
	const char *key;     /* see known_servers.h */
	bool tried;
	int tries;              /* how often the session's first statement was sent */
	struct trouble trouble; /* why it failed */
};

struct places {
	struct place *first, **end;
};

void places_init(struct places *places);
struct place *place_add(struct places *places, struct arena *arena, const struct conninfo_host *host,
			const char *address);

/* Notes that connecting there failed; the text begins with the place's name. */
void place_fail(struct place *place, enum failure_kind kind, const char *reason);

/* Joins the errors of all places in one line; its kind is FAILURE_FATAL when each of them is. */
void places_describe(const struct places *places, struct trouble *trouble);

#endif
