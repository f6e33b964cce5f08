/* JSON of any bytes, and spans as OTLP has them. */
#include "adapters/otlp/otlp_spans.h"

#include "bus/messages/delivery.h"
#include "support/suites.h"

#include <jansson.h>
#include <string.h>

static struct otlp_json json;

static json_t *parsed(void)
{
	json_error_t error;
	json_t *value = json_loadb(json.text, json.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(value != NULL, "%s: %.*s", error.text, (int)json.size, json.text);
	return value;
}

static const char *const texts[][2] = {
	{"", ""},
	{"plain", "plain"},
	{"\"\\/", "\"\\/"},
	{"a\nb\x01\x7f", "a\nb\x01\x7f"},
	{"\xc3\xa9\xf0\x9f\xaa\x91", "\xc3\xa9\xf0\x9f\xaa\x91"},
	{"a\xff\xc3", "a\xef\xbf\xbd\xef\xbf\xbd"},
};

START_TEST(a_string_of_any_bytes_is_json)
{
	json_t *value;

	otlp_json_begin(&json);
	otlp_json_string(&json, texts[_i][0]);

	value = parsed();
	ck_assert_str_eq(json_string_value(value), texts[_i][1]);
	json_decref(value);
}
END_TEST

START_TEST(what_does_not_fit_is_noted)
{
	otlp_json_begin(&json);
	for (size_t i = 0; i < OTLP_JSON_MAX / 8; i++)
		otlp_json_raw(&json, "12345678");
	ck_assert(!json.is_full);
	otlp_json_raw(&json, "9");

	ck_assert(json.is_full);
	ck_assert_uint_eq(json.size, OTLP_JSON_MAX);
}
END_TEST

START_TEST(the_largest_unit_fits)
{
	static struct unit_trace unit;
	static const struct otlp_names names = {"allocd", "worker", 0};
	struct span span = {.context = {"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"}};
	struct delivery delivery = {.span = &span};
	json_t *value;

	unit = (struct unit_trace){.span = span, .link_count = UNIT_LINKS_MAX, .sampled = 5000};
	for (size_t i = 0; i < UNIT_LINKS_MAX; i++)
		unit.links[i] = &delivery;
	otlp_write_unit(&json, &names, &unit);

	ck_assert(!json.is_full);
	value = parsed();
	ck_assert_uint_eq(json_array_size(json_object_get(value, "links")), UNIT_LINKS_MAX);
	ck_assert_int_eq(json_integer_value(json_object_get(value, "droppedLinksCount")),
			 5000 - UNIT_LINKS_MAX);
	json_decref(value);
}
END_TEST

SUITE("otlp json")
{
	tcase_add_loop_test(tests, a_string_of_any_bytes_is_json, 0, COUNT(texts));
	tcase_add_test(tests, what_does_not_fit_is_noted);
	tcase_add_test(tests, the_largest_unit_fits);
}
