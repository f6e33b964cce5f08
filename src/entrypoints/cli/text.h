/* Checks and conversions of text from users. */
#ifndef ALLOCD_ENTRYPOINTS_CLI_TEXT_H
#define ALLOCD_ENTRYPOINTS_CLI_TEXT_H

#include "core/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Whether the text is UTF-8 without control characters: see utf8_is_control(). */
bool text_is_printable(const char *text);

/* False unless the text is valid UTF-8; *count is set to the number of its code points. */
bool text_count(const char *text, size_t length, size_t *count);

/* Parses a number of decimal digits only, up to INT64_MAX. */
bool text_to_number(const char *text, int64_t *number);

/* Parses seconds with up to three digits after a point, a billion at most, to milliseconds. */
bool text_to_ms(const char *text, int64_t *ms);

/* Parses "90s", "15m", "2h", "7d" or "90", at most a hundred years, to seconds. */
bool text_to_age(const char *text, int64_t *seconds);

/* "ONE, TWO": the list, which may be "", with one more word. */
const char *text_list_add(const char *list, const char *word, struct arena *arena);

/* "2026-01-31T12:00:00Z" */
const char *text_time(time_t time, struct arena *arena);

/*
 * The number of insertions, deletions, changes and swaps of neighbours that turn one text into the other
 * (Damerau and Levenshtein).
 */
size_t text_distance(const char *one, const char *other);

/* The name that is most like a word, which names nothing. */
struct nearest {
	const char *word;
	const char *name; /* NULL: none was considered */
	size_t distance;  /* 0: the word is the name */
};

void nearest_consider(struct nearest *nearest, const char *name);

/* "; did you mean NAME?" with `dashes` before the name; "" when the word was hardly meant to be that name. */
const char *nearest_hint(const struct nearest *nearest, const char *dashes, struct arena *arena);

#endif
