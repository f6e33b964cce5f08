/*
 * One lease that this worker has or had: the name of what it leases, and the term under which it has it.
 *
 * Messages that came by the leased way refer to it, and each unit of work checks the term inside its commit.
 * It is freed with its last user.
 */
#ifndef ALLOCD_BUS_LEASES_LEASE_H
#define ALLOCD_BUS_LEASES_LEASE_H

#include "bus/ports/lease_store.h"
#include "bus/ports/random.h"

#include <stdbool.h>

struct lease {
	const char *name;
	char term[LEASE_UUID_SIZE];
	/* Another worker has it, or may take it: nothing is committed under this term any more. */
	bool is_lost;
	size_t users;
};

/* A lease with a new term, with one user. */
struct lease *lease_new(const char *name, struct random *random);

/* One more user; returns the lease, which may be NULL. */
struct lease *lease_hold(struct lease *lease);

/* One user less.  Accepts NULL in *lease and nulls it. */
void lease_release(struct lease **lease);

/* A random UUID. */
void lease_uuid(char uuid[LEASE_UUID_SIZE], struct random *random);

#endif
