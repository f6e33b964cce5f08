/*
 * The settings: defaults, environment, options, files, what is refused, what is warned of, what is printed.
 */
#include "entrypoints/config/config.h"
#include "support/suites.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena *arena;
static struct config config;
static struct faults faults;
static const char *error; /* the first fault, or NULL */

static void set_up(void)
{
	arena = arena_new(4096);
	error = NULL;
}

static void tear_down(void)
{
	arena_free(&arena);
}

static bool load_with(const char *const environment[], const struct option_value *options, size_t count)
{
	faults = (struct faults){.arena = arena};
	config_load(&config, arena, environment, options, count, &faults);
	error = faults.count ? faults.texts[0] : NULL;
	return !error;
}

static bool load(const char *const environment[])
{
	return load_with(environment, NULL, 0);
}

static bool load_one(const char *variable)
{
	return load((const char *const[]){variable, NULL});
}

static const struct setting *setting_named(const char *variable)
{
	for (size_t i = 0; i < settings_count; i++) {
		if (strcmp(settings[i].variable, variable) == 0)
			return &settings[i];
	}
	ck_abort_msg("no setting %s", variable);
	return NULL;
}

static bool load_option(const char *variable, const char *text, bool is_file, const char *const environment[])
{
	struct option_value option = {setting_named(variable), is_file, text};

	return load_with(environment, &option, 1);
}

static const char *const nothing[] = {NULL};

START_TEST(settings_default_to_what_the_contract_says)
{
	ck_assert(load(nothing));

	ck_assert_str_eq(config.database_url, "postgresql:///allocd");
	ck_assert_str_eq(config.redis_url, "redis://127.0.0.1:6379/0");
	ck_assert_str_eq(config.prefix, "");
	ck_assert_uint_eq(config.streams.count, 1);
	ck_assert_str_eq(config.streams.names[0], "allocd:commands");
	ck_assert_str_eq(config.group, "allocd");
	ck_assert_str_eq(config.event_stream, "allocd:events");
	ck_assert_str_eq(config.http.host, "127.0.0.1");
	ck_assert_int_eq(config.http.port, 5005);
	ck_assert_str_eq(config.smtp_url, "");
	ck_assert_int_eq(config.encoding, EVENT_JSON);
	ck_assert_int_eq(config.envelope, EVENT_BARE);
	ck_assert_str_eq(config.source, "allocd");
	ck_assert_int_eq(config.unit_max, 1000);
	ck_assert_int_eq(config.lanes, 2);
	ck_assert_int_eq(config.inbox_days, 7);
	ck_assert_int_eq(config.dead_letters_max, 100000);
	ck_assert_int_eq(config.dead_letters_days, 90);
	ck_assert_int_eq(config.start_wait_s, 30);
	ck_assert_int_eq(config.log_level, LOG_INFO);
	ck_assert_int_eq(config.log_format, LOG_AS_LOGFMT);
}
END_TEST

START_TEST(the_environment_wins_over_the_default)
{
	const char *const environment[] = {"ALLOCD_LANES=3", "ALLOCD_LOG_FORMAT=json", "ALLOCD_LANESX=9",
					   NULL};

	ck_assert(load(environment));

	ck_assert_int_eq(config.lanes, 3);
	ck_assert_int_eq(config.log_format, LOG_AS_JSON);
}
END_TEST

START_TEST(the_option_wins_over_the_environment)
{
	ck_assert(load_option("ALLOCD_LANES", "5", false, (const char *const[]){"ALLOCD_LANES=many", NULL}));

	ck_assert_int_eq(config.lanes, 5);
}
END_TEST

START_TEST(an_empty_variable_counts_as_unset)
{
	ck_assert(load((const char *const[]){"ALLOCD_LANES=", "ALLOCD_GROUP=", "REDIS_URL=", NULL}));

	ck_assert_int_eq(config.lanes, 2);
	ck_assert_str_eq(config.group, "allocd");
	ck_assert_str_eq(config.redis_url, "redis://127.0.0.1:6379/0");
}
END_TEST

START_TEST(an_empty_variable_turns_off_what_can_be_off)
{
	ck_assert(
		load((const char *const[]){"ALLOCD_HTTP=", "ALLOCD_STREAM=", "ALLOCD_EVENT_STREAM=", NULL}));

	ck_assert_ptr_null(config.http.host);
	ck_assert_uint_eq(config.streams.count, 0);
	ck_assert_str_eq(config.event_stream, "");
}
END_TEST

static const char *const refused[] = {
	"ALLOCD_HTTP=nowhere",
	"ALLOCD_HTTP=:5005",
	"ALLOCD_HTTP=127.0.0.1:65536",
	"ALLOCD_HTTP=127.0.0.1:",
	"ALLOCD_HTTP=127.0.0.1:-1",
	"ALLOCD_HTTP=::1:5005",
	"ALLOCD_HTTP=[]:5005",
	"ALLOCD_HTTP=http://127.0.0.1:5005",
	"ALLOCD_ENCODING=xml",
	"ALLOCD_ENCODING=JSON",
	"ALLOCD_ENVELOPE=paper",
	"ALLOCD_STREAM=,",
	"ALLOCD_STREAM=a,",
	"ALLOCD_STREAM=a,,b",
	"ALLOCD_STREAM=a,b,a",
	"ALLOCD_STREAM=commands[0-31],orders",
	"ALLOCD_STREAM=commands[7-0]",
	"ALLOCD_STREAM=commands[0-1000]",
	"ALLOCD_STREAM=commands[0-99999999999999999999]",
	"ALLOCD_STREAM=commands[3-3]",
	"ALLOCD_STREAM=commands[00-07]",
	"ALLOCD_STREAM=commands[0-3],orders[0-3]",
	"ALLOCD_STREAM=commands1,commands[0-3]",
	"ALLOCD_UNIT_MAX=0",
	"ALLOCD_UNIT_MAX=10001",
	"ALLOCD_UNIT_MAX= 7",
	"ALLOCD_UNIT_MAX=+7",
	"ALLOCD_LANES=many",
	"ALLOCD_LANES=17",
	"ALLOCD_LANES=99999999999999999999",
	"ALLOCD_INBOX_DAYS=-1",
	"ALLOCD_DEAD_LETTERS_MAX=1e5",
	"ALLOCD_DEAD_LETTERS_DAYS=0",
	"ALLOCD_START_WAIT=soon",
	"ALLOCD_LOG_LEVEL=loud",
	"ALLOCD_LOG_FORMAT=prose",
	"ALLOCD_MAIL_FROM=allocd",
	"ALLOCD_MAIL_FROM=allocd <allocd@shop>",
	"ALLOCD_MAIL_FROM=a@b\r\nBcc: c@d",
	"ALLOCD_MAIL_FROM=caf\xc3\xa9@shop",
	"ALLOCD_MAIL_FROM=a@b@c",
	"ALLOCD_MAIL_TO=a@b,",
	"ALLOCD_MAIL_TO=,a@b",
	"ALLOCD_MAIL_TO=a@b c@d",
	"ALLOCD_MAIL_TO=a@b,a@b",
	"ALLOCD_MAIL_TO=a@b,<c@d>",
	"ALLOCD_MAIL_TO=a@1,a@2,a@3,a@4,a@5,a@6,a@7,a@8,a@9,b@1,b@2,b@3,b@4,b@5,b@6,b@7,b@8",
	"ALLOCD_MAIL_TLS=on",
	"ALLOCD_MAIL_TIMEOUT=46",
	"ALLOCD_MAIL_RETRY=0",
	"ALLOCD_MAIL_TRIES=0",
	"ALLOCD_SOURCE=two\nlines",
	"ALLOCD_SOURCE=caf\xe9",
	"ALLOCD_STREAM=caf\xe9",
	"ALLOCD_PREFIX=\xff",
	"ALLOCD_REDIS_CA_FILE=two\nlines",
};

START_TEST(an_error_names_the_setting_and_what_it_accepts)
{
	const char *name =
		arena_printf(arena, "%.*s: expected ", (int)strcspn(refused[_i], "="), refused[_i]);

	ck_assert(!load_one(refused[_i]));

	ck_assert_int_eq(strncmp(error, name, strlen(name)), 0);
	ck_assert_ptr_null(strchr(error, '\n'));
}
END_TEST

START_TEST(every_wrong_setting_is_a_fault_and_has_its_default)
{
	ck_assert(!load((const char *const[]){"ALLOCD_LANES=many", "ALLOCD_SMTP_URL=smtp://host",
					      "ALLOCD_MAIL_TO=nobody", "REDIS_URL_FILE=/nowhere",
					      "ALLOCD_EVENT_STREAM=same", "ALLOCD_STREAM=same", NULL}));

	ck_assert_uint_eq(faults.count, 5);
	ck_assert_str_eq(faults.texts[0],
			 "REDIS_URL_FILE: cannot read '/nowhere': No such file or directory");
	ck_assert_ptr_eq(strstr(faults.texts[1], "ALLOCD_MAIL_TO: expected up to 16"), faults.texts[1]);
	ck_assert_str_eq(faults.texts[2], "ALLOCD_LANES: expected a whole number from 1 to 16");
	ck_assert_str_eq(faults.texts[3], "ALLOCD_MAIL_FROM: required when ALLOCD_SMTP_URL is set");
	ck_assert_str_eq(faults.texts[4],
			 "ALLOCD_EVENT_STREAM: expected a name that is not in ALLOCD_STREAM");
	ck_assert_int_eq(config.lanes, 2);
	ck_assert_str_eq(config.redis_url, "redis://127.0.0.1:6379/0");
}
END_TEST

START_TEST(an_error_names_the_option_when_the_value_came_from_one)
{
	ck_assert(!load_option("ALLOCD_LOG_LEVEL", "loud", false, nothing));

	ck_assert_str_eq(error, "--log-level: expected debug, info, warn or error");
}
END_TEST

START_TEST(a_listen_address_is_split_into_host_and_port)
{
	ck_assert(load_one("ALLOCD_HTTP=[::1]:80"));
	ck_assert_str_eq(config.http.host, "::1");
	ck_assert_int_eq(config.http.port, 80);

	ck_assert(load_one("ALLOCD_HTTP=localhost:0"));
	ck_assert_str_eq(config.http.host, "localhost");
	ck_assert_int_eq(config.http.port, 0);
}
END_TEST

START_TEST(names_of_streams_are_separated_by_commas)
{
	ck_assert(load_one("ALLOCD_STREAM=orders,stock of the south"));

	ck_assert_uint_eq(config.streams.count, 2);
	ck_assert_str_eq(config.streams.names[0], "orders");
	ck_assert_str_eq(config.streams.names[1], "stock of the south");
}
END_TEST

START_TEST(a_range_stands_for_its_names)
{
	ck_assert(load_one("ALLOCD_STREAM=commands,commands[8-11],stock[a-b]"));

	ck_assert_uint_eq(config.streams.count, 6);
	ck_assert_uint_eq(config.streams.range_first, 1);
	ck_assert_uint_eq(config.streams.range_count, 4);
	ck_assert_str_eq(config.streams.names[0], "commands");
	ck_assert_str_eq(config.streams.names[1], "commands8");
	ck_assert_str_eq(config.streams.names[4], "commands11");
	ck_assert_str_eq(config.streams.names[5], "stock[a-b]");
	ck_assert_str_eq(config.streams.text, "commands,commands[8-11],stock[a-b]");
}
END_TEST

START_TEST(a_stream_cannot_be_named_like_the_lease_of_pubsub)
{
	ck_assert(!load((const char *const[]){"ALLOCD_STREAM=a,pubsub", NULL}));
	ck_assert_str_eq(error,
			 "ALLOCD_STREAM: a stream cannot be named pubsub without ALLOCD_PREFIX, because the"
			 " lease of pub/sub has that name");

	ck_assert(load((const char *const[]){"ALLOCD_STREAM=a,pubsub", "ALLOCD_PREFIX=site:", NULL}));
}
END_TEST

START_TEST(the_event_stream_must_not_be_a_command_stream)
{
	ck_assert(!load((const char *const[]){"ALLOCD_STREAM=a,b", "ALLOCD_EVENT_STREAM=b", NULL}));

	ck_assert_str_eq(error, "ALLOCD_EVENT_STREAM: expected a name that is not in ALLOCD_STREAM");
}
END_TEST

START_TEST(recipients_of_mail_are_separated_by_commas)
{
	ck_assert(load((const char *const[]){"ALLOCD_MAIL_TO=ann@shop, bob@shop ,eve+x@[127.0.0.1]", NULL}));

	ck_assert_uint_eq(config.mail_to.count, 3);
	ck_assert_str_eq(config.mail_to.addresses[0], "ann@shop");
	ck_assert_str_eq(config.mail_to.addresses[1], "bob@shop");
	ck_assert_str_eq(config.mail_to.addresses[2], "eve+x@[127.0.0.1]");
}
END_TEST

START_TEST(mail_requires_a_sender_and_a_recipient)
{
	ck_assert(!load((const char *const[]){"ALLOCD_SMTP_URL=smtp://mail:25", "ALLOCD_MAIL_TO=a@b", NULL}));
	ck_assert_ptr_nonnull(strstr(error, "ALLOCD_MAIL_FROM"));

	ck_assert(
		!load((const char *const[]){"ALLOCD_SMTP_URL=smtp://mail:25", "ALLOCD_MAIL_FROM=a@b", NULL}));
	ck_assert_ptr_nonnull(strstr(error, "ALLOCD_MAIL_TO"));

	ck_assert(load((const char *const[]){"ALLOCD_SMTP_URL=smtp://mail:25", "ALLOCD_MAIL_FROM=a@b",
					     "ALLOCD_MAIL_TO=c@d", NULL}));
}
END_TEST

/* ---- files ---- */

/* A path to a file with that text, which is gone with the test. */
static char *file_with(const char *text)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fflush(file);
	return arena_printf(arena, "/proc/self/fd/%d", fileno(file));
}

START_TEST(a_url_is_read_from_its_file)
{
	char *path = file_with("redis://:secret@host/1\n");

	ck_assert(load_one(arena_printf(arena, "REDIS_URL_FILE=%s", path)));
	ck_assert_str_eq(config.redis_url, "redis://:secret@host/1");

	ck_assert(
		load_option("REDIS_URL", path, true, (const char *const[]){"REDIS_URL=redis://other", NULL}));
	ck_assert_str_eq(config.redis_url, "redis://:secret@host/1");
}
END_TEST

START_TEST(a_url_and_its_file_cannot_be_set_together)
{
	const char *file = arena_printf(arena, "REDIS_URL_FILE=%s", file_with("redis://host"));

	ck_assert(!load((const char *const[]){"REDIS_URL=redis://host", file, NULL}));

	ck_assert_str_eq(error, "REDIS_URL_FILE: cannot be set together with REDIS_URL");
}
END_TEST

START_TEST(a_missing_or_empty_file_is_refused)
{
	char *path = file_with("\n");

	ck_assert(!load_one("DATABASE_URL_FILE=/nowhere/at/all"));
	ck_assert_str_eq(error,
			 "DATABASE_URL_FILE: cannot read '/nowhere/at/all': No such file or directory");

	ck_assert(!load_one(arena_printf(arena, "DATABASE_URL_FILE=%s", path)));
	ck_assert_ptr_nonnull(strstr(error, "is empty"));
}
END_TEST

/* A folder with that one credential. */
static char *credentials_with(const char *name, const char *text)
{
	char *folder = arena_printf(arena, "%s/credentials-XXXXXX", suites_folder()), *path;
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	path = arena_printf(arena, "%s/%s", folder, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	return folder;
}

START_TEST(a_credential_of_the_service_manager_is_the_file_of_its_setting_unless_that_is_set)
{
	char *folder = credentials_with("database-url", "postgresql://:secret@host/db\n");
	const char *variable = arena_printf(arena, "CREDENTIALS_DIRECTORY=%s", folder);

	ck_assert(load((const char *const[]){variable, NULL}));
	ck_assert_str_eq(config.database_url, "postgresql://:secret@host/db");
	ck_assert_str_eq(config.redis_url, "redis://127.0.0.1:6379/0");
	ck_assert(load((const char *const[]){variable, "DATABASE_URL=postgresql://other/db", NULL}));
	ck_assert_str_eq(config.database_url, "postgresql://other/db");
	ck_assert(load((const char *const[]){
		variable, arena_printf(arena, "DATABASE_URL_FILE=%s", file_with("postgresql://another/db")),
		NULL}));
	ck_assert_str_eq(config.database_url, "postgresql://another/db");
	unlink(arena_printf(arena, "%s/database-url", folder));
	ck_assert(load((const char *const[]){variable, NULL}));
	ck_assert_str_eq(config.database_url, "postgresql:///allocd");
	rmdir(folder);
}
END_TEST

START_TEST(credentials_that_cannot_be_looked_up_are_an_error)
{
	ck_assert(!load_one(arena_printf(arena, "CREDENTIALS_DIRECTORY=%s", file_with("no folder"))));
	ck_assert_msg(strstr(error, "/database-url': Not a directory"), "%s", error);
}
END_TEST

START_TEST(only_settings_that_may_hold_a_password_have_a_file)
{
	ck_assert(load((const char *const[]){"ALLOCD_LANES_FILE=/nowhere", NULL}));
}
END_TEST

START_TEST(a_password_in_an_option_is_refused)
{
	ck_assert(!load_option("REDIS_URL", "redis://:the-secret@host/0", false, nothing));

	ck_assert_ptr_nonnull(strstr(error, "--redis-url"));
	ck_assert_ptr_nonnull(strstr(error, "REDIS_URL_FILE"));
	ck_assert_ptr_null(strstr(error, "the-secret"));
}
END_TEST

/* ---- warnings ---- */

static char warnings[2048];

static void keep_warning(struct logger *logger, enum log_level level, const char *message,
			 const struct log_field *fields, size_t count)
{
	(void)logger;
	ck_assert_int_eq(level, LOG_WARN);
	snprintf(warnings + strlen(warnings), sizeof warnings - strlen(warnings), "%s", message);
	for (size_t i = 0; i < count; i++)
		snprintf(warnings + strlen(warnings), sizeof warnings - strlen(warnings), " %s",
			 fields[i].text);
	strcat(warnings, "\n");
}

static const char *warned_of(const char *const environment[])
{
	struct logger logger = {.level = LOG_DEBUG, .write = keep_warning};

	warnings[0] = '\0';
	ck_assert(load(environment));
	config_warn(&config, environment, &logger);
	return warnings;
}

START_TEST(an_unknown_setting_is_logged_with_the_nearest_name)
{
	ck_assert_str_eq(warned_of((const char *const[]){"ALLOCD_LOG_LEVLE=debug", NULL}),
			 "unknown setting in the environment ALLOCD_LOG_LEVLE ALLOCD_LOG_LEVEL\n");
	ck_assert_str_eq(warned_of((const char *const[]){"ALLOCD_LANE=debug", NULL}),
			 "unknown setting in the environment ALLOCD_LANE ALLOCD_LANES\n");
}
END_TEST

START_TEST(what_allocd_dev_sets_for_clients_is_not_logged)
{
	ck_assert_str_eq(warned_of((const char *const[]){"ALLOCD_URL=http://127.0.0.1:5005",
							 "ALLOCD_DEV_URL=http://127.0.0.1:5006", NULL}),
			 "");
}
END_TEST

START_TEST(known_settings_and_foreign_variables_are_not_logged)
{
	ck_assert_str_eq(warned_of((const char *const[]){"ALLOCD_LANES=1", "PATH=/bin", "ALLOC=1", NULL}),
			 "");
}
END_TEST

/* ---- printing ---- */

static void print_settings(FILE *out)
{
	config_print(&config, out);
}

static const char *printed_by(void print(FILE *))
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *kept;

	print(out);
	fclose(out);
	kept = arena_strdup(arena, text);
	free(text);
	return kept;
}

static const char *printed(void)
{
	return printed_by(print_settings);
}

START_TEST(a_template_has_every_setting_commented_out)
{
	const char *text = printed_by(config_print_template);

	for (size_t i = 0; i < settings_count; i++)
		ck_assert_ptr_nonnull(strstr(
			text, arena_printf(arena, "\n#%s=%s\n", settings[i].variable, settings[i].fallback)));
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		ck_assert(*line == '#' || *line == '\n');
	ck_assert_ptr_nonnull(strstr(text, "\n# ---- Mail ----\n\n# smtp://"));
	ck_assert_ptr_nonnull(strstr(text, "\n# or ALLOCD_SMTP_URL_FILE: a file that holds it\n"));
}
END_TEST

START_TEST(every_setting_is_printed_with_its_value)
{
	const char *text;

	ck_assert(load_one("ALLOCD_UNIT_MAX=17"));
	text = printed();

	for (size_t i = 0; i < settings_count; i++)
		ck_assert_ptr_nonnull(strstr(text, arena_printf(arena, "\n%s=", settings[i].variable)));
	ck_assert_ptr_nonnull(strstr(text, "\nALLOCD_UNIT_MAX=17\n"));
}
END_TEST

START_TEST(characters_special_to_the_shell_are_quoted)
{
	ck_assert(load_one("ALLOCD_SOURCE=a b'c\"d$e\\f`g"));

	ck_assert_ptr_nonnull(strstr(printed(), "\nALLOCD_SOURCE=\"a b'c\\\"d\\$e\\\\f\\`g\"\n"));
}
END_TEST

/* One token alone may have 2 KiB. */
START_TEST(headers_for_the_receiver_of_traces_have_4_kib)
{
	char *given = arena_printf(arena, "OTEL_EXPORTER_OTLP_HEADERS=a=%04094d", 0);

	ck_assert(load_one(given));
	ck_assert_uint_eq(strlen(config.otlp_headers), 4096);

	ck_assert(!load_one(arena_printf(arena, "%s0", given)));
	ck_assert_ptr_nonnull(strstr(error, "OTEL_EXPORTER_OTLP_HEADERS: expected up to 4096 bytes"));
}
END_TEST

START_TEST(passwords_are_not_printed)
{
	ck_assert(load((const char *const[]){"REDIS_URL=redis://user:the-secret@host/0",
					     "DATABASE_URL=host=db password='the-secret' user=me", NULL}));

	ck_assert_ptr_null(strstr(printed(), "the-secret"));
	ck_assert_ptr_nonnull(strstr(printed(), "\nREDIS_URL=redis://user:***@host/0\n"));
	ck_assert_ptr_nonnull(strstr(printed(), "\nDATABASE_URL=\"host=db password=*** user=me\"\n"));
}
END_TEST

START_TEST(a_setting_read_from_a_file_is_printed_as_the_path)
{
	char *path = file_with("redis://:the-secret@host/1\n");

	ck_assert(load_one(arena_printf(arena, "REDIS_URL_FILE=%s", path)));

	ck_assert_ptr_null(strstr(printed(), "the-secret"));
	ck_assert_ptr_nonnull(strstr(printed(), arena_printf(arena, "\nREDIS_URL_FILE=%s\n", path)));
}
END_TEST

SUITE("config", set_up, tear_down)
{
	tcase_add_test(tests, settings_default_to_what_the_contract_says);
	tcase_add_test(tests, the_environment_wins_over_the_default);
	tcase_add_test(tests, the_option_wins_over_the_environment);
	tcase_add_test(tests, an_empty_variable_counts_as_unset);
	tcase_add_test(tests, an_empty_variable_turns_off_what_can_be_off);
	tcase_add_loop_test(tests, an_error_names_the_setting_and_what_it_accepts, 0, COUNT(refused));
	tcase_add_test(tests, every_wrong_setting_is_a_fault_and_has_its_default);
	tcase_add_test(tests, an_error_names_the_option_when_the_value_came_from_one);
	tcase_add_test(tests, a_listen_address_is_split_into_host_and_port);
	tcase_add_test(tests, names_of_streams_are_separated_by_commas);
	tcase_add_test(tests, a_range_stands_for_its_names);
	tcase_add_test(tests, a_stream_cannot_be_named_like_the_lease_of_pubsub);
	tcase_add_test(tests, the_event_stream_must_not_be_a_command_stream);
	tcase_add_test(tests, recipients_of_mail_are_separated_by_commas);
	tcase_add_test(tests, mail_requires_a_sender_and_a_recipient);
	tcase_add_test(tests, a_url_is_read_from_its_file);
	tcase_add_test(tests, a_url_and_its_file_cannot_be_set_together);
	tcase_add_test(tests, a_missing_or_empty_file_is_refused);
	tcase_add_test(tests,
		       a_credential_of_the_service_manager_is_the_file_of_its_setting_unless_that_is_set);
	tcase_add_test(tests, credentials_that_cannot_be_looked_up_are_an_error);
	tcase_add_test(tests, only_settings_that_may_hold_a_password_have_a_file);
	tcase_add_test(tests, a_password_in_an_option_is_refused);
	tcase_add_test(tests, an_unknown_setting_is_logged_with_the_nearest_name);
	tcase_add_test(tests, what_allocd_dev_sets_for_clients_is_not_logged);
	tcase_add_test(tests, known_settings_and_foreign_variables_are_not_logged);
	tcase_add_test(tests, a_template_has_every_setting_commented_out);
	tcase_add_test(tests, every_setting_is_printed_with_its_value);
	tcase_add_test(tests, characters_special_to_the_shell_are_quoted);
	tcase_add_test(tests, headers_for_the_receiver_of_traces_have_4_kib);
	tcase_add_test(tests, passwords_are_not_printed);
	tcase_add_test(tests, a_setting_read_from_a_file_is_printed_as_the_path);
}
