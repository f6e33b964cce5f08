/*
 * Prints dead letters as a table.  Control characters in a sender's text are escaped for the terminal.
 */
#include "entrypoints/dead_letters/dead_letter_print.h"

#include "core/base/arena.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <string.h>

/* On a terminal a message's id is cut to this many characters, which leaves room for the reason. */
#define ID_WIDTH_MAX 24

enum column {
	COLUMN_ID,
	COLUMN_AGE,
	COLUMN_OUTCOME,
	COLUMN_TRIES,
	COLUMN_MESSAGE,
	COLUMN_MESSAGE_ID,
	COLUMN_REASON
};

static const struct column_head {
	const char *name;
	bool is_number;
} heads[LETTER_COLUMNS] = {
	[COLUMN_ID] = {"ID", true},
	[COLUMN_AGE] = {"AGE", true},
	[COLUMN_OUTCOME] = {"OUTCOME", false},
	[COLUMN_TRIES] = {"TRIES", true},
	[COLUMN_MESSAGE] = {"MESSAGE", false},
	[COLUMN_MESSAGE_ID] = {"MESSAGE-ID", false},
	[COLUMN_REASON] = {"REASON", false},
};

static const char *age_text(int64_t us, struct arena *arena)
{
	int64_t seconds = us > 0 ? us / 1000000 : 0;

	if (seconds < 120)
		return arena_printf(arena, "%" PRId64 "s", seconds);
	if (seconds < 120 * 60)
		return arena_printf(arena, "%" PRId64 "m", seconds / 60);
	if (seconds < 48 * 3600)
		return arena_printf(arena, "%" PRId64 "h", seconds / 3600);
	return arena_printf(arena, "%" PRId64 "d", seconds / 86400);
}

static size_t width_of(const char *text)
{
	return utf8_count(text, strlen(text));
}

/* Shortens a text that is longer than `width` characters; the last one is then an ellipsis. */
static const char *cut(const char *text, size_t width, struct arena *arena)
{
	size_t left = strlen(text), end = 0;
	uint32_t code;
	bool is_valid;

	if (width_of(text) <= width)
		return text;
	for (size_t characters = 1; characters < width; characters++)
		end += utf8_next(text + end, left - end, &code, &is_valid);
	return arena_printf(arena, "%.*s…", (int)end, text);
}

static void fill_cells(const struct dead_letter_table *table, const struct dead_letter *letter,
		       struct arena *arena, const char *cells[LETTER_COLUMNS])
{
	const char *id = letter->message_id ? utf8_printable(arena, letter->message_id) : "-";

	cells[COLUMN_ID] = arena_printf(arena, "%" PRId64, letter->id);
	cells[COLUMN_AGE] = age_text(table->now - letter->last_at, arena);
	cells[COLUMN_OUTCOME] = letter->outcome;
	cells[COLUMN_TRIES] = arena_printf(arena, "%d", letter->attempts);
	cells[COLUMN_MESSAGE] = utf8_printable(arena, letter->message);
	cells[COLUMN_MESSAGE_ID] = table->terminal_width ? cut(id, ID_WIDTH_MAX, arena) : id;
	cells[COLUMN_REASON] = utf8_printable(arena, letter->reason);
}

static const char *padded(const char *text, size_t width, bool align_right, struct arena *arena)
{
	size_t used = width_of(text);
	int missing = used < width ? (int)(width - used) : 0;

	return align_right ? arena_printf(arena, "%*s%s", missing, "", text)
			   : arena_printf(arena, "%s%*s", text, missing, "");
}

static void print_row(const struct dead_letter_table *table, const char *const cells[LETTER_COLUMNS],
		      struct arena *arena)
{
	const char *line = "";

	for (size_t i = 0; i < COLUMN_REASON; i++)
		line = arena_printf(arena, "%s%s  ", line,
				    padded(cells[i], table->widths[i], heads[i].is_number, arena));
	line = arena_printf(arena, "%s%s", line, cells[COLUMN_REASON]);
	fprintf(table->out, "%s\n", table->terminal_width ? cut(line, table->terminal_width, arena) : line);
}

static void print_head(struct dead_letter_table *table, const struct dead_letter *letters, size_t count,
		       struct arena *arena)
{
	const char *cells[LETTER_COLUMNS];

	for (size_t i = 0; i < LETTER_COLUMNS; i++)
		table->widths[i] = strlen(heads[i].name);
	for (size_t row = 0; row < count; row++) {
		fill_cells(table, &letters[row], arena, cells);
		for (size_t i = 0; i < LETTER_COLUMNS; i++) {
			size_t width = width_of(cells[i]);

			table->widths[i] = width > table->widths[i] ? width : table->widths[i];
		}
	}
	for (size_t i = 0; i < LETTER_COLUMNS; i++)
		cells[i] = heads[i].name;
	print_row(table, cells, arena);
	table->has_head = true;
}

void dead_letter_table_print(struct dead_letter_table *table, const struct dead_letter *letters, size_t count)
{
	struct arena *arena = arena_new(64 * 1024);
	const char *cells[LETTER_COLUMNS];

	if (!table->has_head)
		print_head(table, letters, count, arena);
	for (size_t row = 0; row < count; row++) {
		arena_clear(arena);
		fill_cells(table, &letters[row], arena, cells);
		print_row(table, cells, arena);
	}
	arena_free(&arena);
}
