/* Renews the outbox of a restored database. */
#ifndef ALLOCD_ADAPTERS_POSTGRES_TOOLS_RENEWAL_H
#define ALLOCD_ADAPTERS_POSTGRES_TOOLS_RENEWAL_H

#include "adapters/postgres/tools/blocking_client.h"
#include "bus/ports/broker.h"
#include "core/base/arena.h"

/* Writes the event anew, with that epoch, into `arena`; an event that cannot be read stays as it is. */
typedef void event_renewal(struct outgoing *event, int64_t epoch, struct arena *arena);

struct renewal {
	char before[INCARNATION_SIZE], after[INCARNATION_SIZE];
	int64_t epoch; /* the new one */
};

/*
 * Gives the database a new incarnation and the next epoch, which the events get that are not published yet
 * and those that follow; and gives it to the prefix, unless that is NULL.  Workers may go on.  Returns false
 * after a failure, and changes nothing: see the client.
 */
bool postgres_renew(struct blocking_client *client, event_renewal *renew, const char *prefix,
		    struct renewal *renewal);

#endif
