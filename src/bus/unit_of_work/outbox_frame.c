/* Encodes and decodes frames, which are how an outbox row stores its events. */
#include "bus/unit_of_work/outbox_frame.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

size_t outbox_frame_size(const struct outgoing *event)
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

struct bytes outbox_frame_encode(struct arena *arena, const struct outgoing *events, size_t count)
{
	size_t size = 0;
	unsigned char *data;

	for (size_t i = 0; i < count; i++)
		size += outbox_frame_size(&events[i]);
	data = arena_alloc(arena, size);
	put_events(data, events, count);
	return (struct bytes){data, size};
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
		size_t size = outbox_frame_size(&events[i]), number = row_with_room(rows, partition, size);
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

static void encode_row(struct arena *arena, struct outbox_row *row)
{
	unsigned char *at = arena_alloc(arena, row->frame.size);

	row->frame.data = at;
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

static bool decode_event(struct arena *arena, struct bytes *in, struct outgoing *event)
{
	struct framed_event framed;

	if (!consume_event(in, &framed))
		return false;
	event->type = message_type_named(arena_text(arena, framed.name.data, framed.name.size));
	event->payload = framed.payload;
	return true;
}

bool outbox_frame_decode(struct arena *arena, struct bytes frame, struct outgoing **events, size_t *count)
{
	while (frame.size) {
		*events = arena_grow(arena, *events, *count, sizeof **events);
		if (!decode_event(arena, &frame, &(*events)[*count]))
			return false;
		(*count)++;
	}
	return true;
}

/* ---- rewriting ---- */

bool outbox_frame_rewrite(struct arena *arena, struct bytes frame, payload_rewrite *rewrite, void *context,
			  struct rewritten_frame *rewritten)
{
	struct framed_event *events = NULL;
	struct bytes in = frame;
	size_t size = 0;
	unsigned char *at;

	*rewritten = (struct rewritten_frame){0};
	while (in.size) {
		size_t last = rewritten->count++;

		events = arena_grow(arena, events, last, sizeof *events);
		rewritten->ends = arena_grow(arena, rewritten->ends, last, sizeof *rewritten->ends);
		if (!consume_event(&in, &events[last]))
			return false;
		rewritten->rewritten += rewrite(context, &events[last].payload, arena);
		size += 1 + events[last].name.size + 4 + events[last].payload.size;
		rewritten->ends[last].before = frame.size - in.size;
		rewritten->ends[last].now = size;
	}
	if (!events || !rewritten->rewritten)
		return true;
	at = arena_alloc(arena, size);
	rewritten->frame = (struct bytes){at, size};
	for (size_t i = 0; i < rewritten->count; i++)
		at = put_framed(at, events[i].name, events[i].payload);
	return true;
}
