/* Formats the error texts of the codec. */
#include "adapters/codec/invalid.h"

#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

bool invalid(struct arena *arena, const char **error, const char *subject, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	utf8_vformat(text, sizeof text, format, args);
	va_end(args);
	*error = arena_printf(arena, "%s: %s", subject, text);
	return false;
}

static const char *join_choices(struct arena *arena, const struct field *field)
{
	const char *joined = field->choices[0];

	for (const char *const *choice = field->choices + 1; *choice; choice++)
		joined = arena_printf(arena, "%s, %s", joined, *choice);
	return joined;
}

bool invalid_field(struct arena *arena, const char **error, const char *name, const struct field *field)
{
	switch (field->kind) {
	case FIELD_TEXT:
		if (field->choices)
			return invalid(arena, error, name, "expected one of: %s", join_choices(arena, field));
		return invalid(arena, error, name,
			       "expected a text of %" PRId64 " to %" PRId64 " characters without NUL",
			       field->min, field->max);
	case FIELD_INT32:
	case FIELD_INT64:
		return invalid(arena, error, name, "expected an integer from %" PRId64 " to %" PRId64,
			       field->min, field->max);
	case FIELD_DAY:
		return invalid(arena, error, name, "expected a day, YYYY-MM-DD");
	case FIELD_INSTANT:
		return invalid(arena, error, name,
			       "expected a date and time of RFC 3339, YYYY-MM-DDTHH:MM:SSZ");
	}
	abort();
}
