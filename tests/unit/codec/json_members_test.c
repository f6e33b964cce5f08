/*
 * Members of JSON: the kind of each value, which numbers are integers, and that jansson agrees.
 */
#include "adapters/codec/json/json_reader.h"
#include "adapters/codec/json/json_scanner.h"
#include "codec_fixture.h"

#include "support/suites.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct json_document document;

static struct value value_read(const char *value)
{
	const char *error = "";

	ck_assert_msg(codec_read_json(bytes_printf("{\"x\":%s}", value), arena, &document, &error), "%s: %s",
		      value, error);
	codec_release_json(&document);
	return document.root.few[0].value;
}

static const struct {
	const char *number;
	int64_t integer;
} integers[] = {
	{"0", 0},
	{"-0", 0},
	{"0.0", 0},
	{"-0.0e5", 0},
	{"0e-400", 0},
	{"0e999999999999", 0},
	{"10.0", 10},
	{"1E1", 10},
	{"1e+1", 10},
	{"1.5e1", 15},
	{"0.00012e5", 12},
	{"1200e-2", 12},
	{"-7", -7},
	{"999999999999999999", INT64_C(999999999999999999)},
	{"1000000000000000000", INT64_C(1000000000000000000)},
	{"9223372036854775807", INT64_MAX},
	{"-9223372036854775808", INT64_MIN},
	{"9223372036854775807.000", INT64_MAX},
	{"922337203685477580.7e1", INT64_MAX},
	{"-92233720368547758080e-1", INT64_MIN},
};

START_TEST(a_number_without_a_fraction_is_an_integer)
{
	struct value value = value_read(integers[_i].number);

	ck_assert_int_eq(value.kind, VALUE_INTEGER);
	ck_assert_int_eq(value.as.integer, integers[_i].integer);
}
END_TEST

static const char *const no_integers[] = {
	"1.5",
	"1e-400",
	"-1e-400",
	"1e-1",
	"0.1",
	"10.000000000000000000000000000001",
	"9223372036854775808",
	"-9223372036854775809",
	"18446744073709551615",
	"1e19",
	"1e400",
	"1e99999999999999999999",
	"1e-99999999999999999999",
	"0.1e-99999999999999999999",
	"NaN",
	"Infinity",
	"-Infinity",
	"true",
	"false",
	"[]",
	"\"\\ud83d\"",
	"\"\\ude00\"",
	"\"\\ud83d\\ud83d\\ude00\"",
	"\"\\ud83dx\"",
};

START_TEST(values_that_no_field_can_have_are_skipped)
{
	ck_assert_int_eq(value_read(no_integers[_i]).kind, VALUE_OTHER);
}
END_TEST

static const struct {
	const char *written;
	const char *text;
} texts[] = {
	{"\"\"", ""},
	{"\"a/b\"", "a/b"},
	{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
	{"\"\\u0041\\u00e4\\u20AC\"", "A\xc3\xa4\xe2\x82\xac"},
	{"\"\\ud83e\\ude91\\uD83E\\uDE91\"", "\xf0\x9f\xaa\x91\xf0\x9f\xaa\x91"},
	{"\"\\uffff\\ud800\\udc00\\udbff\\udfff\"", "\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
	{"\"\xc3\xa4\x7f\"", "\xc3\xa4\x7f"},
};

START_TEST(escapes_of_a_text_are_resolved)
{
	struct value value = value_read(texts[_i].written);

	ck_assert_int_eq(value.kind, VALUE_TEXT);
	ck_assert_str_eq(arena_text(arena, value.as.text.start, value.as.text.length), texts[_i].text);
}
END_TEST

START_TEST(members_are_found_by_name)
{
	struct object object;
	const char *error;

	ck_assert(codec_read_json(bytes_of("{\"qty\":10,\"s\\u006bu\":\"LAMP\",\"\\ud800\":1}"), arena,
				  &document, &error));
	object = codec_view_json(&document);

	ck_assert_int_eq(object_member(object, "qty").as.integer, 10);
	ck_assert_mem_eq(object_member(object, "sku").as.text.start, "LAMP", 4);
	ck_assert_int_eq(object_member(object, "sk").kind, VALUE_ABSENT);
	ck_assert_int_eq(object_member(object, "skus").kind, VALUE_ABSENT);
	codec_release_json(&document);
}
END_TEST

/* ---- jansson as a second opinion ---- */

static bool is_same(struct value value, const json_t *other)
{
	if (json_is_string(other))
		return value.kind == VALUE_TEXT && value.as.text.length == json_string_length(other) &&
		       !memcmp(value.as.text.start, json_string_value(other), value.as.text.length);
	if (json_is_integer(other))
		return value.kind == VALUE_INTEGER && value.as.integer == json_integer_value(other);
	if (json_is_null(other))
		return value.kind == VALUE_NULL;
	if (json_is_object(other))
		return value.kind == VALUE_OBJECT;
	return value.kind == VALUE_OTHER || (value.kind == VALUE_INTEGER && json_is_real(other));
}

/* A payload that jansson accepts is accepted here, too, with the same values. */
static bool jansson_agrees(struct bytes payload)
{
	json_t *root = json_loadb(payload.data, payload.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *error = "";
	bool ok = codec_read_json(payload, arena, &document, &error);

	if (!json_is_object(root) || memchr(payload.data, '\0', payload.size)) {
		json_decref(root);
		if (ok)
			codec_release_json(&document);
		return false;
	}
	ck_assert_msg(ok, "%s: %.*s", error, (int)payload.size, (const char *)payload.data);
	ck_assert_uint_eq(json_object_size(root), document.root.count);
	for (size_t i = 0; i < document.root.count; i++) {
		const struct json_member *member = &document.root.members[i];

		ck_assert_msg(is_same(member->value,
				      json_object_getn(root, member->name.start, member->name.length)),
			      "member %zu of %.*s", i, (int)payload.size, (const char *)payload.data);
	}
	json_decref(root);
	codec_release_json(&document);
	return true;
}

static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* Changes only a few bytes, so that many payloads stay valid. */
static void damage(char *text, size_t size, uint32_t *seed)
{
	static const char bytes[] = "\"\"\"{}[]:,,  01-9.eabnul\\\n\x7f\xc3\xa4\xff";

	for (uint32_t edits = 1 + chance(seed, 3); edits; edits--)
		text[chance(seed, (uint32_t)size)] = bytes[chance(seed, sizeof bytes)];
}

START_TEST(a_damaged_payload_that_jansson_accepts_is_accepted_with_the_same_values)
{
	static const char sound[] =
		"{\"a\":\"\xc3\xa4 b\", \"bn\" :null,\"c\":-10,\"n\":\"\\u0031\\n\",\"e\":0.5,"
		"\"1\":[9,{\"x\":true}],\"2\":{\"y\":[]}}";
	uint32_t seed = (uint32_t)_i, read = 0;

	for (int round = 0; round < 20000; round++) {
		char *text = malloc(sizeof sound - 1);

		memcpy(text, sound, sizeof sound - 1);
		damage(text, sizeof sound - 1, &seed);
		read += jansson_agrees((struct bytes){text, sizeof sound - 1});
		arena_clear(arena);
		free(text);
	}

	ck_assert_uint_gt(read, 1000);
}
END_TEST

/* When jansson accepts a payload, it accepts the payload's line, with the same values. */
START_TEST(the_line_of_a_damaged_payload_has_the_values_of_the_payload)
{
	static const char sound[] =
		" {\"a\" : [NaN, -Infinity, 1e400],\"b\":{ \"c\":\"N I \\\" \\ud800\"}, \"d\":-0.1E+5 }\n";
	uint32_t seed = (uint32_t)_i, shown = 0;

	for (int round = 0; round < 20000; round++) {
		char *text = malloc(sizeof sound - 1);
		const char *line, *again, *error;

		memcpy(text, sound, sizeof sound - 1);
		damage(text, sizeof sound - 1, &seed);
		if (codec_payload_to_line((struct bytes){text, sizeof sound - 1}, arena, &line, &error)) {
			shown++;
			ck_assert(codec_payload_to_line(bytes_of(line), arena, &again, &error));
			ck_assert_str_eq(again, line);
			ck_assert_ptr_null(strpbrk(line, "\n\r\t"));
		}
		arena_clear(arena);
		free(text);
	}

	ck_assert_uint_gt(shown, 1000);
}
END_TEST

SUITE("json_members", codec_set_up, codec_tear_down)
{
	tcase_add_loop_test(tests, a_number_without_a_fraction_is_an_integer, 0, COUNT(integers));
	tcase_add_loop_test(tests, values_that_no_field_can_have_are_skipped, 0, COUNT(no_integers));
	tcase_add_loop_test(tests, escapes_of_a_text_are_resolved, 0, COUNT(texts));
	tcase_add_test(tests, members_are_found_by_name);
	tcase_add_loop_test(tests, a_damaged_payload_that_jansson_accepts_is_accepted_with_the_same_values, 1,
			    4);
	tcase_add_loop_test(tests, the_line_of_a_damaged_payload_has_the_values_of_the_payload, 1, 3);
}
