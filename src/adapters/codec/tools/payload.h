/* Any payload as JSON, whatever it is encoded in. */
#ifndef ALLOCD_ADAPTERS_CODEC_TOOLS_PAYLOAD_H
#define ALLOCD_ADAPTERS_CODEC_TOOLS_PAYLOAD_H

#include "core/base/arena.h"
#include "core/base/bytes.h"

#include <stdbool.h>

/*
 * An object on one line, with a NUL after it that does not count.  On failure returns false, with one
 * sentence in *error.  Of MessagePack, what has no place in JSON shows as "binary".
 */
bool codec_payload_to_json(struct bytes payload, struct arena *arena, struct bytes *json, const char **error);

#endif
