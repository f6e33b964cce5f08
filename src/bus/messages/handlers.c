/* The handlers of commands and events. */
#include "bus/messages/handlers.h"

#include "bus/messages/preconditions.h"

#include <string.h>

void create_batch_needs(struct unit_of_work *uow, const struct envelope *command)
{
	const struct create_batch *cmd = &command->message.as.create_batch;

	unit_of_work_want_product(uow, cmd->sku);
	unit_of_work_want_batch(uow, cmd->batchref, INT32_MAX);
}

enum verdict handle_create_batch(struct unit_of_work *uow, const struct envelope *command)
{
	const struct create_batch *cmd = &command->message.as.create_batch;
	struct product *product = unit_of_work_product(uow, cmd->sku);
	enum verdict verdict = ensure_reference_not_elsewhere(uow, cmd->batchref, cmd->sku);

	if (verdict != ACCEPTED)
		return verdict;
	if (!product)
		product = unit_of_work_new_product(uow, cmd->sku);
	verdict = product_add_batch(product, cmd->batchref, cmd->qty, cmd->eta);
	if (verdict == ACCEPTED)
		unit_of_work_own_batch(uow, cmd->batchref, product_sku(product));
	return verdict;
}

/* Lets the product of the command's SKU decide about the line. */
static enum verdict decide(struct unit_of_work *uow, struct order_line line,
			   enum verdict (*decision)(struct product *product, const struct order_line *line))
{
	struct product *product;
	enum verdict verdict = ensure_product(uow, line.sku, &product);

	if (verdict != ACCEPTED)
		return verdict;
	line.sku = product_sku(product);
	return decision(product, &line);
}

void allocate_needs(struct unit_of_work *uow, const struct envelope *command)
{
	const struct allocate *cmd = &command->message.as.allocate;

	unit_of_work_want_product(uow, cmd->sku);
	unit_of_work_want_line(uow, &(struct order_line){cmd->orderid, cmd->sku, cmd->qty});
}

enum verdict handle_allocate(struct unit_of_work *uow, const struct envelope *command)
{
	const struct allocate *cmd = &command->message.as.allocate;

	return decide(uow, (struct order_line){cmd->orderid, cmd->sku, cmd->qty}, product_allocate);
}

void deallocate_needs(struct unit_of_work *uow, const struct envelope *command)
{
	const struct deallocate *cmd = &command->message.as.deallocate;

	unit_of_work_want_product(uow, cmd->sku);
	unit_of_work_want_stored_line(uow, &(struct order_line){cmd->orderid, cmd->sku, cmd->qty});
}

enum verdict handle_deallocate(struct unit_of_work *uow, const struct envelope *command)
{
	const struct deallocate *cmd = &command->message.as.deallocate;

	return decide(uow, (struct order_line){cmd->orderid, cmd->sku, cmd->qty}, product_deallocate);
}

void ship_needs(struct unit_of_work *uow, const struct envelope *command)
{
	const struct ship *cmd = &command->message.as.ship;

	unit_of_work_want_product(uow, cmd->sku);
	unit_of_work_want_stored_line(uow, &(struct order_line){cmd->orderid, cmd->sku, cmd->qty});
}

enum verdict handle_ship(struct unit_of_work *uow, const struct envelope *command)
{
	const struct ship *cmd = &command->message.as.ship;

	return decide(uow, (struct order_line){cmd->orderid, cmd->sku, cmd->qty}, product_ship);
}

void change_batch_quantity_needs(struct unit_of_work *uow, const struct envelope *command)
{
	const struct change_batch_quantity *cmd = &command->message.as.change_batch_quantity;

	unit_of_work_want_batch(uow, cmd->batchref, cmd->qty);
}

enum verdict handle_change_batch_quantity(struct unit_of_work *uow, const struct envelope *command)
{
	const struct change_batch_quantity *cmd = &command->message.as.change_batch_quantity;
	struct product *product;
	struct batch *batch;
	enum verdict verdict = ensure_batch(uow, cmd->batchref, &product, &batch);

	if (verdict != ACCEPTED)
		return verdict;
	verdict = product_change_quantity(product, batch, cmd->qty, cmd->occurred_at);
	if (product_is_shrinking(product))
		product_set_shrink_cause(product, command->id, command->traceparent);
	return verdict;
}

void deallocate_line(const struct message *event, const struct order_line *line, struct message *command)
{
	(void)event;
	message_init(command, MSG_DEALLOCATE);
	command->as.deallocate.orderid = line->orderid;
	command->as.deallocate.sku = line->sku;
	command->as.deallocate.qty = line->qty;
}

void external_event_needs(struct unit_of_work *uow, const struct envelope *event)
{
	(void)uow;
	(void)event;
}

enum verdict handle_external_event(struct unit_of_work *uow, const struct envelope *event)
{
	(void)uow;
	(void)event;
	return ACCEPTED;
}

enum verdict reallocate(struct unit_of_work *uow, struct message *event)
{
	const struct line_deallocated *deallocated = &event->as.line_deallocated;

	if (strcmp(deallocated->reason, LINE_DEALLOCATED_REASON_BATCH_SHRUNK) != 0)
		return ACCEPTED;
	return product_reallocate_next(unit_of_work_product(uow, deallocated->sku));
}

enum verdict show_allocation(struct unit_of_work *uow, struct message *event)
{
	const struct line_allocated *allocated = &event->as.line_allocated;
	struct order_line line = {allocated->orderid, allocated->sku, allocated->qty};

	unit_of_work_show_line(uow, &line, allocated->batchref);
	return ACCEPTED;
}

enum verdict hide_allocation(struct unit_of_work *uow, struct message *event)
{
	const struct line_deallocated *deallocated = &event->as.line_deallocated;
	struct order_line line = {deallocated->orderid, deallocated->sku, deallocated->qty};

	unit_of_work_show_line(uow, &line, NULL);
	return ACCEPTED;
}

enum verdict hide_shipped_line(struct unit_of_work *uow, struct message *event)
{
	const struct line_shipped *shipped = &event->as.line_shipped;
	struct order_line line = {shipped->orderid, shipped->sku, shipped->qty};

	unit_of_work_show_line(uow, &line, NULL);
	return ACCEPTED;
}

enum verdict publish(struct unit_of_work *uow, struct message *event)
{
	unit_of_work_publish(uow, event);
	return ACCEPTED;
}

enum verdict notify_out_of_stock(struct unit_of_work *uow, struct message *event)
{
	const struct out_of_stock *out = &event->as.out_of_stock;

	unit_of_work_notify(uow, &(struct order_line){out->orderid, out->sku, out->qty});
	return ACCEPTED;
}
