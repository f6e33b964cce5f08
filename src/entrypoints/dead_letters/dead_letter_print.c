/*
 * Dead letters for the eye and for programs.  Whatever a stranger sent is made harmless for a terminal
 * first.
 */
#include "entrypoints/dead_letters/dead_letter_print.h"

#include "core/base/calendar.h"
#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/cli/text.h"

#include <inttypes.h>
#include <string.h>

/* On a terminal a message's id is cut to so many characters, for the reason to be seen. */
#define ID_WIDTH_MAX 24

/* ---- the table ---- */

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

/* At most `width` characters; what is left out shows as an ellipsis. */
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

static void fill_row(const struct dead_letter_table *table, const struct dead_letter *letter,
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

static const char *padded(const char *text, size_t width, bool on_the_left, struct arena *arena)
{
	size_t used = width_of(text);
	int missing = used < width ? (int)(width - used) : 0;

	return on_the_left ? arena_printf(arena, "%*s%s", missing, "", text)
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

static void begin_table(struct dead_letter_table *table, const struct dead_letter *letters, size_t count,
			struct arena *arena)
{
	const char *cells[LETTER_COLUMNS];

	for (size_t i = 0; i < LETTER_COLUMNS; i++)
		table->widths[i] = strlen(heads[i].name);
	for (size_t row = 0; row < count; row++) {
		fill_row(table, &letters[row], arena, cells);
		for (size_t i = 0; i < LETTER_COLUMNS; i++) {
			size_t width = width_of(cells[i]);

			table->widths[i] = width > table->widths[i] ? width : table->widths[i];
		}
	}
	for (size_t i = 0; i < LETTER_COLUMNS; i++)
		cells[i] = heads[i].name;
	print_row(table, cells, arena);
	table->begun = true;
}

void dead_letter_table_print(struct dead_letter_table *table, const struct dead_letter *letters, size_t count)
{
	struct arena *arena = arena_new(64 * 1024);
	const char *cells[LETTER_COLUMNS];

	if (!table->begun)
		begin_table(table, letters, count, arena);
	for (size_t row = 0; row < count; row++) {
		arena_clear(arena);
		fill_row(table, &letters[row], arena, cells);
		print_row(table, cells, arena);
	}
	arena_free(&arena);
}

/* ---- one by one ---- */

static void print_field(FILE *out, const char *name, const char *text, struct arena *arena)
{
	if (text && text[0])
		fprintf(out, "  %-11s %s\n", name, utf8_printable(arena, text));
}

static const char *instant_text(int64_t instant, struct arena *arena)
{
	char *text = arena_alloc(arena, INSTANT_TEXT_SIZE);

	instant_format(instant, text);
	return text;
}

/* What was kept of the payload, without the beginning of a character that was cut. */
static struct bytes whole_characters(const struct dead_letter *letter)
{
	struct bytes payload = letter->payload;

	if (payload.size && letter->payload_bytes > (int64_t)payload.size)
		payload.size = utf8_cut(payload.data, payload.size + 1, payload.size);
	return payload;
}

static bool is_text(struct bytes payload)
{
	return !memchr(payload.data, '\0', payload.size) && utf8_is_valid(payload.data, payload.size);
}

static void print_text(FILE *out, struct bytes payload, struct arena *arena)
{
	char *rest = arena_printf(arena, "%.*s", (int)payload.size, (const char *)payload.data), *line;

	while ((line = strsep(&rest, "\n")))
		fprintf(out, "    %s\n", utf8_printable(arena, line));
}

/* Sixteen bytes a line: in hexadecimal, and those that are ASCII as they are. */
static void print_binary(FILE *out, struct bytes payload)
{
	const unsigned char *bytes = payload.data;

	for (size_t at = 0; at < payload.size; at += 16) {
		size_t count = payload.size - at < 16 ? payload.size - at : 16;

		fprintf(out, "    %04zx ", at);
		for (size_t i = 0; i < 16; i++)
			fprintf(out, i < count ? " %02x" : "   ", i < count ? bytes[at + i] : 0U);
		fputs("  ", out);
		for (size_t i = 0; i < count; i++)
			fputc(bytes[at + i] >= 0x20 && bytes[at + i] < 0x7f ? bytes[at + i] : '.', out);
		fputc('\n', out);
	}
}

static void print_payload(const struct dead_letter_story *story, FILE *out, struct arena *arena)
{
	const struct dead_letter *letter = story->letter;
	struct bytes payload = letter->payload;

	fprintf(out, "  %-11s %" PRId64 " bytes%s\n", "payload", letter->payload_bytes,
		letter->payload_bytes > (int64_t)payload.size ? ", of which the beginning was kept" : "");
	if (!payload.size)
		return;
	if (is_text(whole_characters(letter))) {
		print_text(out, whole_characters(letter), arena);
		return;
	}
	print_binary(out, payload);
	if (story->payload_line)
		print_field(out, "as JSON", story->payload_line, arena);
}

void dead_letter_deed_print(const struct dead_letter_history_entry *deed, FILE *out)
{
	struct arena *arena = arena_new(1024);

	fprintf(out, "%s %s by %s", instant_text(deed->at, arena), deed->action,
		utf8_printable(arena, deed->who));
	if (deed->edits[0])
		fprintf(out, " with %s", utf8_printable(arena, deed->edits));
	if (deed->outcome)
		fprintf(out, ": %s", deed->outcome);
	if (deed->reason)
		fprintf(out, ": %s", utf8_printable(arena, deed->reason));
	fputc('\n', out);
	arena_free(&arena);
}

void dead_letter_story_print(const struct dead_letter_story *story, FILE *out)
{
	const struct dead_letter *letter = story->letter;
	struct arena *arena = arena_new(64 * 1024);

	fprintf(out, "dead letter %" PRId64 "\n", letter->id);
	print_field(out, "outcome", letter->outcome, arena);
	print_field(out, "reason", letter->reason, arena);
	print_field(out, "message", letter->message, arena);
	print_field(out, "message id", letter->message_id, arena);
	print_field(out, "source", letter->source, arena);
	print_field(out, "way", letter->way, arena);
	print_field(out, "place", letter->place, arena);
	print_field(out, "entry", letter->entry_id, arena);
	print_field(out, "attempts", arena_printf(arena, "%d", letter->attempts), arena);
	print_field(out, "first at", instant_text(letter->first_at, arena), arena);
	print_field(out, "last at", instant_text(letter->last_at, arena), arena);
	print_payload(story, out, arena);
	if (story->deed_count)
		fputs("  history\n", out);
	for (size_t i = 0; i < story->deed_count; i++) {
		fprintf(out, "    %d  ", story->deeds[i].attempt);
		dead_letter_deed_print(&story->deeds[i], out);
	}
	arena_free(&arena);
}

/* ---- for programs ---- */

static json_t *base64(struct bytes payload)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *bytes = payload.data;
	size_t size = (payload.size + 2) / 3 * 4;
	char *text = must_alloc(size + 1);
	json_t *json;

	for (size_t i = 0; i < size; i++) {
		size_t bit = i * 6, at = bit / 8;
		unsigned pair = at < payload.size ? bytes[at] * 256U : 0;

		if (at + 1 < payload.size)
			pair += bytes[at + 1];
		text[i] = at < payload.size ? digits[pair >> (10 - bit % 8) & 63] : '=';
	}
	json = must(json_stringn_nocheck(text, size));
	free(text);
	return json;
}

static void set(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, must(value)))
		abort();
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *instant_json(int64_t instant)
{
	char text[INSTANT_TEXT_SIZE];

	instant_format(instant, text);
	return json_string(text);
}

static void set_payload(json_t *object, const struct dead_letter *letter)
{
	struct bytes payload = letter->payload, whole = whole_characters(letter);
	json_t *text = json_stringn(whole.size ? whole.data : "", whole.size);

	if (text)
		set(object, "payload", text);
	else
		set(object, "payload_base64", base64(payload));
}

json_t *dead_letter_to_json(const struct dead_letter *letter)
{
	json_t *object = must(json_object());

	set(object, "id", json_integer(letter->id));
	set(object, "outcome", json_string(letter->outcome));
	set(object, "reason", json_string(letter->reason));
	set(object, "message", json_string(letter->message));
	set(object, "message_id", text_or_null(letter->message_id));
	set(object, "source", json_string(letter->source));
	set(object, "way", json_string(letter->way));
	set(object, "place", json_string(letter->place));
	set(object, "entry_id", text_or_null(letter->entry_id));
	set(object, "incarnation", json_integer(letter->incarnation));
	set(object, "attempts", json_integer(letter->attempts));
	set(object, "first_at", instant_json(letter->first_at));
	set(object, "last_at", instant_json(letter->last_at));
	set_payload(object, letter);
	set(object, "payload_bytes", json_integer(letter->payload_bytes));
	return object;
}

static json_t *deed_to_json(const struct dead_letter_history_entry *deed)
{
	json_t *object = must(json_object());

	set(object, "attempt", json_integer(deed->attempt));
	set(object, "action", json_string(deed->action));
	set(object, "who", json_string(deed->who));
	set(object, "at", instant_json(deed->at));
	set(object, "edits", json_string(deed->edits));
	set(object, "outcome", text_or_null(deed->outcome));
	set(object, "reason", text_or_null(deed->reason));
	return object;
}

json_t *dead_letter_story_to_json(const struct dead_letter_story *story)
{
	json_t *object = dead_letter_to_json(story->letter), *history = must(json_array());

	for (size_t i = 0; i < story->deed_count; i++) {
		if (json_array_append_new(history, deed_to_json(&story->deeds[i])))
			abort();
	}
	set(object, "history", history);
	return object;
}
