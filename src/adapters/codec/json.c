/* JSON, read with jansson, which refuses invalid UTF-8 and lone surrogates by itself. */
#include "adapters/codec/json.h"

#include "adapters/codec/depth.h"
#include "adapters/codec/invalid.h"

#include <stdbool.h>
#include <string.h>

/* Most payloads are shorter: printed in one go. */
#define USUAL_SIZE 1024

/* What this takes for nesting in text that is no JSON does not matter: it is refused anyway. */
static bool is_too_deep(struct bytes payload)
{
	const char *at = payload.data;
	const char *end = at + payload.size;
	bool in_string = false;
	int depth = 0;

	for (; at < end && depth <= DEPTH_MAX; at++) {
		if (in_string && *at == '\\')
			at++;
		else if (*at == '"')
			in_string = !in_string;
		else if (!in_string && (*at == '{' || *at == '['))
			depth++;
		else if (!in_string && (*at == '}' || *at == ']'))
			depth--;
	}
	return depth > DEPTH_MAX;
}

/* jansson's own text quotes the sender; its code does not. */
static const char *reason(const json_error_t *error)
{
	static const char *const reasons[] = {
		[json_error_invalid_utf8] = "invalid UTF-8",
		[json_error_premature_end_of_input] = "the end comes too early",
		[json_error_end_of_input_expected] = "something follows the value",
		[json_error_duplicate_key] = "a key comes twice",
		[json_error_numeric_overflow] = "a number does not fit 64 bits",
		[json_error_null_byte_in_key] = "a key with NUL",
	};
	size_t code = json_error_code(error);

	return code < sizeof reasons / sizeof reasons[0] && reasons[code] ? reasons[code] : "invalid syntax";
}

/* What jansson leaves to us: it overlooks a NUL after a number, and allows far deeper nesting. */
static bool look_first(struct bytes payload, struct arena *arena, const char **error)
{
	if (payload.size && memchr(payload.data, '\0', payload.size))
		return invalid(arena, error, "payload", "expected JSON, but a byte is NUL");
	if (is_too_deep(payload))
		return invalid(arena, error, "payload", "expected JSON nested at most %d deep", DEPTH_MAX);
	return true;
}

static json_t *parse(struct bytes payload, struct arena *arena, const char **error)
{
	json_error_t failure;
	json_t *root =
		json_loadb(payload.data, payload.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &failure);

	if (root)
		return root;
	if (json_error_code(&failure) == json_error_out_of_memory)
		out_of_memory();
	invalid(arena, error, "payload", "expected JSON, but at byte %d: %s", failure.position,
		reason(&failure));
	return NULL;
}

json_t *wire_read_json(struct bytes payload, struct arena *arena, const char **error)
{
	json_t *root = look_first(payload, arena, error) ? parse(payload, arena, error) : NULL;

	if (!root || json_is_object(root))
		return root;
	invalid(arena, error, "payload", "expected a JSON object");
	json_decref(root);
	return NULL;
}

static struct value value_of(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_STRING:
		return (struct value){.kind = VALUE_TEXT,
				      .as.text = {json_string_value(json), json_string_length(json)}};
	case JSON_INTEGER:
		return (struct value){.kind = VALUE_INTEGER, .as.integer = json_integer_value(json)};
	case JSON_REAL:
		return (struct value){.kind = VALUE_REAL, .as.real = json_real_value(json)};
	case JSON_OBJECT:
		return (struct value){.kind = VALUE_OBJECT, .as.object = wire_view_json(json)};
	case JSON_NULL:
		return (struct value){.kind = VALUE_NULL};
	case JSON_ARRAY:
	case JSON_TRUE:
	case JSON_FALSE:
		break;
	}
	return (struct value){.kind = VALUE_OTHER};
}

static struct value member_of_json(const void *node, const char *name)
{
	const json_t *json = json_object_get(node, name);

	return json ? value_of(json) : (struct value){.kind = VALUE_ABSENT};
}

struct object wire_view_json(const json_t *object)
{
	return (struct object){member_of_json, object};
}

struct bytes wire_print_json(const json_t *json, struct arena *arena)
{
	char usual[USUAL_SIZE];
	size_t size = json_dumpb(json, usual, sizeof usual, JSON_COMPACT);
	char *text = arena_alloc(arena, size + 1);

	if (!size)
		out_of_memory();
	if (size <= sizeof usual)
		memcpy(text, usual, size);
	else
		json_dumpb(json, text, size, JSON_COMPACT);
	return (struct bytes){text, size};
}
