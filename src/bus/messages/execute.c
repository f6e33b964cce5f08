/* Handles one message, from its delivery to its outcome. */
#include "bus/messages/execute.h"

#include "bus/messages/message_bus.h"
#include "bus/messages/preconditions.h"
#include "bus/messages/raised_events.h"

#include <string.h>

void admit_delivery(struct unit_of_work *uow, struct delivery *delivery)
{
	unit_of_work_want_lease(uow, delivery);
	unit_of_work_want_replay(uow, delivery);
	if (delivery->decided)
		return;
	delivery_reopen(delivery);
	unit_of_work_want_id(uow, delivery);
	if (delivery->by_batch && delivery->sku)
		unit_of_work_want_product(uow, delivery->sku);
	message_bus_route(delivery->type)->needs(uow, &delivery->envelope);
}

void readmit_delivery(struct unit_of_work *uow, struct delivery *delivery)
{
	if (delivery->decided)
		return;
	unit_of_work_look_id_up(uow, delivery);
	message_bus_route(delivery->type)->needs(uow, &delivery->envelope);
}

static enum progress conclude(struct unit_of_work *uow, struct delivery *delivery, enum verdict verdict)
{
	unit_of_work_keep_changes(uow);
	delivery_conclude(delivery, verdict);
	unit_of_work_settle(uow, delivery);
	return PROGRESS_DONE;
}

static enum progress refuse(struct unit_of_work *uow, struct delivery *delivery, enum outcome outcome,
			    const char *reason)
{
	unit_of_work_undo_changes(uow);
	if (uow->speculation.is_on)
		return PROGRESS_LOOK_UP; /* it may be a duplicate, which is skipped and not refused */
	delivery_refuse(delivery, outcome, reason);
	unit_of_work_settle(uow, delivery);
	return PROGRESS_DONE;
}

struct product *delivery_product(struct unit_of_work *uow, const struct delivery *delivery)
{
	const char *owner = delivery->by_batch ? unit_of_work_batch_owner(uow, delivery->batchref) : NULL;
	const char *sku = owner ? owner : delivery->sku; /* the batch may be yet to be created */

	return sku ? unit_of_work_product(uow, sku) : NULL;
}

/* Whether the load found that the command's batch belongs to another SKU. */
static bool is_elsewhere(struct unit_of_work *uow, const struct delivery *delivery)
{
	const char *owner;

	if (!delivery->by_batch)
		return false;
	owner = unit_of_work_batch_owner(uow, delivery->batchref);
	return owner && strcmp(owner, delivery->sku);
}

/* Returns what remains to be done about a handled command before its outcome is final. */
static enum progress progress_of(const struct unit_of_work *uow, const struct delivery *delivery,
				 enum verdict verdict, size_t notified)
{
	bool lines_are_new = message_bus_route(delivery->type)->lines_are_new;

	switch (speculation_check(uow, verdict, lines_are_new, notified)) {
	case SPECULATION_UNVERIFIED:
		return PROGRESS_LOOK_UP;
	case SPECULATION_WRONG:
		return PROGRESS_REDO;
	case SPECULATION_SOUND:
		break;
	}
	return verdict == NEEDS_MORE ? PROGRESS_NEEDS_MORE : PROGRESS_DONE;
}

static enum progress handle_command(struct unit_of_work *uow, struct delivery *delivery)
{
	size_t notified = uow->notification_count;
	enum progress progress;
	enum verdict verdict;

	uow->cause = delivery->event ? &delivery->event->envelope : &delivery->envelope;
	verdict = message_bus_handle(uow, &delivery->envelope);
	if (verdict == REJECT_INVALID_SKU && delivery->part_of)
		verdict = SKIP_NOT_ALLOCATED; /* the command that named the SKU was rejected itself */
	progress = progress_of(uow, delivery, verdict, notified);
	if (progress != PROGRESS_DONE) {
		unit_of_work_undo_changes(uow);
		return progress;
	}
	if (uow->defect) {
		delivery->cause = CAUSE_DAMAGED_ROWS;
		return refuse(uow, delivery, OUTCOME_FAILED, uow->defect);
	}
	if (verdict != ACCEPTED)
		unit_of_work_undo_changes(uow);
	return conclude(uow, delivery, verdict);
}

/* Keeps the events behind that version of the command's product, which the command has raised. */
static void keep_events(struct unit_of_work *uow, struct delivery *delivery, int64_t version)
{
	const struct product *product = delivery_product(uow, delivery);
	const struct outgoing *events;
	size_t count;

	if (delivery->outcome != OUTCOME_HANDLED || !product)
		return;
	events = unit_of_work_events_behind(uow, product_sku(product), version, &count);
	raised_events_keep(delivery->raised, events, count, version + 1, product_is_shrinking(product));
}

enum progress handle_delivery(struct unit_of_work *uow, struct delivery *delivery)
{
	const struct replay_slot *replay = unit_of_work_want_replay(uow, delivery);
	struct inbox_slot *slot;
	struct product *product;
	enum verdict verdict = ACCEPTED;
	enum progress progress;
	int64_t version;
	bool is_early;

	if (delivery->decided) {
		unit_of_work_settle(uow, delivery);
		return PROGRESS_DONE;
	}
	if (replay && replay->is_stale)
		return conclude(uow, delivery, SKIP_DUPLICATE);
	if (is_elsewhere(uow, delivery))
		return PROGRESS_ELSEWHERE;
	product = delivery_product(uow, delivery);
	if (product && product_is_shrinking(product))
		return PROGRESS_LATER;
	slot = unit_of_work_want_id(uow, delivery);
	if (slot)
		verdict = ensure_id_unspent(slot, delivery->digest);
	is_early = !delivery->process_key && is_from_future(delivery->envelope.occurred_at, uow->now);
	if (speculation_forbids(&uow->speculation, verdict) || (is_early && slot && uow->speculation.is_on))
		return PROGRESS_LOOK_UP;
	if (verdict != ACCEPTED)
		return conclude(uow, delivery, verdict);
	if (is_early) {
		delivery->cause = CAUSE_FROM_THE_FUTURE;
		return refuse(uow, delivery, OUTCOME_INVALID, FROM_THE_FUTURE);
	}
	version = delivery->raised && product ? product_version(product) : 0;
	progress = handle_command(uow, delivery);
	if (delivery->raised)
		keep_events(uow, delivery, version);
	return progress;
}

enum progress handle_shrink_step(struct unit_of_work *uow, struct product *product)
{
	struct shrink_progress shrink = product_shrink_progress(product);
	struct envelope cause = {
		.id = shrink.cause,
		.source = "",
		.traceparent = shrink.traceparent,
		.occurred_at = NO_INSTANT,
	};
	enum progress progress;
	enum verdict verdict;

	/* cppcheck-suppress autoVariables ; keeping and undoing the changes both reset it */
	uow->cause = &cause;
	uow->touched = product;
	verdict = product_continue_shrink(product);
	if (verdict == ACCEPTED)
		verdict = message_bus_dispatch_events(uow, product);
	if (verdict == NEEDS_MORE || uow->defect) {
		progress = verdict == NEEDS_MORE ? PROGRESS_NEEDS_MORE : PROGRESS_STUCK;
		unit_of_work_undo_changes(uow);
		return progress;
	}
	unit_of_work_keep_changes(uow);
	return PROGRESS_DONE;
}
