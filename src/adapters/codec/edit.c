/* Payloads with other fields: what an operator does to a message before it is handled again. */
#include "adapters/codec/codec.h"
#include "adapters/codec/document.h"
#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json.h"
#include "adapters/codec/pairs.h"
#include "adapters/codec/payload.h"

#include <string.h>

/* ---- whether they make sense ---- */

/* The one field, as the schema of its message has it. */
static bool check_value(const struct message_descriptor *descriptor, const struct pair *pair,
			struct arena *arena, const char **error)
{
	const struct message_descriptor alone = {
		.name = descriptor->name, .size = descriptor->size, .fields = pair->field, .field_count = 1};
	struct document *document = document_new(arena, 1);

	if (pair->text[0])
		document_add(document, pair->name, pair_value(pair));
	return fields_read(&alone, document_view(document), arena, arena_alloc(arena, alone.size), error);
}

bool wire_edits_check(enum message_type type, const char *const edits[], size_t count, struct arena *arena,
		      const char **error)
{
	const struct message_descriptor *descriptor = message_descriptor(type);
	struct pair pair;

	for (size_t i = 0; i < count; i++) {
		if (!pair_read(descriptor, edits[i], arena, &pair, error) ||
		    !check_value(descriptor, &pair, arena, error))
			return false;
	}
	return true;
}

/* ---- applying them ---- */

static json_t *value_to_json(const struct value *value)
{
	return value->kind == VALUE_INTEGER
		       ? json_integer(value->as.integer)
		       : json_stringn_nocheck(value->as.text.start, value->as.text.length);
}

static void set_or_take(json_t *object, const char *name, const struct pair *pair)
{
	const struct value value = pair_value(pair);

	if (!pair->text[0])
		json_object_del(object, name);
	else if (json_object_set_new_nocheck(object, name, value_to_json(&value)))
		out_of_memory();
}

/* What a CloudEvent's envelope calls the field; NULL: the field is in its data. */
static const char *attribute_of(const struct field *field)
{
	if (!strcmp(field->name, "id"))
		return "id";
	return strcmp(field->name, "occurred_at") ? NULL : "time";
}

/* Under one name only: the value must not contradict what is there under the other. */
static void apply(json_t *event, json_t *fields, const struct pair *pair)
{
	const struct field *field = pair->field;
	const char *attribute = event ? attribute_of(field) : NULL;

	if (field->alias)
		json_object_del(fields, field->alias);
	if (!attribute) {
		set_or_take(fields, field->name, pair);
		return;
	}
	json_object_del(fields, field->name);
	set_or_take(event, attribute, pair);
}

static bool apply_all(const struct message_descriptor *descriptor, json_t *root, const char *const edits[],
		      size_t count, struct arena *arena, const char **error)
{
	json_t *event = json_object_get(root, "specversion") ? root : NULL;
	json_t *fields = event ? json_object_get(root, "data") : root;
	struct pair pair;

	if (!json_is_object(fields))
		return invalid(arena, error, "data", "expected an object with the fields of the message");
	for (size_t i = 0; i < count; i++) {
		if (!pair_read(descriptor, edits[i], arena, &pair, error))
			return false;
		apply(event, fields, &pair);
	}
	return true;
}

bool wire_payload_edit(enum message_type type, struct bytes payload, const char *const edits[], size_t count,
		       struct arena *arena, struct bytes *edited, const char **error)
{
	json_t *root = wire_read_payload(payload, arena, error);
	bool ok;

	if (!root)
		return false;
	ok = apply_all(message_descriptor(type), root, edits, count, arena, error);
	if (ok)
		*edited = wire_print_json(root, arena);
	json_decref(root);
	return ok;
}
