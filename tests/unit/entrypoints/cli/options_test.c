/* The command line: options, arguments, and words that are refused. */
#include "entrypoints/cli/options.h"
#include "support/suites.h"

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
	const char *const *rest;

	return options_parse(&invocation, command_named((const char *const[]){command, NULL}, &rest), words,
			     &error);
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

START_TEST(an_option_with_file_suffix_names_a_file)
{
	ck_assert(parse("run", (const char *const[]){"--redis-url-file", "/path", NULL}));

	ck_assert_str_eq(invocation.options[0].setting->variable, "REDIS_URL");
	ck_assert(invocation.options[0].is_file);
}
END_TEST

START_TEST(a_flag_with_a_value_is_the_setting_of_that_name)
{
	ck_assert(parse("publish", (const char *const[]){"--stream", "allocate", NULL}));
	ck_assert(invocation_flag(&invocation, "stream"));
	ck_assert_uint_eq(invocation.option_count, 0);

	ck_assert(parse("publish", (const char *const[]){"--stream=a,b", "allocate", NULL}));
	ck_assert_uint_eq(invocation.option_count, 1);
	ck_assert_str_eq(invocation.options[0].setting->variable, "ALLOCD_STREAM");
	ck_assert_str_eq(invocation.options[0].text, "a,b");
}
END_TEST

START_TEST(flags_and_help_are_noticed)
{
	ck_assert(parse("run", (const char *const[]){"--no-migrate", NULL}));
	ck_assert(invocation_flag(&invocation, "no-migrate"));

	ck_assert(!invocation_flag(&invocation, "force"));
	ck_assert(parse("publish", (const char *const[]){"--help", NULL}));
	ck_assert(invocation.help);
}
END_TEST

START_TEST(some_flags_may_be_given_as_a_letter)
{
	ck_assert(parse("forget", (const char *const[]){"-n", "--order", "order-1", NULL}));
	ck_assert(invocation_flag(&invocation, "dry-run"));
	ck_assert(!invocation_flag(&invocation, "json"));
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
	{"run",
	 {"--log-leve", "warn"},
	 "run: unknown option --log-leve; did you mean --log-level? (see allocd help run)"},
	{"run", {"--no-migrate=1"}, "run: no value is expected after --no-migrate (see allocd help run)"},
	{"run", {"--lanes"}, "run: a value is missing after --lanes (see allocd help run)"},
	{"run", {"extra"}, "run: one argument too many: extra (see allocd help run)"},
	{"run", {"--lanes-file", "x"}, "run: unknown option --lanes-file (see allocd help run)"},
	{"migrate", {"--lanes", "1"}, "migrate: unknown option --lanes (see allocd help migrate)"},
	{"tail", {"--no-migrate"}, "tail: unknown option --no-migrate (see allocd help tail)"},
	{"tail",
	 {"-redis-url", "x"},
	 "tail: unknown option -redis-url; did you mean --redis-url? (see allocd help tail)"},
	{"tail",
	 {"--redis-ulr-file=x"},
	 "tail: unknown option --redis-ulr-file; did you mean --redis-url-file? (see allocd help tail)"},
	{"await", {"--josn"}, "await: unknown option --josn; did you mean --json? (see allocd help await)"},
	{"forget", {"-y"}, "forget: unknown option -y (see allocd help forget)"},
	{"forget", {"-nn"}, "forget: unknown option -nn (see allocd help forget)"},
};

START_TEST(options_that_a_command_does_not_have_are_refused)
{
	ck_assert(!parse(refused[_i].command, refused[_i].words));

	ck_assert_str_eq(error, refused[_i].complaint);
}
END_TEST

/* ---- a command of two words with an option of each kind ---- */

static const struct command_option stir_options[] = {
	{"gently", .help = "not wildly"},
	{"spoon", OPTION_TEXT, .required = true, .value = "NAME", .help = "with it"},
	{"times", OPTION_NUMBER, .value = "NUMBER", .help = "how often"},
	{"for", OPTION_SECONDS, .value = "SECONDS", .help = "how long"},
	{"cups", OPTION_COUNT, .value = "COUNT", .help = "how many"},
	{"until", OPTION_AGE, .value = "AGE", .help = "how old"},
	{"rest", OPTION_SECONDS, .value = "SECONDS", .help = "afterwards", .may_be_bare = true},
	{0},
};

static const struct command stir = {.name = "tea stir",
				    .arguments = "[CUP]",
				    .arguments_max = 1,
				    .options = stir_options,
				    .summary = "stir"};

static bool parse_stir(const char *const words[])
{
	return options_parse(&invocation, &stir, words, &error);
}

START_TEST(a_repeated_option_gives_its_last_value_and_all_of_them)
{
	ck_assert(parse_stir(
		(const char *const[]){"--spoon", "tin", "--spoon=wood", "--times=7", "--for=1.5", NULL}));

	ck_assert_str_eq(invocation_option(&invocation, "spoon"), "wood");
	ck_assert_str_eq(invocation_option_at(&invocation, "spoon", 0), "tin");
	ck_assert_str_eq(invocation_option_at(&invocation, "spoon", 1), "wood");
	ck_assert_ptr_null(invocation_option_at(&invocation, "spoon", 2));
	ck_assert_int_eq(invocation_number(&invocation, "times", 1), 7);
	ck_assert_int_eq(invocation_ms(&invocation, "for", 1), 1500);
	ck_assert(!invocation_flag(&invocation, "gently"));
}
END_TEST

static const struct {
	const char *words[4];
	int64_t ms;
	const char *argument;
} rests[] = {
	{{"--rest"}, 10000, NULL},
	{{"--rest", "5"}, 5000, NULL},
	{{"--rest=5"}, 5000, NULL},
	{{"--rest", "mug"}, 10000, "mug"},
	{{"--rest", "--spoon", "b"}, 10000, NULL},
};

START_TEST(a_value_may_be_left_out_where_the_next_word_is_not_one)
{
	const char *words[8] = {"--spoon=tin"};

	memcpy(words + 1, rests[_i].words, sizeof rests[_i].words);
	ck_assert_msg(parse_stir(words), "%s", error);

	ck_assert(invocation_flag(&invocation, "rest"));
	ck_assert_int_eq(invocation_ms(&invocation, "rest", 10000), rests[_i].ms);
	ck_assert_uint_eq(invocation.argument_count, rests[_i].argument ? 1 : 0);
}
END_TEST

START_TEST(an_absent_option_gives_the_fallback)
{
	ck_assert(parse_stir((const char *const[]){"--spoon", "tin", NULL}));

	ck_assert_ptr_null(invocation_option(&invocation, "times"));
	ck_assert_int_eq(invocation_number(&invocation, "times", 3), 3);
	ck_assert_int_eq(invocation_ms(&invocation, "for", 10000), 10000);
}
END_TEST

static const struct {
	const char *words[4];
	const char *complaint;
} not_stirred[] = {
	{{NULL}, "tea stir: expected --spoon NAME (see allocd help tea stir)"},
	{{"--spoon"}, "tea stir: a value is missing after --spoon (see allocd help tea stir)"},
	{{"--spoon", ""}, "tea stir: expected something after --spoon (see allocd help tea stir)"},
	{{"--rest=x", "--spoon=a"},
	 "tea stir: expected a number of seconds, such as 30 or 1.5, after --rest (see allocd help tea stir)"},
	{{"--cups=0", "--spoon=a"}, "tea stir: expected 1 or more after --cups (see allocd help tea stir)"},
	{{"--until=1w", "--spoon=a"},
	 "tea stir: expected an age such as 90s, 15m, 2h or 7d after --until (see allocd help tea stir)"},
	{{"--spoon="}, "tea stir: expected something after --spoon (see allocd help tea stir)"},
	{{"--times=x", "--spoon=a"},
	 "tea stir: expected a whole number after --times (see allocd help tea stir)"},
	{{"--spoon=a", "--for", "1s"},
	 "tea stir: expected a number of seconds, such as 30 or 1.5, after --for (see allocd help tea stir)"},
	{{"--gently=yes", "--spoon=a"},
	 "tea stir: no value is expected after --gently (see allocd help tea stir)"},
};

START_TEST(values_that_do_not_fit_are_refused)
{
	ck_assert(!parse_stir(not_stirred[_i].words));

	ck_assert_str_eq(error, not_stirred[_i].complaint);
}
END_TEST

START_TEST(help_does_not_need_required_options)
{
	ck_assert(parse_stir((const char *const[]){"--help", NULL}));
}
END_TEST

/* ---- the table ---- */

START_TEST(every_command_is_found_by_its_name)
{
	const char *const *rest;

	for (size_t i = 0; i < commands_count; i++) {
		char *first = arena_strdup(arena, commands[i].name), *second = strchr(first, ' ');
		const char *words[] = {first, second ? second + 1 : "--an-option", "--another", NULL};

		if (second)
			*second = '\0';
		ck_assert_ptr_eq(command_named(words, &rest), &commands[i]);
		ck_assert_str_eq(*rest, second ? "--another" : "--an-option");
	}
	ck_assert_ptr_null(command_named((const char *const[]){"no-such-command", NULL}, &rest));
	ck_assert_ptr_null(command_named((const char *const[]){"ru", NULL}, &rest));
	ck_assert_ptr_null(command_named((const char *const[]){"runs", NULL}, &rest));
	ck_assert_ptr_null(command_named((const char *const[]){NULL}, &rest));
}
END_TEST

/* A flag hides none: with a value, its name is the setting's. */
START_TEST(no_option_of_a_command_hides_a_setting_it_uses)
{
	for (size_t i = 0; i < commands_count; i++) {
		const struct command_option *option = commands[i].options;

		for (; option && option->name; option++) {
			for (size_t j = 0; j < settings_count; j++)
				ck_assert(option->kind == OPTION_FLAG ||
					  !(settings[j].used_by & commands[i].uses) ||
					  strcmp(option->name, setting_option(&settings[j], arena)) != 0);
			ck_assert(option->help && (option->kind == OPTION_FLAG) == !option->value);
			ck_assert(!option->letter || option->kind == OPTION_FLAG);
		}
	}
}
END_TEST

/* Splits the call at blanks, without a comment, a redirection and "allocd". */
static const char *const *words_of_example(const char *example)
{
	char *text = arena_text(arena, example, strcspn(example, "\n#<>|")), *rest = NULL;
	const char **words = arena_alloc(arena, (strlen(text) + 1) * sizeof *words), **word = words;

	for (text = strtok_r(text, " ", &rest); text; text = strtok_r(NULL, " ", &rest))
		*word++ = text;
	ck_assert_str_eq(words[0], "allocd");
	return words + 1;
}

START_TEST(every_command_has_examples_that_it_accepts)
{
	for (size_t i = 0; i < commands_count; i++) {
		const char *example = commands[i].examples, *const * rest;

		ck_assert_ptr_nonnull(example);
		for (; *example; example += strcspn(example, "\n"), example += *example == '\n') {
			const char *const *words = words_of_example(example);

			ck_assert_ptr_eq(command_named(words, &rest), &commands[i]);
			invocation = (struct invocation){.arena = arena};
			ck_assert_msg(options_parse(&invocation, &commands[i], rest, &error), "%s", error);
		}
	}
}
END_TEST

static bool has_own_option(const struct command *command, const char *name)
{
	const struct command_option *it = command->options;

	while (it && it->name && strcmp(it->name, name))
		it++;
	return it && it->name;
}

START_TEST(every_setting_is_an_option_of_each_command_that_uses_it)
{
	for (size_t i = 0; i < commands_count; i++) {
		for (size_t j = 0; j < settings_count; j++) {
			char *name = arena_printf(arena, "--%s", setting_option(&settings[j], arena));
			bool takes = (settings[j].used_by & commands[i].uses) ||
				     has_own_option(&commands[i], name + strlen("--"));

			invocation = (struct invocation){.arena = arena};
			ck_assert_int_eq(options_parse(&invocation, &commands[i],
						       (const char *const[]){name, "x", "--help", NULL},
						       &error),
					 takes);
		}
	}
}
END_TEST

SUITE("options", set_up, tear_down)
{
	tcase_add_test(tests, a_value_follows_an_equals_sign_or_is_the_next_word);
	tcase_add_test(tests, options_may_follow_arguments);
	tcase_add_test(tests, after_two_dashes_there_are_no_options);
	tcase_add_test(tests, an_option_with_file_suffix_names_a_file);
	tcase_add_test(tests, a_flag_with_a_value_is_the_setting_of_that_name);
	tcase_add_test(tests, flags_and_help_are_noticed);
	tcase_add_loop_test(tests, options_that_a_command_does_not_have_are_refused, 0, COUNT(refused));
	tcase_add_test(tests, a_repeated_option_gives_its_last_value_and_all_of_them);
	tcase_add_loop_test(tests, a_value_may_be_left_out_where_the_next_word_is_not_one, 0, COUNT(rests));
	tcase_add_test(tests, an_absent_option_gives_the_fallback);
	tcase_add_loop_test(tests, values_that_do_not_fit_are_refused, 0, COUNT(not_stirred));
	tcase_add_test(tests, help_does_not_need_required_options);
	tcase_add_test(tests, every_command_is_found_by_its_name);
	tcase_add_test(tests, no_option_of_a_command_hides_a_setting_it_uses);
	tcase_add_test(tests, some_flags_may_be_given_as_a_letter);
	tcase_add_test(tests, every_command_has_examples_that_it_accepts);
	tcase_add_test(tests, every_setting_is_an_option_of_each_command_that_uses_it);
}
