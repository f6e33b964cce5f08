/*
 * Flushes that the database has not finished though their connection was lost or their worker died.  A test
 * decides how and when each of them ends.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_SIMULATION_LOST_H
#define ALLOCD_ADAPTERS_MEMORY_SIMULATION_LOST_H

#include "adapters/memory/database/changes.h"

enum lost_where {
	LOST_ON_THE_WAY, /* it has not arrived: it holds no locks, and may arrive too late */
	LOST_COMMITTING, /* it is checked and holds its locks: it will commit, or be rolled back */
};

/* Takes ownership of `changes`, which are not applied yet. */
void lost_add(struct database *database, struct changes *changes, enum lost_where where);

/* The number of lost flushes. */
size_t database_lost_count(const struct database *database);

/* Ends the flush that was lost first: commits it if `commit` is set and it can, or else rolls it back. */
void database_end_lost(struct database *database, bool commit);

/* Whether a lost flush that is committing keeps the lease from being changed; and rolls back all of these. */
bool database_lost_keeps(const struct database *database, const char *lease);
void database_end_lost_under(struct database *database, const char *lease);

void lost_drop_all(struct database *database);

#endif
