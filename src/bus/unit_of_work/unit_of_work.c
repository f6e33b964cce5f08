/* The identity map of one unit of work, and the changes that its flush writes. */
#include "bus/unit_of_work/unit_of_work.h"

#include "bus/messages/rejection_event.h"
#include "core/base/decimal.h"
#include "core/partition.h"
#include "core/product_repository.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#define CHUNK_SIZE ((size_t)64 * 1024)

/* The events about dead letters are no product's, and have one order. */
#define REJECTIONS_PARTITION 0

#define KEEP(uow, field)       journal_keep(&(uow)->journal, &(field), sizeof(field))
#define SET(uow, field, value) (KEEP(uow, field), (field) = (value))

/* Makes room in uow->array for one element more than uow->counter. */
#define GROW(uow, array, counter)                                                                            \
	((uow)->array = arena_grow((uow)->arena, (uow)->array, (uow)->counter, sizeof *(uow)->array))

/* ---- the life of a unit ---- */

static void set_up(struct unit_of_work *uow, struct arena *arena, struct journal journal, struct codec *codec,
		   int move_max)
{
	*uow = (struct unit_of_work){
		.arena = arena, .journal = journal, .codec = codec, .move_max = move_max};
	map_init(&uow->product_map, arena);
	map_init(&uow->batch_map, arena);
	map_init(&uow->line_map, arena);
	map_init(&uow->inbox_map, arena);
	map_init(&uow->view_map, arena);
	map_init(&uow->letter_map, arena);
}

void unit_of_work_init(struct unit_of_work *uow, struct codec *codec, int move_max)
{
	struct journal journal;

	journal_init(&journal);
	set_up(uow, arena_new(CHUNK_SIZE), journal, codec, move_max);
}

void unit_of_work_release(struct unit_of_work *uow)
{
	journal_release(&uow->journal);
	arena_free(&uow->arena);
}

void unit_of_work_clear(struct unit_of_work *uow)
{
	bool rejection_events = uow->rejection_events;

	journal_forget(&uow->journal);
	arena_clear(uow->arena);
	set_up(uow, uow->arena, uow->journal, uow->codec, uow->move_max);
	uow->rejection_events = rejection_events;
}

static void end_message(struct unit_of_work *uow)
{
	uow->cause = NULL;
	uow->touched = NULL;
	uow->defect = NULL;
}

void unit_of_work_keep_changes(struct unit_of_work *uow)
{
	journal_forget(&uow->journal);
	end_message(uow);
}

void unit_of_work_undo_changes(struct unit_of_work *uow)
{
	journal_undo(&uow->journal);
	end_message(uow);
}

static void spend_id(struct unit_of_work *uow, const struct delivery *delivery)
{
	struct inbox_slot *slot = delivery->inbox_key ? map_get(&uow->inbox_map, delivery->inbox_key) : NULL;

	if (!slot || slot->spent || !outcome_is_done(delivery->outcome))
		return;
	/* An earlier, rejected message with the same id may have created the slot. */
	slot->parts.message = delivery->inbox.message;
	slot->spent = true;
	slot->digest = delivery->digest;
	slot->outcome = delivery->outcome;
}

/* Only the first of several replays of one dead letter in this unit has an effect. */
static void note_replay(struct unit_of_work *uow, struct delivery *delivery)
{
	for (size_t i = 0; i < uow->replay_count; i++) {
		if (uow->replays[i]->delivery->replay->dead_letter == delivery->replay->dead_letter)
			uow->replays[i]->is_stale = true;
	}
	GROW(uow, replayed, replayed_count);
	uow->replayed[uow->replayed_count++] = delivery;
}

/* A command of a process has no payload until an operator has to see it. */
static void write_payload(struct unit_of_work *uow, struct delivery *delivery)
{
	const char *ignored;

	if (!delivery->part_of || delivery->payload.size)
		return;
	uow->codec->ops->encode(uow->codec, &delivery->envelope, delivery->arena, &delivery->payload,
				&ignored);
	delivery->payload_size = delivery->payload.size;
}

/*
 * Its publisher hears of the dead letter, unless it is of an entry that is a dead letter already.  That is to
 * be loaded, because an entry may be delivered again as a new one, too: when its group was moved back.
 */
static void add_rejection(struct unit_of_work *uow, const struct delivery *delivery)
{
	const struct entry_place *entry = &delivery->first;
	struct letter_slot *slot = arena_alloc(uow->arena, sizeof *slot);

	slot->delivery = delivery;
	slot->loaded = !entry->entry_id;
	if (entry->entry_id) {
		const char *key = arena_printf(uow->arena, "%s %" PRId64 " %s", entry->origin,
					       entry->incarnation, entry->entry_id);

		slot->is_kept = map_get(&uow->letter_map, key);
		map_put(&uow->letter_map, key, slot);
	}
	GROW(uow, letters, letter_count);
	uow->letters[uow->letter_count++] = slot;
}

static void add_dead_letter(struct unit_of_work *uow, struct delivery *delivery)
{
	write_payload(uow, delivery);
	GROW(uow, dead, dead_count);
	uow->dead[uow->dead_count++] = delivery;
	if (uow->rejection_events)
		add_rejection(uow, delivery);
}

void unit_of_work_settle(struct unit_of_work *uow, struct delivery *delivery)
{
	const struct replay_slot *replay = unit_of_work_want_replay(uow, delivery);

	if (delivery->process_key) {
		GROW(uow, ended, ended_count);
		uow->ended[uow->ended_count++] = delivery->process_key;
	}
	if (replay && replay->is_stale)
		return; /* the replay has no effect */
	if (replay)
		note_replay(uow, delivery);
	spend_id(uow, delivery);
	if (delivery_is_dead(delivery))
		add_dead_letter(uow, delivery);
}

int64_t unit_of_work_new_letters(const struct unit_of_work *uow)
{
	int64_t count = 0;

	if (!uow->rejection_events)
		return -1;
	for (size_t i = 0; i < uow->letter_count; i++)
		count += uow->letters[i]->delivery->first.entry_id && !uow->letters[i]->is_kept;
	return count;
}

/* A name that no other event has: that of the unit, and a number. */
static const char *number_in_unit(const struct unit_of_work *uow, size_t number)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * WITNESS_SIZE + 1] = "";

	for (size_t i = 0; i < WITNESS_SIZE; i++) {
		hex[2 * i] = digits[uow->witness[i] >> 4];
		hex[2 * i + 1] = digits[uow->witness[i] & 15];
	}
	return arena_printf(uow->arena, "%s/%zu", hex, number);
}

static void encode_rejection(struct unit_of_work *uow, const struct delivery *dead, struct outgoing *outgoing,
			     size_t number)
{
	struct envelope event = rejection_event(dead, uow->now, uow->arena);
	bool is_valid;

	event.id = number_in_unit(uow, number);
	outgoing->type = event.message.type;
	is_valid = uow->codec->ops->encode(uow->codec, &event, uow->arena, &outgoing->payload, &uow->defect);
	assert(is_valid && "each field is within its bounds");
	(void)is_valid;
}

static void add_rejection_events(struct unit_of_work *uow, struct outbox_rows *rows)
{
	struct outgoing *events = arena_alloc(uow->arena, uow->letter_count * sizeof *events);
	size_t count = 0;

	for (size_t i = 0; i < uow->letter_count; i++) {
		if (uow->letters[i]->is_kept)
			continue;
		encode_rejection(uow, uow->letters[i]->delivery, &events[count], count);
		count++;
	}
	outbox_rows_add_apart(rows, REJECTIONS_PARTITION, events, count);
}

static void fill_outbox(struct unit_of_work *uow)
{
	struct outbox_rows rows = {.arena = uow->arena};

	for (size_t i = 0; i < uow->product_count; i++) {
		const struct product_slot *slot = uow->products[i];

		if (slot->outgoing_count)
			outbox_rows_add(&rows, partition_of(slot->sku), slot->product, slot->first_version,
					slot->outgoing, slot->outgoing_count);
	}
	if (uow->letter_count)
		add_rejection_events(uow, &rows);
	outbox_rows_encode(&rows);
	uow->outbox = rows.rows;
	uow->outbox_count = rows.count;
}

/* Drops the rows whose changes were all undone. */
static void drop_unchanged_views(struct unit_of_work *uow)
{
	size_t kept = 0;

	for (size_t i = 0; i < uow->view_count; i++) {
		if (uow->views[i]->changed)
			uow->views[kept++] = uow->views[i];
	}
	uow->view_count = kept;
}

void unit_of_work_close(struct unit_of_work *uow)
{
	fill_outbox(uow);
	drop_unchanged_views(uow);
}

/* ---- what is wanted ---- */

static struct product_slot *product_slot(struct unit_of_work *uow, const char *sku)
{
	void **place = map_place(&uow->product_map, sku);
	struct product_slot *slot = *place;

	if (slot)
		return slot;
	*place = slot = arena_alloc(uow->arena, sizeof *slot);
	slot->sku = sku;
	GROW(uow, products, product_count);
	uow->products[uow->product_count++] = slot;
	return slot;
}

static struct batch_slot *batch_slot(struct unit_of_work *uow, const char *reference)
{
	void **place = map_place(&uow->batch_map, reference);
	struct batch_slot *slot = *place;

	if (slot)
		return slot;
	*place = slot = arena_alloc(uow->arena, sizeof *slot);
	slot->reference = reference;
	slot->lowest_qty = INT32_MAX;
	GROW(uow, batches, batch_count);
	uow->batches[uow->batch_count++] = slot;
	return slot;
}

void unit_of_work_want_product(struct unit_of_work *uow, const char *sku)
{
	product_slot(uow, sku);
}

void unit_of_work_want_batch(struct unit_of_work *uow, const char *reference, int32_t qty)
{
	struct batch_slot *slot = batch_slot(uow, reference);

	if (qty < slot->lowest_qty)
		slot->lowest_qty = qty;
}

/* Joins SKU, order id and quantity to one text; no UTF-8 text contains the byte 0xff. */
static const char *line_key(struct unit_of_work *uow, const struct order_line *line)
{
	char qty[DECIMAL_MAX + 1] = {0};

	decimal_format(line->qty, qty);
	return arena_join(uow->arena, (const char *[]){line->sku, line->orderid, qty}, 3, '\xff');
}

void unit_of_work_want_line(struct unit_of_work *uow, const struct order_line *line)
{
	if (uow->speculation.is_on)
		uow->speculation.assumed_lines = true;
	else
		unit_of_work_want_stored_line(uow, line);
}

void unit_of_work_want_stored_line(struct unit_of_work *uow, const struct order_line *line)
{
	void **place = map_place(&uow->line_map, line_key(uow, line));
	struct line_slot *slot;

	if (*place)
		return;
	*place = slot = arena_alloc(uow->arena, sizeof *slot);
	*slot = (struct line_slot){.sku = line->sku, .orderid = line->orderid, .qty = line->qty};
	GROW(uow, lines, line_count);
	uow->lines[uow->line_count++] = slot;
}

struct inbox_slot *unit_of_work_want_id(struct unit_of_work *uow, const struct delivery *delivery)
{
	struct inbox_slot *slot;
	void **place;

	if (!delivery->inbox_key)
		return NULL;
	place = map_place(&uow->inbox_map, delivery->inbox_key);
	slot = *place;
	if (slot)
		return slot;
	*place = slot = arena_alloc(uow->arena, sizeof *slot);
	slot->key = delivery->inbox_key;
	slot->parts = delivery->inbox;
	slot->loaded = slot->assumed_new = uow->speculation.is_on;
	GROW(uow, inbox, inbox_count);
	uow->inbox[uow->inbox_count++] = slot;
	return slot;
}

void unit_of_work_look_id_up(struct unit_of_work *uow, const struct delivery *delivery)
{
	struct inbox_slot *slot = unit_of_work_want_id(uow, delivery);

	if (slot && slot->assumed_new && !slot->spent)
		slot->loaded = slot->assumed_new = false;
}

void unit_of_work_want_lease(struct unit_of_work *uow, const struct delivery *delivery)
{
	struct lease *lease = delivery_lease(delivery);

	for (size_t i = 0; i < uow->lease_count && lease; i++) {
		if (uow->leases[i] == lease)
			lease = NULL;
	}
	if (!lease)
		return;
	GROW(uow, leases, lease_count);
	uow->leases[uow->lease_count++] = lease;
}

struct replay_slot *unit_of_work_want_replay(struct unit_of_work *uow, const struct delivery *delivery)
{
	struct replay_slot *slot;

	if (!delivery->replay)
		return NULL;
	for (size_t i = 0; i < uow->replay_count; i++) {
		if (uow->replays[i]->delivery == delivery)
			return uow->replays[i];
	}
	slot = arena_alloc(uow->arena, sizeof *slot);
	slot->delivery = delivery;
	GROW(uow, replays, replay_count);
	uow->replays[uow->replay_count++] = slot;
	return slot;
}

void unit_of_work_recall_batch(struct unit_of_work *uow, const char *reference, const char *sku)
{
	struct batch_slot *slot = batch_slot(uow, reference);
	struct product *product = product_slot(uow, sku)->product;
	struct batch *batch = product ? product_batch(product, reference) : NULL;

	if (slot->loaded || !batch)
		return;
	slot->loaded = true;
	slot->sku = product->sku;
	if (batch->allocated > slot->lowest_qty && !product->need.lines_of)
		product->need =
			(struct need){.lines_of = batch, .lines_qty = batch->allocated - slot->lowest_qty};
}

static bool product_needs_load(const struct product_slot *slot)
{
	return !slot->loaded || (slot->product && need_is_any(&slot->product->need));
}

bool unit_of_work_needs_load(const struct unit_of_work *uow)
{
	for (size_t i = 0; i < uow->product_count; i++) {
		if (product_needs_load(uow->products[i]))
			return true;
	}
	for (size_t i = 0; i < uow->batch_count; i++) {
		if (!uow->batches[i]->loaded)
			return true;
	}
	for (size_t i = 0; i < uow->line_count; i++) {
		if (!uow->lines[i]->loaded)
			return true;
	}
	for (size_t i = 0; i < uow->inbox_count; i++) {
		if (!uow->inbox[i]->loaded)
			return true;
	}
	for (size_t i = 0; i < uow->replay_count; i++) {
		if (!uow->replays[i]->loaded)
			return true;
	}
	for (size_t i = 0; i < uow->letter_count; i++) {
		if (!uow->letters[i]->loaded)
			return true;
	}
	return false;
}

/* ---- what handlers call ---- */

struct product *unit_of_work_product(struct unit_of_work *uow, const char *sku)
{
	struct product_slot *slot = map_get(&uow->product_map, sku);

	assert(slot && slot->loaded && "a command's product is loaded before it is handled");
	uow->touched = slot->product;
	return slot->product;
}

struct product *unit_of_work_new_product(struct unit_of_work *uow, const char *sku)
{
	struct product_slot *slot = product_slot(uow, sku);
	struct product *product = product_new(uow->arena, &uow->journal, slot->sku, uow->move_max);

	assert(!slot->product);
	product_put_range(product, 1, PREFERENCE_END); /* a new product has nothing to load */
	SET(uow, slot->product, product);
	uow->touched = product;
	return product;
}

const char *unit_of_work_batch_owner(struct unit_of_work *uow, const char *reference)
{
	struct batch_slot *slot = map_get(&uow->batch_map, reference);

	assert(slot && slot->loaded && "a command's batch is looked up before it is handled");
	return slot->sku;
}

void unit_of_work_own_batch(struct unit_of_work *uow, const char *reference, const char *sku)
{
	SET(uow, batch_slot(uow, reference)->sku, sku);
}

void unit_of_work_show_line(struct unit_of_work *uow, const struct order_line *line, const char *batchref)
{
	void **place = map_place(&uow->view_map, line_key(uow, line));
	struct view_change *view = *place;

	if (!view) {
		*place = view = arena_reserve(uow->arena, sizeof *view);
		*view = (struct view_change){
			.sku = line->sku,
			.orderid = line->orderid,
			.qty = line->qty,
			.is_new = batchref, /* a line loses its batch before it gets another */
		};
		GROW(uow, views, view_count);
		uow->views[uow->view_count++] = view;
	}
	SET(uow, view->batchref, batchref);
	SET(uow, view->changed, true);
}

/* Sets the fields that every event has: its time, its epoch, and the id of the command that caused it. */
static void stamp(struct unit_of_work *uow, struct message *event)
{
	message_set_number(event, "occurred_at", uow->now);
	message_set_text(event, "cause", uow->cause->id);
	if (uow->epoch > 1)
		message_set_number(event, "epoch", uow->epoch);
}

void unit_of_work_publish(struct unit_of_work *uow, struct message *event)
{
	struct product_slot *slot = map_get(&uow->product_map, message_text(event, "sku"));
	int64_t version = message_number(event, "version");
	struct envelope envelope = {
		.source = "", .traceparent = uow->cause->traceparent, .occurred_at = uow->now};
	struct outgoing *outgoing;

	if (uow->defect)
		return; /* the message fails as a whole, so none of its events is published */
	stamp(uow, event);
	envelope.message = *event;
	slot->outgoing = arena_grow(uow->arena, slot->outgoing, slot->outgoing_count, sizeof *slot->outgoing);
	outgoing = &slot->outgoing[slot->outgoing_count];
	outgoing->type = event->type;
	if (!uow->codec->ops->encode(uow->codec, &envelope, uow->arena, &outgoing->payload, &uow->defect))
		return;
	if (!slot->outgoing_count)
		SET(uow, slot->first_version, version);
	assert(version == slot->first_version + (int64_t)slot->outgoing_count);
	SET(uow, slot->outgoing_count, slot->outgoing_count + 1);
}

const struct outgoing *unit_of_work_events_behind(const struct unit_of_work *uow, const char *sku,
						  int64_t version, size_t *count)
{
	const struct product_slot *slot = map_get(&uow->product_map, sku);
	size_t before;

	*count = 0;
	if (!slot->outgoing_count)
		return NULL;
	before = (size_t)(version + 1 - slot->first_version);
	*count = slot->outgoing_count - before;
	return slot->outgoing + before;
}

void unit_of_work_notify(struct unit_of_work *uow, const struct order_line *line)
{
	GROW(uow, notifications, notification_count);
	uow->notifications[uow->notification_count] =
		(struct notification){.sku = line->sku, .orderid = line->orderid, .qty = line->qty};
	SET(uow, uow->notification_count, uow->notification_count + 1);
}

/* ---- what a store calls while it loads ---- */

struct product *unit_of_work_put_product(struct unit_of_work *uow, const char *sku, int64_t key,
					 int64_t version, int64_t revision, int64_t last_row)
{
	struct product_slot *slot = map_get(&uow->product_map, sku);

	if (!slot)
		slot = product_slot(uow, arena_strdup(uow->arena, sku));
	if (!slot->product) {
		uow->is_torn |= slot->loaded;
		slot->product = product_new(uow->arena, &uow->journal, slot->sku, uow->move_max);
		slot->product->key = key;
		slot->product->version = version;
		slot->product->revision = revision;
		slot->product->last_row = last_row;
	}
	slot->loaded = true;
	return slot->product;
}

struct batch_slot *unit_of_work_put_batch_owner(struct unit_of_work *uow, const char *reference,
						const char *sku)
{
	struct batch_slot *slot = map_get(&uow->batch_map, reference);

	assert(slot);
	slot->loaded = true;
	slot->sku = arena_strdup(uow->arena, sku);
	return slot;
}

void unit_of_work_put_spent(struct inbox_slot *slot, uint64_t digest)
{
	slot->loaded = true;
	slot->spent = true;
	slot->digest = digest;
}
