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
	static const struct otlp_names names = {.group = "allocd", .client = "worker"};
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

static const char *attribute(const json_t *span, const char *key)
{
	json_t *attributes = json_object_get(span, "attributes"), *it;
	const char *text = NULL;
	size_t i;

	json_array_foreach(attributes, i, it)
	{
		json_t *value = json_object_get(it, "value");

		if (strcmp(json_string_value(json_object_get(it, "key")), key) == 0)
			text = json_string_value(json_object_iter_value(json_object_iter(value)));
	}
	return text;
}

static json_t *span_of_call(const char *failure, const char *error, const struct otlp_servers *servers)
{
	const struct otlp_names names = {.group = "allocd", .client = "worker", .servers = *servers};
	struct span span = {.context = {"0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"}};
	struct unit_call call = {.stage = STAGE_FLUSH, .failure = failure};

	snprintf(call.error, sizeof call.error, "%s", error);
	otlp_write_unit_call(&json, &names, &span, &call);
	return parsed();
}

START_TEST(a_call_says_which_database_of_which_server)
{
	json_t *span = span_of_call(
		NULL, "", &(struct otlp_servers){.postgres = {"db.example", 5433}, .database = "stock"});

	ck_assert_str_eq(attribute(span, "server.address"), "db.example");
	ck_assert_str_eq(attribute(span, "server.port"), "5433");
	ck_assert_str_eq(attribute(span, "db.namespace"), "stock");
	ck_assert_ptr_null(attribute(span, "error.type"));
	ck_assert_ptr_null(json_object_get(span, "status"));
	json_decref(span);
	span = span_of_call(NULL, "", &(struct otlp_servers){.postgres = {"/run/postgresql", 0}});
	ck_assert_str_eq(attribute(span, "server.address"), "/run/postgresql");
	ck_assert_ptr_null(attribute(span, "server.port"));
	json_decref(span);
}
END_TEST

/* With its code it is nearly as long as the text of a failure may be. */
#define A_TEXT      "a trigger of the database refuses this, for a reason that is long to say; "
#define A_LONG_TEXT A_TEXT A_TEXT A_TEXT A_TEXT A_TEXT A_TEXT

static const struct {
	const char *error, *sqlstate, *type;
} errors[] = {
	{"canceling statement due to lock timeout (SQLSTATE 55P03)", "55P03", "55P03"},
	{A_LONG_TEXT " (SQLSTATE 55P03)", "55P03", "55P03"},
	{"the server did not answer in time", NULL, "busy"},
	{"odd (SQLSTATE unknown)", NULL, "busy"},
	{"cut off (SQLSTATE 55P", NULL, "busy"},
};

START_TEST(a_call_that_failed_has_its_sqlstate_if_there_is_one)
{
	json_t *span = span_of_call("busy", errors[_i].error, &(struct otlp_servers){0});

	ck_assert_pstr_eq(attribute(span, "db.response.status_code"), errors[_i].sqlstate);
	ck_assert_str_eq(attribute(span, "error.type"), errors[_i].type);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(span, "status"), "message")),
			 errors[_i].error);
	ck_assert_ptr_null(attribute(span, "server.address"));
	json_decref(span);
}
END_TEST

SUITE("otlp json")
{
	tcase_add_loop_test(tests, a_string_of_any_bytes_is_json, 0, COUNT(texts));
	tcase_add_test(tests, what_does_not_fit_is_noted);
	tcase_add_test(tests, the_largest_unit_fits);
	tcase_add_test(tests, a_call_says_which_database_of_which_server);
	tcase_add_loop_test(tests, a_call_that_failed_has_its_sqlstate_if_there_is_one, 0, COUNT(errors));
}
