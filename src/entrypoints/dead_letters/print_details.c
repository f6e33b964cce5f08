/*
 * Prints one dead letter in full, for people.  Control characters in a sender's text are escaped for the
 * terminal.
 */
#include "entrypoints/dead_letters/dead_letter_print.h"

#include "core/base/arena.h"
#include "core/base/calendar.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <string.h>

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

struct bytes dead_letter_whole_characters(const struct dead_letter *letter)
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

/* Prints sixteen bytes a line, in hexadecimal and as ASCII. */
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

static void print_payload(const struct dead_letter_details *details, FILE *out, struct arena *arena)
{
	const struct dead_letter *letter = details->letter;
	struct bytes payload = letter->payload;

	fprintf(out, "  %-11s %" PRId64 " bytes%s\n", "payload", letter->payload_bytes,
		letter->payload_bytes > (int64_t)payload.size ? ", of which the beginning was kept" : "");
	if (!payload.size)
		return;
	if (is_text(dead_letter_whole_characters(letter))) {
		print_text(out, dead_letter_whole_characters(letter), arena);
		return;
	}
	print_binary(out, payload);
	if (details->payload_line)
		print_field(out, "as JSON", details->payload_line, arena);
}

void history_entry_print(const struct dead_letter_history_entry *entry, FILE *out)
{
	struct arena *arena = arena_new(1024);

	fprintf(out, "%s %s by %s", instant_text(entry->at, arena), entry->action,
		utf8_printable(arena, entry->who));
	if (entry->edits[0])
		fprintf(out, strcmp(entry->action, "replayed") ? " (%s)" : " with %s",
			utf8_printable(arena, entry->edits));
	if (entry->outcome)
		fprintf(out, ": %s", entry->outcome);
	if (entry->reason)
		fprintf(out, ": %s", utf8_printable(arena, entry->reason));
	fputc('\n', out);
	arena_free(&arena);
}

void dead_letter_details_print(const struct dead_letter_details *details, FILE *out)
{
	const struct dead_letter *letter = details->letter;
	struct arena *arena = arena_new(64 * 1024);

	fprintf(out, "dead letter %" PRId64 "\n", letter->id);
	print_field(out, "outcome", letter->outcome, arena);
	print_field(out, "reason", letter->reason, arena);
	print_field(out, "message", letter->message, arena);
	print_field(out, "message id", letter->message_id, arena);
	print_field(out, "source", letter->source, arena);
	print_field(out, "way", letter->transport, arena);
	print_field(out, "place", letter->origin, arena);
	print_field(out, "entry", letter->entry_id, arena);
	print_field(out, "attempts", arena_printf(arena, "%d", letter->attempts), arena);
	print_field(out, "first at", instant_text(letter->first_at, arena), arena);
	print_field(out, "last at", instant_text(letter->last_at, arena), arena);
	print_payload(details, out, arena);
	if (details->history_count)
		fputs("  history\n", out);
	for (size_t i = 0; i < details->history_count; i++) {
		fprintf(out, "    %d  ", details->history[i].attempt);
		history_entry_print(&details->history[i], out);
	}
	arena_free(&arena);
}
