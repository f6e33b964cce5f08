/*
 * Handles deliveries in memory, one by one, each whole or not at all.
 */
#ifndef ALLOCD_BUS_MESSAGES_EXECUTE_H
#define ALLOCD_BUS_MESSAGES_EXECUTE_H

#include "bus/unit_of_work/unit_of_work.h"

enum progress {
	PROGRESS_DONE,       /* the delivery has its outcome */
	PROGRESS_NEEDS_MORE, /* undone: load, then handle it again */
	PROGRESS_DOUBTS,     /* undone: it rests on what was assumed: assume nothing any more, load, again */
	PROGRESS_REDO, /* an earlier message may rest on what was assumed: the whole unit, assuming nothing */
	PROGRESS_STUCK,     /* undone: a step of a shrink whose events cannot be written */
	PROGRESS_LATER,     /* a shrink of its product goes on: not in this unit */
	PROGRESS_ELSEWHERE, /* its batch turned out to be another SKU's: take it to that SKU's lane */
};

/* Notes what has to be loaded before the delivery, which must outlive the unit, can be handled. */
void admit_delivery(struct unit_of_work *uow, struct delivery *delivery);

/* The same, once the unit assumes nothing any more: what was assumed for this delivery is to be loaded. */
void admit_delivery_again(struct unit_of_work *uow, struct delivery *delivery);

/*
 * Once all needs are loaded: handles the delivery's command and the events it causes.
 *
 * Where ids and lines were assumed to be new, the flush is to find out if they are not, by inserting them:
 * the ids of what is handled or skipped, the lines that have a batch.  What comes to another end is in doubt.
 */
enum progress handle_delivery(struct unit_of_work *uow, struct delivery *delivery);

/* The product that an undecided delivery is about, as far as the load has shown one; else NULL. */
struct product *delivery_product(struct unit_of_work *uow, const struct delivery *delivery);

/* Takes one step of the product's shrink: PROGRESS_DONE, PROGRESS_NEEDS_MORE or PROGRESS_STUCK. */
enum progress handle_shrink_step(struct unit_of_work *uow, struct product *product);

#endif
