/* Encodes and decodes frames, which are how an outbox row stores its events. */
#include "bus/unit_of_work/outbox_frame.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

size_t outbox_frame_size(const struct outgoing *event)
{
	return 1 + strlen(message_name(event->type)) + 4 + event->payload.size;
}

static unsigned char *put_event(unsigned char *at, const struct outgoing *event)
{
	const char *name = message_name(event->type);
	size_t length = strlen(name), size = event->payload.size;

	assert(length <= UINT8_MAX && size <= UINT32_MAX);
	*at++ = (unsigned char)length;
	memcpy(at, name, length);
	at += length;
	for (int shift = 24; shift >= 0; shift -= 8)
		*at++ = (unsigned char)(size >> shift);
	memcpy(at, event->payload.data, size);
	return at + size;
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

static bool decode_event(struct arena *arena, struct bytes *in, struct outgoing *event)
{
	const unsigned char *length = consume(in, 1);
	const unsigned char *name = length ? consume(in, *length) : NULL;
	const unsigned char *size = name ? consume(in, 4) : NULL;
	char *text;

	if (!size)
		return false;
	text = arena_alloc(arena, (size_t)*length + 1);
	memcpy(text, name, *length);
	event->type = message_type_named(text);
	event->payload.size = (size_t)size[0] << 24 | (size_t)size[1] << 16 | (size_t)size[2] << 8 | size[3];
	event->payload.data = consume(in, event->payload.size);
	return event->payload.data != NULL;
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
