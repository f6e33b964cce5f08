/*
 * The message bus: one handler a command, any number an event.
 *
 * A command goes to its handler; then every event that was raised goes to its handlers, first in first out,
 * until no event is left.  The first verdict that is not ACCEPTED ends it: the caller undoes.
 */
#ifndef ALLOCD_BUS_MESSAGES_MESSAGE_BUS_H
#define ALLOCD_BUS_MESSAGES_MESSAGE_BUS_H

#include "bus/unit_of_work/unit_of_work.h"

/* Notes what has to be loaded before the command can be handled. */
void message_bus_note_needs(struct unit_of_work *uow, const struct envelope *command);

enum verdict message_bus_handle(struct unit_of_work *uow, const struct envelope *command);

/* The events that `product` raised, and those their handlers cause. */
enum verdict message_bus_dispatch_events(struct unit_of_work *uow, struct product *product);

#endif
