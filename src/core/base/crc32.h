/*
 * The CRC-32 of zlib, PNG and Ethernet, unsigned: what zlib.crc32() returns in Python.  Publishers choose the
 * stream of a SKU by it, so it never changes.
 */
#ifndef ALLOCD_CORE_BASE_CRC32_H
#define ALLOCD_CORE_BASE_CRC32_H

#include <stdint.h>

uint32_t crc32_of(const char *text);

#endif
