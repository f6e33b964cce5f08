/* Keeps the jobs that run, and the last ones that ended. */
#include "entrypoints/jobs/job_table.h"

#include "adapters/system/instants.h"
#include "bus/ports/logger.h"
#include "bus/ports/random.h"
#include "core/base/calendar.h"
#include "core/base/must.h"
#include "entrypoints/cli/commands.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* "5f0c1a2b-17" */
#define ID_SIZE 32

enum job_state { JOB_RUNNING, JOB_STOPPING, JOB_DONE, JOB_STOPPED, JOB_FAILED };

struct job {
	struct job *next; /* an older one */
	struct job_table *table;
	char id[ID_SIZE];
	const char *kind;
	char *who;
	struct child *child; /* NULL: it has ended */
	enum job_state state;
	int64_t began_us, ended_us; /* by the wall clock; 0: not yet */
	int64_t since_ms, until_ms; /* by monotonic_ms() */
	json_t *progress;           /* the last line; NULL: none yet */
	char *error;                /* or NULL */
	uint64_t revision;          /* the table's when it changed last */
	bool fails_as_a_whole;
	bool is_refused;  /* it does nothing, because another number of letters matched */
	job_begun *begun; /* NULL: was called */
	void *begun_context;
};

struct job_table {
	struct children *children;
	struct logger *logger;
	void (*ended)(void *context);
	void *context;
	struct job *jobs; /* the newest first */
	uint32_t own; /* begins the ids of this table, so that those of another worker are not found here */
	uint64_t last_number;
	uint64_t revision; /* goes up with each change of a job */
};

static void note_change(struct job *job)
{
	job->revision = ++job->table->revision;
}

static void free_job(struct job *job)
{
	json_decref(job->progress);
	free(job->who);
	free(job->error);
	free(job);
}

static void remove_job(struct job *job)
{
	struct job **place = &job->table->jobs;

	while (*place != job)
		place = &(*place)->next;
	*place = job->next;
	free_job(job);
}

static int64_t number(const struct job *job, const char *name)
{
	return json_integer_value(json_object_get(job->progress, name));
}

static int64_t tried(const struct job *job)
{
	return number(job, "handled") + number(job, "skipped") + number(job, "failed");
}

/* ---- the end ---- */

static void forget_oldest(struct job_table *table)
{
	size_t ended = 0;
	struct job *next;

	for (struct job *job = table->jobs; job; job = next) {
		next = job->next;
		ended += !job->child;
		if (!job->child && ended > JOBS_ENDED_MAX)
			remove_job(job);
	}
}

/* A replay of which some letters failed again is done, too, unless it was to stop at the first. */
static enum job_state state_at_end(const struct job *job, const struct child_end *end)
{
	bool has_failed = job->fails_as_a_whole && end->status != STATUS_DONE;

	if (child_ended_regularly(end) && job->progress && !has_failed)
		return number(job, "stopped_at") ? JOB_STOPPED : JOB_DONE;
	return end->was_stopped ? JOB_STOPPED : JOB_FAILED;
}

static const char *why_failed(const struct child_end *end)
{
	if (*end->error)
		return end->error;
	return end->status < 0 ? "the command was killed" : "the command ended early";
}

static void on_ended(void *context, const struct child_end *end)
{
	struct job *job = context;
	struct job_table *table = job->table;

	job->child = NULL;
	job->state = state_at_end(job, end);
	job->ended_us = wall_clock_us();
	job->until_ms = monotonic_ms();
	note_change(job);
	if (job->state == JOB_FAILED)
		job->error = must(strdup(why_failed(end)));
	if (job->begun)
		job->begun(job->begun_context, job, NULL, end);
	if (job->begun || job->is_refused)
		remove_job(job);
	else
		LOG(table->logger, LOG_INFO, "a job of an operator ended", LOG_TEXT("job", job->id),
		    LOG_TEXT("who", job->who), LOG_NUMBER("count", tried(job)),
		    LOG_TEXT("error", job->error));
	forget_oldest(table);
	table->ended(table->context);
}

/* ---- the beginning and the lines ---- */

static void on_line(void *context, const char *line, size_t size)
{
	struct job *job = context;
	json_t *progress = json_loadb(line, size, 0, NULL);
	job_begun *begun = job->begun;

	job->is_refused |= json_object_get(progress, "expected") != NULL;
	if (json_is_object(progress)) {
		json_decref(job->progress);
		job->progress = json_incref(progress);
	}
	note_change(job);
	if (begun) {
		job->begun = NULL;
		if (!job->is_refused)
			LOG(job->table->logger, LOG_INFO, "a job of an operator began",
			    LOG_TEXT("job", job->id), LOG_TEXT("who", job->who),
			    LOG_NUMBER("count", number(job, "total")));
		begun(job->begun_context, job, progress, NULL);
	}
	json_decref(progress);
}

static size_t count_running(const struct job_table *table)
{
	size_t count = 0;

	for (const struct job *job = table->jobs; job; job = job->next)
		count += job->child != NULL;
	return count;
}

struct job *job_start(struct job_table *table, const struct job_call *call)
{
	struct job *job;

	if (count_running(table) == JOBS_RUNNING_MAX)
		return NULL;
	job = must_alloc(sizeof *job);
	*job = (struct job){
		.next = table->jobs,
		.table = table,
		.kind = call->kind,
		.fails_as_a_whole = call->fails_as_a_whole,
		.who = must(strdup(call->who)),
		.began_us = wall_clock_us(),
		.since_ms = monotonic_ms(),
		.begun = call->begun,
		.begun_context = call->begun_context,
	};
	snprintf(job->id, sizeof job->id, "%08" PRIx32 "-%" PRIu64, table->own, ++table->last_number);
	table->jobs = job;
	job->child =
		child_start(table->children, &(struct child_call){.arguments = call->arguments,
								  .hides_arguments = call->hides_arguments,
								  .line = on_line,
								  .ended = on_ended,
								  .context = job});
	if (job->child)
		return job;
	remove_job(job);
	return NULL;
}

void job_stop(struct job *job)
{
	if (!job->child)
		return;
	job->state = JOB_STOPPING;
	note_change(job);
	child_stop(job->child);
}

struct job *job_find(const struct job_table *table, const char *id)
{
	struct job *job = table->jobs;

	while (job && strcmp(job->id, id) != 0)
		job = job->next;
	return job;
}

const char *job_id(const struct job *job)
{
	return job->id;
}

/* ---- as JSON ---- */

static json_t *instant_or_null(int64_t us)
{
	char text[INSTANT_TEXT_SIZE];

	if (!us)
		return json_null();
	instant_format(us, text);
	return must(json_string(text));
}

/* Letters a second since it began. */
static double rate_of(const struct job *job)
{
	int64_t ms = (job->child ? monotonic_ms() : job->until_ms) - job->since_ms;

	return ms > 0 ? 1000.0 * (double)tried(job) / (double)ms : 0;
}

json_t *job_json(const struct job *job)
{
	static const char *const states[] = {
		[JOB_RUNNING] = "running", [JOB_STOPPING] = "stopping", [JOB_DONE] = "done",
		[JOB_STOPPED] = "stopped", [JOB_FAILED] = "failed",
	};
	json_t *failures = json_object_get(job->progress, "failures");
	json_t *stopped_at = json_object_get(job->progress, "stopped_at");

	return must(json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:f, s:o, s:o, s:s?}", "id", job->id,
		"kind", job->kind, "state", states[job->state], "who", job->who, "began_at",
		instant_or_null(job->began_us), "ended_at", instant_or_null(job->ended_us), "total",
		job->progress ? json_integer(number(job, "total")) : json_null(), "handled",
		(json_int_t)number(job, "handled"), "skipped", (json_int_t)number(job, "skipped"), "failed",
		(json_int_t)number(job, "failed"), "rate", rate_of(job), "stopped_at",
		stopped_at ? json_incref(stopped_at) : json_null(), "failures",
		failures ? json_incref(failures) : must(json_array()), "error", job->error));
}

void job_json_withhold(json_t *job)
{
	json_object_del(job, "failures");
	json_object_del(job, "error");
}

json_t *job_table_json(const struct job_table *table)
{
	json_t *jobs = must(json_array());

	for (const struct job *job = table->jobs; job; job = job->next)
		json_array_append_new(jobs, job_json(job));
	return must(json_pack("{s:o}", "jobs", jobs));
}

uint64_t job_table_revision(const struct job_table *table)
{
	return table->revision;
}

json_t *job_table_changed(const struct job_table *table, uint64_t revision)
{
	json_t *jobs = must(json_array());

	for (const struct job *job = table->jobs; job; job = job->next) {
		if (job->revision > revision && !job->begun && !job->is_refused)
			json_array_insert_new(jobs, 0, job_json(job));
	}
	return jobs;
}

/* ---- the table ---- */

struct job_table *job_table_new(struct children *children, struct random *random, struct logger *logger,
				void (*ended)(void *context), void *context)
{
	struct job_table *table = must_alloc(sizeof *table);

	*table = (struct job_table){
		.children = children, .logger = logger, .ended = ended, .context = context};
	random->fill(random, &table->own, sizeof table->own);
	return table;
}

void job_table_free(struct job_table **place)
{
	struct job_table *table = *place;

	if (!table)
		return;
	for (struct job *job = table->jobs, *next; job; job = next) {
		next = job->next;
		free_job(job);
	}
	free(table);
	*place = NULL;
}
