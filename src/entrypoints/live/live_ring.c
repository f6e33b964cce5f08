/* The last events that were read. */
#include "entrypoints/live/live_ring.h"

#include "core/base/must.h"

#include <stdlib.h>
#include <string.h>

struct live_ring *live_ring_new(void)
{
	struct live_ring *ring = must_alloc(sizeof *ring);

	ring->first = ring->end = 1;
	return ring;
}

struct live_event *live_ring_at(struct live_ring *ring, uint64_t number)
{
	return &ring->events[number % LIVE_RING_MAX];
}

void live_event_free_fields(struct live_event *event)
{
	free(event->sku);
	free(event->orderid);
	free(event->batchref);
}

static void drop_first(struct live_ring *ring)
{
	struct live_event *event = live_ring_at(ring, ring->first++);

	ring->bytes -= event->payload.size;
	free((void *)(uintptr_t)event->payload.data);
	live_event_free_fields(event);
	*event = (struct live_event){.type = MSG_NONE};
}

void live_ring_free(struct live_ring **place)
{
	struct live_ring *ring = *place;

	if (!ring)
		return;
	while (ring->first < ring->end)
		drop_first(ring);
	free(ring);
	*place = NULL;
}

static struct bytes copy_of(struct bytes payload)
{
	if (!payload.data)
		return payload;
	return (struct bytes){memcpy(must(malloc(payload.size + 1)), payload.data, payload.size),
			      payload.size};
}

void live_ring_add(struct live_ring *ring, const struct peeked_event *event, int64_t unread)
{
	if (ring->end - ring->first == LIVE_RING_MAX)
		drop_first(ring);
	*live_ring_at(ring, ring->end++) = (struct live_event){
		.unread = unread, .id = event->id, .type = event->type, .payload = copy_of(event->payload)};
	ring->bytes += event->payload.size;
	while (ring->bytes > LIVE_RING_BYTES)
		drop_first(ring);
}

/* ---- filters ---- */

static char *copy_of_field(const struct message *message, const char *field)
{
	const char *text = message_text(message, field);

	return text ? must(strdup(text)) : NULL;
}

static void decode(struct live_event *event, struct codec *codec)
{
	struct arena *arena = arena_new(4096);
	struct envelope envelope;
	const char *error;

	event->is_decoded = true;
	if (event->type != MSG_NONE && event->payload.data &&
	    codec->ops->decode(codec, event->type, event->payload, arena, &envelope, &error)) {
		event->sku = copy_of_field(&envelope.message, "sku");
		event->orderid = copy_of_field(&envelope.message, "orderid");
		event->batchref = copy_of_field(&envelope.message, "batchref");
	}
	arena_free(&arena);
}

static bool is_wanted(const char *wanted, const char *found)
{
	return !wanted || (found && strcmp(wanted, found) == 0);
}

static const char *copy_in(struct arena *arena, const char *text)
{
	return text ? arena_strdup(arena, text) : NULL;
}

struct live_filter live_filter_copy(const struct live_filter *filter, struct arena *arena)
{
	return (struct live_filter){copy_in(arena, filter->sku), copy_in(arena, filter->orderid),
				    copy_in(arena, filter->batchref), filter->type};
}

bool live_filter_passes(const struct live_filter *filter, struct live_event *event, struct codec *codec)
{
	if (filter->type != MSG_NONE && filter->type != event->type)
		return false;
	if ((filter->sku || filter->orderid || filter->batchref) && !event->is_decoded)
		decode(event, codec);
	return is_wanted(filter->sku, event->sku) && is_wanted(filter->orderid, event->orderid) &&
	       is_wanted(filter->batchref, event->batchref);
}
