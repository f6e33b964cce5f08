/*
 * A lane runs one unit of work after another, for the SKUs of its partitions.
 *
 * Deliveries queue while a unit is in flight; when it is committed, the queued ones (up to a limit) form
 * the next unit.  Every delivery leaves the lane with an outcome, even when calls fail meanwhile, and each
 * SKU's deliveries keep their order.
 */
#ifndef ALLOCD_BUS_LANE_LANE_H
#define ALLOCD_BUS_LANE_LANE_H

#include "bus/engine/engine_lanes.h"

struct lane;

/* `shared` must outlive the lane.  The lane whose number equals the count of lanes is the parking lane. */
struct lane *lane_new(struct lanes_shared *shared, size_t number);
void lane_free(struct lane **lane);

/*
 * Queues the delivery, or parks or postpones it; a unit with it begins from the event loop, never before
 * this returns.
 */
void lane_push(struct lane *lane, struct delivery *delivery);

/* Postpones what waits of that SKU and is behind a postponed entry by now. */
void lane_check_again(struct lane *lane, const char *sku);

/* Returns the lane that handles this lane's messages now: itself, or the first one. */
struct lane *lane_in_charge(struct lane *lane);

/* Takes the steps of that SKU's unfinished shrink until it is done. */
void lane_resume_shrink(struct lane *lane, const char *sku);

/* Whether a shrink of that SKU is in progress. */
bool lane_is_shrinking(const struct lane *lane, const char *sku);

/* Parking lane only: gives back the parked messages whose lease is lost. */
void lane_return_lost(struct lane *lane);

/* Whether its unit waits until the publisher has compared the database with what was published. */
bool lane_is_comparing(const struct lane *lane);

/* Continues the unit that waits until the publisher has compared the database with what was published. */
void lane_outbox_is_compared(struct lane *lane);

/* Retries a failed unit now, because the database works again. */
void lane_retry_now(struct lane *lane);

/* Returns the database's last error for a unit of this lane, or "". */
const char *lane_complaint(const struct lane *lane);

/* Whether nothing is queued or in flight. */
bool lane_is_idle(const struct lane *lane);

#endif
