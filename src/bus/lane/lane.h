/*
 * A lane: one unit of work after the other, over the SKUs of its partitions.
 *
 * While a unit is in flight, deliveries queue; when it is committed, all that queued (up to a limit) become
 * the next one.  Every delivery leaves the lane with an outcome, even when calls fail meanwhile, and each
 * SKU's deliveries keep their order.
 */
#ifndef ALLOCD_BUS_LANE_LANE_H
#define ALLOCD_BUS_LANE_LANE_H

#include "bus/engine/engine_lanes.h"

struct lane;

/* `shared` outlives it.  The lane whose number equals the count of lanes is the parking lane. */
struct lane *lane_new(struct lanes_shared *shared, size_t number);
void lane_free(struct lane **lane);

/*
 * Queues the delivery, or parks or postpones it; a unit with it begins from the event loop, never before
 * this returns.
 */
void lane_push(struct lane *lane, struct delivery *delivery);

/* A shrink of that SKU is unfinished: takes its steps until it is done. */
void lane_resume_shrink(struct lane *lane, const char *sku);

/* Whether a shrink of that SKU is in progress. */
bool lane_is_shrinking(const struct lane *lane, const char *sku);

/* The database works again: retries a failed unit now. */
void lane_retry_now(struct lane *lane);

/* The database's last error about a unit of this lane, or "". */
const char *lane_complaint(const struct lane *lane);

/* Whether nothing waits and nothing is in flight. */
bool lane_is_idle(const struct lane *lane);

#endif
