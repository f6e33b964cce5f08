/*
 * Logs each trouble when it begins and when it ends, one line each, with its code.
 *
 * A trouble that is over within a second is not logged, and one that returns within the calm time is the same
 * trouble: a queue that is full every other second is one line.
 */
#ifndef ALLOCD_ENTRYPOINTS_TROUBLES_TROUBLE_LOG_H
#define ALLOCD_ENTRYPOINTS_TROUBLES_TROUBLE_LOG_H

#include "bus/ports/logger.h"
#include "entrypoints/troubles/trouble.h"

#define TROUBLE_BEGINS_MS 1000  /* how long a trouble lasts at least */
#define TROUBLE_CALM_MS   1000  /* how long it is gone before its end is logged, */
#define NOTE_CALM_MS      30000 /* and a note */

struct logged_trouble {
	bool is_logged;
	int64_t since_ms, seen_ms; /* if it is logged: when it began, and when it was last open */
};

/* Zeroed at first. */
struct trouble_log {
	struct logged_trouble by_code[TROUBLE_CODES];
};

/* To be called about once a second.  `now_ms`: of a monotonic clock; `now_us`: since 1970. */
void trouble_log_update(struct trouble_log *log, const struct trouble_list *list, struct logger *logger,
			int64_t now_ms, int64_t now_us);

#endif
