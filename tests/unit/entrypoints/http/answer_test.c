/* Answers to commands over HTTP, and names in paths. */
#include "entrypoints/http/http_answer.h"
#include "support/suites.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(1024);
}

static void tear_down(void)
{
	arena_free(&arena);
}

static const struct {
	enum message_type type;
	enum outcome outcome;
	enum verdict verdict;
	int status;
	const char *message, *location, *problem;
} table[] = {
	{MSG_CREATE_BATCH, OUTCOME_HANDLED, ACCEPTED, 201, "OK", "/batches/shelf%201", NULL},
	{MSG_CREATE_BATCH, OUTCOME_SKIPPED, SKIP_DUPLICATE, 201, "OK", "/batches/shelf%201", NULL},
	{MSG_ALLOCATE, OUTCOME_HANDLED, ACCEPTED, 202, "OK", "/allocations/order%201%2F%C3%A9", NULL},
	{MSG_ALLOCATE, OUTCOME_SKIPPED, SKIP_DUPLICATE, 202, "OK", "/allocations/order%201%2F%C3%A9", NULL},
	{MSG_DEALLOCATE, OUTCOME_HANDLED, ACCEPTED, 202, "OK", "/allocations/order%201%2F%C3%A9", NULL},
	{MSG_DEALLOCATE, OUTCOME_SKIPPED, SKIP_NOT_ALLOCATED, 202, "OK", "/allocations/order%201%2F%C3%A9",
	 NULL},
	{MSG_SHIP, OUTCOME_SKIPPED, SKIP_NOT_ALLOCATED, 202, "OK", "/allocations/order%201%2F%C3%A9", NULL},
	{MSG_SHIP, OUTCOME_REJECTED, REJECT_INVALID_SKU, 400, "Invalid sku LAMP", NULL, "unknown-sku"},
	{MSG_CHANGE_BATCH_QUANTITY, OUTCOME_HANDLED, ACCEPTED, 202, "OK", NULL, NULL},
	{MSG_CHANGE_BATCH_QUANTITY, OUTCOME_SKIPPED, SKIP_OUT_OF_DATE, 202, "OK", NULL, NULL},
	{MSG_ALLOCATE, OUTCOME_REJECTED, REJECT_INVALID_SKU, 400, "Invalid sku LAMP", NULL, "unknown-sku"},
	{MSG_CHANGE_BATCH_QUANTITY, OUTCOME_REJECTED, REJECT_UNKNOWN_BATCH, 404, "Unknown batch shelf", NULL,
	 "unknown-batch"},
	{MSG_CREATE_BATCH, OUTCOME_REJECTED, REJECT_BATCHREF_TAKEN, 409,
	 "Batch reference shelf is taken by other data", NULL, "reference-taken"},
	{MSG_ALLOCATE, OUTCOME_REJECTED, REJECT_ID_REUSED, 409,
	 "id reused: id-1 came before with other content", NULL, "id-reused"},
	{MSG_ALLOCATE, OUTCOME_INVALID, ACCEPTED, 400, "the reason", NULL, "invalid"},
	{MSG_ALLOCATE, OUTCOME_POSTPONED, ACCEPTED, 503,
	 "Not done: the SKU is held up and many of its messages wait; retry with the same id", NULL,
	 "sku-held-up"},
	{MSG_ALLOCATE, OUTCOME_FAILED, ACCEPTED, 422, "the reason", NULL, "failed"},
};

START_TEST(each_outcome_is_answered_with_its_status_and_text)
{
	struct delivery delivery = {
		.type = table[_i].type,
		.outcome = table[_i].outcome,
		.verdict = table[_i].verdict,
		.reason = "the reason",
		.sku = "LAMP",
		.batchref = "shelf",
		.envelope = {.id = "id-1"},
	};
	struct http_answer answer;

	message_init(&delivery.envelope.message, table[_i].type);
	if (field_named(message_descriptor(table[_i].type), "orderid"))
		message_set_text(&delivery.envelope.message, "orderid", "order 1/\xc3\xa9");
	if (field_named(message_descriptor(table[_i].type), "batchref"))
		message_set_text(&delivery.envelope.message, "batchref", "shelf 1");
	answer = answer_for(&delivery, arena);

	ck_assert_int_eq(answer.status, table[_i].status);
	ck_assert_str_eq(answer.message, table[_i].message);
	ck_assert_pstr_eq(answer.location, table[_i].location);
	ck_assert_pstr_eq(answer.type,
			  table[_i].problem ? arena_printf(arena, PROBLEM("%s"), table[_i].problem) : NULL);
}
END_TEST

START_TEST(a_problem_has_the_members_of_rfc_9457_and_a_message)
{
	char *text = problem_json(404, PROBLEM_NOT_FOUND, "no \"such\" thing", NULL);
	json_t *problem = json_loads(text, 0, NULL);

	ck_assert_str_eq(json_string_value(json_object_get(problem, "type")), "urn:allocd:problem:not-found");
	ck_assert_str_eq(json_string_value(json_object_get(problem, "title")), "Not Found");
	ck_assert_int_eq(json_integer_value(json_object_get(problem, "status")), 404);
	ck_assert_str_eq(json_string_value(json_object_get(problem, "detail")), "no \"such\" thing");
	ck_assert_str_eq(json_string_value(json_object_get(problem, "message")), "no \"such\" thing");
	json_decref(problem);
	free(text);
}
END_TEST

static const struct {
	const char *message, *detail;
} broken[] = {
	{"cut \xc3", "cut ?"},
	{"cut \xe2\x82", "cut ??"},
	{"cut \xf0\x9f\xaa", "cut ???"},
	{"\xff \xe2\x82\xac", "? \xe2\x82\xac"},
};

START_TEST(a_problem_with_invalid_utf8_is_still_json)
{
	char *text = problem_json(422, PROBLEM_FAILED, broken[_i].message, NULL);
	json_t *problem = json_loads(text, 0, NULL);

	ck_assert_str_eq(json_string_value(json_object_get(problem, "detail")), broken[_i].detail);
	json_decref(problem);
	free(text);
}
END_TEST

START_TEST(json_is_recognized_by_its_media_type_with_any_parameters)
{
	ck_assert(is_json_type("application/json"));
	ck_assert(is_json_type("Application/JSON; charset=utf-8"));
	ck_assert(is_json_type("application/json ;x=y"));
	ck_assert(!is_json_type("application/jsonx"));
	ck_assert(!is_json_type("application/json+x"));
	ck_assert(!is_json_type("text/json"));
	ck_assert(!is_json_type("application/x-www-form-urlencoded"));
	ck_assert(!is_json_type(""));
	ck_assert(!is_json_type(NULL));
}
END_TEST

static const struct {
	const char *encoded, *name;
} names[] = {
	{"order-1", "order-1"},
	{"a%20b%2Fc", "a b/c"},
	{"%c3%A9", "\xc3\xa9"},
	{"a+b", "a+b"},
	{"a/b", "a/b"},
	{"%25", "%"},
	{"", NULL},
	{"%", NULL},
	{"%2", NULL},
	{"%zz", NULL},
	{"%2x", NULL},
	{"a%00b", NULL},
	{"%ff", NULL},
	{"%ed%a0%80", NULL},
};

START_TEST(a_percent_encoded_name_is_decoded_or_refused)
{
	ck_assert_pstr_eq(name_decode(names[_i].encoded, arena), names[_i].name);
}
END_TEST

START_TEST(a_name_over_255_characters_is_refused)
{
	char longest[256], *encoded = arena_alloc(arena, 3 * 255 + 1);

	memset(longest, 'x', 255);
	longest[255] = '\0';
	ck_assert_pstr_eq(name_decode(longest, arena), longest);
	ck_assert_ptr_null(name_decode(arena_printf(arena, "%sx", longest), arena));

	for (int i = 0; i < 255; i++)
		strcat(encoded, "\xc3\xa9");
	ck_assert_pstr_eq(name_decode(encoded, arena), encoded);
}
END_TEST

START_TEST(every_byte_is_the_same_after_encoding_and_decoding)
{
	char all[256] = {0};

	for (int i = 1; i < 128; i++)
		all[i - 1] = (char)i;

	ck_assert_pstr_eq(name_decode(name_encode(all, arena), arena), all);
	ck_assert_str_eq(name_encode("aZ09-._~ /?%\xc3\xa9", arena), "aZ09-._~%20%2F%3F%25%C3%A9");
}
END_TEST

SUITE("answer", set_up, tear_down)
{
	tcase_add_loop_test(tests, each_outcome_is_answered_with_its_status_and_text, 0, COUNT(table));
	tcase_add_test(tests, a_problem_has_the_members_of_rfc_9457_and_a_message);
	tcase_add_loop_test(tests, a_problem_with_invalid_utf8_is_still_json, 0, COUNT(broken));
	tcase_add_test(tests, json_is_recognized_by_its_media_type_with_any_parameters);
	tcase_add_loop_test(tests, a_percent_encoded_name_is_decoded_or_refused, 0, COUNT(names));
	tcase_add_test(tests, a_name_over_255_characters_is_refused);
	tcase_add_test(tests, every_byte_is_the_same_after_encoding_and_decoding);
}
