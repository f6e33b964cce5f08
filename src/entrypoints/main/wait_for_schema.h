/* The database's schema, brought up to date or checked, once the database is there. */
#ifndef ALLOCD_ENTRYPOINTS_MAIN_WAIT_FOR_SCHEMA_H
#define ALLOCD_ENTRYPOINTS_MAIN_WAIT_FOR_SCHEMA_H

#include "entrypoints/cli/commands.h"

/*
 * Waits for the database as long as ALLOCD_START_WAIT allows.  Anything but STATUS_DONE is what the program
 * ends with, and is logged.
 */
enum exit_status schema_prepare(const struct config *config, bool migrate, struct logger *logger);

/* The same in a thread of its own, while the event loop runs. */
struct schema_work;

/* The configuration outlives the thread, and so does the logger, which threads can share. */
struct schema_work *schema_work_start(const struct config *config, bool migrate, struct logger *logger);

/* Whether it is over; *status then is what schema_prepare() would have returned. */
bool schema_work_is_over(const struct schema_work *work, enum exit_status *status);

/* What it is waiting for and since when, for the readiness; in `arena`. */
const char *schema_work_awaits(struct schema_work *work, struct arena *arena);

/* Ends it before its next attempt; an attempt that runs, such as a migration, is not interrupted. */
void schema_work_stop(struct schema_work *work);

/* Only once it is over.  Accepts NULL in *work and nulls it. */
void schema_work_free(struct schema_work **work);

#endif
