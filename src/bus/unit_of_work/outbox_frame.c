/* Encodes and decodes frames, which are how an outbox row stores its events. */
#include "bus/unit_of_work/outbox_frame.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static size_t framed_size(const struct outgoing *event)
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

struct bytes outbox_frame_encode(struct arena *arena, const struct outgoing *events, size_t count)
{
	size_t size = 0;
	unsigned char *frame, *at;

	for (size_t i = 0; i < count; i++)
		size += framed_size(&events[i]);
	frame = at = arena_alloc(arena, size);
	for (size_t i = 0; i < count; i++)
		at = put_event(at, &events[i]);
	return (struct bytes){frame, size};
}

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
