/* Jobs: how they begin, what they say, how they end, and how many are remembered.  The program is a shell. */
#include "bus/ports/logger.h"
#include "bus/ports/random.h"
#include "entrypoints/jobs/job_table.h"
#include "support/suites.h"

#include <event2/event.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE(handled)                                                                                        \
	"echo '{\"total\":3,\"handled\":" handled ",\"skipped\":1,\"failed\":1,\"failures\":[{\"id\":7}]}'; "

static const char *const environment[] = {"PATH=/usr/bin:/bin", NULL};
static struct event_base *base;
static struct children *children;
static struct job_table *table;
static size_t begun, refused, ended;

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

static void fill(struct random *it, void *bytes, size_t size)
{
	static char calls;

	(void)it;
	memset(bytes, ++calls, size);
}

static struct random numbers = {fill};

static void on_job_ended(void *context)
{
	(void)context;
	ended++;
}

static void set_up(void)
{
	base = event_base_new();
	children = children_new(base, "/bin/sh", environment, &logger);
	table = job_table_new(children, &numbers, &logger, on_job_ended, NULL);
	begun = refused = ended = 0;
	logged[0] = '\0';
}

static void tear_down(void)
{
	children_free(&children);
	job_table_free(&table);
	event_base_free(base);
}

static void on_begun(void *context, const struct job *job, json_t *line, const struct child_end *end)
{
	(void)context;
	ck_assert_ptr_nonnull(job);
	ck_assert_int_eq(line != NULL, !end);
	begun += !end;
	refused += end != NULL;
}

static struct job *start(const char *script)
{
	return job_start(table, &(struct job_call){.kind = "replay",
						   .who = "page:ann@192.0.2.1",
						   .arguments = (const char *const[]){"-c", script, NULL},
						   .begun = on_begun});
}

static void await(const size_t *counter, size_t count)
{
	while (*counter < count)
		event_base_loop(base, EVLOOP_ONCE);
}

static const char *text_of(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

/* The newest job, or NULL. */
static json_t *newest(void)
{
	json_t *all = job_table_json(table);
	json_t *job = json_incref(json_array_get(json_object_get(all, "jobs"), 0));

	json_decref(all);
	return job;
}

START_TEST(a_job_that_runs_says_how_far_it_is)
{
	struct job *job = start(LINE("0") LINE("1") "sleep 60");
	json_t *json = job_json(job);

	ck_assert_str_eq(text_of(json, "state"), "running");
	ck_assert(json_is_null(json_object_get(json, "total")));
	json_decref(json);
	await(&begun, 1);
	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		json = job_json(job);
		begun = (size_t)json_integer_value(json_object_get(json, "handled"));
		if (!begun)
			json_decref(json);
	} while (!begun);
	ck_assert_int_eq(json_integer_value(json_object_get(json, "total")), 3);
	ck_assert_str_eq(text_of(json, "who"), "page:ann@192.0.2.1");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "failures")), 1);
	json_decref(json);
}
END_TEST

START_TEST(who_watches_learns_which_jobs_have_changed_and_not_of_those_that_do_nothing)
{
	struct job *job = start(LINE("0") "sleep 60");
	uint64_t revision = job_table_revision(table);
	json_t *changed = job_table_changed(table, 0);

	ck_assert_uint_eq(json_array_size(changed), 0); /* it has not begun */
	json_decref(changed);
	start("echo '{\"matched\":2,\"expected\":1}'; sleep 60");
	await(&begun, 2);
	ck_assert_uint_gt(job_table_revision(table), revision);
	changed = job_table_changed(table, revision);
	ck_assert_uint_eq(json_array_size(changed), 1);
	ck_assert_str_eq(text_of(json_array_get(changed, 0), "id"), job_id(job));
	json_decref(changed);

	revision = job_table_revision(table);
	job_stop(job);
	changed = job_table_changed(table, revision);
	ck_assert_str_eq(text_of(json_array_get(changed, 0), "state"), "stopping");
	json_decref(changed);
}
END_TEST

static const struct {
	const char *script, *state, *error;
} ends[] = {
	{LINE("1"), "done", NULL},
	{LINE("1") "exit 1", "done", NULL}, /* a letter failed again */
	{LINE("1") "echo 'allocd: the database went away' >&2; exit 75", "failed", "the database went away"},
	{LINE("1") "kill -9 $$", "failed", "the command was killed"},
	{LINE("1") "echo 'allocd: the database refused' >&2; exit 76", "failed", "the database refused"},
	{LINE("1") "exit 75", "failed", "the command ended early"},
	{"echo '{\"total\":3}'; exit 1", "done", NULL}, /* no letter has the ids that were given */
};

START_TEST(a_job_ends_as_its_command_does)
{
	json_t *json;

	start(ends[_i].script);
	await(&ended, 1);
	json = newest();
	ck_assert_str_eq(text_of(json, "state"), ends[_i].state);
	if (ends[_i].error)
		ck_assert_str_eq(text_of(json, "error"), ends[_i].error);
	else
		ck_assert(json_is_null(json_object_get(json, "error")));
	ck_assert_ptr_nonnull(text_of(json, "ended_at"));
	json_decref(json);
}
END_TEST

START_TEST(a_job_that_is_asked_to_stop_is_stopped)
{
	struct job *job = start("trap 'exit 75' TERM; " LINE("1") "while :; do sleep 0.01; done");
	json_t *json;

	await(&begun, 1);
	job_stop(job);
	json = newest();
	ck_assert_str_eq(text_of(json, "state"), "stopping");
	json_decref(json);
	await(&ended, 1);
	json = newest();
	ck_assert_str_eq(text_of(json, "state"), "stopped");
	json_decref(json);
	job_stop(job); /* of one that has ended */
}
END_TEST

static const char *const refusals[] = {
	"exit 2", /* before its first line */
	"echo '{\"matched\":2,\"expected\":1}'; exit 1",
};

START_TEST(a_job_that_did_not_begin_is_not_remembered)
{
	start(refusals[_i]);
	await(&ended, 1);
	ck_assert_uint_eq(begun + refused, 1);
	ck_assert_ptr_null(newest());
}
END_TEST

START_TEST(only_a_few_run_at_a_time_and_the_last_ones_are_remembered)
{
	struct job *running[JOBS_RUNNING_MAX];
	char first[64];
	json_t *all;

	for (int i = 0; i < JOBS_RUNNING_MAX; i++)
		running[i] = start(LINE("1") "sleep 60");
	ck_assert_ptr_null(start("exit 0"));
	snprintf(first, sizeof first, "%s", job_id(running[0]));
	ck_assert_ptr_eq(job_find(table, first), running[0]);
	for (int i = 0; i < JOBS_RUNNING_MAX; i++)
		job_stop(running[i]);
	await(&ended, JOBS_RUNNING_MAX);
	for (size_t i = 0; i < JOBS_ENDED_MAX; i++) {
		ck_assert_ptr_nonnull(start(LINE("1")));
		await(&ended, JOBS_RUNNING_MAX + i + 1);
	}
	all = job_table_json(table);
	ck_assert_uint_eq(json_array_size(json_object_get(all, "jobs")), JOBS_ENDED_MAX);
	ck_assert_ptr_null(job_find(table, first));
	json_decref(all);
}
END_TEST

START_TEST(a_job_has_another_id_in_another_worker)
{
	struct job_table *other = job_table_new(children, &numbers, &logger, on_job_ended, NULL);
	struct job *job = start(LINE("1") "sleep 60");
	struct job *others = job_start(
		other, &(struct job_call){.kind = "replay",
					  .who = "page:bob@192.0.2.2",
					  .arguments = (const char *const[]){"-c", "sleep 60", NULL},
					  .begun = on_begun});

	ck_assert_str_ne(job_id(job), job_id(others));
	ck_assert_ptr_eq(job_find(table, job_id(job)), job);
	ck_assert_ptr_null(job_find(other, job_id(job)));
	children_free(&children);
	job_table_free(&other);
}
END_TEST

START_TEST(a_job_is_logged_with_its_operator_and_the_number_of_letters)
{
	char expected[256];
	struct job *job = start(LINE("0") LINE("1") "echo 'allocd: it went away' >&2; exit 75");

	snprintf(expected, sizeof expected,
		 "a job of an operator began job=%s who=page:ann@192.0.2.1 count=3\n"
		 "a job of an operator ended job=%s who=page:ann@192.0.2.1 count=3 error=it went away\n",
		 job_id(job), job_id(job));
	await(&ended, 1);
	ck_assert_str_eq(logged, expected);
	start(refusals[1]);
	await(&ended, 2);
	ck_assert_str_eq(logged, expected); /* nothing was done */
}
END_TEST

SUITE("jobs", set_up, tear_down)
{
	tcase_add_test(tests, a_job_that_runs_says_how_far_it_is);
	tcase_add_loop_test(tests, a_job_ends_as_its_command_does, 0, COUNT(ends));
	tcase_add_test(tests, a_job_that_is_asked_to_stop_is_stopped);
	tcase_add_loop_test(tests, a_job_that_did_not_begin_is_not_remembered, 0, COUNT(refusals));
	tcase_add_test(tests, only_a_few_run_at_a_time_and_the_last_ones_are_remembered);
	tcase_add_test(tests, who_watches_learns_which_jobs_have_changed_and_not_of_those_that_do_nothing);
	tcase_add_test(tests, a_job_has_another_id_in_another_worker);
	tcase_add_test(tests, a_job_is_logged_with_its_operator_and_the_number_of_letters);
}
