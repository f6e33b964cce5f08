/*
 * Flushes whose worker cannot see them any more: the connection was lost, or the worker died, and the
 * database has not finished with them.  A test says how, and when, each of them ends.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_SIMULATION_LOST_H
#define ALLOCD_ADAPTERS_MEMORY_SIMULATION_LOST_H

#include "adapters/memory/database/changes.h"

enum lost_where {
	LOST_ON_THE_WAY, /* it did not arrive yet: it holds nothing, and may find that it came too late */
	LOST_COMMITTING, /* it was checked and holds its locks: it commits, or is rolled back */
};

/* Takes over `changes`, which are not applied yet. */
void lost_add(struct database *database, struct changes *changes, enum lost_where where);

/* How many there are. */
size_t database_lost_count(const struct database *database);

/* The one that was lost first ends: goes on to its commit, or is rolled back. */
void database_end_lost(struct database *database, bool commit);

void lost_drop_all(struct database *database);

#endif
