/*
 * Documents as JSON.  jansson would write them, too, but only from a tree of its own values, and that took a
 * sixth of the worker's time.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_JSON_WRITER_H
#define ALLOCD_ADAPTERS_CODEC_JSON_JSON_WRITER_H

#include "adapters/codec/document.h"
#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

/* Where it is written to.  What does not fit is counted only. */
struct json_output {
	char *text;
	size_t room;
	size_t size;
};

void json_append(struct json_output *out, const char *bytes, size_t size);
void json_write_text(struct json_output *out, struct text text); /* quoted and escaped */
void json_write_integer(struct json_output *out, int64_t integer);

/* One line without blanks, members in their order.  Texts are valid UTF-8 and stay as they are. */
struct bytes codec_write_json(const struct document *document, struct arena *arena);

#endif
