/* What is plain JSON, what is left to jansson, and that jansson agrees with all that was read without it. */
#include "adapters/codec/json.h"
#include "adapters/codec/json_plain.h"
#include "wire.h"

#include "suites.h"

#include <string.h>

static const char *const plain_payloads[] = {
	"{\"a\":\"\"}",
	"{\"a\":\"text\",\"b\":1,\"c\":null}",
	" \t\r\n{ \"a\" : -7 , \"b\" : 0 } \n",
	"{\"\":1}",
	"{\"a\":-0}",
	"{\"a\":999999999999999999,\"b\":-999999999999999999}",
	"{\"a\":\"\xc3\xa4\xf0\x9f\xaa\x91\x7f\xef\xbf\xbf\"}",
	("{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,"
	 "\"13\":1,\"14\":1,\"15\":1,\"16\":1}"),
};

/* Valid or not. */
static const char *const other_payloads[] = {
	"",
	" ",
	"{",
	"{}",
	"{\"a\"",
	"{\"a\":",
	"{\"a\":1",
	"{\"a\":1,",
	"{\"a\":1,}",
	"{\"a\":\"x",
	"{\"a\":nul",
	"{\"a\":nulls}",
	"{\"a\":-}",
	"{a:1}",
	"[1]",
	"{\"a\":1}}",
	"{\"a\":1} x",
	"{\"a\":01}",
	"{\"a\":+1}",
	"{\"a\":1.0}",
	"{\"a\":1e1}",
	"{\"a\":1000000000000000000}",
	"{\"a\":true}",
	"{\"a\":[]}",
	"{\"a\":{}}",
	"{\"a\":\"\\n\"}",
	"{\"a\":\"\n\"}",
	"{\"\\u0061\":1}",
	"{\"a\":1,\"a\":1}",
	"{\"a\":\"\xc3\"}",
	"{\"\xff\":1}",
	"\xef\xbb\xbf{\"a\":1}",
	("{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1,\"10\":1,\"11\":1,\"12\":1,"
	 "\"13\":1,\"14\":1,\"15\":1,\"16\":1,\"17\":1}"),
};

static bool is_same(struct value a, struct value b)
{
	if (a.kind != b.kind)
		return false;
	if (a.kind == VALUE_INTEGER)
		return a.as.integer == b.as.integer;
	return a.kind == VALUE_NULL || (a.kind == VALUE_TEXT && a.as.text.length == b.as.text.length &&
					!memcmp(a.as.text.start, b.as.text.start, a.as.text.length));
}

static void assert_jansson_agrees(struct bytes payload, const struct plain_json *plain)
{
	const char *error;
	json_t *root = wire_read_json(payload, arena, &error);

	if (!root)
		ck_abort_msg("jansson refuses %.*s", (int)payload.size, (const char *)payload.data);
	ck_assert_uint_eq(json_object_size(root), plain->count);
	for (size_t i = 0; i < plain->count; i++) {
		const struct text *name = &plain->members[i].name;
		const char *copy = arena_text(arena, name->start, name->length);

		if (!is_same(object_member(wire_view_json(root), copy), plain->members[i].value))
			ck_abort_msg("another '%s' in %.*s", copy, (int)payload.size,
				     (const char *)payload.data);
	}
	json_decref(root);
}

START_TEST(what_is_plain_is_read_as_jansson_reads_it)
{
	struct plain_json plain;

	ck_assert(wire_read_plain_json(bytes_of(plain_payloads[_i]), &plain));

	assert_jansson_agrees(bytes_of(plain_payloads[_i]), &plain);
}
END_TEST

START_TEST(what_is_not_plain_is_left_to_jansson)
{
	struct plain_json plain;

	ck_assert(!wire_read_plain_json(bytes_of(other_payloads[_i]), &plain));
}
END_TEST

START_TEST(members_are_found_by_name)
{
	struct plain_json plain;
	struct object object;

	ck_assert(wire_read_plain_json(bytes_of("{\"qty\":10,\"sku\":\"LAMP\"}"), &plain));
	object = wire_view_plain_json(&plain);

	ck_assert_int_eq(object_member(object, "qty").as.integer, 10);
	ck_assert_mem_eq(object_member(object, "sku").as.text.start, "LAMP", 4);
	ck_assert_int_eq(object_member(object, "sk").kind, VALUE_ABSENT);
	ck_assert_int_eq(object_member(object, "skus").kind, VALUE_ABSENT);
}
END_TEST

static uint32_t chance(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* A few bytes only: much of it stays valid. */
static void damage(char *text, size_t size, uint32_t *seed)
{
	static const char bytes[] = "\"\"\"{}:,,  01-9.eabnul\\\n\x7f\xc3\xa4\xff";

	for (uint32_t edits = 1 + chance(seed, 3); edits; edits--)
		text[chance(seed, (uint32_t)size)] = bytes[chance(seed, sizeof bytes)];
}

START_TEST(jansson_agrees_with_whatever_is_read_of_damaged_payloads)
{
	static const char sound[] =
		"{\"a\":\"\xc3\xa4 b\", \"bn\" :null,\"c\":-10,\"n\":\"1\",\"e\":0,\"1\":9}";
	uint32_t seed = (uint32_t)_i, read = 0;

	for (int round = 0; round < 20000; round++) {
		char text[sizeof sound - 1];
		struct plain_json plain;

		memcpy(text, sound, sizeof text);
		damage(text, sizeof text, &seed);
		if (!wire_read_plain_json((struct bytes){text, sizeof text}, &plain))
			continue;
		read++;
		assert_jansson_agrees((struct bytes){text, sizeof text}, &plain);
		arena_clear(arena);
	}

	ck_assert_uint_gt(read, 1000);
}
END_TEST

Suite *json_plain_suite(void)
{
	Suite *suite = suite_create("json_plain");
	TCase *tests = tcase_create("json_plain");

	tcase_add_checked_fixture(tests, wire_set_up, wire_tear_down);
	tcase_add_loop_test(tests, what_is_plain_is_read_as_jansson_reads_it, 0, COUNT(plain_payloads));
	tcase_add_loop_test(tests, what_is_not_plain_is_left_to_jansson, 0, COUNT(other_payloads));
	tcase_add_test(tests, members_are_found_by_name);
	tcase_add_loop_test(tests, jansson_agrees_with_whatever_is_read_of_damaged_payloads, 1, 4);
	suite_add_tcase(suite, tests);
	return suite;
}
