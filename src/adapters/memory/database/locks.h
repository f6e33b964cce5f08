/*
 * Row locks: a name that somebody holds nobody else takes.  Who waits for one is called again, from the loop,
 * whenever some are released.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_DATABASE_LOCKS_H
#define ALLOCD_ADAPTERS_MEMORY_DATABASE_LOCKS_H

#include "adapters/memory/database/database.h"

/* The rows that a flush or a locking load needs, by name. */
struct lock_names {
	struct arena *arena;
	const char **names;
	size_t count;
};

void lock_names_add(struct lock_names *names, const char *table, const char *key);

/* Whether any of them is held by somebody else. */
bool locks_blocked(const struct database *database, const struct lock_names *names, const void *holder);

/* Takes those that `holder` does not have yet; none of them is blocked. */
void locks_take(struct database *database, const struct lock_names *names, const void *holder);

/* Releases all that `holder` has, and lets those who wait try again. */
void locks_release(struct database *database, const void *holder);

/* `again` is called, once, after the next release. */
void locks_wait(struct database *database, simulation_task *again, void *context);
void locks_stop_waiting(struct database *database, void *context);

void locks_drop_all(struct database *database);

#endif
