/*
 * Deletes expired rows by scanning a table in a circle, a few pages at a time, which needs no index that
 * every insert would pay for.  A round takes at most a day, so a row is deleted at most a day late; and as
 * long as a portion finds many expired rows, the next portion follows at once.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_HOUSEKEEPING_EXPIRED_ROWS_H
#define ALLOCD_ADAPTERS_POSTGRES_HOUSEKEEPING_EXPIRED_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Pages of a portion: few enough not to delay other sessions, enough to keep pace with any possible inflow.
 */
#define SWEEP_PAGES 128

/* After a portion with this many expired rows, the next one follows at once. */
#define SWEEP_ROWS 1000

struct expired_rows {
	int64_t page; /* the first page of the next portion */
	int64_t due;  /* pages that the scan is behind its schedule */
	int64_t at;   /* when the last portion was scanned, microseconds since 1970; 0: never */
};

/*
 * Records that a portion of a table of `pages` pages was scanned at `now` and `gone` rows were deleted.
 * Returns true if the next portion is due at once.
 */
bool expired_rows_advance(struct expired_rows *expired, int64_t pages, int64_t gone, int64_t now);

#endif
