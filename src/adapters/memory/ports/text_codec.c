/* Implements a text format, driven by the descriptors, with one line for each field. */
#include "adapters/memory/ports/text_codec.h"

#include "core/base/calendar.h"
#include "core/base/decimal.h"
#include "core/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a value must be ---- */

static const char *text_error(struct arena *arena, const struct field *field, const char *text)
{
	int64_t length = (int64_t)utf8_count(text, strlen(text));

	if (!field_allows(field, text))
		return arena_printf(arena, "%s: expected another text than %s", field->name, text);
	if (length >= field->min && length <= field->max)
		return NULL;
	return arena_printf(arena, "%s: expected %" PRId64 " to %" PRId64 " characters", field->name,
			    field->min, field->max);
}

static const char *number_error(struct arena *arena, const struct field *field, int64_t number)
{
	if (number >= field->min && number <= field->max)
		return NULL;
	return arena_printf(arena, "%s: expected %" PRId64 " to %" PRId64, field->name, field->min,
			    field->max);
}

static const char *missing_error(struct arena *arena, const struct field *field)
{
	return arena_printf(arena, "%s: missing", field->name);
}

/* ---- reading ---- */

struct reader {
	struct arena *arena;
	const struct message_descriptor *descriptor;
	struct envelope *envelope;
	uint64_t seen; /* a bit for each field of the descriptor */
};

static char *unescape(struct arena *arena, const char *from, size_t size)
{
	char *text = arena_alloc(arena, size + 1), *to = text;

	for (size_t i = 0; i < size; i++) {
		bool escaped = from[i] == '\\' && i + 1 < size;

		if (escaped)
			i++;
		*to++ = escaped && from[i] == 'n' ? '\n' : from[i];
	}
	return text;
}

static const char *read_number(struct arena *arena, const struct field *field, const char *text,
			       int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, 10);
	if (errno || *end || end == text)
		return arena_printf(arena, "%s: expected an integer", field->name);
	return number_error(arena, field, *number);
}

/* Parses `text` and stores the value at `place`; returns the error, or NULL. */
static const char *read_value(struct arena *arena, const struct field *field, const char *text, void *place)
{
	const char *error = NULL;
	int32_t narrow;
	int64_t wide;

	switch (field->kind) {
	case FIELD_TEXT:
		memcpy(place, &text, sizeof text);
		return text_error(arena, field, text);
	case FIELD_INT32:
		error = read_number(arena, field, text, &wide);
		narrow = error ? 0 : (int32_t)wide;
		memcpy(place, &narrow, sizeof narrow);
		return error;
	case FIELD_INT64:
		error = read_number(arena, field, text, &wide);
		memcpy(place, &wide, sizeof wide);
		return error;
	case FIELD_DAY:
		if (!day_parse(text, strlen(text), &narrow))
			return arena_printf(arena, "%s: expected YYYY-MM-DD", field->name);
		memcpy(place, &narrow, sizeof narrow);
		return NULL;
	case FIELD_INSTANT:
		if (!instant_parse(text, strlen(text), &wide))
			return arena_printf(arena, "%s: expected an RFC 3339 date-time", field->name);
		memcpy(place, &wide, sizeof wide);
		return NULL;
	}
	return error;
}

static size_t index_of(const struct message_descriptor *descriptor, const char *name)
{
	size_t index = 0;

	while (index < descriptor->field_count) {
		const struct field *field = &descriptor->fields[index];

		if (!strcmp(field->name, name) || (field->alias && !strcmp(field->alias, name)))
			break;
		index++;
	}
	return index;
}

static const char *read_field(struct reader *reader, const char *name, const char *text)
{
	size_t index = index_of(reader->descriptor, name);
	const struct field *field = &reader->descriptor->fields[index];

	if (index == reader->descriptor->field_count)
		return NULL;
	if (reader->seen >> index & 1)
		return arena_printf(reader->arena, "%s: given twice", field->name);
	reader->seen |= UINT64_C(1) << index;
	return read_value(reader->arena, field, text, (char *)&reader->envelope->message.as + field->offset);
}

static const char *read_line(struct reader *reader, const char *line, size_t size)
{
	const char *equals = memchr(line, '=', size);
	const char *name, *text;

	if (!equals)
		return "payload: expected lines of name=value";
	name = unescape(reader->arena, line, (size_t)(equals - line));
	text = unescape(reader->arena, equals + 1, (size_t)(line + size - equals - 1));
	if (!strcmp(name, "source"))
		reader->envelope->source = text;
	else if (!strcmp(name, "traceparent"))
		reader->envelope->traceparent = text;
	return read_field(reader, name, text);
}

static const char *read_lines(struct reader *reader, struct bytes payload)
{
	const char *at = payload.data, *end = at + payload.size, *error = NULL;

	while (at < end && !error) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;

		error = read_line(reader, at, (size_t)(stop - at));
		at = stop + 1;
	}
	return error;
}

static const char *first_missing(const struct reader *reader)
{
	for (size_t i = 0; i < reader->descriptor->field_count; i++) {
		if (reader->descriptor->fields[i].required && !(reader->seen >> i & 1))
			return missing_error(reader->arena, &reader->descriptor->fields[i]);
	}
	return NULL;
}

bool memory_codec_read(enum message_type type, struct bytes payload, struct arena *arena,
		       struct envelope *envelope, const char **error)
{
	struct reader reader = {arena, message_descriptor(type), envelope, 0};
	bool is_about_message = reader.descriptor->key == KEY_MESSAGE;
	const struct field *instant = field_named(reader.descriptor, is_about_message ? "at" : "occurred_at");

	assert(reader.descriptor->field_count <= 64);
	*envelope = (struct envelope){.source = ""};
	message_init(&envelope->message, type);
	*error = memchr(payload.data, '\0', payload.size) ? "payload: has a NUL"
							  : read_lines(&reader, payload);
	if (!*error)
		*error = first_missing(&reader);
	envelope->id = message_text(&envelope->message, "id");
	envelope->occurred_at = field_number(instant, &envelope->message.as);
	return !*error;
}

static bool decode(struct codec *codec, enum message_type expected, struct bytes payload, struct arena *arena,
		   struct envelope *envelope, const char **error)
{
	(void)codec;
	return memory_codec_read(expected, payload, arena, envelope, error);
}

/* ---- writing ---- */

static char *escape(struct arena *arena, const char *from)
{
	char *text = arena_alloc(arena, 2 * strlen(from) + 1), *to = text;

	for (; *from; from++) {
		if (*from == '\\' || *from == '\n')
			*to++ = '\\';
		*to++ = *from == '\n' ? 'n' : *from;
	}
	return text;
}

static char *text_line(struct arena *arena, const char *lines, const char *name, const char *text)
{
	return arena_printf(arena, "%s%s=%s\n", lines, name, escape(arena, text));
}

/* Returns the value as text; sets *error if the schema does not allow it. */
static const char *written(struct arena *arena, const struct field *field, const void *body,
			   const char **error)
{
	char *text = arena_alloc(arena, INSTANT_TEXT_SIZE);

	switch (field->kind) {
	case FIELD_TEXT:
		*error = text_error(arena, field, field_text(field, body));
		return field_text(field, body);
	case FIELD_INT32:
	case FIELD_INT64:
		*error = number_error(arena, field, field_number(field, body));
		return decimal_text(field_number(field, body), arena);
	case FIELD_DAY:
		day_format((int32_t)field_number(field, body), text);
		return text;
	case FIELD_INSTANT:
		instant_format(field_number(field, body), text);
		return text;
	}
	return text;
}

static char *field_line(struct arena *arena, char *lines, const struct field *field, const void *body,
			const char **error)
{
	if (!field_is_present(field, body)) {
		*error = field->required ? missing_error(arena, field) : NULL;
		return lines;
	}
	return text_line(arena, lines, field->name, written(arena, field, body, error));
}

static bool encode(struct codec *codec, const struct envelope *envelope, struct arena *arena,
		   struct bytes *payload, const char **error)
{
	const struct message_descriptor *descriptor = message_descriptor(envelope->message.type);
	const char *refused = ((struct memory_codec *)codec)->refused;
	char *lines = arena_strdup(arena, "");

	*error = NULL;
	for (size_t i = 0; i < descriptor->field_count && !*error; i++)
		lines = field_line(arena, lines, &descriptor->fields[i], &envelope->message.as, error);
	if (envelope->traceparent)
		lines = text_line(arena, lines, "traceparent", envelope->traceparent);
	if (refused && strstr(lines, refused))
		*error = "event: refused, as the test says";
	*payload = (struct bytes){lines, strlen(lines)};
	return !*error;
}

/* There is one form. */
static bool encode_like(struct codec *codec, struct bytes model, const struct envelope *envelope,
			struct arena *arena, struct bytes *payload, const char **error)
{
	(void)model;
	return encode(codec, envelope, arena, payload, error);
}

void memory_codec_init(struct memory_codec *codec)
{
	static const struct codec_ops ops = {decode, encode, encode_like};

	*codec = (struct memory_codec){{&ops}, NULL};
}

void memory_codec_refuse(struct memory_codec *codec, const char *text)
{
	codec->refused = text;
}
