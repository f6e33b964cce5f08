/* Commands that an operator types: "sku=CHAIR" "qty=10". */
#include "adapters/codec/tools/pairs.h"
#include "adapters/codec/codec.h"
#include "adapters/codec/envelope.h"
#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json/json_writer.h"
#include "core/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The bytes of an unknown name that an error quotes at most. */
#define NAME_SHOWN_MAX 40

/* The field with that name or alias, or NULL. */
static const struct field *field_called(const struct message_descriptor *descriptor, const char *name)
{
	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		if (!strcmp(field->name, name) || (field->alias && !strcmp(field->alias, name)))
			return field;
	}
	return NULL;
}

static const char *names_of_fields(const struct message_descriptor *descriptor, struct arena *arena)
{
	const char *names = descriptor->fields[0].name;

	for (size_t i = 1; i < descriptor->field_count; i++)
		names = arena_printf(arena, "%s, %s", names, descriptor->fields[i].name);
	return names;
}

/* A text that is not an integer stays a text, and the validator's error names what was expected. */
struct value pair_value(const struct pair *pair)
{
	bool is_number = pair->field->kind == FIELD_INT32 || pair->field->kind == FIELD_INT64;
	char *end;
	long long integer;

	errno = 0;
	integer = strtoll(pair->text, &end, 10);
	if (is_number && end != pair->text && !*end && !errno)
		return (struct value){.kind = VALUE_INTEGER, .as.integer = integer};
	return (struct value){.kind = VALUE_TEXT, .as.text = {pair->text, strlen(pair->text)}};
}

bool pair_read(const struct message_descriptor *descriptor, const char *text, struct arena *arena,
	       struct pair *pair, const char **error)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return invalid(arena, error, descriptor->name, "expected FIELD=VALUE");
	pair->name = arena_printf(arena, "%.*s", (int)(equals - text), text);
	pair->text = equals + 1;
	pair->field = field_called(descriptor, pair->name);
	if (!pair->field)
		return invalid(arena, error, descriptor->name, "expected one of the fields %s, not '%.*s'",
			       names_of_fields(descriptor, arena),
			       (int)utf8_cut(pair->name, strlen(pair->name), NAME_SHOWN_MAX), pair->name);
	if (!utf8_is_valid(pair->text, strlen(pair->text)))
		return invalid(arena, error, pair->name, "expected UTF-8");
	return true;
}

static bool add_pair(const struct message_descriptor *descriptor, const char *text, struct arena *arena,
		     struct document *document, const char **error)
{
	struct pair pair;

	if (!pair_read(descriptor, text, arena, &pair, error))
		return false;
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): pair_read() set it. */
	if (object_member(document_view(document), pair.name).kind != VALUE_ABSENT)
		return invalid(arena, error, pair.name, "given twice");
	document_add(document, pair.name, pair_value(&pair));
	return true;
}

bool codec_command_from_pairs(enum message_type type, const char *const pairs[], size_t count,
			      struct arena *arena, struct bytes *payload, const char **error)
{
	const struct message_descriptor *descriptor = message_descriptor(type);
	struct document *given = document_new(arena, count);
	struct message message = {.type = type};
	const struct document *document;

	for (size_t i = 0; i < count; i++) {
		if (!add_pair(descriptor, pairs[i], arena, given, error))
			return false;
	}
	if (!fields_read(descriptor, document_view(given), arena, &message.as, error))
		return false;
	document = bare_document(&(struct envelope){.message = message}, arena, error);
	if (!document)
		return false;
	*payload = codec_write_json(document, arena);
	return true;
}
