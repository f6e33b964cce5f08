/*
 * JSON by hand: a span is written while messages wait, and a tree of its attributes would cost several times
 * as much.
 */
#include "adapters/otlp/otlp_json.h"

#include "core/base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void otlp_json_begin(struct otlp_json *json)
{
	json->size = 0;
	json->is_full = json->needs_comma = false;
}

static void append(struct otlp_json *json, const char *bytes, size_t size)
{
	if (json->is_full || size > sizeof json->text - json->size) {
		json->is_full = true;
		return;
	}
	memcpy(json->text + json->size, bytes, size);
	json->size += size;
}

void otlp_json_raw(struct otlp_json *json, const char *text)
{
	append(json, text, strlen(text));
}

static void append_code(struct otlp_json *json, uint32_t code, const char *raw, size_t width)
{
	char escaped[8];

	if (code < ' ' || code == 0x7f) {
		snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)code);
		otlp_json_raw(json, escaped);
		return;
	}
	if (code == '"' || code == '\\')
		append(json, "\\", 1);
	if (code == UTF8_REPLACEMENT)
		append(json, "\xef\xbf\xbd", 3);
	else
		append(json, raw, width);
}

/* The bytes in front that are written as they are. */
static size_t plain_length(const char *text)
{
	const char *at = text;

	while (*at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
		at++;
	return (size_t)(at - text);
}

void otlp_json_string(struct otlp_json *json, const char *text)
{
	size_t left = strlen(text), width;

	append(json, "\"", 1);
	for (; left; left -= width, text += width) {
		uint32_t code;
		bool is_valid;

		width = plain_length(text);
		if (width) {
			append(json, text, width);
			continue;
		}
		width = utf8_next(text, left, &code, &is_valid);
		append_code(json, code, text, width);
	}
	append(json, "\"", 1);
}

void otlp_json_integer(struct otlp_json *json, int64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "\"%" PRId64 "\"", number);
	otlp_json_raw(json, text);
}

void otlp_json_list_begin(struct otlp_json *json, const char *open)
{
	otlp_json_raw(json, open);
	json->needs_comma = false;
}

static void begin_attribute(struct otlp_json *json, const char *key)
{
	otlp_json_raw(json, json->needs_comma ? ",{\"key\":" : "{\"key\":");
	json->needs_comma = true;
	otlp_json_string(json, key);
	otlp_json_raw(json, ",\"value\":");
}

void otlp_json_text(struct otlp_json *json, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	begin_attribute(json, key);
	otlp_json_raw(json, "{\"stringValue\":");
	otlp_json_string(json, value);
	otlp_json_raw(json, "}}");
}

void otlp_json_number(struct otlp_json *json, const char *key, int64_t value)
{
	begin_attribute(json, key);
	otlp_json_raw(json, "{\"intValue\":");
	otlp_json_integer(json, value);
	otlp_json_raw(json, "}}");
}
