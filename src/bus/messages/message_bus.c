/* The routes of commands, the handlers of events, and their dispatch. */
#include "bus/messages/message_bus.h"

_Static_assert(MESSAGE_EVENTS_MAX >= 4 * MOVE_MAX_DEFAULT, "one step of a shrink raises two events a line");

/* ---- commands: NAME_route for each ---- */

static const struct route create_batch_route = {
	.needs = create_batch_needs,
	.handle = handle_create_batch,
	.creates_batch = true,
};

static const struct route allocate_route = {
	.needs = allocate_needs,
	.handle = handle_allocate,
	.lines_are_new = true,
};

static const struct route change_batch_quantity_route = {
	.needs = change_batch_quantity_needs,
	.handle = handle_change_batch_quantity,
};

static const struct route deallocate_route = {.needs = deallocate_needs, .handle = handle_deallocate};

static const struct route ship_route = {.needs = ship_needs, .handle = handle_ship};

static const struct route order_cancelled_route = {
	.needs = external_event_needs,
	.handle = handle_external_event,
	.for_each_line = deallocate_line,
};

/* A command in the schemas without a route does not compile, nor does a route without a command. */
#define ROUTE(type, name) [type] = &name##_route,
static const struct route *const routes[MSG_TYPES] = {FOR_EACH_COMMAND(ROUTE)};

/* ---- events: on_NAME for each, in the order in which they are called ---- */

/* No product raises it: a unit of work adds it to the outbox with its dead letter. */
static event_handler *const on_command_rejected[EVENT_HANDLERS_MAX] = {NULL};

static event_handler *const on_line_allocated[EVENT_HANDLERS_MAX] = {show_allocation, publish};
static event_handler *const on_line_deallocated[EVENT_HANDLERS_MAX] = {hide_allocation, publish, reallocate};
static event_handler *const on_line_shipped[EVENT_HANDLERS_MAX] = {hide_shipped_line, publish};
static event_handler *const on_out_of_stock[EVENT_HANDLERS_MAX] = {publish, notify_out_of_stock};

#define HANDLERS(type, name) [type] = on_##name,
static const event_handler_table event_handlers = {FOR_EACH_EVENT(HANDLERS)};

/* ---- dispatch ---- */

static enum verdict handle_event(struct unit_of_work *uow, event_handler *const *handlers,
				 struct message *event)
{
	enum verdict verdict = ACCEPTED;

	for (int i = 0; i < EVENT_HANDLERS_MAX && handlers[i] && verdict == ACCEPTED; i++)
		verdict = handlers[i](uow, event);
	return verdict;
}

enum verdict message_bus_dispatch_events_to(struct unit_of_work *uow, struct product *product,
					    const event_handler_table *handlers)
{
	struct event *event, *next;
	int count = 0;

	/* Events that a handler raises are handled after those raised before. */
	for (event = product_collect_events(product); event; event = next) {
		enum verdict verdict;

		if (++count > MESSAGE_EVENTS_MAX) {
			uow->defect =
				"it raises too many events: their handlers seem to cause each other endlessly";
			return ACCEPTED;
		}
		verdict = handle_event(uow, (*handlers)[event->message.type], &event->message);
		if (verdict != ACCEPTED)
			return verdict;
		next = event->next ? event->next : product_collect_events(product);
	}
	return ACCEPTED;
}

enum verdict message_bus_dispatch_events(struct unit_of_work *uow, struct product *product)
{
	return message_bus_dispatch_events_to(uow, product, &event_handlers);
}

const struct route *message_bus_route(enum message_type type)
{
	return routes[type];
}

enum verdict message_bus_handle(struct unit_of_work *uow, const struct envelope *command)
{
	enum verdict verdict;

	uow->touched = NULL;
	verdict = routes[command->message.type]->handle(uow, command);
	if (verdict != ACCEPTED || !uow->touched)
		return verdict;
	return message_bus_dispatch_events(uow, uow->touched);
}
