/* Writes dead letters as JSON, for programs. */
#include "entrypoints/dead_letters/dead_letter_print.h"

#include "core/base/calendar.h"
#include "core/base/must.h"
#include "core/message.h"
#include "entrypoints/dead_letters/dead_letter_advice.h"

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
		must(NULL);
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

json_t *dead_letter_to_json(const struct dead_letter *letter, bool has_payload)
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
	if (has_payload)
		set_payload(object, letter);
	set(object, "payload_bytes", json_integer(letter->payload_bytes));
	set(object, "handled_since", json_boolean(letter->is_handled_since));
	set(object, "advice",
	    json_string(letter->is_handled_since
				? dead_letter_advice_handled
				: dead_letter_advice(letter->outcome, letter->message, letter->reason)));
	return object;
}

/* The options of the command line, by which the group's letters are found again. */
static json_t *group_filter(const struct dead_letter_group *group)
{
	bool is_known = message_type_named(group->message) != MSG_NONE;

	return json_pack("{s:s, s:s, s:s}", "outcome", group->outcome, "message",
			 is_known ? group->message : "none", "reason-is", group->reason);
}

json_t *dead_letter_group_to_json(const struct dead_letter_group *group)
{
	json_t *object = must(json_object());
	bool all_handled = group->handled_since == group->count;

	set(object, "outcome", json_string(group->outcome));
	set(object, "message", json_string(group->message));
	set(object, "reason", json_string(group->reason));
	set(object, "count", json_integer(group->count));
	set(object, "handled_since", json_integer(group->handled_since));
	set(object, "first_at", instant_json(group->first_at));
	set(object, "last_at", instant_json(group->last_at));
	set(object, "first_id", json_integer(group->first_id));
	set(object, "last_id", json_integer(group->last_id));
	set(object, "advice",
	    json_string(all_handled ? dead_letter_advice_handled
				    : dead_letter_advice(group->outcome, group->message, group->reason)));
	set(object, "filter", group_filter(group));
	return object;
}

/* Edits are of what a sender sent. */
static json_t *history_entry_to_json(const struct dead_letter_history_entry *entry, bool has_payload)
{
	json_t *object = must(json_object());
	bool is_replay = !strcmp(entry->action, "replayed");

	set(object, "attempt", json_integer(entry->attempt));
	set(object, "action", json_string(entry->action));
	set(object, "who", json_string(entry->who));
	set(object, "at", instant_json(entry->at));
	if (has_payload) {
		set(object, "edits", json_string(is_replay ? entry->edits : ""));
		set(object, "note", json_string(is_replay ? "" : entry->edits));
	}
	set(object, "outcome", text_or_null(entry->outcome));
	set(object, "reason", text_or_null(entry->reason));
	return object;
}

/* Those of a CloudEvent are its data. */
static json_t *fields_json(const char *payload_line)
{
	json_t *payload = payload_line ? json_loads(payload_line, JSON_REJECT_DUPLICATES, NULL) : NULL;
	json_t *data = json_object_get(payload, "specversion") ? json_object_get(payload, "data") : NULL;

	if (json_is_object(data))
		json_incref(data);
	else
		data = json_is_object(payload) ? json_incref(payload) : json_null();
	json_decref(payload);
	return data;
}

json_t *dead_letter_details_to_json(const struct dead_letter_details *details, bool has_payload)
{
	json_t *object = dead_letter_to_json(details->letter, has_payload), *history = must(json_array());

	if (has_payload)
		set(object, "fields", fields_json(details->payload_line));

	for (size_t i = 0; i < details->history_count; i++) {
		if (json_array_append_new(history, history_entry_to_json(&details->history[i], has_payload)))
			must(NULL);
	}
	set(object, "history", history);
	return object;
}
