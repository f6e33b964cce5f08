/* Edits the fields of a payload, for an operator who has a message handled again. */
#include "adapters/codec/codec.h"
#include "adapters/codec/document.h"
#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json/json_reader.h"
#include "adapters/codec/json/json_writer.h"
#include "adapters/codec/tools/pairs.h"
#include "adapters/codec/tools/payload.h"

#include <string.h>

/* ---- checking edits ---- */

/* Checks the value against the field's schema. */
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

bool codec_edits_check(enum message_type type, const char *const edits[], size_t count, struct arena *arena,
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

/* ---- applying edits ---- */

struct draft_member {
	struct text name;
	struct text written; /* name and value */
};

/* An object that is edited: members that are not edited stay as they were written. */
struct draft {
	size_t count;
	struct draft_member *members;
};

/* `more`: the number of members that may be added. */
static struct draft draft_of(const struct json_object *object, size_t more, struct arena *arena)
{
	struct draft draft = {object->count,
			      arena_alloc(arena, (object->count + more + 1) * sizeof *draft.members)};

	for (size_t i = 0; i < object->count; i++) {
		const struct json_member *member = &object->members[i];
		const char *end = member->raw.start + member->raw.length;

		draft.members[i].name = member->name;
		draft.members[i].written = (struct text){member->start, (size_t)(end - member->start)};
	}
	return draft;
}

static struct text text_of(const char *text)
{
	return (struct text){text, strlen(text)};
}

/* The index of the member, or the one after the last member. */
static size_t place_of(const struct draft *draft, struct text name)
{
	size_t place = 0;

	while (place < draft->count && (draft->members[place].name.length != name.length ||
					memcmp(draft->members[place].name.start, name.start, name.length)))
		place++;
	return place;
}

/* Names of fields and attributes need no escapes. */
static void draft_set(struct draft *draft, const char *name, struct text json, struct arena *arena)
{
	size_t place = place_of(draft, text_of(name));
	const char *written = arena_printf(arena, "\"%s\":%.*s", name, (int)json.length, json.start);

	draft->members[place] = (struct draft_member){text_of(name), text_of(written)};
	if (place == draft->count)
		draft->count++;
}

static void draft_remove(struct draft *draft, const char *name)
{
	size_t place = place_of(draft, text_of(name));

	if (place == draft->count)
		return;
	draft->count--;
	memmove(&draft->members[place], &draft->members[place + 1],
		(draft->count - place) * sizeof *draft->members);
}

static void write_draft(struct json_output *out, const struct draft *draft)
{
	json_append(out, "{", 1);
	for (size_t i = 0; i < draft->count; i++) {
		if (i)
			json_append(out, ",", 1);
		json_append(out, draft->members[i].written.start, draft->members[i].written.length);
	}
	json_append(out, "}", 1);
}

static struct text draft_text(const struct draft *draft, struct arena *arena)
{
	struct json_output out = {0};

	write_draft(&out, draft);
	out = (struct json_output){arena_alloc(arena, out.size), out.size, 0};
	write_draft(&out, draft);
	return (struct text){out.text, out.size};
}

static void write_pair(struct json_output *out, const struct value *value)
{
	if (value->kind == VALUE_INTEGER)
		json_write_integer(out, value->as.integer);
	else
		json_write_text(out, value->as.text);
}

static struct text pair_json(const struct pair *pair, struct arena *arena)
{
	const struct value value = pair_value(pair);
	struct json_output out = {0};

	write_pair(&out, &value);
	out = (struct json_output){arena_alloc(arena, out.size), out.size, 0};
	write_pair(&out, &value);
	return (struct text){out.text, out.size};
}

static void set_or_remove(struct draft *draft, const char *name, const struct pair *pair, struct arena *arena)
{
	if (pair->text[0])
		draft_set(draft, name, pair_json(pair, arena), arena);
	else
		draft_remove(draft, name);
}

/* The attribute of a CloudEvent for the field, or NULL for a field of its data. */
static const char *attribute_of(const struct field *field)
{
	if (!strcmp(field->name, "id"))
		return "id";
	return strcmp(field->name, "occurred_at") ? NULL : "time";
}

/*
 * Sets the value under one name only, and removes the other, so that they cannot contradict each other.
 * `event` is NULL when the message is bare.
 */
static void apply(struct draft *event, struct draft *fields, const struct pair *pair, struct arena *arena)
{
	const struct field *field = pair->field;
	const char *attribute = event ? attribute_of(field) : NULL;

	if (field->alias)
		draft_remove(fields, field->alias);
	if (!attribute) {
		set_or_remove(fields, field->name, pair, arena);
		return;
	}
	draft_remove(fields, field->name);
	set_or_remove(event, attribute, pair, arena);
}

static bool apply_all(const struct message_descriptor *descriptor, struct draft *event, struct draft *fields,
		      const char *const edits[], size_t count, struct arena *arena, const char **error)
{
	struct pair pair;

	for (size_t i = 0; i < count; i++) {
		if (!pair_read(descriptor, edits[i], arena, &pair, error))
			return false;
		apply(event, fields, &pair, arena);
	}
	return true;
}

static bool edit(const struct message_descriptor *descriptor, const struct json_document *document,
		 const char *const edits[], size_t count, struct arena *arena, struct text *edited,
		 const char **error)
{
	struct object view = codec_view_json(document);
	struct draft root = draft_of(&document->root, count, arena);
	struct draft data = draft_of(&document->data, count, arena);

	if (object_member(view, "specversion").kind == VALUE_ABSENT) {
		if (!apply_all(descriptor, NULL, &root, edits, count, arena, error))
			return false;
	} else {
		if (object_member(view, "data").kind != VALUE_OBJECT)
			return invalid(arena, error, "data",
				       "expected an object with the fields of the message");
		if (!apply_all(descriptor, &root, &data, edits, count, arena, error))
			return false;
		draft_set(&root, "data", draft_text(&data, arena), arena);
	}
	*edited = draft_text(&root, arena);
	return true;
}

bool codec_payload_edit(enum message_type type, struct bytes payload, const char *const edits[], size_t count,
			struct arena *arena, struct bytes *edited, const char **error)
{
	struct json_document document;
	struct text text = {NULL, 0};
	struct bytes json = {NULL, 0};
	bool ok;

	if (!codec_payload_to_json(payload, arena, &json, error) ||
	    !codec_read_json(json, arena, &document, error))
		return false;
	ok = edit(message_descriptor(type), &document, edits, count, arena, &text, error);
	codec_release_json(&document);
	if (ok)
		*edited = (struct bytes){text.start, text.length};
	return ok;
}
