/*
 * Row locks, by name: a lock has one holder at a time.  After each release the calls that wait for a lock
 * are tried again, from the loop.
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

/* Whether another holder has any of them. */
bool locks_blocked(const struct database *database, const struct lock_names *names, const void *holder);

/* Acquires those that `holder` does not have yet; none of them may be blocked. */
void locks_take(struct database *database, const struct lock_names *names, const void *holder);

/* Releases all locks of `holder`, and tries the waiting calls again. */
void locks_release(struct database *database, const void *holder);

/* `again` is called, once, after the next release. */
void locks_wait(struct database *database, simulation_task *again, void *context);
void locks_stop_waiting(struct database *database, void *context);

void locks_drop_all(struct database *database);

#endif
