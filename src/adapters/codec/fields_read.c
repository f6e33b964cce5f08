/* The validator for reading: from an object of a payload to a message's struct. */
#include "adapters/codec/fields.h"
#include "adapters/codec/invalid.h"
#include "core/base/calendar.h"
#include "core/base/utf8.h"

#include <string.h>

static void store(const struct field *field, void *body, const void *value, size_t size)
{
	memcpy((char *)body + field->offset, value, size);
}

static bool read_text(const struct field *field, struct text text, struct arena *arena, void *body)
{
	size_t count = utf8_count(text.start, text.length);
	const char *copy;

	if (count < (size_t)field->min || count > (size_t)field->max || memchr(text.start, '\0', text.length))
		return false;
	copy = arena_text(arena, text.start, text.length);
	if (!field_allows(field, copy))
		return false;
	store(field, body, &copy, sizeof copy);
	return true;
}

static bool read_day(const struct field *field, struct text text, void *body)
{
	int32_t day;

	if (!day_parse(text.start, text.length, &day))
		return false;
	store(field, body, &day, sizeof day);
	return true;
}

static bool read_instant(const struct field *field, struct text text, void *body)
{
	int64_t instant;

	if (!instant_parse(text.start, text.length, &instant))
		return false;
	store(field, body, &instant, sizeof instant);
	return true;
}

static bool read_integer(const struct field *field, int64_t wide, void *body)
{
	int32_t narrow;

	if (wide < field->min || wide > field->max)
		return false;
	narrow = (int32_t)wide;
	if (field->kind == FIELD_INT32)
		store(field, body, &narrow, sizeof narrow);
	else
		store(field, body, &wide, sizeof wide);
	return true;
}

static bool read_value(const struct field *field, const struct value *value, struct arena *arena, void *body)
{
	bool is_text = value->kind == VALUE_TEXT;

	switch (field->kind) {
	case FIELD_TEXT:
		return is_text && read_text(field, value->as.text, arena, body);
	case FIELD_DAY:
		return is_text && read_day(field, value->as.text, body);
	case FIELD_INSTANT:
		return is_text && read_instant(field, value->as.text, body);
	case FIELD_INT32:
	case FIELD_INT64:
		return value->kind == VALUE_INTEGER && read_integer(field, value->as.integer, body);
	}
	return false;
}

static bool is_same_text(const struct value *a, const struct value *b)
{
	return a->kind == VALUE_TEXT && b->kind == VALUE_TEXT && a->as.text.length == b->as.text.length &&
	       !memcmp(a->as.text.start, b->as.text.start, a->as.text.length);
}

/* Finds the value under the field's name or its alias; *name is the one that the payload uses. */
static bool find_value(const struct field *field, struct object object, struct value *value,
		       const char **name)
{
	struct value other;

	*name = field->name;
	*value = object_member(object, field->name);
	if (!field->alias)
		return true;
	other = object_member(object, field->alias);
	if (other.kind == VALUE_ABSENT)
		return true;
	if (value->kind != VALUE_ABSENT)
		return is_same_text(value, &other);
	*name = field->alias;
	*value = other;
	return true;
}

static bool read_field(const struct field *field, struct object object, struct arena *arena, void *body,
		       const char **error)
{
	struct value value;
	const char *name;

	if (!find_value(field, object, &value, &name))
		return invalid(arena, error, field->name, "expected the same text as in its alias %s",
			       field->alias);
	if (value.kind == VALUE_ABSENT && field->required)
		return invalid(arena, error, name, "missing, and required");
	if (value.kind == VALUE_ABSENT || (value.kind == VALUE_NULL && field->nullable))
		return true;
	return read_value(field, &value, arena, body) || invalid_field(arena, error, name, field);
}

bool fields_read(const struct message_descriptor *descriptor, struct object object, struct arena *arena,
		 void *body, const char **error)
{
	fields_clear(descriptor, body);
	for (size_t i = 0; i < descriptor->field_count; i++) {
		if (!read_field(&descriptor->fields[i], object, arena, body, error))
			return false;
	}
	return true;
}
