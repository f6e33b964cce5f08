/*
 * Handlers: what the system does for each command and each event.
 *
 * They are synchronous and pure: a handler sees only the unit of work.  It decides, and never waits.
 */
#ifndef ALLOCD_BUS_MESSAGES_HANDLERS_H
#define ALLOCD_BUS_MESSAGES_HANDLERS_H

#include "bus/unit_of_work/unit_of_work.h"

typedef enum verdict command_handler(struct unit_of_work *uow, const struct envelope *command);
typedef enum verdict event_handler(struct unit_of_work *uow, struct message *event);

/* Notes what has to be loaded before the command can be handled. */
typedef void command_needs(struct unit_of_work *uow, const struct envelope *command);

command_needs create_batch_needs;
command_handler handle_create_batch;

command_needs allocate_needs;
command_handler handle_allocate;

command_needs deallocate_needs;
command_handler handle_deallocate;

command_needs ship_needs;
command_handler handle_ship;

command_needs change_batch_quantity_needs;
command_handler handle_change_batch_quantity;

/*
 * An external event becomes a command for each line of its order (see process/processes.h), here: which one.
 * When all of these commands have their outcome, nothing is left to do.
 */
typedef void line_command(const struct message *event, const struct order_line *line,
			  struct message *command);
line_command deallocate_line;
command_needs external_event_needs;
command_handler handle_external_event;

/* A line lost its batch because the batch shrank: reallocates the displaced line that has waited longest. */
event_handler reallocate;

/* Update the read model. */
event_handler show_allocation;
event_handler hide_allocation;
event_handler hide_shipped_line;

/* Adds the event to the outbox. */
event_handler publish;

/* Adds a notification that a line is out of stock, which is sent after the commit. */
event_handler notify_out_of_stock;

#endif
