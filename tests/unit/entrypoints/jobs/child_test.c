/* Child processes: what they write, how they end, and that none remains.  The program is a shell. */
#include "bus/ports/logger.h"
#include "entrypoints/jobs/child.h"
#include "entrypoints/jobs/child_environment.h"
#include "entrypoints/jobs/hidden_words.h"
#include "support/suites.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const environment[] = {"PATH=/usr/bin:/bin", "WORD=hello", NULL};
static struct event_base *base;
static struct children *children;
static struct arena *arena;
static const char *lines; /* each behind a bar */
static struct child_end end;
static size_t ended;

static char logged[2048];

static void write_line(struct logger *it, enum log_level level, const char *message,
		       const struct log_field *fields, size_t count)
{
	FILE *out = fmemopen(logged + strlen(logged), sizeof logged - strlen(logged), "w");

	(void)it, (void)level;
	fprintf(out, "%s", message);
	for (size_t i = 0; i < count; i++) {
		if (!fields[i].text)
			fprintf(out, " %s=%lld", fields[i].name, (long long)fields[i].number);
		else if (*fields[i].text)
			fprintf(out, " %s=%s", fields[i].name, fields[i].text);
	}
	fprintf(out, "\n");
	fclose(out);
}

static struct logger logger = {.level = LOG_INFO, .write = write_line};

static void set_up(void)
{
	base = event_base_new();
	children = children_new(base, "/bin/sh", environment, &logger);
	arena = arena_new(4096);
	lines = "";
	ended = 0;
	logged[0] = '\0';
}

static void tear_down(void)
{
	children_free(&children);
	event_base_free(base);
	arena_free(&arena);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child remains */
}

static void on_line(void *context, const char *line, size_t size)
{
	(void)context;
	lines = arena_printf(arena, "%s|%.*s", lines, (int)(size < 40 ? size : 40), line);
}

static void on_ended(void *context, const struct child_end *given)
{
	(void)context;
	end = *given;
	end.error = arena_strdup(arena, given->error);
	ended++;
}

static struct child *start(const char *script, int deadline_ms, size_t output_max)
{
	return child_start(children, &(struct child_call){
					     .arguments = (const char *const[]){"-c", script, NULL},
					     .deadline_ms = deadline_ms,
					     .output_max = output_max,
					     .line = on_line,
					     .ended = on_ended,
				     });
}

static void await_end(size_t count)
{
	while (ended < count)
		event_base_loop(base, EVLOOP_ONCE);
}

static void run(const char *script)
{
	ck_assert_ptr_nonnull(start(script, 0, 0));
	ck_assert_uint_eq(ended, 0);
	await_end(1);
}

START_TEST(each_whole_line_is_passed_on)
{
	run("printf 'one\\n\\n'; echo $WORD; printf half");
	ck_assert_str_eq(lines, "|one||hello");
	ck_assert_int_eq(end.status, 0);
	ck_assert_uint_eq(children_count(children), 0);
}
END_TEST

START_TEST(a_long_line_is_passed_on_as_one)
{
	run("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end");
	ck_assert_str_eq(lines, "|xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx|end");
}
END_TEST

START_TEST(the_error_is_the_last_one_of_the_program)
{
	run("echo 'allocd: list: first' >&2; echo 'allocd: list: second' >&2; echo 'level=error msg=x' >&2; exit 3");
	ck_assert_int_eq(end.status, 3);
	ck_assert_str_eq(end.error, "list: second");
	ended = 0;
	run("echo log >&2; kill -9 $$");
	ck_assert_int_eq(end.status, -1);
	ck_assert_str_eq(end.error, "log");
}
END_TEST

START_TEST(a_child_has_only_its_standard_descriptors_and_no_input)
{
	int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */

	run("ls /proc/self/fd | tr '\\n' ' '; echo; read word || echo nothing");
	close(leaked);
	/* The fourth is the one by which ls reads the directory. */
	ck_assert_str_eq(lines, "|0 1 2 3 |nothing");
}
END_TEST

START_TEST(hidden_arguments_come_by_standard_input)
{
	const char *const words[] = {"-c", "tr '\\0\\n' ',;'; echo", "a secret", "of\nlines", NULL};

	ck_assert_ptr_nonnull(child_start(children, &(struct child_call){.arguments = words,
									 .hides_arguments = true,
									 .line = on_line,
									 .ended = on_ended}));
	await_end(1);
	ck_assert_ptr_nonnull(strstr(lines, "|a secret,of;lines,"));
}
END_TEST

START_TEST(no_argument_that_is_hidden_is_on_the_command_line)
{
	const char *const words[] = {"-c", "tr '\\0' ',' </proc/$$/cmdline | cut -c 1-3; echo $0", "a secret",
				     NULL};

	ck_assert_ptr_nonnull(child_start(children, &(struct child_call){.arguments = words,
									 .hides_arguments = true,
									 .line = on_line,
									 .ended = on_ended}));
	await_end(1);
	ck_assert_str_eq(lines, "|all|--words-from-stdin");
}
END_TEST

START_TEST(hidden_words_without_an_end_are_refused_before_all_are_read)
{
	const char *const words[] = {"await", WORDS_FROM_STDIN, NULL};
	const char *error = NULL;
	FILE *in = tmpfile();

	ck_assert_int_eq(ftruncate(fileno(in), (off_t)(8 * HIDDEN_WORDS_MAX)), 0);
	ck_assert_ptr_null(hidden_words_read(words, in, arena, &error));
	ck_assert_str_eq(error, "expected words on standard input, each ended by NUL");
	ck_assert_int_le(ftello(in), (off_t)(2 * HIDDEN_WORDS_MAX));
	fclose(in);
}
END_TEST

START_TEST(signals_that_the_worker_ignores_have_their_defaults)
{
	signal(SIGHUP, SIG_IGN);
	run("kill -HUP $$; echo survived");
	signal(SIGHUP, SIG_DFL);
	ck_assert_str_eq(lines, "");
	ck_assert_int_eq(end.status, -1);
}
END_TEST

START_TEST(a_child_is_killed_at_its_deadline)
{
	ck_assert_ptr_nonnull(start("trap '' TERM; echo begun; exec sleep 60", 50, 0));
	await_end(1);
	ck_assert_int_eq(end.cut, CHILD_WAS_LATE);
}
END_TEST

START_TEST(a_child_that_writes_too_much_is_killed)
{
	ck_assert_ptr_nonnull(start("exec yes", 0, 10000));
	await_end(1);
	ck_assert_int_eq(end.cut, CHILD_WAS_TOO_LONG);
}
END_TEST

START_TEST(a_child_can_be_asked_to_stop)
{
	struct child *child =
		start("trap 'echo stopped; exit 75' TERM; echo begun; while :; do sleep 0.01; done", 0, 0);

	while (!*lines)
		event_base_loop(base, EVLOOP_ONCE);
	child_stop(child);
	await_end(1);
	ck_assert_str_eq(lines, "|begun|stopped");
	ck_assert_int_eq(end.status, 75);
}
END_TEST

static void stop_ended(void *context, const struct child_end *given)
{
	struct child **child = context;

	child_stop(*child); /* without a process, the signal would go to this group */
	on_ended(NULL, given);
}

START_TEST(a_child_that_has_ended_gets_no_signal)
{
	struct child *child;

	child = child_start(children,
			    &(struct child_call){.arguments = (const char *const[]){"-c", ":", NULL},
						 .line = on_line,
						 .ended = stop_ended,
						 .context = &child});
	await_end(1);
	ck_assert_int_eq(end.status, 0);
	ck_assert(!end.was_stopped);
}
END_TEST

START_TEST(a_child_has_a_process_group_of_its_own)
{
	run("read -r pid name state parent group rest </proc/$$/stat; test $group = $$ && echo own");
	ck_assert_str_eq(lines, "|own");
}
END_TEST

static const struct {
	const char *script;
	bool is_regular;
	const char *logged; /* NULL: nothing */
} endings[] = {
	{"exit 0", true, NULL},
	{"exit 1", true, NULL},
	{"exit 2", false, NULL},
	{"exit 69", false, NULL},
	{"exit 75", false, NULL},
	{"echo 'allocd: list: the database refused' >&2; exit 76", false,
	 "status=76 error=list: the database refused"},
	{"exit 78", false, "status=78"},
	{"kill -9 $$", false, "status=-1 signal=Killed"},
	{"exit 127", false, "status=127 error=this program cannot be executed in a child"},
};

/* Wrong requests and services that are away are answers, and need no line. */
START_TEST(the_end_of_a_child_that_failed_is_logged)
{
	run(endings[_i].script);
	ck_assert_int_eq(child_ended_regularly(&end), endings[_i].is_regular);
	if (endings[_i].logged)
		ck_assert_msg(strstr(logged, endings[_i].logged), "%s", logged);
	else
		ck_assert_str_eq(logged, "");
}
END_TEST

START_TEST(a_child_that_was_stopped_is_not_logged_and_a_late_one_is)
{
	child_stop(start("exec sleep 60", 0, 0));
	await_end(1);
	ck_assert(end.was_stopped);
	ck_assert_str_eq(logged, "");
	start("exec sleep 60", 10, 0);
	await_end(2);
	ck_assert_msg(strstr(logged, "error=it took too long"), "%s", logged);
}
END_TEST

START_TEST(a_program_that_cannot_be_executed_is_logged)
{
	children_free(&children);
	children = children_new(base, "/nonexistent", environment, &logger);
	run("");
	ck_assert_int_eq(end.status, CHILD_CANNOT_RUN);
	ck_assert_str_eq(end.error, "this program cannot be executed in a child");
	ck_assert_msg(strstr(logged, "a command of the admin API failed"), "%s", logged);
}
END_TEST

START_TEST(a_refusal_of_the_system_is_not_taken_for_too_many_children)
{
	struct rlimit before, none;

	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){3, before.rlim_max};
	ck_assert_ptr_nonnull(start("exec sleep 60", 0, 0));
	ck_assert(!children_are_refused(children));
	setrlimit(RLIMIT_NOFILE, &none);
	ck_assert_ptr_null(start("exec sleep 60", 0, 0));
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert(children_are_refused(children));
	ck_assert_msg(strstr(logged, "cannot be started command=-c error=Too many open files"), "%s", logged);
	while (start("exec sleep 60", 0, 0))
		ck_assert(!children_are_refused(children));
	ck_assert(!children_are_refused(children));
}
END_TEST

START_TEST(only_a_few_run_at_a_time)
{
	for (int i = 0; i < CHILDREN_MAX; i++)
		ck_assert_ptr_nonnull(start("exec sleep 60", 0, 0));
	ck_assert_ptr_null(start("exec sleep 60", 0, 0));
	children_stop(children);
	await_end(CHILDREN_MAX);
	ck_assert_ptr_nonnull(start("exec sleep 60", 0, 0)); /* killed in the end */
}
END_TEST

/* ---- the environment ---- */

static const char *built(const char *const given[], const struct option_value *options, size_t count)
{
	struct faults faults = {.arena = arena};
	static struct config config;
	const char *const *entries;
	const char *all = "";

	config_load(&config, arena, given, options, count, &faults);
	ck_assert_msg(!faults.count, "%s", faults.count ? faults.texts[0] : "");
	for (entries = child_environment(&config, given, arena); *entries; entries++)
		all = arena_printf(arena, "%s|%s", all, *entries);
	return all;
}

static const struct setting *setting_named(const char *variable)
{
	const struct setting *setting = settings;

	while (strcmp(setting->variable, variable) != 0)
		setting++;
	return setting;
}

START_TEST(settings_of_the_environment_and_of_options_are_handed_over)
{
	const struct option_value option = {setting_named("ALLOCD_PREFIX"), false, "new:"};

	ck_assert_str_eq(
		built((const char *const[]){"HOME=/", "ALLOCD_PREFIX=old:", "DATABASE_URL=postgresql:///x",
					    "ALLOCD_PREFIXES=kept", NULL},
		      &option, 1),
		"|HOME=/|DATABASE_URL=postgresql:///x|ALLOCD_PREFIXES=kept|ALLOCD_PREFIX=new:");
}
END_TEST

START_TEST(tokens_are_not_handed_over)
{
	ck_assert_str_eq(built((const char *const[]){"ALLOCD_ADMIN_TOKEN=a", "ALLOCD_HTTP_TOKEN=b",
						     "ALLOCD_LANES=3", NULL},
			       NULL, 0),
			 "|ALLOCD_LANES=3");
}
END_TEST

START_TEST(a_secret_that_can_be_read_only_once_is_handed_over_as_text)
{
	const char *entry;
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "postgresql:///y\n", 16), 16);
	close(ends[1]);
	entry = arena_printf(arena, "DATABASE_URL_FILE=/dev/fd/%d", ends[0]);
	ck_assert_str_eq(built((const char *const[]){entry, NULL}, NULL, 0), "|DATABASE_URL=postgresql:///y");
	close(ends[0]);
}
END_TEST

SUITE("children", set_up, tear_down)
{
	tcase_add_test(tests, each_whole_line_is_passed_on);
	tcase_add_test(tests, a_long_line_is_passed_on_as_one);
	tcase_add_test(tests, hidden_arguments_come_by_standard_input);
	tcase_add_test(tests, no_argument_that_is_hidden_is_on_the_command_line);
	tcase_add_test(tests, hidden_words_without_an_end_are_refused_before_all_are_read);
	tcase_add_test(tests, the_error_is_the_last_one_of_the_program);
	tcase_add_test(tests, a_child_has_only_its_standard_descriptors_and_no_input);
	tcase_add_test(tests, signals_that_the_worker_ignores_have_their_defaults);
	tcase_add_test(tests, a_child_is_killed_at_its_deadline);
	tcase_add_test(tests, a_child_that_writes_too_much_is_killed);
	tcase_add_test(tests, a_child_can_be_asked_to_stop);
	tcase_add_test(tests, a_child_that_has_ended_gets_no_signal);
	tcase_add_test(tests, a_child_has_a_process_group_of_its_own);
	tcase_add_loop_test(tests, the_end_of_a_child_that_failed_is_logged, 0, COUNT(endings));
	tcase_add_test(tests, a_child_that_was_stopped_is_not_logged_and_a_late_one_is);
	tcase_add_test(tests, a_program_that_cannot_be_executed_is_logged);
	tcase_add_test(tests, a_refusal_of_the_system_is_not_taken_for_too_many_children);
	tcase_add_test(tests, only_a_few_run_at_a_time);
	tcase_add_test(tests, settings_of_the_environment_and_of_options_are_handed_over);
	tcase_add_test(tests, tokens_are_not_handed_over);
	tcase_add_test(tests, a_secret_that_can_be_read_only_once_is_handed_over_as_text);
}
