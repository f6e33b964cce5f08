/* Dead letters for the eye, as a table or one by one, and for programs, as JSON. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_PRINT_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_PRINT_H

#include "bus/ports/dead_letter_archive.h"

#include <jansson.h>
#include <stdio.h>

enum { LETTER_COLUMNS = 7 };

/* A table that is printed a page at a time; the first page sets its widths. */
struct dead_letter_table {
	FILE *out;
	size_t terminal_width; /* lines are cut to it; 0: never */
	int64_t now;           /* an instant: ages are reckoned from it */
	size_t widths[LETTER_COLUMNS];
	bool begun;
};

void dead_letter_table_print(struct dead_letter_table *table, const struct dead_letter *letters,
			     size_t count);

/* All of it, and what was done about it. */
struct dead_letter_story {
	const struct dead_letter *letter;
	const struct dead_letter_history_entry *deeds;
	size_t deed_count;
	const char *payload_line; /* a binary payload as a line of JSON, or NULL */
};

void dead_letter_story_print(const struct dead_letter_story *story, FILE *out);

/* "2026-01-31T12:00:00.000000Z replayed by …: …" */
void dead_letter_deed_print(const struct dead_letter_history_entry *deed, FILE *out);

/*
 * Every field, the payload as `payload` when it is UTF-8 and else as `payload_base64`.  The caller releases
 * it with json_decref().
 */
json_t *dead_letter_to_json(const struct dead_letter *letter);
json_t *dead_letter_story_to_json(const struct dead_letter_story *story);

#endif
