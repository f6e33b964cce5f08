/* Encodes and decodes frames, which are how an outbox row stores its events. */
#include "bus/unit_of_work/outbox_frame.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* The size of an event in a frame. */
static size_t framed_size(const struct outgoing *event)
{
	return 1 + strlen(message_name(event->type)) + 4 + event->payload.size;
}

static unsigned char *put_framed(unsigned char *at, struct bytes name, struct bytes payload)
{
	assert(name.size <= UINT8_MAX && payload.size <= UINT32_MAX);
	*at++ = (unsigned char)name.size;
	at = mempcpy(at, name.data, name.size);
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (unsigned char)(payload.size >> shift);
	return mempcpy(at, payload.data, payload.size);
}

static unsigned char *put_event(unsigned char *at, const struct outgoing *event)
{
	const char *name = message_name(event->type);

	return put_framed(at, (struct bytes){name, strlen(name)}, event->payload);
}

static unsigned char *put_events(unsigned char *at, const struct outgoing *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		at = put_event(at, &events[i]);
	return at;
}

/* ---- rows of several products ---- */

/* Returns the number, from 1, of the partition's row that has room for an event of that size. */
static size_t row_with_room(struct outbox_rows *rows, int partition, size_t size)
{
	size_t open = rows->open[partition];

	if (open && rows->rows[open - 1].frame.size + size <= OUTBOX_ROW_BYTES)
		return open;
	rows->rows = arena_grow(rows->arena, rows->rows, rows->count, sizeof *rows->rows);
	rows->rows[rows->count++] = (struct outbox_row){.partition = partition};
	return rows->open[partition] = rows->count;
}

static struct outbox_part *add_part(struct outbox_rows *rows, struct outbox_row *row)
{
	row->parts = arena_grow(rows->arena, row->parts, row->part_count, sizeof *row->parts);
	return &row->parts[row->part_count++];
}

void outbox_rows_add(struct outbox_rows *rows, int partition, struct product *product, int64_t first_version,
		     const struct outgoing *events, size_t count)
{
	struct outbox_part *part = NULL;
	size_t current = 0;

	for (size_t i = 0; i < count; i++) {
		size_t size = framed_size(&events[i]), number = row_with_room(rows, partition, size);
		struct outbox_row *row = &rows->rows[number - 1];

		if (!part || number != current) {
			part = add_part(rows, row);
			*part = (struct outbox_part){.product = product,
						     .first_version = first_version + (int64_t)i,
						     .events = &events[i]};
		}
		current = number;
		row->frame.size += size;
		part->end = row->frame.size;
		part->last_version = first_version + (int64_t)i;
	}
}

void outbox_rows_add_apart(struct outbox_rows *rows, int partition, const struct outgoing *events,
			   size_t count)
{
	rows->open[partition] = 0;
	for (size_t i = 0; i < count; i++) {
		size_t size = framed_size(&events[i]), number = row_with_room(rows, partition, size);
		struct outbox_row *row = &rows->rows[number - 1];

		if (!row->event_count++)
			row->events = &events[i];
		row->frame.size += size;
	}
}

static void encode_row(struct arena *arena, struct outbox_row *row)
{
	unsigned char *at = arena_reserve(arena, row->frame.size);

	row->frame.data = at;
	at = put_events(at, row->events, row->event_count);
	for (size_t i = 0; i < row->part_count; i++) {
		const struct outbox_part *part = &row->parts[i];

		at = put_events(at, part->events, (size_t)(part->last_version - part->first_version) + 1);
	}
}

void outbox_rows_encode(struct outbox_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		encode_row(rows->arena, &rows->rows[i]);
}

/* ---- decoding ---- */

/* Consumes `size` bytes from the front; NULL when there are fewer. */
static const unsigned char *consume(struct bytes *in, size_t size)
{
	const unsigned char *at = in->data;

	if (size > in->size)
		return NULL;
	*in = (struct bytes){at + size, in->size - size};
	return at;
}

/* An event as the frame has it. */
struct framed_event {
	struct bytes name, payload;
};

static bool consume_event(struct bytes *in, struct framed_event *event)
{
	const unsigned char *length = consume(in, 1), *size;

	event->name.size = length ? *length : 0;
	event->name.data = length ? consume(in, *length) : NULL;
	size = event->name.data ? consume(in, 4) : NULL;
	if (!size)
		return false;
	event->payload.size = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
	event->payload.data = consume(in, event->payload.size);
	return event->payload.data != NULL;
}

/* No message has a NUL in its name. */
static struct outgoing outgoing_of(struct arena *arena, const struct framed_event *event)
{
	const char *name = arena_text(arena, event->name.data, event->name.size);
	bool is_text = strlen(name) == event->name.size;

	return (struct outgoing){.type = is_text ? message_type_named(name) : MSG_NONE,
				 .payload = event->payload};
}

bool outbox_frame_decode(struct arena *arena, struct bytes frame, struct outgoing **events, size_t *count)
{
	struct framed_event event;

	while (frame.size) {
		if (!consume_event(&frame, &event))
			return false;
		*events = arena_grow(arena, *events, *count, sizeof **events);
		(*events)[(*count)++] = outgoing_of(arena, &event);
	}
	return true;
}

/* ---- rewriting ---- */

bool outbox_frame_rewrite(struct arena *arena, struct bytes frame, event_rewrite *rewrite, void *context,
			  struct rewritten_frame *rewritten)
{
	struct framed_event *events = NULL;
	size_t count = 0, size = 0;
	unsigned char *at;

	*rewritten = (struct rewritten_frame){0};
	while (frame.size) {
		events = arena_grow(arena, events, count, sizeof *events);
		if (!consume_event(&frame, &events[count++]))
			return false;
	}
	rewritten->count = count;
	rewritten->ends = arena_alloc(arena, count * sizeof *rewritten->ends);
	for (size_t i = 0; i < count; i++) {
		struct outgoing event = outgoing_of(arena, &events[i]);

		rewritten->rewritten += rewrite(context, &event, arena);
		events[i].payload = event.payload;
		size += 1 + events[i].name.size + 4 + event.payload.size;
		rewritten->ends[i] = size;
	}
	if (!rewritten->rewritten)
		return true;
	at = arena_reserve(arena, size);
	rewritten->frame = (struct bytes){at, size};
	for (size_t i = 0; i < count; i++)
		at = put_framed(at, events[i].name, events[i].payload);
	return true;
}
