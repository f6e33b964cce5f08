/*
 * Handlers: what the system does for each command, and for each event.
 *
 * Synchronous and pure: a handler sees the unit of work and nothing else.  It decides; it never waits.
 */
#ifndef ALLOCD_BUS_MESSAGES_HANDLERS_H
#define ALLOCD_BUS_MESSAGES_HANDLERS_H

#include "bus/unit_of_work/unit_of_work.h"

typedef enum verdict command_handler(struct unit_of_work *uow, const struct envelope *command);
typedef enum verdict event_handler(struct unit_of_work *uow, struct message *event);

/* For each command: what it needs to be loaded, and what is done. */
typedef void command_needs(struct unit_of_work *uow, const struct envelope *command);

command_needs create_batch_needs;
command_handler handle_create_batch;

command_needs allocate_needs;
command_handler handle_allocate;

command_needs change_batch_quantity_needs;
command_handler handle_change_batch_quantity;

/* A line lost its batch: allocates again the displaced line that waits for longest. */
event_handler reallocate;

/* Keep the read model. */
event_handler show_allocation;
event_handler hide_allocation;

/* Sends the event to the outbox. */
event_handler publish;

/* Has somebody told that a line is out of stock; happens after the commit. */
event_handler notify_out_of_stock;

#endif
