/*
 * The JSON that nearly every publisher sends: one object, whose members are texts without escapes, whole
 * numbers and nulls.  It is read ten times as fast as jansson reads it.  Whatever is not as plain as that,
 * and whatever may be wrong, is left to jansson.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_JSON_PLAIN_H
#define ALLOCD_ADAPTERS_CODEC_JSON_PLAIN_H

#include "adapters/codec/value.h"
#include "core/bytes.h"

#include <stdbool.h>

#define PLAIN_MEMBERS_MAX 16

struct plain_member {
	struct text name;
	struct value value;
};

/* Texts point into the payload. */
struct plain_json {
	size_t count;
	struct plain_member members[PLAIN_MEMBERS_MAX];
};

/* False: it is not that plain, which says nothing about whether it is valid. */
bool wire_read_plain_json(struct bytes payload, struct plain_json *plain);

struct object wire_view_plain_json(const struct plain_json *plain);

#endif
