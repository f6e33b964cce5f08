/*
 * Row locks, by name: a lock has one holder at a time.  After each release, all calls that wait for a lock
 * are retried from the loop.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_DATABASE_LOCKS_H
#define ALLOCD_ADAPTERS_MEMORY_DATABASE_LOCKS_H

#include "adapters/memory/database/database.h"

/* The names of the rows that a flush or a locking load needs. */
struct lock_names {
	struct arena *arena;
	const char **names;
	size_t count;
};

void lock_names_add(struct lock_names *names, const char *table, const char *key);

/* Whether another holder has any of these locks. */
bool locks_blocked(const struct database *database, const struct lock_names *names, const void *holder);

/* Acquires the locks that `holder` does not have yet; none of them may be blocked. */
void locks_acquire(struct database *database, const struct lock_names *names, const void *holder);

/* Releases all locks of `holder`, and retries the waiting calls. */
void locks_release(struct database *database, const void *holder);

/* The same for all holders. */
void locks_release_all(struct database *database);

/* Calls `again` once, from the loop, after the next release. */
void locks_wait(struct database *database, simulation_task *again, void *context);
void locks_stop_waiting(struct database *database, void *context);

void locks_drop_all(struct database *database);

#endif
