/* Writes server-sent events. */
#include "entrypoints/live/live_text.h"

#include "core/base/calendar.h"
#include "core/base/must.h"
#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void live_write_retry(FILE *out)
{
	fputs("retry: 2000\n\n", out);
}

void live_write_comment(FILE *out)
{
	fputs(": \n\n", out);
}

void live_write(FILE *out, const char *name, const char *data)
{
	fprintf(out, "event: %s\ndata: %s\n\n", name, data);
}

static void write_id(FILE *out, struct live_id id)
{
	fprintf(out, "id: %" PRId64 "-%" PRIu64 "\n", id.start, id.number);
}

/* The time is when Redis added it, by its own clock. */
void live_write_event_json(FILE *out, const struct live_event *event, live_to_json *to_json)
{
	struct arena *arena = arena_new(4096);
	const char *json = "null", *error;
	char entry[STREAM_ID_TEXT], at[INSTANT_TEXT_SIZE] = "";
	int64_t instant = stream_id_instant(event->id);

	if (!event->payload.data || !to_json(event->payload, arena, &json, &error))
		json = "null";
	stream_id_format(event->id, entry);
	if (instant != NO_INSTANT)
		instant_format(instant, at);
	fprintf(out, "{\"type\":\"%s\",\"at\":\"%s\",\"entry\":\"%s\",\"data\":%s}",
		message_name(event->type), at, entry, json);
	arena_free(&arena);
}

void live_write_event(FILE *out, struct live_id id, const struct live_event *event, live_to_json *to_json)
{
	write_id(out, id);
	fputs("event: event\ndata: ", out);
	live_write_event_json(out, event, to_json);
	fputs("\n\n", out);
}

void live_write_id(FILE *out, struct live_id id)
{
	write_id(out, id);
	fputc('\n', out);
}

void live_write_skipped(FILE *out, struct live_id id, int64_t skipped, int64_t unread)
{
	write_id(out, id);
	fprintf(out, "event: skipped\ndata: {\"skipped\":%" PRId64 ",\"unread\":", skipped);
	if (unread == LIVE_UNKNOWN)
		fputs("null}\n\n", out);
	else
		fprintf(out, "%" PRId64 "}\n\n", unread);
}

/* jansson accepts only valid UTF-8, so invalid bytes are replaced first. */
void live_write_reason(FILE *out, const char *name, const char *reason)
{
	char *valid = must(strdup(reason)), *text;
	json_t *json;

	utf8_repair(valid);
	json = must(json_pack("{s:s}", "reason", valid));
	text = must(json_dumps(json, JSON_COMPACT));
	live_write(out, name, text);
	json_decref(json);
	free(text);
	free(valid);
}

/* strtoll() would accept a blank and a sign before each number. */
bool live_id_parse(const char *text, struct live_id *id)
{
	char *rest;

	if (strspn(text, "0123456789-") != strlen(text) || strstr(text, "--") || *text == '-')
		return false;
	id->start = strtoll(text, &rest, 10);
	if (*rest != '-' || !rest[1])
		return false;
	id->number = strtoull(rest + 1, &rest, 10);
	return *rest == '\0';
}
