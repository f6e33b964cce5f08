/*
 * Tracks whether a part of the engine gets its work done, for the readiness check.
 *
 * A part is in trouble when it failed twice in a row (a single failure may be chance, or one message's own
 * fault, which a lane finds out by retrying), or when it has had work for a while and completed none of it,
 * whether or not there was an error.
 */
#ifndef ALLOCD_BUS_BASE_PROGRESS_WATCH_H
#define ALLOCD_BUS_BASE_PROGRESS_WATCH_H

#include "bus/ports/failure.h"

#include <stdbool.h>
#include <stdint.h>

/* How long a unit of work, or any other call of the database, may take; and how long events may wait. */
#define PROGRESS_WATCH_DATABASE_MS 5000
#define PROGRESS_WATCH_EVENTS_MS   10000

struct progress_watch {
	bool has_work;
	int64_t since_ms;             /* if has_work: since when nothing was completed */
	int failures;                 /* in a row */
	int64_t failed_ms;            /* when the first of them happened */
	char text[FAILURE_TEXT_SIZE]; /* the error of the last one */
};

/* There is work from now on, until progress_watch_done() or progress_watch_moved(). */
void progress_watch_begin(struct progress_watch *watch, int64_t now_ms);

/* An attempt failed. */
void progress_watch_failed(struct progress_watch *watch, int64_t now_ms, const char *text);

/* An attempt failed in a way that a retry cannot clear up: in trouble at once. */
void progress_watch_gave_up(struct progress_watch *watch, int64_t now_ms, const char *text);

/* Some work was completed, which ends the trouble.  progress_watch_begin() follows when there is more. */
void progress_watch_done(struct progress_watch *watch);

/* Some work was completed, but the work that failed still fails. */
void progress_watch_moved(struct progress_watch *watch);

/*
 * Whether the part is in trouble, since when and why; *text is "" when no attempt failed.  `patience_ms`:
 * how long the part may work without completing anything.
 */
bool progress_watch_is_in_trouble(const struct progress_watch *watch, int64_t now_ms, int64_t patience_ms,
				  int64_t *since_ms, const char **text);

#endif
