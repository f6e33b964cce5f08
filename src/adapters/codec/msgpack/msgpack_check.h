/*
 * Checks that bytes are one well-formed MessagePack value, without unpacking it: msgpack-c trusts every
 * header, and five bytes can claim gigabytes; it does not check UTF-8 either.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_MSGPACK_MSGPACK_CHECK_H
#define ALLOCD_ADAPTERS_CODEC_MSGPACK_MSGPACK_CHECK_H

#include "core/base/bytes.h"

/*
 * Returns NULL, or what is wrong: not one whole value, nested too deep, invalid UTF-8.  Duplicate keys are
 * not detected, and a key may be any value.
 */
const char *msgpack_structure_fault(struct bytes payload);

/*
 * The size of the value that the bytes begin with; of a map or a list, that of its header.  0: there is no
 * value.
 */
size_t msgpack_item_size(struct bytes bytes);

#endif
