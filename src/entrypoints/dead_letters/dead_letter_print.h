/* Prints dead letters for people, as a table or one by one, and for programs, as JSON. */
#ifndef ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_PRINT_H
#define ALLOCD_ENTRYPOINTS_DEAD_LETTERS_DEAD_LETTER_PRINT_H

#include "bus/ports/dead_letter_archive.h"
#include "entrypoints/dead_letters/dead_letter_groups.h"

#include <jansson.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 7 };

/* A table that is printed a page at a time; the first page sets the widths of its columns. */
struct dead_letter_table {
	FILE *out;
	size_t terminal_width; /* lines are cut to it; 0: lines are not cut */
	int64_t now;           /* the instant from which ages are counted */
	size_t widths[TABLE_COLUMNS_MAX];
	bool has_head; /* the first page was printed */
};

void dead_letter_table_print(struct dead_letter_table *table, const struct dead_letter *letters,
			     size_t count);

/* Ages are counted to the first attempt of any letter of the group, and to the last one. */
void dead_letter_groups_print(struct dead_letter_table *table, const struct dead_letter_groups *groups);

/* A dead letter in full, with the history of operators' actions on it. */
struct dead_letter_details {
	const struct dead_letter *letter;
	const struct dead_letter_history_entry *history;
	size_t history_count;
	const char *payload_line; /* a binary payload as one line of JSON, or NULL */
};

void dead_letter_details_print(const struct dead_letter_details *details, FILE *out);

/* "2026-01-31T12:00:00.000000Z replayed by …: …" */
void history_entry_print(const struct dead_letter_history_entry *entry, FILE *out);

/* The kept part of the payload, without a character at its end of which only the first bytes were kept. */
struct bytes dead_letter_whole_characters(const struct dead_letter *letter);

/*
 * Every field and the advice, the payload as `payload` when it is UTF-8 and else as `payload_base64`.  The
 * caller releases it with json_decref().
 */
json_t *dead_letter_to_json(const struct dead_letter *letter, bool has_payload);

/* A group with its advice, the ids of its first and its last letter, and the filter of its letters. */
json_t *dead_letter_group_to_json(const struct dead_letter_group *group);

/*
 * A dead letter with its history and, where it has a payload, the fields of its message or null, and the
 * operators' edits and notes.
 */
json_t *dead_letter_details_to_json(const struct dead_letter_details *details, bool has_payload);

#endif
