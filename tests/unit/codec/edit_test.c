/* Editing the fields of a payload. */
#include "codec_fixture.h"

#include "support/suites.h"

#include <string.h>

#define EDITS_MAX 3

static size_t count_edits(const char *const edits[EDITS_MAX])
{
	size_t count = 0;

	while (count < EDITS_MAX && edits[count])
		count++;
	return count;
}

static const struct {
	enum message_type type;
	struct bytes payload;
	const char *edits[EDITS_MAX];
	const char *edited;
} edited[] = {
	{MSG_ALLOCATE,
	 LITERAL("{\"sku\":\"a\",\"qty\":0,\"x\":[1]}"),
	 {"qty=5"},
	 "{\"sku\":\"a\",\"qty\":5,\"x\":[1]}"},
	{MSG_ALLOCATE, LITERAL("{}"), {"sku=5", "qty=5"}, "{\"sku\":\"5\",\"qty\":5}"},
	{MSG_ALLOCATE, LITERAL("{\"sku\":1}"), {"sku=a", "sku=b=c"}, "{\"sku\":\"b=c\"}"},
	{MSG_ALLOCATE, LITERAL("{\"id\":\"i\",\"sku\":\"a\"}"), {"id="}, "{\"sku\":\"a\"}"},
	{MSG_ALLOCATE,
	 LITERAL("\x81\xa3sku\xa1"
		 "a"),
	 {"qty=1"},
	 "{\"sku\":\"a\",\"qty\":1}"},
	/* values that no field could hold stay as they were written, too */
	{MSG_ALLOCATE,
	 LITERAL("\xef\xbb\xbf{\"x\":18446744073709551615, \"y\":[1e400, \"\\ud83d\"],\"qty\":1e-400}"),
	 {"qty=2"},
	 "{\"x\":18446744073709551615,\"y\":[1e400,\"\\ud83d\"],\"qty\":2}"},
	{MSG_ALLOCATE,
	 LITERAL("{\"sku\":\"\\u0000\",\"x\":{\"a\":1,\"a\":0.10},\"y\":NaN,\"\\u000a\":-0}"),
	 {"sku=\"\\", "orderid=1"},
	 "{\"sku\":\"\\\"\\\\\",\"x\":{\"a\":1,\"a\":0.10},\"y\":null,\"\\u000a\":-0,\"orderid\":\"1\"}"},
	{MSG_ALLOCATE, LITERAL("{\"\\ude00\" : 1, \"\\u0071ty\":2}"), {"qty=3"}, "{\"\\ude00\":1,\"qty\":3}"},
	{MSG_ALLOCATE,
	 LITERAL("{\"specversion\":\"1.0\",\"x\":1e400,\"data\":{\"y\":[ NaN ],\"qty\":0}}"),
	 {"qty=2", "id=i"},
	 "{\"specversion\":\"1.0\",\"x\":1e400,\"data\":{\"y\":[null],\"qty\":2},\"id\":\"i\"}"},
	{MSG_ALLOCATE,
	 LITERAL("\x83\x07\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa1x\x81\x01\xd4\x01\x01\xa3qty\xca\x7f\xc0\x00\x00"),
	 {"qty=2"},
	 "{\"7\":18446744073709551615,\"x\":{\"1\":\"binary\"},\"qty\":2}"},
	{MSG_CREATE_BATCH, LITERAL("{\"ref\":\"b\"}"), {"batchref=c"}, "{\"batchref\":\"c\"}"},
	{MSG_CREATE_BATCH,
	 LITERAL("{\"batchref\":\"b\"}"),
	 {"ref=c", "eta=2011-01-02"},
	 "{\"batchref\":\"c\",\"eta\":\"2011-01-02\"}"},
	{MSG_ALLOCATE,
	 LITERAL("{\"specversion\":\"1.0\",\"id\":\"i\",\"data\":{\"sku\":\"a\"}}"),
	 {"sku=b", "qty=1"},
	 "{\"specversion\":\"1.0\",\"id\":\"i\",\"data\":{\"sku\":\"b\",\"qty\":1}}"},
	{MSG_ALLOCATE,
	 LITERAL("{\"specversion\":\"1.0\",\"id\":\"i\",\"data\":{\"id\":\"j\",\"occurred_at\":1}}"),
	 {"id=k", "occurred_at=1970-01-01T00:00:00Z"},
	 "{\"specversion\":\"1.0\",\"id\":\"k\",\"data\":{},\"time\":\"1970-01-01T00:00:00Z\"}"},
	{MSG_ALLOCATE,
	 LITERAL("{\"specversion\":\"1.0\",\"time\":1,\"data\":{\"occurred_at\":1}}"),
	 {"occurred_at="},
	 "{\"specversion\":\"1.0\",\"data\":{}}"},
};

START_TEST(an_edit_changes_its_field_and_keeps_the_rest_of_the_payload)
{
	const char *const *edits = edited[_i].edits;
	struct bytes payload;
	const char *error = "";

	ck_assert_msg(codec_edits_check(edited[_i].type, edits, count_edits(edits), arena, &error), "%s",
		      error);
	ck_assert_msg(codec_payload_edit(edited[_i].type, edited[_i].payload, edits, count_edits(edits),
					 arena, &payload, &error),
		      "%s", error);

	ck_assert_str_eq(arena_printf(arena, "%.*s", (int)payload.size, (const char *)payload.data),
			 edited[_i].edited);
}
END_TEST

static const struct {
	struct bytes payload;
	const char *error;
} no_messages[] = {
	{LITERAL("nonsense"), "payload: expected a JSON object"},
	{LITERAL("[]"), "payload: expected a JSON object"},
	{LITERAL("{\"specversion\":\"1.0\",\"data\":1}"),
	 "data: expected an object with the fields of the message"},
	{LITERAL("{\"specversion\":\"1.0\"}"), "data: expected an object with the fields of the message"},
};

START_TEST(a_payload_that_is_not_an_object_of_fields_cannot_be_edited)
{
	struct bytes payload;
	const char *error = "";

	ck_assert(!codec_payload_edit(MSG_ALLOCATE, no_messages[_i].payload, (const char *const[]){"qty=1"},
				      1, arena, &payload, &error));
	ck_assert_str_eq(error, no_messages[_i].error);
}
END_TEST

static const struct {
	const char *edit;
	const char *error;
} nonsense[] = {
	{"qty", "allocate: expected FIELD=VALUE"},
	{"colour=red",
	 "allocate: expected one of the fields orderid, sku, qty, id, occurred_at, not 'colour'"},
	{"qty=", "qty: missing, and required"},
	{"qty=0", "qty: expected an integer from 1 to 2147483647"},
	{"qty=many", "qty: expected an integer from 1 to 2147483647"},
	{"sku=\xff", "sku: expected UTF-8"},
	{"occurred_at=now", "occurred_at: expected a date and time of RFC 3339, YYYY-MM-DDTHH:MM:SSZ"},
};

START_TEST(an_edit_of_an_unknown_field_or_with_an_invalid_value_is_refused)
{
	const char *const edits[] = {"sku=ok", nonsense[_i].edit};
	const char *error = NULL;

	ck_assert(!codec_edits_check(MSG_ALLOCATE, edits, 2, arena, &error));
	ck_assert_str_eq(error, nonsense[_i].error);
}
END_TEST

SUITE("edit", codec_set_up, codec_tear_down)
{
	tcase_add_loop_test(tests, an_edit_changes_its_field_and_keeps_the_rest_of_the_payload, 0,
			    COUNT(edited));
	tcase_add_loop_test(tests, a_payload_that_is_not_an_object_of_fields_cannot_be_edited, 0,
			    COUNT(no_messages));
	tcase_add_loop_test(tests, an_edit_of_an_unknown_field_or_with_an_invalid_value_is_refused, 0,
			    COUNT(nonsense));
}
