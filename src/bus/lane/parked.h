/*
 * SKUs whose messages cannot be done for now, though the database is well: another session holds one of their
 * rows, or a statement of theirs alone is refused or too slow.
 *
 * What concerns such a SKU waits here, in the order it came, and is tried again in the parking lane, one
 * message at a time, with a session of its own: whatever that costs, it costs the other SKUs nothing.  The
 * first message that is done shows that the way is free; then the rest goes back to the SKU's own lane.
 */
#ifndef ALLOCD_BUS_LANE_PARKED_H
#define ALLOCD_BUS_LANE_PARKED_H

#include "bus/base/backoff.h"
#include "bus/messages/delivery.h"

struct lane;

struct parked {
	struct parked *next, *next_in_bucket;
	char *sku; /* "": messages of no SKU, which only leave a dead letter */
	struct lane *home;
	struct delivery_queue waiting;
	struct backoff backoff;
	int64_t since_ms, try_at_ms;
	bool is_reported; /* in the log */
};

/* A session may lock thousands of rows. */
#define PARKED_BUCKETS 256

struct parked_list {
	struct parked *first; /* in no order */
	size_t count;
	struct parked *buckets[PARKED_BUCKETS]; /* by the SKU's hash */
};

/* NULL when that SKU is not parked. */
struct parked *parked_find(const struct parked_list *list, const char *sku);

/* Adds one that is not there yet. */
struct parked *parked_add(struct parked_list *list, const char *sku, struct lane *home, int64_t now_ms);

/* The one that is to be tried first; NULL when none is parked. */
struct parked *parked_first_due(const struct parked_list *list);

/* Takes it off the list and frees it, with what waits for it. */
void parked_remove(struct parked_list *list, struct parked *parked);

#endif
