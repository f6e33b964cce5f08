/* Reads entries and submits them: those that are pending for this reader, then new ones. */
#include "bus/intake/stream_reader_internal.h"

/* How often a reader checks whether it may read, for changes that no event reports. */
#define LOOK_AGAIN_MS 10

void reader_leave_pending(struct stream_reader *reader, struct pending_entry *entry)
{
	reader_count_lost_pending(reader, entry->incarnation != reader->record.incarnation);
	pending_entries_forget(&reader->in_flight, entry);
	reader->stats.in_flight = reader->in_flight.count;
}

void reader_count_answered(struct stream_reader *reader)
{
	reader->unanswered--;
	if (reader->stats.is_draining && !reader->unanswered) {
		reader->stats.is_draining = false;
		reader_advance(reader);
	}
}

/* The effects of the entry are committed, or the entry was postponed, or belongs elsewhere. */
static void on_answered(void *context, const struct delivery *delivery)
{
	struct pending_entry *entry = context;
	struct stream_reader *reader = entry->owner;

	if (delivery->outcome == OUTCOME_FORWARDED || delivery_goes_on(delivery)) {
		forwarding_add(reader, entry, delivery);
	} else if (delivery->outcome == OUTCOME_POSTPONED) {
		reader_leave_pending(reader, entry);
		reader_count_answered(reader);
	} else {
		acks_add(reader, entry);
		reader_count_answered(reader);
	}
}

static void submit(struct stream_reader *reader, const struct stream_entry *entry,
		   struct pending_entry *flying)
{
	bool is_pass = reader->state == READER_READING_PENDING;
	/* When the group was moved back, new entries are below the place of a pass. */
	bool is_behind = reader->has_pending && stream_id_compare(entry->id, reader->read_up_to) <= 0;
	char id[STREAM_ID_TEXT];

	stream_id_format(entry->id, id);
	reader->stats.read++;
	reader->unanswered++;
	engine_submit(reader->ports.engine, &(struct arrival){
						    .transport = TRANSPORT_STREAM,
						    .origin = reader->name,
						    .entry_id = id,
						    .incarnation = flying->incarnation,
						    .added_us = stream_id_instant(entry->id),
						    .lease = reader->lease,
						    .route = reader->config.route,
						    .first_origin = entry->origin,
						    .pass = is_pass ? reader->pass : 0,
						    .pass_follows = !is_pass && !is_behind,
						    .id = entry->message_id,
						    .traceparent = entry->traceparent,
						    .type = entry->type,
						    .defect = entry->defect,
						    .payload = entry->payload,
						    .payload_size = entry->payload_size,
						    .answered = on_answered,
						    .context = flying,
					    });
}

/* Whether it is known which workers were alive after the entry was received. */
static bool can_judge(const struct stream_reader *reader, struct stream_id id)
{
	return stream_id_compare(id, reader->asked_up_to) <= 0 &&
	       lease_keeper_roll(reader->ports.keeper) >= reader->asked_roll;
}

static void ask_roll(struct stream_reader *reader, struct stream_id up_to)
{
	reader->is_asking = true;
	reader->asked_up_to = up_to;
	reader->asked_roll = lease_keeper_ask_roll(reader->ports.keeper);
}

/* Returns the number of entries in front of the first one that waits, for another worker or to be judged. */
static size_t before_unknown(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	const struct lease_keeper *keeper = reader->ports.keeper;

	for (size_t i = 0; i < count && keeper; i++) {
		if (!entries[i].unknown)
			continue;
		if (lease_keeper_is_known(keeper, entries[i].unknown)) {
			reader_wait_for_newer(reader, &entries[i]);
			return i;
		}
		if (!can_judge(reader, entries[i].id)) {
			ask_roll(reader, entries[count - 1].id);
			return i;
		}
	}
	return count;
}

/* Submits all entries except those that are in flight already. */
static void submit_all(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	int64_t incarnation = reader->record.incarnation;
	struct pending_entry *place = NULL;
	size_t gone = 0;

	for (size_t i = 0; i < count; i++) {
		place = pending_entries_place(&reader->in_flight, place, incarnation, entries[i].id);
		if (place && !pending_entry_compare(place, incarnation, entries[i].id)) {
			place->came_again |= place->is_acknowledging;
			continue;
		}
		place = pending_entries_add(&reader->in_flight, place, incarnation, entries[i].id);
		place->owner = reader;
		if (entries[i].gone) {
			gone++;
			acks_add(reader, place);
		} else {
			submit(reader, &entries[i], place);
		}
	}
	reader->stats.in_flight = reader->in_flight.count;
	reader_count_lost_pending(reader, gone);
}

/* The more entries there are, the more a read returns, because units of work grow with the queue. */
static void adapt_read(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	size_t bytes = 1, fitting;

	if (count < reader->read_max)
		return;
	for (size_t i = 0; i < count; i++)
		bytes += entries[i].payload.size;
	fitting = READ_BYTES * count / bytes;
	reader->read_max = fitting < STREAM_READ_FIRST ? STREAM_READ_FIRST
			   : fitting > STREAM_READ_MAX ? STREAM_READ_MAX
						       : fitting;
}

/*
 * The size of the next entries is unknown, and Redis builds a whole reply before it sends any of it.  So
 * after an entry that was larger than a payload may be, or after a reply that did not arrive, the next reads
 * ask for few entries: one at first, and more while no large one arrives.
 */
void reader_saw_size(struct stream_reader *reader, size_t size)
{
	if (size > PAYLOAD_MAX && size > reader->largest)
		reader->largest = size < LARGEST_KNOWN ? size : LARGEST_KNOWN;
}

static void see_sizes(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	if (count)
		reader->largest -= (reader->largest + 15) / 16;
	for (size_t i = 0; i < count; i++)
		reader_saw_size(reader, entries[i].whole_size);
}

static size_t read_size(const struct stream_reader *reader, size_t max)
{
	size_t fitting = reader->largest ? READ_BYTES / reader->largest : max;

	return fitting < 1 ? 1 : fitting > max ? max : fitting;
}

/* Remembers how far the stream was read. */
static void note_place(struct stream_reader *reader, const struct stream_entry *entries, size_t count)
{
	struct stream_id last = count ? entries[count - 1].id : (struct stream_id){0};

	if (reader->state == READER_READING_NEW) {
		if (stream_id_compare(reader->delivered, last) < 0)
			reader->delivered = last;
	} else if (count) {
		reader->read_up_to = last;
	} else {
		reader->has_pending = false;
		engine_end_pass(reader->ports.engine, reader->name);
	}
	reader->submitted = engine_stats(reader->ports.engine)->received;
}

static void on_read(void *context, const struct stream_entry *entries, size_t count,
		    const struct failure *failure)
{
	struct stream_reader *reader = context;
	bool was_pending = reader->state == READER_READING_PENDING;

	if (failure) {
		reader->read_max = STREAM_READ_FIRST;
		reader_saw_size(reader, READ_BYTES); /* the reply may have been too large */
		reader_fail(reader, failure);
		acks_send(reader);
		return;
	}
	/* Otherwise the read began before a loss or a restore: its entries are pending, and read again. */
	if (!engine_takes_commands(reader->ports.engine)) {
		reader_begin_pass(reader);
	} else if (reader->stats.is_reading && !(reader->lease && reader->lease->is_lost)) {
		if (!was_pending)
			reader_log_read(reader);
		account_received(&reader->account, entries, count, was_pending);
		submit_all(reader, entries, before_unknown(reader, entries, count));
		adapt_read(reader, entries, count);
		see_sizes(reader, entries, count);
		note_place(reader, entries, count);
	}
	reader->state = READER_RESTING;
	acks_send(reader); /* acknowledgements waited for the read of pending entries */
	reader_advance(reader);
}

/* ---- what is read next ---- */

static void begin_pass(struct stream_reader *reader, struct stream_id after, bool interleaves)
{
	reader->has_pending = reader->pass_begins = true;
	reader->interleaves = interleaves;
	reader->read_up_to = after;
}

void reader_begin_pass(struct stream_reader *reader)
{
	begin_pass(reader, (struct stream_id){0}, false);
}

static void read_pending(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;

	if (reader->pass_begins)
		reader->pass = engine_begin_pass(reader->ports.engine, reader->name, reader->read_up_to);
	reader->pass_begins = false;
	reader->new_is_next = true;
	reader->state = READER_READING_PENDING;
	stream->ops->read_pending(stream, reader->read_up_to, read_size(reader, reader->read_max), on_read,
				  reader);
}

/*
 * A read of new entries waits for them, except while a pass continues, and after trouble, when it must be
 * known at once whether the stream can be read again.
 */
static void read_new(struct stream_reader *reader)
{
	struct stream *stream = reader->ports.stream;
	bool may_wait = !reader->has_pending && !*reader->not_read;

	reader->new_is_next = false;
	reader->state = READER_READING_NEW;
	stream->ops->read_new(stream, read_size(reader, reader->read_max), may_wait, on_read, reader);
}

/*
 * A read of pending entries must not race an acknowledgement, or it may return entries that are
 * acknowledged before it arrives; nor may it skip entries in flight that are postponed before it arrives.
 */
static bool may_read_pending(const struct stream_reader *reader, bool some_are_postponed)
{
	return !reader->acknowledging &&
	       (!some_are_postponed || engine_stats(reader->ports.engine)->placed >= reader->submitted);
}

/*
 * Pending entries are read before new ones.  While all pending ones are in flight or postponed, reads of both
 * alternate, so that a long pass over postponed entries holds up no other SKU.
 */
void reader_read(struct stream_reader *reader)
{
	struct engine *engine = reader->ports.engine;
	bool some_are_postponed = engine_has_postponed(engine, reader->name);
	bool takes_new = engine_takes_new_entries(engine);
	struct stream_id after;

	if (some_are_postponed && !reader->has_pending && engine_pass_is_due(engine, reader->name, &after))
		begin_pass(reader, after, true);
	if (takes_new && (!reader->has_pending || (reader->interleaves && reader->new_is_next))) {
		read_new(reader);
	} else if (reader->has_pending && may_read_pending(reader, some_are_postponed)) {
		read_pending(reader);
	} else if (!reader->acknowledging) {
		reader->state = READER_WAITING;
		reader_set_timer(reader, reader->retry_timer, LOOK_AGAIN_MS);
	}
}
