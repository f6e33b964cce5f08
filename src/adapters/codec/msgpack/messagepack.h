/* MessagePack, read and written with msgpack-c. */
#ifndef ALLOCD_ADAPTERS_CODEC_MSGPACK_MESSAGEPACK_H
#define ALLOCD_ADAPTERS_CODEC_MSGPACK_MESSAGEPACK_H

#include "adapters/codec/document.h"
#include "adapters/codec/value.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <msgpack.h>
#include <stdbool.h>

/* Whether a payload is MessagePack: its first byte begins a map, which no JSON does. */
bool codec_is_messagepack(struct bytes payload);

/*
 * Unpacks the payload, a map, which the caller releases with msgpack_unpacked_destroy(), and which points
 * into the payload.  On failure returns false, with one sentence in *error and nothing to release.
 */
bool codec_read_messagepack(struct bytes payload, struct arena *arena, msgpack_unpacked *unpacked,
			    const char **error);

/*
 * Whether a key occurs twice where fields are read: in the payload's map, and in a CloudEvent's data.
 */
bool codec_is_ambiguous_messagepack(const msgpack_object *root);

/* Converts a text of msgpack-c, where the pointer of an empty text may be NULL. */
struct text codec_messagepack_text(const msgpack_object_str *text);

struct object codec_view_messagepack(const msgpack_object *map);

struct bytes codec_write_messagepack(const struct document *document, struct arena *arena);

#endif
