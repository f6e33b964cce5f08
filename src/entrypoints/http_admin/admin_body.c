/* Reads the body of a request that changes dead letters. */
#include "entrypoints/http_admin/admin_arguments.h"

#include "entrypoints/cli/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define RATE_MAX      1000000
#define EDITS_MAX     50
#define FIELD_MAX     64
#define NOTE_MAX      500
#define FIELD_LETTERS "abcdefghijklmnopqrstuvwxyz_"

/* A member that is a number, and becomes the option. */
static bool add_number(struct admin_arguments *arguments, const char *name, const char *option, json_t *value,
		       int64_t min, int64_t max)
{
	if (!json_is_integer(value) || json_integer_value(value) < min || json_integer_value(value) > max)
		return admin_arguments_refuse(arguments,
					      "%s: expected a whole number from %" PRId64 " to %" PRId64,
					      name, min, max);
	return admin_arguments_add(
		arguments, admin_changes, "", option,
		arena_printf(arguments->arena, "%" PRId64, (int64_t)json_integer_value(value)));
}

static bool read_limit(struct admin_arguments *arguments, json_t *value)
{
	return add_number(arguments, "limit", "limit", value, 1, INT32_MAX);
}

static bool read_rate(struct admin_arguments *arguments, json_t *value)
{
	return add_number(arguments, "rate", "rate", value, 1, RATE_MAX);
}

static bool read_stop(struct admin_arguments *arguments, json_t *value)
{
	if (!json_is_boolean(value))
		return admin_arguments_refuse(arguments, "stop_at_failure: expected true or false");
	return json_is_false(value) ||
	       admin_arguments_add(arguments, admin_changes, "", "stop-at-failure", "true");
}

static bool read_expected_count(struct admin_arguments *arguments, json_t *value)
{
	return add_number(arguments, "expected_count", "expect", value, 0, INT32_MAX);
}

static bool read_note(struct admin_arguments *arguments, json_t *value)
{
	const char *text = json_string_value(value);
	size_t count;

	if (!text || !*text || !text_is_printable(text) || !text_count(text, strlen(text), &count) ||
	    count > NOTE_MAX)
		return admin_arguments_refuse(arguments, "note: expected 1 to %d printable characters",
					      NOTE_MAX);
	return admin_arguments_add(arguments, admin_changes, "", "note", text);
}

static bool read_filter(struct admin_arguments *arguments, json_t *filter)
{
	const char *name;
	json_t *value;

	if (!json_is_object(filter))
		return admin_arguments_refuse(arguments, "filter: expected an object");
	json_object_foreach(filter, name, value)
	{
		if (!strcmp(name, "discarded"))
			return admin_arguments_refuse(arguments,
						      "filter/discarded: expected only in a query");
		if (!json_is_string(value))
			return admin_arguments_refuse(arguments, "filter/%.64s: expected a string", name);
		if (!admin_arguments_add(arguments, admin_filters, "filter/", name, json_string_value(value)))
			return false;
	}
	return true;
}

/* An element that is no integer counts as the id 0, which no letter has. */
static bool read_ids(struct admin_arguments *arguments, json_t *ids)
{
	json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
	{
		if (!admin_arguments_add_id(arguments, json_integer_value(id)))
			return false;
	}
	return arguments->id_count > 0 || admin_arguments_add_id(arguments, 0);
}

/* A field without a value is removed. */
static const char *edit_value(json_t *value, struct arena *arena)
{
	if (json_is_null(value))
		return "";
	if (json_is_integer(value))
		return arena_printf(arena, "%" PRId64, (int64_t)json_integer_value(value));
	return json_string_length(value) ? json_string_value(value) : NULL;
}

static bool read_edits(struct admin_arguments *arguments, json_t *edits)
{
	const char *name;
	json_t *value;

	if (!json_is_object(edits) || json_object_size(edits) > EDITS_MAX)
		return admin_arguments_refuse(arguments, "edits: expected an object of at most %d fields",
					      EDITS_MAX);
	json_object_foreach(edits, name, value)
	{
		const char *text = edit_value(value, arguments->arena);

		if (!*name || strlen(name) > FIELD_MAX || name[strspn(name, FIELD_LETTERS)])
			return admin_arguments_refuse(arguments, "edits/%.64s: expected the name of a field",
						      name);
		if (!text)
			return admin_arguments_refuse(
				arguments,
				"edits/%s: expected a string that is not empty, a whole number, or null to remove it",
				name);
		if (!admin_arguments_add(arguments, admin_changes, "edits/", "edit",
					 arena_printf(arguments->arena, "%s=%s", name, text)))
			return false;
	}
	return true;
}

static const struct {
	const char *name;
	unsigned of; /* 0: of each body */
	bool (*read)(struct admin_arguments *arguments, json_t *value);
} members[] = {
	{"filter", 0, read_filter},
	{"ids", 0, read_ids},
	{"limit", 0, read_limit},
	{"edits", TAKES_EDITS, read_edits},
	{"rate", TAKES_RATE, read_rate},
	{"stop_at_failure", TAKES_RATE, read_stop},
	{"expected_count", TAKES_EXPECTED_COUNT, read_expected_count},
	{"note", TAKES_NOTE, read_note},
};

#define MEMBERS (sizeof members / sizeof members[0])

static bool is_taken(size_t i, unsigned taken)
{
	return !members[i].of || (members[i].of & taken);
}

static bool refuse_member(struct admin_arguments *arguments, const char *name, unsigned taken)
{
	const char *names = "";

	for (size_t i = 0; i < MEMBERS; i++) {
		if (is_taken(i, taken))
			names = text_list_add(names, members[i].name, arguments->arena);
	}
	return admin_arguments_refuse(arguments, "%.64s: unknown; expected one of %s", name, names);
}

static bool read_member(struct admin_arguments *arguments, const char *name, json_t *value, unsigned taken)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		if (!strcmp(name, members[i].name) && is_taken(i, taken))
			return members[i].read(arguments, value);
	}
	return refuse_member(arguments, name, taken);
}

static bool read_members(struct admin_arguments *arguments, json_t *body, unsigned taken)
{
	const char *name;
	json_t *value;

	if (!json_is_object(body))
		return admin_arguments_refuse(arguments, "Expected a JSON object");
	json_object_foreach(body, name, value)
	{
		if (!read_member(arguments, name, value, taken))
			return false;
	}
	if (!json_object_get(body, "filter") == !json_object_get(body, "ids"))
		return admin_arguments_refuse(arguments, "Expected either filter or ids");
	if ((taken & NEEDS_EXPECTED_COUNT) == NEEDS_EXPECTED_COUNT && json_object_get(body, "filter") &&
	    !json_object_get(body, "expected_count"))
		return admin_arguments_refuse(
			arguments,
			"expected_count: expected with filter, so that no more is changed than was looked at");
	return admin_arguments_check(arguments);
}

bool admin_body_read(struct admin_arguments *arguments, struct bytes body, unsigned taken)
{
	json_error_t error;
	json_t *json = json_loadb(body.data ? body.data : "", body.size, JSON_REJECT_DUPLICATES, &error);
	bool is_read;

	if (!json)
		return admin_arguments_refuse(arguments, "Expected a JSON object: %s", error.text);
	is_read = read_members(arguments, json, taken);
	json_decref(json);
	return is_read;
}
