/*
 * A lane: one unit of work after the other, over the SKUs of its partitions.
 *
 * While a unit is in flight, deliveries queue; when it is done, all that queued (up to a cap) becomes the
 * next one.  Whatever goes wrong, no delivery leaves the lane without an outcome, and their order per SKU
 * holds.
 */
#ifndef ALLOCD_BUS_LANE_LANE_H
#define ALLOCD_BUS_LANE_LANE_H

#include "bus/engine/engine.h"

struct lane;

struct lane *lane_new(struct engine *engine, size_t number);
void lane_free(struct lane **lane);

/* Takes the delivery over; a unit with it begins from the event loop, never before lane_take returns. */
void lane_take(struct lane *lane, struct delivery *delivery);

/* A shrink of that SKU goes on: takes its steps until it is done. */
void lane_resume_shrink(struct lane *lane, const char *sku);

/* The database is well again: a unit that waits to be tried once more is tried now. */
void lane_retry_now(struct lane *lane);

/* Whether a shrink of that SKU goes on. */
bool lane_is_shrinking(const struct lane *lane, const char *sku);

/* Whether nothing waits and nothing is in flight. */
bool lane_is_idle(const struct lane *lane);

#endif
