/*
 * Checks that bytes are one well-formed MessagePack value, without unpacking it: msgpack-c trusts every
 * header, and five bytes can claim gigabytes; it does not check UTF-8 either.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_MSGPACK_MSGPACK_CHECK_H
#define ALLOCD_ADAPTERS_CODEC_MSGPACK_MSGPACK_CHECK_H

#include "core/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns NULL, or what is wrong: not one whole value, nested too deep, invalid UTF-8.  Duplicate keys are
 * not detected, and a key may be any value.
 */
const char *msgpack_structure_fault(struct bytes payload);

/* A value, or the header of a map or a list: its size in bytes, and how many values follow within it. */
struct msgpack_item {
	size_t size;
	uint64_t count; /* of a map: each key, and each value */
	bool is_map;
};

/* The one that the bytes begin with, which are well formed. */
struct msgpack_item msgpack_item_at(struct bytes bytes);

#endif
