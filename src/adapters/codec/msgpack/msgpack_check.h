/*
 * Whether bytes are one well-formed MessagePack value, found out without unpacking it: msgpack-c believes
 * every header, and five bytes can claim gigabytes; nor does it look at UTF-8.
 */
#ifndef ALLOCD_ADAPTERS_CODEC_MSGPACK_MSGPACK_CHECK_H
#define ALLOCD_ADAPTERS_CODEC_MSGPACK_MSGPACK_CHECK_H

#include "core/base/bytes.h"

/*
 * NULL when all is well, else what is wrong: not one whole value, nested too deep, invalid UTF-8.  Duplicate
 * keys are not looked for, and a key may be anything.
 */
const char *msgpack_structure_fault(struct bytes payload);

#endif
