/*
 * Whether a part of the engine gets its work done, for the readiness.
 *
 * A part is in trouble when it failed twice in a row (a single failure may be chance, or one message's own
 * fault, which a lane finds out by retrying), or when it has had work for a while and completed none of it,
 * whether or not there was an error.
 */
#ifndef ALLOCD_BUS_BASE_PROGRESS_WATCH_H
#define ALLOCD_BUS_BASE_PROGRESS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_TEXT_MAX 512

/* How long a unit of work, or any other call of the database, may take; and how long events may wait. */
#define WATCH_DATABASE_MS 5000
#define WATCH_EVENTS_MS   10000

struct watch {
	bool has_work;
	int64_t since_ms;          /* has_work: since when, without completing any */
	int failures;              /* in a row */
	int64_t failed_ms;         /* when the first of them came */
	char text[WATCH_TEXT_MAX]; /* the error of the last one */
};

/* There is work, until watch_done() or watch_moved(). */
void watch_begin(struct watch *watch, int64_t now_ms);

/* An attempt failed. */
void watch_failed(struct watch *watch, int64_t now_ms, const char *text);

/* An attempt failed in a way that a retry cannot clear up: in trouble at once. */
void watch_gave_up(struct watch *watch, int64_t now_ms, const char *text);

/* Some work was completed, which ends the trouble.  watch_begin() follows when there is more. */
void watch_done(struct watch *watch);

/* Some work was completed, while what failed still fails. */
void watch_moved(struct watch *watch);

/*
 * Whether it is in trouble, since when and why; *text is "" when no attempt failed.  `patience_ms`: how long
 * it may work without completing anything.
 */
bool watch_is_in_trouble(const struct watch *watch, int64_t now_ms, int64_t patience_ms, int64_t *since_ms,
			 const char **text);

#endif
