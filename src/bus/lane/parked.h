/*
 * SKUs whose messages cannot be committed for now, though the database accepts others: another session locks
 * one of their rows, or one of their statements alone is refused or too slow.
 *
 * The messages of such a SKU wait here, in the order they arrived.  The parking lane retries them, one at a
 * time and in a session of its own, so that the retries cost the other SKUs nothing.  Once the first of them
 * is committed, the others return to the SKU's own lane.
 */
#ifndef ALLOCD_BUS_LANE_PARKED_H
#define ALLOCD_BUS_LANE_PARKED_H

#include "bus/base/backoff.h"
#include "bus/base/sku_list.h"
#include "bus/messages/delivery.h"

struct parked {
	struct sku_node node; /* its SKU; "" for messages without one, which only leave a dead letter */
	struct delivery_queue waiting;
	struct backoff backoff;
	int64_t since_ms, try_at_ms;
	bool is_reported; /* in the log */
};

struct parked_list {
	struct sku_list skus;
};

/* NULL when that SKU is not parked. */
struct parked *parked_find(const struct parked_list *list, const char *sku);

/* Parks a SKU that is not parked yet. */
struct parked *parked_add(struct parked_list *list, const char *sku, int64_t now_ms);

/* Any parked SKU, and the next one after it; NULL at the end. */
struct parked *parked_first(const struct parked_list *list);
struct parked *parked_next(const struct parked *parked);

/* The SKU that is to be retried first; NULL when none is parked. */
struct parked *parked_first_due(const struct parked_list *list);

/* Removes the SKU from the list and frees it, with the messages that wait for it. */
void parked_remove(struct parked_list *list, struct parked *parked);

#endif
