/*
 * Migrates or checks the database's schema, and to which prefix the database belongs, as soon as the database
 * is reachable.
 */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_WAIT_FOR_SCHEMA_H
#define ALLOCD_ENTRYPOINTS_MAIN_WAIT_FOR_SCHEMA_H

#include "entrypoints/cli/commands.h"

/*
 * Waits for the database as long as ALLOCD_START_WAIT allows.  A result other than STATUS_DONE is logged, and
 * is the exit status for the program.
 */
enum exit_status schema_prepare(const struct config *config, bool migrate, struct logger *logger);

/* The same work in a thread of its own, while the event loop runs. */
struct schema_work;

/* The first two check to whom the database belongs, too; the third takes it, unless it is taken already. */
enum schema_task { SCHEMA_CHECK, SCHEMA_MIGRATE, SCHEMA_TAKE };

/* The configuration and the logger, which is safe for threads, outlive the thread. */
struct schema_work *schema_work_start(const struct config *config, enum schema_task task,
				      struct logger *logger);

/* Whether the work has ended; *status is then what schema_prepare() would have returned. */
bool schema_work_is_over(const struct schema_work *work, enum exit_status *status);

/* Whether the database, when the work ended, was recorded as this installation's. */
bool schema_work_is_taken(const struct schema_work *work);

/*
 * Describes what the work waits for and since when, in `arena`, for the readiness report.  *has_failed: the
 * database could not be used at the last attempt.
 */
const char *schema_work_awaits(struct schema_work *work, struct arena *arena, bool *has_failed);

/* Ends the work before its next attempt; a running attempt, such as a migration, is not interrupted. */
void schema_work_stop(struct schema_work *work);

/* Waits for the thread to end.  Accepts NULL in *work and nulls it. */
void schema_work_free(struct schema_work **work);

#endif
