/* Handles deliveries in memory, one by one, each atomically. */
#ifndef ALLOCD_BUS_MESSAGES_EXECUTE_H
#define ALLOCD_BUS_MESSAGES_EXECUTE_H

#include "bus/unit_of_work/unit_of_work.h"

enum progress {
	PROGRESS_DONE,       /* the delivery has its outcome */
	PROGRESS_NEEDS_MORE, /* undone: load, then handle it again */
	PROGRESS_LOOK_UP,    /* undone: end the speculation, load, then handle it again */
	PROGRESS_REDO,       /* undone: redo the whole unit without speculation */
	PROGRESS_STUCK,      /* undone: a step of a shrink whose events cannot be written */
	PROGRESS_LATER,      /* not handled: a shrink of its product is in progress, so it waits */
	PROGRESS_ELSEWHERE,  /* not handled: its batch is another SKU's, so it belongs in that SKU's lane */
};

/* Notes what has to be loaded before the delivery, which must outlive the unit, can be handled. */
void admit_delivery(struct unit_of_work *uow, struct delivery *delivery);

/* The same after the unit has ended its speculation: also notes to load what was assumed for the delivery. */
void readmit_delivery(struct unit_of_work *uow, struct delivery *delivery);

/* Handles the command of a delivery whose needs are loaded, and the events that it causes. */
enum progress handle_delivery(struct unit_of_work *uow, struct delivery *delivery);

/* Returns the loaded product of an undecided delivery, or NULL. */
struct product *delivery_product(struct unit_of_work *uow, const struct delivery *delivery);

/* Takes one step of the product's shrink: PROGRESS_DONE, PROGRESS_NEEDS_MORE or PROGRESS_STUCK. */
enum progress handle_shrink_step(struct unit_of_work *uow, struct product *product);

#endif
