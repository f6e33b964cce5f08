/* Reads message structs through their descriptors. */
#include "core/field.h"

#include "core/base/calendar.h"

#include <string.h>

const struct field *field_named(const struct message_descriptor *descriptor, const char *name)
{
	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		/* Most names differ in their first letter, which saves the call of strcmp(). */
		if (*field->name == *name && !strcmp(field->name, name))
			return field;
	}
	return NULL;
}

const char *field_text(const struct field *field, const void *body)
{
	const char *text;

	memcpy(&text, (const char *)body + field->offset, sizeof text);
	return text;
}

static bool is_wide(const struct field *field)
{
	return field->kind == FIELD_INT64 || field->kind == FIELD_INSTANT;
}

int64_t field_number(const struct field *field, const void *body)
{
	int64_t wide;
	int32_t narrow;

	if (is_wide(field)) {
		memcpy(&wide, (const char *)body + field->offset, sizeof wide);
		return wide;
	}
	memcpy(&narrow, (const char *)body + field->offset, sizeof narrow);
	return narrow;
}

static size_t size_of(const struct field *field)
{
	if (field->kind == FIELD_TEXT)
		return sizeof(const char *);
	return is_wide(field) ? sizeof(int64_t) : sizeof(int32_t);
}

void fields_copy(const struct message_descriptor *to_descriptor, void *to,
		 const struct message_descriptor *from_descriptor, const void *from)
{
	for (size_t i = 0; i < to_descriptor->field_count; i++) {
		const struct field *field = &to_descriptor->fields[i];
		const struct field *source = field_named(from_descriptor, field->name);

		if (source && source->kind == field->kind)
			memcpy((char *)to + field->offset, (const char *)from + source->offset,
			       size_of(field));
	}
}

bool field_is_present(const struct field *field, const void *body)
{
	switch (field->kind) {
	case FIELD_TEXT:
		return field_text(field, body) != NULL;
	case FIELD_DAY:
		return field_number(field, body) != IN_WAREHOUSE;
	case FIELD_INSTANT:
		return field_number(field, body) != NO_INSTANT;
	case FIELD_INT32:
	case FIELD_INT64:
		return field->required || field_number(field, body) != 0;
	}
	return true;
}

bool field_allows(const struct field *field, const char *text)
{
	const char *const *choice = field->choices;

	while (choice && *choice && strcmp(*choice, text))
		choice++;
	return !choice || *choice;
}

void fields_clear(const struct message_descriptor *descriptor, void *body)
{
	static const int32_t no_day = IN_WAREHOUSE;
	static const int64_t no_instant = NO_INSTANT;

	memset(body, 0, descriptor->size);
	for (size_t i = 0; i < descriptor->field_count; i++) {
		const struct field *field = &descriptor->fields[i];

		if (field->kind == FIELD_DAY)
			memcpy((char *)body + field->offset, &no_day, sizeof no_day);
		else if (field->kind == FIELD_INSTANT)
			memcpy((char *)body + field->offset, &no_instant, sizeof no_instant);
	}
}
