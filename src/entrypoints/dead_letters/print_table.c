/*
 * Prints dead letters, or groups of them, as a table.  Control characters in a sender's text are escaped for
 * the terminal.
 */
#include "entrypoints/dead_letters/dead_letter_print.h"

#include "core/base/arena.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <string.h>

/* On a terminal a message's id is cut to this many characters, which leaves room for the reason. */
#define ID_WIDTH_MAX 24

struct column {
	const char *name;
	bool is_number;
};

static const struct column letter_columns[] = {
	{"ID", true},       {"AGE", true},         {"OUTCOME", false}, {"TRIES", true},
	{"MESSAGE", false}, {"MESSAGE-ID", false}, {"REASON", false},
};

static const struct column group_columns[] = {
	{"COUNT", true}, {"OUTCOME", false}, {"MESSAGE", false},
	{"FIRST", true}, {"LAST", true},     {"REASON", false},
};

#define LETTER_COLUMNS (sizeof letter_columns / sizeof letter_columns[0])
#define GROUP_COLUMNS  (sizeof group_columns / sizeof group_columns[0])

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

static const char *padded(const char *text, size_t width, bool align_right, struct arena *arena)
{
	size_t used = width_of(text);
	int missing = used < width ? (int)(width - used) : 0;

	return align_right ? arena_printf(arena, "%*s%s", missing, "", text)
			   : arena_printf(arena, "%s%*s", text, missing, "");
}

/* The last column is not padded. */
static void print_row(const struct dead_letter_table *table, const struct column *columns, size_t count,
		      const char *const *cells, struct arena *arena)
{
	const char *line = "";

	for (size_t i = 0; i < count - 1; i++)
		line = arena_printf(arena, "%s%s  ", line,
				    padded(cells[i], table->widths[i], columns[i].is_number, arena));
	line = arena_printf(arena, "%s%s", line, cells[count - 1]);
	fprintf(table->out, "%s\n", table->terminal_width ? cut(line, table->terminal_width, arena) : line);
}

static void print_head(struct dead_letter_table *table, const struct column *columns, size_t count,
		       const char *const *cells, size_t rows, struct arena *arena)
{
	const char *names[TABLE_COLUMNS_MAX];

	for (size_t i = 0; i < count; i++) {
		names[i] = columns[i].name;
		table->widths[i] = strlen(names[i]);
		for (size_t row = 0; row < rows; row++) {
			size_t width = width_of(cells[row * count + i]);

			table->widths[i] = width > table->widths[i] ? width : table->widths[i];
		}
	}
	print_row(table, columns, count, names, arena);
	table->has_head = true;
}

/* The cells of one row follow those of the row before. */
static void print_cells(struct dead_letter_table *table, const struct column *columns, size_t count,
			const char *const *cells, size_t rows, struct arena *arena)
{
	if (!table->has_head)
		print_head(table, columns, count, cells, rows, arena);
	for (size_t row = 0; row < rows; row++)
		print_row(table, columns, count, cells + row * count, arena);
}

void dead_letter_table_print(struct dead_letter_table *table, const struct dead_letter *letters, size_t count)
{
	struct arena *arena = arena_new(64 * 1024);
	const char **cells = arena_alloc(arena, count * LETTER_COLUMNS * sizeof *cells), **cell = cells;

	for (const struct dead_letter *letter = letters; letter < letters + count; letter++) {
		const char *id = letter->message_id ? utf8_printable(arena, letter->message_id) : "-";

		*cell++ = arena_printf(arena, "%" PRId64, letter->id);
		*cell++ = age_text(table->now - letter->last_at, arena);
		*cell++ = letter->outcome;
		*cell++ = arena_printf(arena, "%d", letter->attempts);
		*cell++ = utf8_printable(arena, letter->message);
		*cell++ = table->terminal_width ? cut(id, ID_WIDTH_MAX, arena) : id;
		*cell++ = utf8_printable(arena, letter->reason);
	}
	print_cells(table, letter_columns, LETTER_COLUMNS, cells, count, arena);
	arena_free(&arena);
}

void dead_letter_groups_print(struct dead_letter_table *table, const struct dead_letter_groups *groups)
{
	struct arena *arena = arena_new(64 * 1024);
	const char **cells = arena_alloc(arena, groups->count * GROUP_COLUMNS * sizeof *cells),
		   **cell = cells;

	for (size_t i = 0; i < groups->count; i++) {
		const struct dead_letter_group *group = groups->all[i];

		*cell++ = arena_printf(arena, "%" PRId64, group->count);
		*cell++ = group->outcome;
		*cell++ = utf8_printable(arena, group->message);
		*cell++ = age_text(table->now - group->first_at, arena);
		*cell++ = age_text(table->now - group->last_at, arena);
		*cell++ = utf8_printable(arena, group->reason);
	}
	print_cells(table, group_columns, GROUP_COLUMNS, cells, groups->count, arena);
	arena_free(&arena);
}
