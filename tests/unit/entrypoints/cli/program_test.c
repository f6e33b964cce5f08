/* The program from its command line to its exit status, with stubs for the commands. */
#include "entrypoints/cli/program.h"

#include "entrypoints/about/servers_check.h"
#include "entrypoints/cli/invoke.h"
#include "entrypoints/cli/print.h"
#include "entrypoints/main/setup.h"
#include "support/suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *called; /* name of the command that ran */
static struct config seen;
static const char *check_error; /* what setup_check() finds, or NULL */

/* ---- stubs of the commands and of the setup ---- */

static enum exit_status note(const struct invocation *invocation)
{
	called = invocation->command->name;
	seen = invocation->config;
	return STATUS_TRY_AGAIN;
}

#define IN_PLACE_OF(function)                                                                                \
	enum exit_status function(const struct invocation *invocation)                                       \
	{                                                                                                    \
		return note(invocation);                                                                     \
	}

IN_PLACE_OF(command_run)
IN_PLACE_OF(command_migrate)
IN_PLACE_OF(command_publish)
IN_PLACE_OF(command_tail)
IN_PLACE_OF(command_await)
IN_PLACE_OF(command_quiesce)
IN_PLACE_OF(command_verify)
IN_PLACE_OF(command_version)
IN_PLACE_OF(command_rebuild_view)
IN_PLACE_OF(command_republish)
IN_PLACE_OF(command_outbox_renew)
IN_PLACE_OF(command_forget)
IN_PLACE_OF(command_status)
IN_PLACE_OF(command_healthcheck)
IN_PLACE_OF(command_streams_resize)
IN_PLACE_OF(command_dead_letters_list)
IN_PLACE_OF(command_dead_letters_show)
IN_PLACE_OF(command_dead_letters_replay)
IN_PLACE_OF(command_dead_letters_discard)
IN_PLACE_OF(command_dead_letters_restore)
IN_PLACE_OF(command_dead_letters_export)

void setup_check(const struct config *config, unsigned uses, struct faults *faults)
{
	(void)uses;
	(void)config;
	if (check_error)
		faults_add(faults, "%s", check_error);
}

enum exit_status servers_check(const struct config *config, struct faults *faults)
{
	(void)config;
	faults_add(faults, "Redis, nowhere: gone");
	return STATUS_UNAVAILABLE;
}

static void write_line(struct logger *logger, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	(void)logger;
	(void)level;
	fprintf(stderr, "%s %s\n", message, count ? fields[0].text : "");
}

struct logger *setup_logger_new(const struct config *config)
{
	static struct logger logger;

	logger = (struct logger){.level = (enum log_level)config->log_level, .write = write_line};
	return &logger;
}

void setup_logger_free(struct logger **logger)
{
	*logger = NULL;
}

/* ---- the program, run in a process of its own that writes to files ---- */

#define OUTPUT_MAX 16384

static char out[OUTPUT_MAX], err[OUTPUT_MAX];

static void read_back(FILE *file, char text[OUTPUT_MAX])
{
	rewind(file);
	text[fread(text, 1, OUTPUT_MAX - 1, file)] = '\0';
	fclose(file);
}

typedef enum exit_status program(const char *const words[], const char *const environment[]);

static enum exit_status run_program(program *run, const char *const words[], const char *const environment[])
{
	FILE *to_out = tmpfile(), *to_err = tmpfile();
	int kept_out = dup(STDOUT_FILENO), kept_err = dup(STDERR_FILENO);
	enum exit_status status;

	fflush(stdout);
	dup2(fileno(to_out), STDOUT_FILENO);
	dup2(fileno(to_err), STDERR_FILENO);
	status = run(words, environment);
	fflush(stdout);
	dup2(kept_out, STDOUT_FILENO);
	dup2(kept_err, STDERR_FILENO);
	close(kept_out);
	close(kept_err);
	read_back(to_out, out);
	read_back(to_err, err);
	return status;
}

static enum exit_status run(const char *const words[], const char *const environment[])
{
	return run_program(program_main, words, environment);
}

/* Stands for allocd-bench: a program whose only command bears its name. */
static enum exit_status single_command_main(const char *const words[], const char *const environment[])
{
	static const struct command command = {
		.name = "tool",
		.is_program = true,
		.arguments = "[WHAT]",
		.summary = "Does it.",
		.uses = USED_BY_TAIL,
		.run = note,
	};
	enum exit_status status;

	print_errors_as(command.name);
	status = invoke(&command, words, environment);
	print_errors_as("allocd");
	return status;
}

static const char *const nothing[] = {NULL};

static void set_up(void)
{
	called = NULL;
	check_error = NULL;
}

static int lines(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

START_TEST(a_command_gets_its_settings_and_the_program_exits_with_its_status)
{
	ck_assert_int_eq(run((const char *const[]){"run", "--lanes=5", NULL},
			     (const char *const[]){"ALLOCD_UNIT_MAX=9", NULL}),
			 STATUS_TRY_AGAIN);

	ck_assert_str_eq(called, "run");
	ck_assert_int_eq(seen.lanes, 5);
	ck_assert_int_eq(seen.unit_max, 9);
	ck_assert_str_eq(out, "");
	ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(wrong_usage_prints_one_line_and_exits_with_2)
{
	ck_assert_int_eq(run(nothing, nothing), STATUS_USAGE);
	ck_assert_int_eq(lines(err), 1);
	ck_assert_int_eq(run((const char *const[]){"nonsense", NULL}, nothing), STATUS_USAGE);
	ck_assert_ptr_nonnull(
		strstr(err, "allocd: there is no command 'nonsense'; there are run, migrate, "));
	ck_assert_ptr_nonnull(strstr(err, ", version, help\n"));
	ck_assert_int_eq(run((const char *const[]){"run", "--nonsense", NULL}, nothing), STATUS_USAGE);
	ck_assert_int_eq(lines(err), 1);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_null(called);
}
END_TEST

static const struct {
	const char *words[4];
	const char *refusal;
} unknown[] = {
	{{"pubish", "allocate"}, "allocd: there is no command 'pubish'; did you mean publish?\n"},
	{{"replay", "17"}, "allocd: there is no command 'replay'; did you mean dead-letters replay?\n"},
	{{"dead-leters", "list"},
	 "allocd: there is no command 'dead-leters'; did you mean dead-letters list?\n"},
	{{"dead-letters", "lst"},
	 "allocd: there is no command 'dead-letters lst'; did you mean dead-letters list?\n"},
	{{"outbox", "nonsense"}, "allocd: there is no command 'outbox nonsense'; there are outbox renew\n"},
	{{"help", "rnu"}, "allocd: there is no command 'rnu'; did you mean run?\n"},
	{{"help", "outbox", "renwe"},
	 "allocd: there is no command 'outbox renwe'; did you mean outbox renew?\n"},
};

START_TEST(a_command_that_was_probably_meant_is_named)
{
	ck_assert_int_eq(run(unknown[_i].words, nothing), STATUS_USAGE);
	ck_assert_str_eq(err, unknown[_i].refusal);
}
END_TEST

START_TEST(the_first_word_of_two_word_commands_lists_them)
{
	ck_assert_int_eq(run((const char *const[]){"dead-letters", NULL}, nothing), STATUS_USAGE);
	ck_assert_ptr_nonnull(
		strstr(err, "allocd: expected a command: dead-letters list, dead-letters show, "));
	ck_assert_ptr_null(strstr(err, "outbox"));

	ck_assert_int_eq(run((const char *const[]){"help", "dead-letters", NULL}, nothing), STATUS_DONE);
	ck_assert_ptr_nonnull(strstr(out, "  dead-letters replay "));
	ck_assert_ptr_null(strstr(out, "outbox"));
}
END_TEST

START_TEST(a_wrong_setting_prints_one_line_and_exits_with_78)
{
	ck_assert_int_eq(
		run((const char *const[]){"run", NULL}, (const char *const[]){"ALLOCD_LANES=many", NULL}),
		STATUS_CONFIGURATION);
	ck_assert_str_eq(err, "allocd: ALLOCD_LANES: expected a whole number from 1 to 16\n");

	check_error = "REDIS_URL: no good";
	ck_assert_int_eq(run((const char *const[]){"tail", NULL}, nothing), STATUS_CONFIGURATION);
	ck_assert_str_eq(err, "allocd: REDIS_URL: no good\n");
	ck_assert_ptr_null(called);
}
END_TEST

START_TEST(an_unknown_setting_only_warns)
{
	ck_assert_int_eq(
		run((const char *const[]){"run", NULL}, (const char *const[]){"ALLOCD_LAENS=1", NULL}),
		STATUS_TRY_AGAIN);

	ck_assert_str_eq(err, "unknown setting in the environment ALLOCD_LAENS\n");
	ck_assert_str_eq(called, "run");
}
END_TEST

START_TEST(version_needs_no_configuration)
{
	ck_assert_int_eq(
		run((const char *const[]){"version", NULL}, (const char *const[]){"ALLOCD_LANES=many", NULL}),
		STATUS_TRY_AGAIN);

	ck_assert_str_eq(called, "version");
	called = NULL;
	ck_assert_int_eq(run((const char *const[]){"--version", NULL}, nothing), STATUS_TRY_AGAIN);
	ck_assert_str_eq(called, "version");
}
END_TEST

START_TEST(help_lists_every_command_and_every_setting_of_each)
{
	struct arena *arena = arena_new(256);

	ck_assert_int_eq(run((const char *const[]){"help", NULL}, nothing), STATUS_DONE);
	for (size_t i = 0; i < commands_count; i++)
		ck_assert_ptr_nonnull(strstr(out, commands[i].summary));
	ck_assert_int_eq(run((const char *const[]){"run", "--help", NULL}, nothing), STATUS_DONE);
	ck_assert_ptr_nonnull(strstr(out, "--no-migrate"));
	for (size_t i = 0; i < settings_count; i++)
		ck_assert_ptr_nonnull(
			strstr(out, arena_printf(arena, " --%s ", setting_option(&settings[i], arena))));
	ck_assert_int_eq(run((const char *const[]){"help", "nonsense", NULL}, nothing), STATUS_USAGE);
	arena_free(&arena);
}
END_TEST

static void assert_order(const char *const texts[])
{
	const char *at = out;

	for (; *texts; texts++) {
		at = strstr(at, *texts);
		ck_assert_msg(at, "'%s' is missing, or not where it was expected, in:\n%s", *texts, out);
	}
}

START_TEST(help_begins_with_examples_and_ends_with_the_settings_of_the_log)
{
	run((const char *const[]){"help", NULL}, nothing);
	assert_order((const char *const[]){"usage: ", "\nExamples:\n  allocd ", "\nThe worker:\n  run ",
					   "\nMessages and events:\n  publish ", "\nExit status:\n", NULL});
	run((const char *const[]){"help", "forget", NULL}, nothing);
	assert_order((const char *const[]){
		"usage: allocd forget --order ID [OPTION]...\n", "\nExamples:\n  allocd forget ",
		"\n\nWorkers continue meanwhile", "\nOptions:\n  --order ID ", "  -n, --dry-run ",
		"\nSettings, as options or in the environment:\n  --database-url URL ",
		"\nSettings of the log:\n  --log-level ", "  --log-format ", NULL});
}
END_TEST

START_TEST(help_fits_in_80_columns)
{
	run((const char *const[]){"run", "--help", NULL}, nothing);
	for (const char *line = out; *line; line += strcspn(line, "\n") + 1)
		ck_assert_msg(strcspn(line, "\n") <= 80, "wider than 80 columns: %s", line);
	assert_order((const char *const[]){
		"\n  --lanes NUMBER               units of work in flight when many messages wait\n",
		"\n  --start-wait SECONDS         how long to wait for the database and Redis at\n"
		"                               start, in seconds\n",
		"\n  --otel-exporter-otlp-endpoint URL\n"
		"                               receiver of traces,",
		NULL});
}
END_TEST

START_TEST(config_prints_to_standard_output)
{
	ck_assert_int_eq(
		run((const char *const[]){"config", NULL}, (const char *const[]){"ALLOCD_LANES=3", NULL}),
		STATUS_DONE);

	ck_assert_ptr_nonnull(strstr(out, "\nALLOCD_LANES=3\n"));
	ck_assert_str_eq(err, "");
}
END_TEST

static const char *const wrong[] = {"ALLOCD_LANES=many", "ALLOCD_SMTP_URL=smtp://x", "ALLOCD_MAIL_TO=a@b",
				    NULL};

START_TEST(config_refuses_wrong_settings_and_its_check_prints_every_fault)
{
	check_error = "REDIS_URL: no good";
	ck_assert_int_eq(run((const char *const[]){"config", "--json", NULL}, wrong), STATUS_CONFIGURATION);
	ck_assert_str_eq(err, "allocd: ALLOCD_LANES: expected a whole number from 1 to 16\n");
	ck_assert_str_eq(out, "");

	ck_assert_int_eq(run((const char *const[]){"config", "--check", "--connect", NULL}, wrong),
			 STATUS_CONFIGURATION);
	ck_assert_str_eq(err, "allocd: ALLOCD_LANES: expected a whole number from 1 to 16\n"
			      "allocd: ALLOCD_MAIL_FROM: required when ALLOCD_SMTP_URL is set\n"
			      "allocd: REDIS_URL: no good\n");
	ck_assert_str_eq(out, "");

	ck_assert_int_eq(run((const char *const[]){"config", "--check", "--json", NULL}, wrong),
			 STATUS_CONFIGURATION);
	ck_assert_ptr_eq(strstr(out, "{\"valid\":false,\"faults\":[\"ALLOCD_LANES: "), out);
	ck_assert_str_eq(err, "");
}
END_TEST

START_TEST(servers_are_tried_only_on_request_and_with_right_settings)
{
	ck_assert_int_eq(run((const char *const[]){"config", "--check", NULL}, nothing), STATUS_DONE);
	ck_assert_str_eq(out, "");
	ck_assert_ptr_nonnull(strstr(err, " settings are valid\n"));

	ck_assert_int_eq(run((const char *const[]){"config", "--check", "--connect", NULL}, nothing),
			 STATUS_UNAVAILABLE);
	ck_assert_str_eq(err, "allocd: Redis, nowhere: gone\n");

	ck_assert_int_eq(run((const char *const[]){"config", "--connect", NULL}, nothing), STATUS_USAGE);
}
END_TEST

START_TEST(a_command_that_became_a_program_is_refused_with_the_name_of_the_program)
{
	static const char refusal[] = "allocd: bench is a program of its own now: run allocd-bench\n";

	ck_assert_int_eq(run((const char *const[]){"bench", "--messages", "1", NULL}, nothing), STATUS_USAGE);
	ck_assert_str_eq(err, refusal);
	ck_assert_int_eq(run((const char *const[]){"help", "bench", NULL}, nothing), STATUS_USAGE);
	ck_assert_str_eq(err, refusal);
}
END_TEST

START_TEST(a_program_of_one_command_names_itself_in_errors_and_help)
{
	ck_assert_int_eq(run_program(single_command_main, (const char *const[]){"--foo", NULL}, nothing),
			 STATUS_USAGE);
	ck_assert_str_eq(err, "tool: unknown option --foo (see tool --help)\n");

	ck_assert_int_eq(run_program(single_command_main, (const char *const[]){"--help", NULL}, nothing),
			 STATUS_DONE);
	ck_assert_int_eq(strncmp(out, "usage: tool [OPTION]... [WHAT]\n\nDoes it.\n", 40), 0);

	ck_assert_int_eq(run_program(single_command_main, nothing, (const char *const[]){"REDIS_URL=", NULL}),
			 STATUS_TRY_AGAIN);
	ck_assert_str_eq(called, "tool");
}
END_TEST

SUITE("program", set_up, NULL)
{
	tcase_add_test(tests, a_command_gets_its_settings_and_the_program_exits_with_its_status);
	tcase_add_test(tests, wrong_usage_prints_one_line_and_exits_with_2);
	tcase_add_test(tests, the_first_word_of_two_word_commands_lists_them);
	tcase_add_test(tests, a_wrong_setting_prints_one_line_and_exits_with_78);
	tcase_add_test(tests, an_unknown_setting_only_warns);
	tcase_add_test(tests, version_needs_no_configuration);
	tcase_add_test(tests, help_lists_every_command_and_every_setting_of_each);
	tcase_add_loop_test(tests, a_command_that_was_probably_meant_is_named, 0, COUNT(unknown));
	tcase_add_test(tests, help_begins_with_examples_and_ends_with_the_settings_of_the_log);
	tcase_add_test(tests, help_fits_in_80_columns);
	tcase_add_test(tests, config_prints_to_standard_output);
	tcase_add_test(tests, config_refuses_wrong_settings_and_its_check_prints_every_fault);
	tcase_add_test(tests, servers_are_tried_only_on_request_and_with_right_settings);
	tcase_add_test(tests, a_command_that_became_a_program_is_refused_with_the_name_of_the_program);
	tcase_add_test(tests, a_program_of_one_command_names_itself_in_errors_and_help);
}
