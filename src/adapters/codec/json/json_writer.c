/* RFC 8259: only quotes, backslashes and controls are escaped. */
#include "adapters/codec/json/json_writer.h"

#include "core/base/decimal.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Most payloads are shorter: written in one go. */
#define USUAL_SIZE 1024

static void put(struct json_output *out, const char *bytes, size_t size)
{
	if (out->size + size <= out->room)
		memcpy(out->text + out->size, bytes, size);
	out->size += size;
}

static void put_byte(struct json_output *out, char byte)
{
	put(out, &byte, 1);
}

static bool is_plain(unsigned char byte)
{
	return byte >= ' ' && byte != '"' && byte != '\\';
}

static void put_escaped(struct json_output *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF", letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";

	for (const char *letter = letters; *letter; letter += 2) {
		if (byte == (unsigned char)*letter) {
			put(out, (char[]){'\\', letter[1]}, 2);
			return;
		}
	}
	put(out, (char[]){'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]}, 6);
}

static void put_text(struct json_output *out, struct text text)
{
	const char *at = text.start, *end = at + text.length;

	put_byte(out, '"');
	while (at < end) {
		const char *run = at;

		while (at < end && is_plain((unsigned char)*at))
			at++;
		put(out, run, (size_t)(at - run));
		if (at < end)
			put_escaped(out, (unsigned char)*at++);
	}
	put_byte(out, '"');
}

/* The names of fields and attributes have nothing to escape. */
static void put_name(struct json_output *out, const char *name)
{
	put_byte(out, '"');
	put(out, name, strlen(name));
	put(out, "\":", 2);
}

static void put_integer(struct json_output *out, int64_t integer)
{
	char digits[DECIMAL_MAX];

	put(out, digits, decimal_format(integer, digits));
}

static void put_document(struct json_output *out, const struct document *document);

static void put_value(struct json_output *out, const struct value *value)
{
	switch (value->kind) {
	case VALUE_TEXT:
		put_text(out, value->as.text);
		return;
	case VALUE_INTEGER:
		put_integer(out, value->as.integer);
		return;
	case VALUE_OBJECT:
		put_document(out, document_of(value));
		return;
	case VALUE_ABSENT:
	case VALUE_NULL:
	case VALUE_OTHER:
		break;
	}
	assert(false && "no member of a document");
}

static void put_document(struct json_output *out, const struct document *document)
{
	put_byte(out, '{');
	for (size_t i = 0; i < document->count; i++) {
		const struct member *member = &document->members[i];

		if (i)
			put_byte(out, ',');
		put_name(out, member->name);
		put_value(out, &member->value);
	}
	put_byte(out, '}');
}

struct bytes codec_write_json(const struct document *document, struct arena *arena)
{
	char usual[USUAL_SIZE];
	struct json_output out = {usual, sizeof usual, 0};

	put_document(&out, document);
	if (out.size <= sizeof usual)
		return (struct bytes){arena_copy(arena, usual, out.size), out.size};
	out = (struct json_output){arena_alloc(arena, out.size), out.size, 0};
	put_document(&out, document);
	return (struct bytes){out.text, out.size};
}

/* ---- for others: what is called from here is inlined ---- */

void json_put(struct json_output *out, const char *bytes, size_t size)
{
	put(out, bytes, size);
}

void json_put_text(struct json_output *out, struct text text)
{
	put_text(out, text);
}

void json_put_integer(struct json_output *out, int64_t integer)
{
	put_integer(out, integer);
}
