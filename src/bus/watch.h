/*
 * Whether a part of the engine that has work gets it done: what readiness says.
 *
 * A part is in trouble when it failed twice in a row (once may be chance, or a message's own fault: a lane
 * finds that out by trying again), or when it has work and did none of it for a while, whether or not
 * anything says why.
 */
#ifndef ALLOCD_BUS_WATCH_H
#define ALLOCD_BUS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_TEXT_MAX 512

/* How long a unit of work, or any other call of the database, may take; and how long events may wait. */
#define WATCH_DATABASE_MS 5000
#define WATCH_EVENTS_MS   10000

struct watch {
	bool has_work;
	int64_t since_ms;          /* has_work: since when it has had some, and did none of it */
	int failures;              /* in a row, */
	int64_t failed_ms;         /* the first of them then, */
	char text[WATCH_TEXT_MAX]; /* and what the last one said */
};

/* There is work to do; it stays so until watch_done(). */
void watch_begin(struct watch *watch, int64_t now_ms);

/* Some of it was tried in vain. */
void watch_failed(struct watch *watch, int64_t now_ms, const char *text);

/* It cannot be done, and trying again will not show more: in trouble at once. */
void watch_gave_up(struct watch *watch, int64_t now_ms, const char *text);

/* Some of it was done: whatever failed before is over.  watch_begin() says that there is more. */
void watch_done(struct watch *watch);

/* Some of it was done, and what failed fails still. */
void watch_moved(struct watch *watch);

/*
 * Whether it is in trouble, then since when, and why: *text is "" when no failure says so.  `patience_ms`:
 * how long it may work without any result.
 */
bool watch_is_in_trouble(const struct watch *watch, int64_t now_ms, int64_t patience_ms, int64_t *since_ms,
			 const char **text);

#endif
