/* Copies the changes of a unit of work, whose own memory does not outlive it. */
#include "adapters/memory/database/changes.h"

#include "bus/leases/lease.h"

#include "core/product_repository.h"

#include <inttypes.h>

/* Makes room for one more element at the end of changes->array, and counts it. */
#define ADD(changes, array, counter)                                                                         \
	((changes)->array = arena_grow((changes)->arena, (changes)->array, (changes)->counter,               \
				       sizeof *(changes)->array),                                            \
	 &(changes)->array[(changes)->counter++])

static const char *copied(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

static void copy_inbox(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->inbox_count; i++) {
		const struct inbox_slot *slot = uow->inbox[i];

		if (slot->outcome != OUTCOME_NONE)
			*ADD(changes, inbox, inbox_count) = (struct inbox_row){
				.key = copied(changes->arena, slot->key),
				.message = copied(changes->arena, slot->parts.message),
				.id = copied(changes->arena, slot->parts.id),
				.digest = slot->digest,
				.outcome = slot->outcome,
			};
	}
}

static void copy_batch(struct changes *changes, const struct product *product, const struct batch *batch)
{
	struct batch_change *change = ADD(changes, batches, batch_count);

	change->is_new = !batch->stored;
	change->row = (struct batch_row){
		.reference = copied(changes->arena, batch->reference),
		.sku = copied(changes->arena, product->sku),
		.eta = batch->eta,
		.original_qty = batch->original_qty,
		.purchased = batch->purchased,
		.allocated = batch->allocated,
		.changed_at = batch->changed_at,
	};
}

static void copy_line(struct changes *changes, const struct allocation *line)
{
	struct line_change *change = ADD(changes, lines, line_count);

	change->is_new = !line->stored_batch && !line->stored_displaced;
	change->row = (struct line_row){
		.sku = copied(changes->arena, line->line.sku),
		.orderid = copied(changes->arena, line->line.orderid),
		.qty = line->line.qty,
		.version = line->version,
		.batchref = line->batch ? copied(changes->arena, line->batch->reference) : NULL,
		.displaced = line->displaced,
	};
}

/* Whether the line is or was stored: one that was added and removed within the unit is not written. */
static bool concerns_database(const struct allocation *line)
{
	return line->batch || line->displaced || line->stored_batch || line->stored_displaced;
}

static struct shrink_row copy_shrink(struct arena *arena, const struct shrink *shrink)
{
	if (!shrink)
		return (struct shrink_row){0};
	return (struct shrink_row){
		.batchref = copied(arena, shrink->batch->reference),
		.target = shrink->target,
		.cause = copied(arena, shrink->cause),
		.traceparent = copied(arena, shrink->traceparent),
	};
}

static void copy_product(struct changes *changes, const struct product *product)
{
	*ADD(changes, products, product_count) = (struct product_change){
		.sku = copied(changes->arena, product->sku),
		.revision = product->revision,
		.version = product->version,
		.changed = product->changed,
		.shrink_changed = product->shrink_changed,
		.shrink = copy_shrink(changes->arena, product->shrink),
	};
	for (const struct batch *batch = product->batches; batch; batch = batch->next) {
		if (batch->changed)
			copy_batch(changes, product, batch);
	}
	for (const struct allocation *line = product->changed_lines; line; line = line->next_changed) {
		if (concerns_database(line))
			copy_line(changes, line);
	}
}

static void copy_products(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product *product = uow->products[i]->product;

		if (product && (product->changed || product->revision))
			copy_product(changes, product);
	}
}

static void copy_views(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->view_count; i++) {
		const struct view_change *view = uow->views[i];

		*ADD(changes, views, view_count) = (struct view_row){
			.sku = copied(changes->arena, view->sku),
			.orderid = copied(changes->arena, view->orderid),
			.qty = view->qty,
			.batchref = copied(changes->arena, view->batchref),
		};
	}
}

static void copy_notifications(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->notification_count; i++) {
		const struct notification *notification = &uow->notifications[i];

		*ADD(changes, notifications, notification_count) = (struct notification_row){
			.sku = copied(changes->arena, notification->sku),
			.orderid = copied(changes->arena, notification->orderid),
			.qty = notification->qty,
		};
	}
}

static void copy_dead(struct changes *changes, const struct unit_of_work *uow)
{
	changes->new_letters = unit_of_work_new_letters(uow);
	for (size_t i = 0; i < uow->dead_count; i++) {
		const struct delivery *delivery = uow->dead[i];
		struct bytes payload = delivery->payload;

		*ADD(changes, dead, dead_count) = (struct dead_letter_row){
			.outcome = delivery->outcome,
			.reason = copied(changes->arena, delivery->reason),
			.transport = delivery->transport,
			.origin = copied(changes->arena, delivery->first.origin),
			.entry_id = copied(changes->arena, delivery->first.entry_id),
			.incarnation = delivery->first.incarnation,
			.type = delivery->type,
			.source = copied(changes->arena, delivery->envelope.source),
			.id = copied(changes->arena, delivery->envelope.id),
			.payload = {arena_copy(changes->arena, payload.data, payload.size), payload.size},
			.payload_size = delivery->payload_size,
			.attempts = 1,
		};
	}
}

static void copy_replays(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->replayed_count; i++) {
		const struct delivery *delivery = uow->replayed[i];

		*ADD(changes, replays, replay_count) = (struct replay_row){
			.dead_letter = delivery->replay->dead_letter,
			.attempt = delivery->replay->attempts + 1,
			.who = copied(changes->arena, delivery->replay->who),
			.edits = copied(changes->arena, delivery->replay->edits),
			.outcome = delivery->outcome,
			.reason = copied(changes->arena, delivery->reason),
			.type = delivery->type,
			.id = copied(changes->arena, delivery->envelope.id),
		};
	}
}

static void copy_ended(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->ended_count; i++)
		*ADD(changes, ended, ended_count) = uow->ended[i];
}

static void copy_cursors(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->cursor_count; i++)
		*ADD(changes, cursors, cursor_count) = uow->cursors[i];
}

static struct stored_outbox_part *copied_parts(struct arena *arena, const struct outbox_row *row)
{
	struct stored_outbox_part *parts = arena_alloc(arena, row->part_count * sizeof *parts);
	size_t begin = 0;

	for (size_t i = 0; i < row->part_count; i++) {
		parts[i] = (struct stored_outbox_part){
			.sku = copied(arena, row->parts[i].product->sku),
			.first_version = row->parts[i].first_version,
			.last_version = row->parts[i].last_version,
			.begin = begin,
			.size = row->parts[i].end - begin,
		};
		begin = row->parts[i].end;
	}
	return parts;
}

static void copy_leases(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->lease_count; i++)
		*ADD(changes, leases, lease_count) =
			(struct lease_row){.name = arena_strdup(changes->arena, uow->leases[i]->name),
					   .term = arena_strdup(changes->arena, uow->leases[i]->term)};
}

static void copy_outbox(struct changes *changes, const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->outbox_count; i++) {
		const struct outbox_row *row = &uow->outbox[i];
		struct outbox_change *change = ADD(changes, outbox, outbox_count);

		change->partition = row->partition;
		change->row = (struct stored_outbox_row){
			.parts = copied_parts(changes->arena, row),
			.part_count = row->part_count,
			.frame = {arena_copy(changes->arena, row->frame.data, row->frame.size),
				  row->frame.size},
		};
	}
	changes->positions =
		arena_alloc(changes->arena, (uow->outbox_count + 1) * sizeof *changes->positions);
}

struct changes *changes_of(const struct unit_of_work *uow, struct arena *arena)
{
	struct changes *changes = arena_alloc(arena, sizeof *changes);

	changes->arena = arena;
	changes->witness = database_witness_key(arena, uow->witness);
	changes->epoch = uow->epoch;
	changes->timeline = arena_strdup(arena, uow->timeline);
	copy_leases(changes, uow);
	copy_inbox(changes, uow);
	copy_products(changes, uow);
	copy_views(changes, uow);
	copy_notifications(changes, uow);
	copy_dead(changes, uow);
	copy_replays(changes, uow);
	copy_ended(changes, uow);
	copy_cursors(changes, uow);
	copy_outbox(changes, uow);
	return changes;
}

struct lock_names changes_locks(struct changes *changes)
{
	struct lock_names names = {.arena = changes->arena};

	lock_names_add(&names, "witness", changes->witness);
	for (size_t i = 0; i < changes->inbox_count; i++)
		lock_names_add(&names, "inbox", changes->inbox[i].key);
	for (size_t i = 0; i < changes->product_count; i++)
		lock_names_add(&names, "product", changes->products[i].sku);
	for (size_t i = 0; i < changes->batch_count; i++) {
		if (changes->batches[i].is_new)
			lock_names_add(&names, "batch", changes->batches[i].row.reference);
	}
	for (size_t i = 0; i < changes->replay_count; i++)
		lock_names_add(&names, "dead letter",
			       arena_printf(changes->arena, "%" PRId64, changes->replays[i].dead_letter));
	return names;
}

void changes_report(const struct changes *changes, struct unit_of_work *uow)
{
	for (size_t i = 0; i < changes->outbox_count; i++)
		uow->outbox[i].position = changes->positions[i];
	for (size_t i = 0; i < changes->notification_count; i++)
		uow->notifications[i].key = changes->notifications[i].key;
}
