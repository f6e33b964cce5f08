/* The command line: what is an option, what an argument, and what is refused. */
#include "entrypoints/options.h"
#include "suites.h"

#include <string.h>

static struct arena *arena;
static struct invocation invocation;
static const char *error;

static void set_up(void)
{
	arena = arena_new(1024);
	invocation = (struct invocation){.arena = arena};
	error = NULL;
}

static void tear_down(void)
{
	arena_free(&arena);
}

static bool parse(const char *command, const char *const words[])
{
	return options_parse(&invocation, command_named(command), words, &error);
}

START_TEST(a_value_follows_an_equals_sign_or_is_the_next_word)
{
	ck_assert(parse("run", (const char *const[]){"--log-level=warn", "--lanes", "3", NULL}));

	ck_assert_uint_eq(invocation.option_count, 2);
	ck_assert_str_eq(invocation.options[0].setting->variable, "ALLOCD_LOG_LEVEL");
	ck_assert_str_eq(invocation.options[0].text, "warn");
	ck_assert_str_eq(invocation.options[1].setting->variable, "ALLOCD_LANES");
	ck_assert_str_eq(invocation.options[1].text, "3");
}
END_TEST

START_TEST(options_may_follow_arguments)
{
	ck_assert(parse("publish", (const char *const[]){"allocate", "sku=--lamp", "--redis-url", "redis://h",
							 "qty=1", NULL}));

	ck_assert_uint_eq(invocation.argument_count, 3);
	ck_assert_str_eq(invocation.arguments[0], "allocate");
	ck_assert_str_eq(invocation.arguments[1], "sku=--lamp");
	ck_assert_str_eq(invocation.arguments[2], "qty=1");
	ck_assert_uint_eq(invocation.option_count, 1);
}
END_TEST

START_TEST(after_two_dashes_there_are_no_options)
{
	ck_assert(parse("publish", (const char *const[]){"--", "--prefix", "-", NULL}));

	ck_assert_uint_eq(invocation.argument_count, 2);
	ck_assert_str_eq(invocation.arguments[0], "--prefix");
	ck_assert_uint_eq(invocation.option_count, 0);
}
END_TEST

START_TEST(a_file_option_is_told_from_its_setting)
{
	ck_assert(parse("run", (const char *const[]){"--redis-url-file", "/path", NULL}));

	ck_assert_str_eq(invocation.options[0].setting->variable, "REDIS_URL");
	ck_assert(invocation.options[0].is_file);
}
END_TEST

START_TEST(flags_and_help_are_noticed)
{
	ck_assert(parse("run", (const char *const[]){"--no-migrate", NULL}));
	ck_assert(invocation.flag);

	ck_assert(parse("publish", (const char *const[]){"--help", NULL}));
	ck_assert(invocation.help);
}
END_TEST

static const struct {
	const char *command;
	const char *words[4];
	const char *complaint;
} refused[] = {
	{"run", {"--no-such-option"}, "run: unknown option --no-such-option (see allocd help run)"},
	{"run", {"--no-such=x"}, "run: unknown option --no-such (see allocd help run)"},
	{"run", {"-x"}, "run: unknown option -x (see allocd help run)"},
	{"run", {"--log-leve", "warn"}, "run: unknown option --log-leve (see allocd help run)"},
	{"run", {"--no-migrate=1"}, "run: unknown option --no-migrate (see allocd help run)"},
	{"run", {"--lanes"}, "run: a value is missing after --lanes (see allocd help run)"},
	{"run", {"extra"}, "run: one argument too many: extra (see allocd help run)"},
	{"run", {"--lanes-file", "x"}, "run: unknown option --lanes-file (see allocd help run)"},
	{"migrate", {"--lanes", "1"}, "migrate: unknown option --lanes (see allocd help migrate)"},
	{"tail", {"--no-migrate"}, "tail: unknown option --no-migrate (see allocd help tail)"},
	{"publish", {NULL}, "publish: expected MESSAGE FIELD=VALUE... (see allocd help publish)"},
};

START_TEST(what_a_command_does_not_take_is_refused)
{
	ck_assert(!parse(refused[_i].command, refused[_i].words));

	ck_assert_str_eq(error, refused[_i].complaint);
}
END_TEST

START_TEST(every_command_is_found_by_its_name)
{
	for (size_t i = 0; i < commands_count; i++)
		ck_assert_ptr_eq(command_named(commands[i].name), &commands[i]);
	ck_assert_ptr_null(command_named("no-such-command"));
}
END_TEST

START_TEST(every_setting_is_an_option_of_whoever_uses_it)
{
	for (size_t i = 0; i < commands_count; i++) {
		for (size_t j = 0; j < settings_count; j++) {
			char *name = arena_printf(arena, "--%s", setting_option(&settings[j], arena));
			bool uses = (settings[j].used_by & commands[i].uses) != 0;

			invocation = (struct invocation){.arena = arena};
			if (commands[i].arguments_min == 0)
				ck_assert_int_eq(
					parse(commands[i].name, (const char *const[]){name, "x", NULL}),
					uses);
		}
	}
}
END_TEST

Suite *options_suite(void)
{
	Suite *suite = suite_create("options");
	TCase *tests = tcase_create("options");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_value_follows_an_equals_sign_or_is_the_next_word);
	tcase_add_test(tests, options_may_follow_arguments);
	tcase_add_test(tests, after_two_dashes_there_are_no_options);
	tcase_add_test(tests, a_file_option_is_told_from_its_setting);
	tcase_add_test(tests, flags_and_help_are_noticed);
	tcase_add_loop_test(tests, what_a_command_does_not_take_is_refused, 0, COUNT(refused));
	tcase_add_test(tests, every_command_is_found_by_its_name);
	tcase_add_test(tests, every_setting_is_an_option_of_whoever_uses_it);
	suite_add_tcase(suite, tests);
	return suite;
}
