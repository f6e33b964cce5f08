/* Writes JSON (RFC 8259): only quotes, backslashes and control characters are escaped. */
#include "adapters/codec/json/json_writer.h"

#include "adapters/codec/json/json_plain.h"
#include "core/base/decimal.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Most payloads are shorter, and are written in one pass. */
#define USUAL_SIZE 1024

static void append(struct json_output *out, const char *bytes, size_t size)
{
	if (out->size + size <= out->room)
		memcpy(out->text + out->size, bytes, size);
	out->size += size;
}

static void append_byte(struct json_output *out, char byte)
{
	append(out, &byte, 1);
}

static void write_escaped(struct json_output *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF", letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *letter = letters; *letter; letter += 2) {
		if (byte == (unsigned char)*letter) {
			append(out, (char[]){'\\', letter[1]}, 2);
			return;
		}
	}
	append(out, (char[]){'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]}, 6);
}

static void write_text(struct json_output *out, struct text text)
{
	const char *at = text.start, *end = at + text.length;

	append_byte(out, '"');
	while (at < end) {
		size_t plain = json_plain_length(at, (size_t)(end - at));

		append(out, at, plain);
		at += plain;
		if (at < end)
			write_escaped(out, (unsigned char)*at++);
	}
	append_byte(out, '"');
}

/* Names of fields and attributes need no escapes. */
static void write_name(struct json_output *out, const char *name)
{
	append_byte(out, '"');
	append(out, name, strlen(name));
	append(out, "\":", 2);
}

static void write_integer(struct json_output *out, int64_t integer)
{
	char digits[DECIMAL_MAX];

	append(out, digits, decimal_format(integer, digits));
}

static void write_document(struct json_output *out, const struct document *document);

static void write_value(struct json_output *out, const struct value *value)
{
	switch (value->kind) {
	case VALUE_TEXT:
		write_text(out, value->as.text);
		return;
	case VALUE_INTEGER:
		write_integer(out, value->as.integer);
		return;
	case VALUE_OBJECT:
		write_document(out, document_of(value));
		return;
	case VALUE_ABSENT:
	case VALUE_NULL:
	case VALUE_OTHER:
		break;
	}
	assert(false && "a document has no such value");
}

static void write_document(struct json_output *out, const struct document *document)
{
	append_byte(out, '{');
	for (size_t i = 0; i < document->count; i++) {
		const struct member *member = &document->members[i];

		if (i)
			append_byte(out, ',');
		write_name(out, member->name);
		write_value(out, &member->value);
	}
	append_byte(out, '}');
}

struct bytes codec_write_json(const struct document *document, struct arena *arena)
{
	char usual[USUAL_SIZE];
	struct json_output out = {usual, sizeof usual, 0};

	write_document(&out, document);
	if (out.size <= sizeof usual)
		return (struct bytes){arena_copy(arena, usual, out.size), out.size};
	out = (struct json_output){arena_reserve(arena, out.size), out.size, 0};
	write_document(&out, document);
	return (struct bytes){out.text, out.size};
}

/* ---- for other files: the static functions above are inlined ---- */

void json_append(struct json_output *out, const char *bytes, size_t size)
{
	append(out, bytes, size);
}

void json_write_text(struct json_output *out, struct text text)
{
	write_text(out, text);
}

void json_write_integer(struct json_output *out, int64_t integer)
{
	write_integer(out, integer);
}
