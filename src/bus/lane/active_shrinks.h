/*
 * Shrinks that take several steps.  They take turns, one step each, and later messages of a SKU wait until
 * its shrink ends.
 */
#ifndef ALLOCD_BUS_LANE_ACTIVE_SHRINKS_H
#define ALLOCD_BUS_LANE_ACTIVE_SHRINKS_H

#include "bus/messages/delivery.h"

struct active_shrink {
	struct active_shrink *next;
	char *sku;
	struct delivery *cause; /* answered at the end; NULL when the shrink was found in the database */
	struct delivery_queue waiting;
};

struct active_shrinks {
	struct active_shrink *first; /* takes the next step */
};

/* NULL when no shrink of that SKU is in progress. */
struct active_shrink *active_shrinks_find(const struct active_shrinks *list, const char *sku);

/* Returns the shrink of that SKU, which is added at the end unless it is in the list. */
struct active_shrink *active_shrinks_ensure(struct active_shrinks *list, const char *sku);

/* Removes and returns the first shrink, or returns NULL. */
struct active_shrink *active_shrinks_pop(struct active_shrinks *list);

/* Adds a removed shrink at the end. */
void active_shrinks_push(struct active_shrinks *list, struct active_shrink *shrink);

/* Moves the first shrink to the end. */
void active_shrinks_rotate(struct active_shrinks *list);

/*
 * Ends the first shrink: puts the messages that waited for it in front of `queue`, and returns its cause,
 * which may be NULL.
 */
struct delivery *active_shrinks_end_first(struct active_shrinks *list, struct delivery_queue *queue);

/* Frees all shrinks, with the messages that wait for them. */
void active_shrinks_release(struct active_shrinks *list);

#endif
