/* Migrates or checks the database's schema, as soon as the database is reachable. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_WAIT_FOR_SCHEMA_H
#define ALLOCD_ENTRYPOINTS_MAIN_WAIT_FOR_SCHEMA_H

#include "entrypoints/cli/commands.h"

/*
 * Waits for the database as long as ALLOCD_START_WAIT allows.  Anything but STATUS_DONE is logged, and is
 * what the program ends with.
 */
enum exit_status schema_prepare(const struct config *config, bool migrate, struct logger *logger);

/* Does the same in a thread of its own, while the event loop runs. */
struct schema_work;

/* The configuration and the logger, which is safe for threads, outlive the thread. */
struct schema_work *schema_work_start(const struct config *config, bool migrate, struct logger *logger);

/* Whether it has ended; *status is then what schema_prepare() would have returned. */
bool schema_work_is_over(const struct schema_work *work, enum exit_status *status);

/* What it waits for and since when, for the readiness report; in `arena`. */
const char *schema_work_awaits(struct schema_work *work, struct arena *arena);

/* Ends it before its next attempt; a running attempt, such as a migration, is not interrupted. */
void schema_work_stop(struct schema_work *work);

/* Only after it has ended.  Accepts NULL in *work and nulls it. */
void schema_work_free(struct schema_work **work);

#endif
