/* The event that tells the publisher of a message that it was not handled: command_rejected. */
#ifndef ALLOCD_BUS_MESSAGES_REJECTION_EVENT_H
#define ALLOCD_BUS_MESSAGES_REJECTION_EVENT_H

#include "bus/messages/delivery.h"

/*
 * The event about a delivery that becomes a dead letter at the instant `now`; its texts live in `arena` or in
 * the delivery.  It satisfies its schema.  Its envelope has no id: that of the message need not be unique.
 */
struct envelope rejection_event(const struct delivery *dead, int64_t now, struct arena *arena);

#endif
