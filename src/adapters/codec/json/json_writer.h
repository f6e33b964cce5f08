/*
 * Writes documents as JSON.  jansson writes only trees of its own values, which took a sixth of the worker's
 * time.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_WRITER_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_WRITER_H

#include "adapters/codec/document.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* The output buffer.  Bytes that do not fit are only counted. */
struct json_output {
	char *text;
	size_t room;
	size_t size;
};

void json_append(struct json_output *out, const char *bytes, size_t size);
void json_write_text(struct json_output *out, struct text text); /* quoted and escaped */
void json_write_integer(struct json_output *out, int64_t integer);

/* Writes one line without blanks, members in their order.  Texts are valid UTF-8 and are not converted. */
struct bytes codec_write_json(const struct document *document, struct arena *arena);

#endif
