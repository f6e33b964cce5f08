/* Describes the writes of a unit of work in words, in the order in which a store makes them. */
#include "entrypoints/replay/dry_run_effects.h"

#include <inttypes.h>

#define NOTE(effects, ...)                                                                                   \
	(has_room(effects) ? note((effects), arena_printf((effects)->arena, __VA_ARGS__)) : (void)0)

static bool has_room(struct dry_run_effects *effects)
{
	effects->changes_left_out += effects->change_count == EFFECTS_MAX;
	return effects->change_count < EFFECTS_MAX;
}

static void note(struct dry_run_effects *effects, const char *line)
{
	effects->changes =
		arena_grow(effects->arena, effects->changes, effects->change_count, sizeof *effects->changes);
	effects->changes[effects->change_count++] = line;
}

static void note_inbox(struct dry_run_effects *effects, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->inbox_count; i++) {
		const struct inbox_slot *slot = uow->inbox[i];

		if (slot->outcome != OUTCOME_NONE)
			NOTE(effects, "id %s of %s is spent", slot->parts.id, slot->parts.message);
	}
}

static void note_batch(struct dry_run_effects *effects, const struct batch *batch)
{
	if (!batch_is_new(batch) && !batch_has_changed(batch))
		return;
	NOTE(effects, "%sbatch %s: %" PRId32 " of %" PRId32 " allocated", batch_is_new(batch) ? "new " : "",
	     batch_reference(batch), batch_allocated(batch), batch_purchased(batch));
}

static void note_line(struct dry_run_effects *effects, const struct allocation *allocation)
{
	const struct order_line *line = allocation_line(allocation);
	const struct batch *batch = allocation_batch(allocation);

	if (!allocation_has_moved(allocation))
		return;
	if (batch)
		NOTE(effects, "line of order %s, %" PRId32 " pieces: in batch %s", line->orderid, line->qty,
		     batch_reference(batch));
	else if (allocation_is_displaced(allocation))
		NOTE(effects, "line of order %s, %" PRId32 " pieces: waits for a batch", line->orderid,
		     line->qty);
	else
		NOTE(effects, "line of order %s, %" PRId32 " pieces: in no batch any more", line->orderid,
		     line->qty);
}

static void note_shrink(struct dry_run_effects *effects, const struct product *product)
{
	struct shrink_progress shrink = product_shrink_progress(product);

	NOTE(effects, "batch %s continues to shrink in steps, to %" PRId32, shrink.batchref, shrink.target);
}

static void note_product(struct dry_run_effects *effects, const struct product *product)
{
	const struct batch *batch;
	const struct allocation *line;

	if (!product || !product_has_changed(product))
		return;
	NOTE(effects, "%sproduct %s: version %" PRId64, product_is_new(product) ? "new " : "",
	     product_sku(product), product_version(product));
	for (batch = product_first_batch(product); batch; batch = batch_next(batch))
		note_batch(effects, batch);
	for (line = product_first_changed_line(product); line; line = allocation_next_changed(line))
		note_line(effects, line);
	if (product_is_shrinking(product))
		note_shrink(effects, product);
}

static void note_views(struct dry_run_effects *effects, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->view_count; i++) {
		const struct view_change *view = uow->views[i];

		NOTE(effects, "read model: order %s, %s: %s%s", view->orderid, view->sku,
		     view->batchref ? "in batch " : "gone", view->batchref ? view->batchref : "");
	}
}

static void note_notifications(struct dry_run_effects *effects, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->notification_count; i++)
		NOTE(effects, "mail: %s is out of stock for order %s, %" PRId32 " pieces",
		     uow->notifications[i].sku, uow->notifications[i].orderid, uow->notifications[i].qty);
}

static void note_replay(struct dry_run_effects *effects, const struct delivery *delivery)
{
	const struct replay *replay = delivery->replay;

	if (outcome_is_done(delivery->outcome))
		NOTE(effects, "dead letter %" PRId64 ": gone", replay->dead_letter);
	else
		NOTE(effects, "dead letter %" PRId64 ": %d attempts", replay->dead_letter,
		     replay->attempts + 1);
}

static void note_event(struct dry_run_effects *effects, const struct outgoing *event,
		       payload_to_line *to_line)
{
	struct effect_event *noted;
	const char *error;

	effects->events_of[event->type]++;
	if (effects->event_count == EFFECTS_MAX) {
		effects->events_left_out++;
		return;
	}
	effects->events =
		arena_grow(effects->arena, effects->events, effects->event_count, sizeof *effects->events);
	noted = &effects->events[effects->event_count++];
	noted->name = message_name(event->type);
	if (!to_line(event->payload, effects->arena, &noted->json, &error))
		noted->json = "null"; /* cannot happen: the program wrote the payload itself */
}

void dry_run_effects_note(struct dry_run_effects *effects, const struct unit_of_work *uow,
			  payload_to_line *to_line)
{
	note_inbox(effects, uow);
	for (size_t i = 0; i < uow->product_count; i++)
		note_product(effects, uow->products[i]->product);
	note_views(effects, uow);
	note_notifications(effects, uow);
	for (size_t i = 0; i < uow->replayed_count; i++)
		note_replay(effects, uow->replayed[i]);
	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product_slot *slot = uow->products[i];

		for (size_t j = 0; j < slot->outgoing_count; j++)
			note_event(effects, &slot->outgoing[j], to_line);
	}
}
