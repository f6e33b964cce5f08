/* JSON, read with jansson. */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_H
#define ALLOCD_ADAPTERS_CODEC_JSON_H

#include "adapters/codec/value.h"
#include "core/arena.h"
#include "core/bytes.h"

#include <jansson.h>

/* The payload's object, which the caller releases with json_decref(); NULL, with one sentence in *error. */
json_t *wire_read_json(struct bytes payload, struct arena *arena, const char **error);

struct object wire_view_json(const json_t *object);

/* Any value of jansson's on one line, into `arena`, with a NUL after it that does not count. */
struct bytes wire_print_json(const json_t *json, struct arena *arena);

#endif
