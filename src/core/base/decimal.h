/* Formats integers as decimal text.  Every message has several, and printf is slow. */
#ifndef ALLOCD_CORE_BASE_DECIMAL_H
#define ALLOCD_CORE_BASE_DECIMAL_H

#include "core/base/arena.h"

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX 20 /* digits and sign of any 64-bit integer, without a NUL */

/* Writes `number` to `text`, without a NUL; returns the number of bytes written, at most DECIMAL_MAX. */
size_t decimal_format(int64_t number, char *text);
size_t decimal_format_unsigned(uint64_t number, char *text);

/* The number as a text in `arena`. */
const char *decimal_text(int64_t number, struct arena *arena);

/* Writes the last `digits` digits, padded with zeros, without a NUL; returns a pointer past them. */
char *decimal_format_fixed(char *text, unsigned number, int digits);

#endif
