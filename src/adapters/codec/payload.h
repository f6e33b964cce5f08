/* Any payload as jansson's value, whatever it is encoded in. */
#ifndef ALLOCD_ADAPTERS_CODEC_PAYLOAD_H
#define ALLOCD_ADAPTERS_CODEC_PAYLOAD_H

#include "core/arena.h"
#include "core/bytes.h"

#include <jansson.h>

/*
 * An object, which the caller releases with json_decref(); NULL, with one sentence in *error.  Of
 * MessagePack, what has no place in JSON shows as "binary".
 */
json_t *wire_read_payload(struct bytes payload, struct arena *arena, const char **error);

#endif
