/* Small questions about text from outside. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_TEXT_H
#define ALLOCD_ENTRYPOINTS_CLI_TEXT_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* UTF-8 without what a terminal would obey: see utf8_is_control(). */
bool text_is_printable(const char *text);

/* Valid UTF-8; *count is set to the number of its code points. */
bool text_count(const char *text, size_t length, size_t *count);

/* Decimal digits and nothing else, INT64_MAX at most. */
bool text_to_number(const char *text, int64_t *number);

/* Seconds, with up to three digits after a point, as milliseconds; a billion seconds at most. */
bool text_to_ms(const char *text, int64_t *ms);

/* "2026-01-31T12:00:00Z" */
const char *text_time(time_t time, struct arena *arena);

/* How many characters must be put in, left out or changed to make one text of the other (Levenshtein). */
size_t text_distance(const char *one, const char *other);

#endif
