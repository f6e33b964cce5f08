/*
 * Figures over time, for charts: ten minutes second by second, and a day minute by minute, kept in the worker
 * so that a page that is opened at night shows what came before.
 */
#ifndef ALLOCD_ENTRYPOINTS_STATUS_SERIES_H
#define ALLOCD_ENTRYPOINTS_STATUS_SERIES_H

#include "entrypoints/status/status.h"

#include <jansson.h>

#define SERIES_SECONDS (10 * 60)
#define SERIES_MINUTES (24 * 60)

/* Quantiles are computed over this number of seconds, because one second may have few messages. */
#define SERIES_WINDOW 10

/* Of a second or a minute: rates are means, numbers of what waits the largest, and all others the last. */
struct series_point {
	int64_t at_us;
	float handled, events; /* per second */
	float waiting, unpublished;
	float dead_letters;   /* negative: not known */
	float p50_ms, p99_ms; /* from the receipt to the commit; negative: no message was committed */
};

struct series {
	struct series_point seconds[SERIES_SECONDS], minutes[SERIES_MINUTES];
	size_t second_count, minute_count; /* since the start; point n is at index n % size */
	struct histogram
		durations[SERIES_WINDOW]; /* of the last seconds, by their numbers modulo the window */

	/* The current minute. */
	struct histogram duration;
	struct series_point minute;
	size_t minute_seconds;
};

/* Once a second; sets the quantiles of the status. */
void series_add(struct series *series, struct status *status);

/* The newest point last: of seconds, or of minutes.  The caller has the reference. */
json_t *series_json(const struct series *series, bool of_minutes);

#endif
