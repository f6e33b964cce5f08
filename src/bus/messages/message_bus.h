/*
 * The message bus: one handler per command, any number per event.
 *
 * A command is handled by its handler; then each event that was raised is handled by its handlers, first in
 * first out, until no event is left.  At the first verdict that is not ACCEPTED the bus stops, and the
 * caller undoes the changes.
 */
#ifndef ALLOCD_BUS_MESSAGES_MESSAGE_BUS_H
#define ALLOCD_BUS_MESSAGES_MESSAGE_BUS_H

#include "bus/messages/handlers.h"
#include "bus/unit_of_work/unit_of_work.h"

/* The most events that one message may raise.  More mean that event handlers are in an endless loop. */
#define MESSAGE_EVENTS_MAX 100000

#define EVENT_HANDLERS_MAX 4

/* For each type of event its EVENT_HANDLERS_MAX handlers or NULLs, in the order in which they are called. */
typedef event_handler *const *event_handler_table[MSG_TYPES];

/* What the system does with a command, and what is special about it. */
struct route {
	command_needs *needs; /* notes what has to be loaded before the command can be handled */
	command_handler *handle;
	line_command
		*for_each_line; /* of an event that becomes a command for each line of its order, or NULL */
	bool lines_are_new;     /* the line that it names usually is not stored yet: see speculation.h */
	bool creates_batch; /* later messages may name its batch before it is handled: see batch_index.h */
};

/* The route of a command; NULL for any other message. */
const struct route *message_bus_route(enum message_type type);

/* Handles the command and the events that it causes. */
enum verdict message_bus_handle(struct unit_of_work *uow, const struct envelope *command);

/*
 * Calls the handlers of every event that `product` raised, and of every event that those handlers raise.  A
 * message that raises more than MESSAGE_EVENTS_MAX is stopped there, and the unit's `defect` gives the
 * reason.
 */
enum verdict message_bus_dispatch_events(struct unit_of_work *uow, struct product *product);

/* The same with handlers other than the program's: tests call it with handlers that never end. */
enum verdict message_bus_dispatch_events_to(struct unit_of_work *uow, struct product *product,
					    const event_handler_table *handlers);

#endif
