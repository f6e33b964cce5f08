/* The validator for writing: from a message's struct to a document. */
#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "core/base/calendar.h"
#include "core/base/utf8.h"

#include <string.h>

/* 0001-01-01 and 9999-12-31: a year has four digits. */
#define FIRST_DAY (-719162)
#define LAST_DAY  2932896

#define US_PER_DAY    (INT64_C(86400) * 1000000)
#define FIRST_INSTANT (FIRST_DAY * US_PER_DAY)
#define LAST_INSTANT  ((LAST_DAY + 1) * US_PER_DAY - 1)

/* A choice needs no further check. */
static bool may_write_text(const struct field *field, const char *text)
{
	size_t length, count;

	if (field->choices)
		return field_allows(field, text);
	length = strlen(text);
	count = utf8_count(text, length);
	return count >= (size_t)field->min && count <= (size_t)field->max && utf8_is_valid(text, length);
}

static bool write_text(const struct field *field, const char *text, struct document *document)
{
	if (!may_write_text(field, text))
		return false;
	document_add_text(document, field->name, text);
	return true;
}

static bool write_day(const struct field *field, int64_t day, struct arena *arena, struct document *document)
{
	char *text;

	if (day < FIRST_DAY || day > LAST_DAY)
		return false;
	text = arena_alloc(arena, DAY_TEXT_SIZE);
	day_format((int32_t)day, text);
	document_add_text(document, field->name, text);
	return true;
}

static bool write_instant(const struct field *field, int64_t instant, struct arena *arena,
			  struct document *document)
{
	char *text;

	if (instant < FIRST_INSTANT || instant > LAST_INSTANT)
		return false;
	text = arena_alloc(arena, INSTANT_TEXT_SIZE);
	instant_format(instant, text);
	document_add_text(document, field->name, text);
	return true;
}

static bool write_integer(const struct field *field, int64_t integer, struct document *document)
{
	if (integer < field->min || integer > field->max)
		return false;
	document_add_integer(document, field->name, integer);
	return true;
}

static bool write_value(const struct field *field, const void *body, struct arena *arena,
			struct document *document)
{
	switch (field->kind) {
	case FIELD_TEXT:
		return write_text(field, field_text(field, body), document);
	case FIELD_DAY:
		return write_day(field, field_number(field, body), arena, document);
	case FIELD_INSTANT:
		return write_instant(field, field_number(field, body), arena, document);
	case FIELD_INT32:
	case FIELD_INT64:
		return write_integer(field, field_number(field, body), document);
	}
	return false;
}

bool fields_write(const struct message_descriptor *descriptor, const void *body, struct arena *arena,
		  struct document *document, const char **error)
{
	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		if (field_is_present(field, body)) {
			if (!write_value(field, body, arena, document))
				return invalid_field(arena, error, field->name, field);
		} else if (field->required) {
			return invalid(arena, error, field->name, "missing, and required");
		}
	}
	return true;
}
