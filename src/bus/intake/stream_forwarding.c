/*
 * Adds entries to other streams, one after another, so that what is added to a stream keeps its order.
 *
 * An entry is acknowledged when it is in the other stream.  If its reader dies in between, the next one adds
 * it once more: both have one key in the inbox, so it has one effect.
 */
#include "bus/base/stream_list.h"
#include "bus/intake/stream_reader_internal.h"

/* No entry is read while this number of entries, or of bytes, waits to be added elsewhere. */
#define FORWARDING_MAX   1000
#define FORWARDING_BYTES ((size_t)1 << 20)

bool forwarding_is_full(const struct stream_reader *reader)
{
	return reader->forwarding_count >= FORWARDING_MAX || reader->forwarding_bytes >= FORWARDING_BYTES;
}

static struct pending_entry *remove_first(struct stream_reader *reader)
{
	struct forwarding *it = reader->forwarding;
	struct pending_entry *entry = it->entry;
	struct arena *arena = it->arena;

	reader->forwarding = it->next;
	if (!it->next)
		reader->forwarding_end = &reader->forwarding;
	reader->forwarding_count--;
	reader->forwarding_bytes -= it->to_add.payload.size;
	arena_free(&arena);
	return entry;
}

void forwarding_release(struct stream_reader *reader)
{
	while (reader->forwarding)
		remove_first(reader);
}

static void on_forwarded(void *context, const struct failure *failure)
{
	struct stream_reader *reader = context;

	reader->is_forwarding = false;
	reader_note_refusal(reader, CALL_FORWARD, failure);
	if (failure) {
		reader_set_timer(reader, reader->forward_timer,
				 backoff_next(&reader->forward_backoff, reader->ports.random));
		return;
	}
	reader->forward_backoff.failures = 0;
	reader->stats.forwarded++;
	acks_add(reader, remove_first(reader));
	forwarding_send(reader);
	reader_count_answered(reader);
	reader_advance(reader);
}

/* The next holder of the lease reads them, and forwards them in their order. */
static void give_up(struct stream_reader *reader)
{
	reader_note_refusal(reader, CALL_FORWARD, NULL);
	reader->forward_backoff.failures = 0;
	while (reader->forwarding) {
		reader_leave_pending(reader, remove_first(reader));
		reader_count_answered(reader);
	}
}

void forwarding_send(void *context)
{
	struct stream_reader *reader = context;
	struct stream *stream = reader->ports.stream;

	if (!reader->forwarding || reader->is_forwarding)
		return;
	if (reader->lease && reader->lease->is_lost) {
		give_up(reader);
		return;
	}
	reader->is_forwarding = true;
	stream->ops->forward(stream, &reader->forwarding->to_add, on_forwarded, reader);
}

void forwarding_add(struct stream_reader *reader, struct pending_entry *entry,
		    const struct delivery *delivery)
{
	const struct stream_list *list = delivery->route->list;
	struct bytes payload = delivery->payload;
	const char *id = delivery->envelope.id, *traceparent = delivery->envelope.traceparent;
	struct arena *arena = arena_new(1024 + payload.size);
	struct forwarding *it = arena_alloc(arena, sizeof *it);

	*it = (struct forwarding){
		.entry = entry,
		.arena = arena,
		.to_add =
			{
				.to = list->names[stream_journey_next(list, &delivery->journey)],
				.type = delivery->type,
				.payload = {arena_copy(arena, payload.data, payload.size), payload.size},
				.message_id = id ? arena_strdup(arena, id) : NULL,
				.traceparent = traceparent ? arena_strdup(arena, traceparent) : NULL,
				.origin = delivery_origin(delivery, arena),
			},
	};
	*reader->forwarding_end = it;
	reader->forwarding_end = &it->next;
	reader->forwarding_count++;
	reader->forwarding_bytes += payload.size;
	if (!reader->forward_backoff.failures)
		reader_set_timer(reader, reader->forward_timer, 0);
}
