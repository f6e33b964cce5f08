/* Dead letters as an operator names and reads them. */
#include "core/message.h"
#include "entrypoints/cli/options.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/cli/text.h"
#include "entrypoints/dead_letters/dead_letter_filter.h"
#include "entrypoints/dead_letters/dead_letter_print.h"
#include "support/suites.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;
static char *printed;
static size_t printed_size;
static FILE *out;

static void set_up(void)
{
	arena = arena_new(4096);
	out = open_memstream(&printed, &printed_size);
}

static void tear_down(void)
{
	fclose(out);
	free(printed);
	arena_free(&arena);
}

static const char *text(void)
{
	fflush(out);
	return printed;
}

/* ---- the filter ---- */

static const struct {
	const char *text;
	int64_t seconds; /* negative: the text is not an age */
} ages[] = {
	{"0", 0},
	{"90", 90},
	{"90s", 90},
	{"15m", 900},
	{"2h", 7200},
	{"7d", 604800},
	{"36500d", 3153600000},
	{"36501d", -1},
	{"", -1},
	{"s", -1},
	{"1w", -1},
	{"1.5h", -1},
	{"-1s", -1},
	{"1hh", -1},
	{"1 h", -1},
	{"99999999999999999999s", -1},
};

START_TEST(an_age_is_a_number_with_or_without_a_unit)
{
	int64_t seconds = -1;

	ck_assert_int_eq(text_to_age(ages[_i].text, &seconds), ages[_i].seconds >= 0);
	ck_assert_int_eq(seconds, ages[_i].seconds);
}
END_TEST

static bool read_filter(const char *const words[], struct dead_letter_filter *filter, const char **error)
{
	struct invocation invocation = {.arena = arena};
	const char *const *rest;
	const struct command *command = command_named(words, &rest);

	return options_parse(&invocation, command, rest, error) &&
	       dead_letter_filter_read(&invocation, filter, error);
}

START_TEST(arguments_and_options_become_a_filter)
{
	struct dead_letter_filter filter;
	const char *error;

	ck_assert(read_filter((const char *const[]){"dead-letters", "list", "12", "--outcome", "failed", "3",
						    "--message=none", "--older-than", "2m", "--reason", "sku",
						    "--limit", "5", NULL},
			      &filter, &error));

	ck_assert_uint_eq(filter.id_count, 2);
	ck_assert_int_eq(filter.ids[0], 12);
	ck_assert_int_eq(filter.ids[1], 3);
	ck_assert_str_eq(filter.outcome, "failed");
	ck_assert_str_eq(filter.message, "unknown");
	ck_assert_str_eq(filter.reason, "sku");
	ck_assert_int_eq(filter.older_than_s, 120);
	ck_assert_int_eq(filter.newer_than_s, -1);
	ck_assert_int_eq(filter.since, 0);
	ck_assert_int_eq(filter.limit, 5);
}
END_TEST

/* An age, or an instant: of two ages the shorter one counts. */
static const struct {
	const char *words[7];
	int64_t newer_than_s, since;
} moments[] = {
	{{"dead-letters", "list", "--since", "2m"}, 120, 0},
	{{"dead-letters", "list", "--since=2m", "--newer-than=1m"}, 60, 0},
	{{"dead-letters", "list", "--since=1m", "--newer-than=2m"}, 60, 0},
	{{"dead-letters", "list", "--since", "1970-01-01T00:00:02Z"}, -1, 2000000},
	{{"dead-letters", "restore", "--since=1970-01-01T01:00:02.5+01:00", "--newer-than=5"}, 5, 2500000},
};

START_TEST(since_is_an_age_or_an_instant)
{
	struct dead_letter_filter filter;
	const char *error = NULL;

	ck_assert_msg(read_filter(moments[_i].words, &filter, &error), "%s", error);

	ck_assert_int_eq(filter.newer_than_s, moments[_i].newer_than_s);
	ck_assert_int_eq(filter.since, moments[_i].since);
}
END_TEST

START_TEST(without_arguments_the_filter_matches_all)
{
	struct dead_letter_filter filter;
	const char *error;

	ck_assert(read_filter((const char *const[]){"dead-letters", "show", NULL}, &filter, &error));

	ck_assert_uint_eq(filter.id_count, 0);
	ck_assert_ptr_null(filter.outcome);
	ck_assert_ptr_null(filter.message);
	ck_assert_int_eq(filter.older_than_s, -1);
	ck_assert_int_eq(filter.limit, 0);
}
END_TEST

static const struct {
	const char *words[5];
	const char *error;
} refused[] = {
	{{"dead-letters", "list", "--outcome", "handled"},
	 "expected rejected, invalid or failed after --outcome"},
	{{"dead-letters", "list", "--older-than", "x"},
	 "dead-letters list: expected an age such as 90s, 15m, 2h or 7d after --older-than (see allocd help dead-letters list)"},
	{{"dead-letters", "list", "--limit", "0"},
	 "dead-letters list: expected 1 or more after --limit (see allocd help dead-letters list)"},
	{{"dead-letters", "list", "x"}, "expected the id of a dead letter, a number, not 'x'"},
	{{"dead-letters", "list", "--since", "noon"},
	 "expected an age such as 90s, 15m, 2h or 7d, or an instant such as 2026-01-31T12:00:00Z after --since"},
};

START_TEST(an_invalid_argument_or_option_is_refused_by_name)
{
	struct dead_letter_filter filter;
	const char *error = NULL;

	ck_assert(!read_filter(refused[_i].words, &filter, &error));

	ck_assert_str_eq(error, refused[_i].error);
}
END_TEST

START_TEST(an_unknown_message_is_refused_with_the_names_of_all_commands)
{
	static const char *const words[] = {"dead-letters", "list", "--message", "unknown", NULL};
	struct dead_letter_filter filter;
	const char *error = NULL;

	ck_assert(!read_filter(words, &filter, &error));

	for (int i = 0; i < COMMAND_TYPES; i++)
		ck_assert_ptr_nonnull(strstr(error, message_name(command_types[i])));
	ck_assert_ptr_nonnull(strstr(error, "out_of_stock"));
	ck_assert_ptr_null(strstr(error, "line_allocated"));
}
END_TEST

/* ---- the table ---- */

#define MINUTE INT64_C(60000000)

static struct dead_letter letter(int64_t id, const char *reason, int64_t age_us)
{
	return (struct dead_letter){
		.id = id,
		.outcome = "rejected",
		.reason = reason,
		.transport = "pubsub",
		.origin = "allocate",
		.message = "allocate",
		.source = "",
		.payload = {"{}", 2},
		.payload_bytes = 2,
		.attempts = 1,
		.last_at = 100000 * MINUTE - age_us,
	};
}

static struct dead_letter_table table(size_t width)
{
	return (struct dead_letter_table){.out = out, .terminal_width = width, .now = 100000 * MINUTE};
}

START_TEST(columns_of_the_table_are_aligned)
{
	struct dead_letter letters[] = {letter(9, "no", MINUTE), letter(10, "yes", 100 * MINUTE)};
	struct dead_letter_table it = table(0);

	letters[1].message_id = "l\xc3\xa4nger als der Kopf";
	dead_letter_table_print(&it, letters, 2);
	dead_letter_table_print(&it, letters, 1);

	ck_assert_str_eq(text(), "ID   AGE  OUTCOME   TRIES  MESSAGE   MESSAGE-ID           REASON\n"
				 " 9   60s  rejected      1  allocate  -                    no\n"
				 "10  100m  rejected      1  allocate  l\xc3\xa4nger als der Kopf  yes\n"
				 " 9   60s  rejected      1  allocate  -                    no\n");
}
END_TEST

START_TEST(a_line_as_wide_as_the_terminal_is_not_cut)
{
	struct dead_letter one = letter(1, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 0);
	struct dead_letter_table it = table(58);

	dead_letter_table_print(&it, &one, 1);

	ck_assert_str_eq(text(), "ID  AGE  OUTCOME   TRIES  MESSAGE   MESSAGE-ID  REASON\n"
				 " 1   0s  rejected      1  allocate  -           "
				 "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc\n");
}
END_TEST

START_TEST(a_line_wider_than_the_terminal_ends_in_an_ellipsis)
{
	struct dead_letter one = letter(1, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa4\xc3\xb6\xc3\xbc", 0);
	struct dead_letter_table it = table(51);

	dead_letter_table_print(&it, &one, 1);

	ck_assert_ptr_nonnull(strstr(text(), "-           \xc3\xa4\xc3\xb6\xe2\x80\xa6\n"));
}
END_TEST

START_TEST(control_characters_are_escaped_in_the_table)
{
	struct dead_letter one = letter(1, "\x1b[2J\xe2\x80\xae\xc2\x9b\xe2\x80\xac", 0);
	struct dead_letter_table it = table(0);

	dead_letter_table_print(&it, &one, 1);

	ck_assert_ptr_nonnull(strstr(text(), "\\u001b[2J\\u202e\\u009b\\u202c\n"));
}
END_TEST

/* ---- groups ---- */

static void add(struct dead_letter_groups *groups, int64_t id, const char *reason, int64_t age_us)
{
	struct dead_letter one = letter(id, reason, age_us);

	one.first_at = one.last_at - MINUTE;
	dead_letter_groups_add(groups, &one);
}

static void make_groups(struct dead_letter_groups *groups)
{
	dead_letter_groups_init(groups, arena);
	add(groups, 3, "rare", 0);
	add(groups, 4, "invalid sku l\xc3\xa4mp\x1b", 10 * MINUTE);
	add(groups, 5, "invalid sku l\xc3\xa4mp\x1b", 30 * MINUTE);
	add(groups, 9, "also rare", 5 * MINUTE);
	add(groups, 12, "invalid sku l\xc3\xa4mp\x1b", 20 * MINUTE);
	dead_letter_groups_sort(groups);
}

START_TEST(the_largest_group_comes_first_with_the_ages_of_its_first_and_last_attempt)
{
	struct dead_letter_groups groups;
	struct dead_letter_table it = table(0);

	make_groups(&groups);
	dead_letter_groups_print(&it, &groups);

	ck_assert_str_eq(text(), "COUNT  OUTCOME   MESSAGE   FIRST  LAST  REASON\n"
				 "    3  rejected  allocate    31m   10m  invalid sku l\xc3\xa4mp\\u001b\n"
				 "    1  rejected  allocate    60s    0s  rare\n"
				 "    1  rejected  allocate     6m    5m  also rare\n");
}
END_TEST

START_TEST(a_group_in_json_names_its_first_and_its_last_letter)
{
	struct dead_letter_groups groups;

	make_groups(&groups);
	json_line_print(dead_letter_group_to_json(groups.all[0]), out);

	ck_assert_str_eq(
		text(),
		"{\"outcome\":\"rejected\",\"message\":\"allocate\","
		"\"reason\":\"invalid sku l\xc3\xa4mp\\u001B\",\"count\":3,\"handled_since\":0,"
		"\"first_at\":\"1970-03-11T10:09:00.000000Z\",\"last_at\":\"1970-03-11T10:30:00.000000Z\","
		"\"first_id\":4,\"last_id\":12,\"advice\":\"create a batch of that SKU, then replay\","
		"\"filter\":{\"outcome\":\"rejected\",\"message\":\"allocate\","
		"\"reason-is\":\"invalid sku l\xc3\xa4mp\\u001B\"}}\n");
}
END_TEST

/* ---- details and JSON ---- */

START_TEST(a_binary_payload_is_shown_in_hexadecimal)
{
	struct dead_letter one = letter(1, "no", 0);

	one.payload = (struct bytes){"0123456789abcdef\xff\n!", 19};
	one.payload_bytes = 70000;
	dead_letter_details_print(&(struct dead_letter_details){.letter = &one}, out);

	ck_assert_ptr_nonnull(strstr(text(),
				     "payload     70000 bytes, of which the beginning was kept\n"
				     "    0000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  "
				     "0123456789abcdef\n"
				     "    0010  ff 0a 21                                         ..!\n"));
}
END_TEST

START_TEST(a_payload_that_is_text_is_shown_as_text)
{
	struct dead_letter one = letter(1, "no", 0);

	one.payload = (struct bytes){"{\n\t\"a\": 1}", 10};
	dead_letter_details_print(&(struct dead_letter_details){.letter = &one}, out);

	ck_assert_ptr_nonnull(strstr(text(), "\n    {\n    \\u0009\"a\": 1}\n"));
}
END_TEST

static const struct {
	struct bytes payload;
	const char *member;
} payloads[] = {
	{{"", 0}, "\"payload\":\"\""},
	{{"a\xc3\xa4\0", 4}, "\"payload\":\"a\xc3\xa4\\u0000\""},
	{{"\xff", 1}, "\"payload_base64\":\"/w==\""},
	{{"\xff\xfe", 2}, "\"payload_base64\":\"//4=\""},
	{{"\xff\xfe\xfd", 3}, "\"payload_base64\":\"//79\""},
	{{"\x80\x01\x02\x03", 4}, "\"payload_base64\":\"gAECAw==\""},
};

START_TEST(a_payload_in_json_is_a_text_or_base64)
{
	struct dead_letter one = letter(1, "no", 0);

	one.payload = payloads[_i].payload;
	json_line_print(dead_letter_to_json(&one, true), out);

	ck_assert_msg(strstr(text(), payloads[_i].member) != NULL, "%s", text());
}
END_TEST

/* Beginnings of payloads that were cut within a character. */
static const struct bytes cut_payloads[] = {
	{"x\xc3", 2},
	{"x\xe2\x82", 3},
	{"x\xf0\x9f\xaa", 4},
};

START_TEST(a_payload_that_was_cut_within_a_character_is_still_a_text)
{
	struct dead_letter one = letter(1, "no", 0);

	one.payload = cut_payloads[_i];
	one.payload_bytes = 70000;
	json_line_print(dead_letter_to_json(&one, true), out);
	dead_letter_details_print(&(struct dead_letter_details){.letter = &one}, out);

	ck_assert_msg(strstr(text(), "\"payload\":\"x\"") != NULL, "%s", text());
	ck_assert_msg(strstr(text(), "kept\n    x\n") != NULL, "%s", text());
}
END_TEST

START_TEST(control_characters_are_escaped_in_json)
{
	struct dead_letter one =
		letter(1, "\x7f \xc2\x80\xc2\x9f \xe2\x80\x8f \xef\xbb\xbf \x1b \xc3\xa4\xf0\x9f\xaa\x91", 0);

	json_line_print(dead_letter_to_json(&one, true), out);

	ck_assert_msg(strstr(text(), "\"reason\":\"\\u007f \\u0080\\u009f \\u200f \\ufeff \\u001B "
				     "\xc3\xa4\xf0\x9f\xaa\x91\"") != NULL,
		      "%s", text());
}
END_TEST

START_TEST(without_the_payload_there_are_no_edits_and_no_notes)
{
	struct dead_letter one = letter(1, "no", 0);
	struct dead_letter_history_entry history[] = {
		{.action = "replayed", .who = "ann", .edits = "sku=secret"},
		{.action = "discarded", .who = "ann", .edits = "a secret"},
	};
	const struct dead_letter_details details = {.letter = &one, .history = history, .history_count = 2};
	bool has_payload = _i == 1;

	json_line_print(dead_letter_details_to_json(&details, has_payload), out);

	ck_assert_msg((strstr(text(), "secret") != NULL) == has_payload, "%s", text());
	ck_assert_ptr_nonnull(strstr(text(), "\"who\":\"ann\""));
}
END_TEST

SUITE("dead letters", set_up, tear_down)
{
	tcase_add_loop_test(tests, an_age_is_a_number_with_or_without_a_unit, 0, COUNT(ages));
	tcase_add_test(tests, arguments_and_options_become_a_filter);
	tcase_add_test(tests, without_arguments_the_filter_matches_all);
	tcase_add_loop_test(tests, since_is_an_age_or_an_instant, 0, COUNT(moments));
	tcase_add_test(tests, an_unknown_message_is_refused_with_the_names_of_all_commands);
	tcase_add_loop_test(tests, an_invalid_argument_or_option_is_refused_by_name, 0, COUNT(refused));
	tcase_add_test(tests, columns_of_the_table_are_aligned);
	tcase_add_test(tests, a_line_as_wide_as_the_terminal_is_not_cut);
	tcase_add_test(tests, a_line_wider_than_the_terminal_ends_in_an_ellipsis);
	tcase_add_test(tests, control_characters_are_escaped_in_the_table);
	tcase_add_test(tests, the_largest_group_comes_first_with_the_ages_of_its_first_and_last_attempt);
	tcase_add_test(tests, a_group_in_json_names_its_first_and_its_last_letter);
	tcase_add_test(tests, a_binary_payload_is_shown_in_hexadecimal);
	tcase_add_test(tests, a_payload_that_is_text_is_shown_as_text);
	tcase_add_loop_test(tests, a_payload_in_json_is_a_text_or_base64, 0, COUNT(payloads));
	tcase_add_loop_test(tests, a_payload_that_was_cut_within_a_character_is_still_a_text, 0,
			    COUNT(cut_payloads));
	tcase_add_test(tests, control_characters_are_escaped_in_json);
	tcase_add_loop_test(tests, without_the_payload_there_are_no_edits_and_no_notes, 0, 2);
}
