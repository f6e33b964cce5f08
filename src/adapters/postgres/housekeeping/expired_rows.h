/*
 * Going round a table as a clock's hand does, a few pages at a time, to delete what is past its retention:
 * it takes no index that every insert would pay for.  The hand goes round in a day at the most, so that is
 * how late a row can go; and as long as it finds much, it goes on at once.
 */
#ifndef ALLOCD_ADAPTERS_POSTGRES_HOUSEKEEPING_EXPIRED_ROWS_H
#define ALLOCD_ADAPTERS_POSTGRES_HOUSEKEEPING_EXPIRED_ROWS_H

#include <stdbool.h>
#include <stdint.h>

/* A portion: few enough that nobody notices, enough to keep pace with all that can come in. */
#define SWEEP_PAGES 128

/* So many rows that go are much. */
#define SWEEP_ROWS 1000

struct expired_rows {
	int64_t page; /* where the next portion begins */
	int64_t due;  /* how many pages behind the hand is */
	int64_t at;   /* when the last portion was swept, microseconds since 1970; 0: none was */
};

/*
 * A portion is swept, by `now`, of a table that has so many pages: so many rows went.  True: the next one is
 * due at once.
 */
bool expired_rows_delete(struct expired_rows *expired, int64_t pages, int64_t gone, int64_t now);

#endif
