/* Commands from the operator's hand: "sku=CHAIR" "qty=10". */
#include "adapters/codec/codec.h"
#include "adapters/codec/envelope.h"
#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "adapters/codec/json.h"
#include "core/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The field that goes by that name or has it for an alias, or NULL. */
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

/* Text that is no integer stays text, and the validator says what it expected. */
static void add_value(struct document *document, const char *name, const struct field *field,
		      const char *text)
{
	bool is_number = field->kind == FIELD_INT32 || field->kind == FIELD_INT64;
	char *end;
	long long integer;

	errno = 0;
	integer = strtoll(text, &end, 10);
	if (is_number && end != text && !*end && !errno)
		document_add_integer(document, name, integer);
	else
		document_add_text(document, name, text);
}

static bool add_pair(const struct message_descriptor *descriptor, const char *pair, struct arena *arena,
		     struct document *document, const char **error)
{
	const char *equals = strchr(pair, '=');
	const struct field *field;
	char *name;

	if (!equals)
		return invalid(arena, error, descriptor->name, "expected FIELD=VALUE");
	name = arena_copy(arena, pair, (size_t)(equals - pair) + 1);
	name[equals - pair] = '\0';
	field = field_called(descriptor, name);
	if (!field)
		return invalid(arena, error, descriptor->name, "expected one of the fields %s, not '%.40s'",
			       names_of_fields(descriptor, arena), name);
	if (object_member(document_view(document), name).kind != VALUE_ABSENT)
		return invalid(arena, error, name, "expected once");
	if (!utf8_is_valid(equals + 1, strlen(equals + 1)))
		return invalid(arena, error, name, "expected UTF-8");
	add_value(document, name, field, equals + 1);
	return true;
}

bool wire_command_from_pairs(enum message_type type, const char *const pairs[], size_t count,
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
	document = message_document(&message, arena, error);
	if (!document)
		return false;
	*payload = wire_write_json(document, arena);
	return true;
}
