/* Converts payloads of either encoding to JSON. */
#ifndef ALLOCD_ADAPTERS_CODEC_TOOLS_PAYLOAD_H
#define ALLOCD_ADAPTERS_CODEC_TOOLS_PAYLOAD_H

#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>

/*
 * Returns an object on one line, followed by a NUL that is not counted.  On failure returns false, with one
 * sentence in *error.  Values of MessagePack that JSON does not have become "binary".
 */
bool codec_payload_to_json(struct bytes payload, struct arena *arena, struct bytes *json, const char **error);

#endif
