/*
 * Shrinks that go on in steps: each takes its next step in turn, and the later messages of its SKU wait for
 * its end.
 */
#ifndef ALLOCD_BUS_ENGINE_ACTIVE_SHRINKS_H
#define ALLOCD_BUS_ENGINE_ACTIVE_SHRINKS_H

#include "bus/messages/delivery.h"

struct unfinished {
	struct unfinished *next;
	char *sku;
	struct delivery *cause; /* answered at the end; NULL when the shrink was found in the database */
	struct delivery_queue waiting;
};

struct unfinished_list {
	struct unfinished *first; /* takes the next step */
};

/* NULL when no shrink of that SKU goes on. */
struct unfinished *unfinished_find(const struct unfinished_list *list, const char *sku);

/* The one of that SKU, added at the end when there is none. */
struct unfinished *unfinished_ensure(struct unfinished_list *list, const char *sku);

/* The first one becomes the last. */
void unfinished_rotate(struct unfinished_list *list);

/*
 * Ends the first one: puts what waited for it before what is in `queue`, and returns its cause, which may be
 * NULL.
 */
struct delivery *unfinished_end_first(struct unfinished_list *list, struct delivery_queue *queue);

/* Frees them all, with what waits for them. */
void unfinished_release(struct unfinished_list *list);

#endif
