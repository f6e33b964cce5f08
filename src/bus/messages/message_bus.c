/* Who handles what. */
#include "bus/messages/message_bus.h"

#include "bus/messages/handlers.h"

#define EVENT_HANDLERS_MAX 4

struct route {
	command_needs *needs;
	command_handler *handle;
};

static const struct route routes[MSG_TYPES] = {
	[MSG_CREATE_BATCH] = {create_batch_needs, handle_create_batch},
	[MSG_ALLOCATE] = {allocate_needs, handle_allocate},
	[MSG_CHANGE_BATCH_QUANTITY] = {change_batch_quantity_needs, handle_change_batch_quantity},
};

static event_handler *const event_handlers[MSG_TYPES][EVENT_HANDLERS_MAX] = {
	[MSG_LINE_ALLOCATED] = {show_allocation, publish},
	[MSG_LINE_DEALLOCATED] = {hide_allocation, publish, reallocate},
	[MSG_OUT_OF_STOCK] = {publish, notify_out_of_stock},
};

static enum verdict handle_event(struct unit_of_work *uow, struct message *event)
{
	event_handler *const *handlers = event_handlers[event->type];
	enum verdict verdict = ACCEPTED;

	for (int i = 0; i < EVENT_HANDLERS_MAX && handlers[i] && verdict == ACCEPTED; i++)
		verdict = handlers[i](uow, event);
	return verdict;
}

enum verdict message_bus_dispatch_events(struct unit_of_work *uow, struct product *product)
{
	struct event *event, *next;

	/* What handlers raise is collected behind what was raised before it. */
	for (event = product_collect_events(product); event; event = next) {
		enum verdict verdict = handle_event(uow, &event->message);

		if (verdict != ACCEPTED)
			return verdict;
		next = event->next ? event->next : product_collect_events(product);
	}
	return ACCEPTED;
}

void message_bus_note_needs(struct unit_of_work *uow, const struct envelope *command)
{
	routes[command->message.type].needs(uow, command);
}

enum verdict message_bus_handle(struct unit_of_work *uow, const struct envelope *command)
{
	enum verdict verdict;

	uow->touched = NULL;
	verdict = routes[command->message.type].handle(uow, command);
	if (verdict != ACCEPTED || !uow->touched)
		return verdict;
	return message_bus_dispatch_events(uow, uow->touched);
}
