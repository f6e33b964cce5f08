/*
 * The codec port with a format that a test can read and write: a line `name=value` for each field, in any
 * order. Backslash and newline are written `\\` and `\n`.  `source` and `traceparent` are fields besides the
 * message's own.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_PORTS_TEXT_CODEC_H
#define ALLOCD_ADAPTERS_MEMORY_PORTS_TEXT_CODEC_H

#include "bus/ports/codec.h"

struct memory_codec {
	struct codec codec;
	const char *refused;
};

void memory_codec_init(struct memory_codec *codec);

/* Makes the codec refuse to write events that contain `text`; NULL: it refuses no event. */
void memory_codec_refuse(struct memory_codec *codec, const char *text);

/* Reads any message, including events, as the port's decode reads commands. */
bool memory_codec_read(enum message_type type, struct bytes payload, struct arena *arena,
		       struct envelope *envelope, const char **error);

#endif
