/* What requests about dead letters become: arguments of a command, and nothing else. */
#include "entrypoints/http_admin/admin_arguments.h"
#include "support/suites.h"

#include <stdlib.h>
#include <string.h>

static struct admin_arguments arguments;

static void set_up(void)
{
	arguments = (struct admin_arguments){.arena = arena_new(4096)};
}

static void tear_down(void)
{
	arena_free(&arguments.arena);
}

static bool read_body(const char *body)
{
	return admin_body_read(&arguments, (struct bytes){body, strlen(body)},
			       TAKES_EDITS | TAKES_RATE | TAKES_EXPECTED_COUNT | TAKES_NOTE);
}

/* The words, each behind a bar. */
static const char *words(void)
{
	const char *const *word = admin_arguments_words(&arguments, (const char *const[]){"command", NULL});
	const char *all = "";

	for (; *word; word++)
		all = arena_printf(arguments.arena, "%s|%s", all, *word);
	return all;
}

static const struct {
	const char *body, *words;
} good_bodies[] = {
	{"{\"filter\":{}}", "|command|--"},
	{"{\"ids\":[17,18]}", "|command|--|17|18"},
	{"{\"filter\":{\"sku\":\"--yes\",\"reason-is\":\"-x = y\"}}",
	 "|command|--sku=--yes|--reason-is=-x = y|--"},
	{"{\"filter\":{\"older-than\":\"2h\",\"outcome\":\"failed\"}}",
	 "|command|--older-than=2h|--outcome=failed|--"},
	{"{\"ids\":[1],\"edits\":{\"qty\":-5,\"sku\":\"--yes\",\"id\":null,\"eta\":\"a=b\"}}",
	 "|command|--edit=qty=-5|--edit=sku=--yes|--edit=id=|--edit=eta=a=b|--|1"},
	{"{\"filter\":{},\"limit\":5,\"rate\":2,\"expected_count\":0,\"note\":\"--yes\"}",
	 "|command|--limit=5|--rate=2|--expect=0|--note=--yes|--"},
};

START_TEST(a_body_becomes_arguments)
{
	ck_assert_msg(read_body(good_bodies[_i].body), "%s", arguments.error);
	ck_assert_str_eq(words(), good_bodies[_i].words);
}
END_TEST

static const struct {
	const char *body, *error; /* a part of it */
} bad_bodies[] = {
	{"", "Expected a JSON object"},
	{"[1]", "Expected a JSON object"},
	{"{\"ids\":[1]} x", "Expected a JSON object"},
	{"{\"ids\":[1],\"ids\":[2]}", "Expected a JSON object"},
	{"{}", "either filter or ids"},
	{"{\"ids\":[1],\"filter\":{}}", "either filter or ids"},
	{"{\"filter\":{},\"yes\":true}", "yes: unknown; expected one of filter, ids, limit"},
	{"{\"ids\":[\"--yes\"]}", "ids:"},
	{"{\"ids\":[-1]}", "ids:"},
	{"{\"ids\":[0]}", "ids:"},
	{"{\"ids\":[1.5]}", "ids:"},
	{"{\"ids\":[]}", "ids:"},
	{"{\"ids\":\"1\"}", "ids:"},
	{"{\"filter\":[]}", "filter: expected an object"},
	{"{\"filter\":{\"operator\":\"me\"}}", "filter/operator: unknown"},
	{"{\"filter\":{\"limit\":\"1\"}}", "filter/limit: unknown"},
	{"{\"filter\":{\"discarded\":\"true\"}}", "filter/discarded:"},
	{"{\"filter\":{\"sku\":1}}", "filter/sku: expected a string"},
	{"{\"filter\":{\"sku\":\"\"}}", "filter/sku: expected something"},
	{"{\"filter\":{\"sku\":\"a\\u0000--yes\"}}", "Expected a JSON object"},
	{"{\"filter\":{\"outcome\":\"--yes\"}}", "expected rejected, invalid or failed"},
	{"{\"filter\":{\"message\":\"--yes\"}}", "expected one of"},
	{"{\"filter\":{\"older-than\":\"soon\"}}", "filter/older-than: expected an age"},
	{"{\"filter\":{\"since\":\"soon\"}}", "expected an age"},
	{"{\"filter\":{},\"limit\":0}", "limit:"},
	{"{\"filter\":{},\"limit\":\"1\"}", "limit:"},
	{"{\"filter\":{},\"rate\":0}", "rate:"},
	{"{\"filter\":{},\"expected_count\":-1}", "expected_count:"},
	{"{\"filter\":{},\"note\":\"\"}", "note:"},
	{"{\"filter\":{},\"note\":\"a\\nb\"}", "note:"},
	{"{\"filter\":{},\"edits\":[]}", "edits:"},
	{"{\"filter\":{},\"edits\":{\"qty=1\":2}}", "edits/qty=1:"},
	{"{\"filter\":{},\"edits\":{\"--yes\":2}}", "edits/--yes:"},
	{"{\"filter\":{},\"edits\":{\"qty\":\"\"}}", "edits/qty:"},
	{"{\"filter\":{},\"edits\":{\"qty\":1.5}}", "edits/qty:"},
	{"{\"filter\":{},\"edits\":{\"qty\":true}}", "edits/qty:"},
};

START_TEST(an_odd_body_is_refused_with_the_name_of_what_is_wrong)
{
	ck_assert(!read_body(bad_bodies[_i].body));
	ck_assert_msg(strstr(arguments.error, bad_bodies[_i].error), "%s", arguments.error);
}
END_TEST

START_TEST(a_body_has_only_the_members_of_its_command)
{
	const char *body = "{\"filter\":{},\"rate\":1}";

	ck_assert(!admin_body_read(&arguments, (struct bytes){body, strlen(body)}, TAKES_NOTE));
	ck_assert_str_eq(arguments.error, "rate: unknown; expected one of filter, ids, limit, note");
}
END_TEST

static const struct {
	const char *body;
	bool is_accepted;
} counted_bodies[] = {
	{"{\"filter\":{}}", false},
	{"{\"filter\":{},\"limit\":5}", false},
	{"{\"filter\":{},\"expected_count\":0}", true},
	{"{\"ids\":[1]}", true},
	{"{\"ids\":[1],\"expected_count\":1}", true},
};

START_TEST(a_change_by_a_filter_says_how_many_letters_it_expects)
{
	const char *body = counted_bodies[_i].body;
	bool is_accepted = admin_body_read(&arguments, (struct bytes){body, strlen(body)},
					   NEEDS_EXPECTED_COUNT | TAKES_NOTE);

	ck_assert_int_eq(is_accepted, counted_bodies[_i].is_accepted);
	ck_assert(is_accepted || strstr(arguments.error, "expected_count:"));
}
END_TEST

START_TEST(at_most_a_thousand_ids_are_accepted)
{
	for (int64_t id = 1; id <= ADMIN_IDS_MAX; id++)
		ck_assert(admin_arguments_add_id(&arguments, id));
	ck_assert(!admin_arguments_add_id(&arguments, ADMIN_IDS_MAX + 1));
}
END_TEST

static const struct {
	const char *query, *words;
} good_queries[] = {
	{NULL, "|command|--limit=51|--"},
	{"", "|command|--limit=51|--"},
	{"limit=200&cursor=17", "|command|--after=17|--limit=201|--"},
	{"sku=a%20b+c%26%3D&discarded", "|command|--sku=a b c&=|--discarded|--limit=51|--"},
	{"reason=--yes&discarded=true", "|command|--reason=--yes|--discarded|--limit=51|--"},
	{"sku=a=b", "|command|--sku=a=b|--limit=51|--"},
};

START_TEST(a_query_becomes_arguments)
{
	ck_assert_msg(admin_query_read(&arguments, good_queries[_i].query, true), "%s", arguments.error);
	ck_assert_str_eq(words(), good_queries[_i].words);
}
END_TEST

static const struct {
	const char *query, *error;
} bad_queries[] = {
	{"colour=red", "colour: unknown; expected one of outcome"},
	{"yes", "yes: unknown"},
	{"--yes=", "--yes: unknown"},
	{"operator=me", "operator: unknown"},
	{"after=1", "after: unknown"},
	{"limit=0", "limit: expected a number from 1 to 200"},
	{"limit=201", "limit:"},
	{"limit=x", "limit:"},
	{"limit=1&limit=2", "limit: expected once"},
	{"sku=a&sku=b", "sku: expected once"},
	{"cursor=1&cursor=2", "cursor: expected once"},
	{"cursor=-1", "cursor:"},
	{"cursor=", "cursor:"},
	{"sku=", "sku: expected something"},
	{"sku=%", "sku: expected up to 4096 characters"},
	{"sku=%ff", "sku: expected up to 4096 characters"},
	{"sku=%00", "sku: expected up to 4096 characters"},
	{"discarded=no", "discarded: expected true, or nothing"},
	{"outcome=lost", "expected rejected, invalid or failed"},
	{"older-than=soon", "older-than: expected an age"},
};

START_TEST(an_odd_query_is_refused_with_the_name_of_what_is_wrong)
{
	ck_assert(!admin_query_read(&arguments, bad_queries[_i].query, true));
	ck_assert_msg(strstr(arguments.error, bad_queries[_i].error), "%s", arguments.error);
}
END_TEST

START_TEST(a_query_without_pages_has_no_limit)
{
	ck_assert(!admin_query_read(&arguments, "limit=1", false));
	ck_assert_ptr_nonnull(strstr(arguments.error, "limit: unknown"));
}
END_TEST

SUITE("admin arguments", set_up, tear_down)
{
	tcase_add_loop_test(tests, a_body_becomes_arguments, 0, COUNT(good_bodies));
	tcase_add_loop_test(tests, an_odd_body_is_refused_with_the_name_of_what_is_wrong, 0,
			    COUNT(bad_bodies));
	tcase_add_test(tests, a_body_has_only_the_members_of_its_command);
	tcase_add_loop_test(tests, a_change_by_a_filter_says_how_many_letters_it_expects, 0,
			    COUNT(counted_bodies));
	tcase_add_test(tests, at_most_a_thousand_ids_are_accepted);
	tcase_add_loop_test(tests, a_query_becomes_arguments, 0, COUNT(good_queries));
	tcase_add_loop_test(tests, an_odd_query_is_refused_with_the_name_of_what_is_wrong, 0,
			    COUNT(bad_queries));
	tcase_add_test(tests, a_query_without_pages_has_no_limit);
}
