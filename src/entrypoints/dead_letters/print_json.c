/* Writes dead letters as JSON, for programs. */
#include "entrypoints/dead_letters/dead_letter_print.h"

#include "core/base/calendar.h"
#include "core/base/must.h"

#include <string.h>

/*
 * Written here because OpenSSL, which has a base64 encoder, is linked only with the adapters that encrypt
 * connections, and not with the entry points.
 */
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
	struct bytes payload = letter->payload, whole = dead_letter_whole_characters(letter);
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
	set(object, "way", json_string(letter->transport));
	set(object, "place", json_string(letter->origin));
	set(object, "entry_id", text_or_null(letter->entry_id));
	set(object, "incarnation", json_integer(letter->incarnation));
	set(object, "attempts", json_integer(letter->attempts));
	set(object, "first_at", instant_json(letter->first_at));
	set(object, "last_at", instant_json(letter->last_at));
	set_payload(object, letter);
	set(object, "payload_bytes", json_integer(letter->payload_bytes));
	return object;
}

json_t *dead_letter_group_to_json(const struct dead_letter_group *group)
{
	json_t *object = must(json_object());

	set(object, "outcome", json_string(group->outcome));
	set(object, "message", json_string(group->message));
	set(object, "reason", json_string(group->reason));
	set(object, "count", json_integer(group->count));
	set(object, "first_at", instant_json(group->first_at));
	set(object, "last_at", instant_json(group->last_at));
	set(object, "first_id", json_integer(group->first_id));
	set(object, "last_id", json_integer(group->last_id));
	return object;
}

static json_t *history_entry_to_json(const struct dead_letter_history_entry *entry)
{
	json_t *object = must(json_object());

	set(object, "attempt", json_integer(entry->attempt));
	set(object, "action", json_string(entry->action));
	set(object, "who", json_string(entry->who));
	set(object, "at", instant_json(entry->at));
	set(object, "edits", json_string(entry->edits));
	set(object, "outcome", text_or_null(entry->outcome));
	set(object, "reason", text_or_null(entry->reason));
	return object;
}

json_t *dead_letter_details_to_json(const struct dead_letter_details *details)
{
	json_t *object = dead_letter_to_json(details->letter), *history = must(json_array());

	for (size_t i = 0; i < details->history_count; i++) {
		if (json_array_append_new(history, history_entry_to_json(&details->history[i])))
			abort();
	}
	set(object, "history", history);
	return object;
}
