/*
 * Jobs: commands that may take long, and report how far they are by lines of JSON (see replay_report.h).
 *
 * A job is a child.  It is known here from its start until some time after its end, and not to other workers,
 * whose jobs have other ids.
 */
#ifndef ALLOCD_ENTRYPOINTS_JOBS_JOB_TABLE_H
#define ALLOCD_ENTRYPOINTS_JOBS_JOB_TABLE_H

#include "entrypoints/jobs/child.h"

#include <stdint.h>

/* Jobs that run at a time, so that reads have children, too; and jobs that are remembered after their end. */
#define JOBS_RUNNING_MAX 2
#define JOBS_ENDED_MAX   16

struct json_t;
struct random;
struct job;
struct job_table;

/*
 * Called once: when the job has begun, and `end` is NULL; or when it ended before, and leaves the table.
 * `line` is the first one that it wrote, or NULL.
 */
typedef void job_begun(void *context, const struct job *job, struct json_t *line,
		       const struct child_end *end);

struct job_call {
	const char *kind;             /* "replay"; outlives the table */
	const char *who;              /* copied */
	const char *const *arguments; /* of the command */
	bool hides_arguments;         /* see child.h */
	bool fails_as_a_whole;        /* what STATUS_FAILED says is not about single letters */
	job_begun *begun;
	void *begun_context;
};

/*
 * `ended` is called after the end of each job; the log says when one begins and ends.  The children outlive
 * the table's last job, and the logger the table.
 */
struct job_table *job_table_new(struct children *children, struct random *random, struct logger *logger,
				void (*ended)(void *context), void *context);

/* The children must be freed before.  Accepts NULL in *table and nulls it. */
void job_table_free(struct job_table **table);

/* NULL: too many jobs run. */
struct job *job_start(struct job_table *table, const struct job_call *call);

struct job *job_find(const struct job_table *table, const char *id);

/* Asks it to stop after the letter in flight. */
void job_stop(struct job *job);

const char *job_id(const struct job *job);

/* To be released by json_decref(). */
struct json_t *job_json(const struct job *job);
struct json_t *job_table_json(const struct job_table *table);

/* Removes from a job's JSON what may quote messages: `failures` and `error`. */
void job_json_withhold(struct json_t *job);

/*
 * The array of jobs that have begun, and have changed since the table's revision was that, the oldest first;
 * to be released by json_decref().
 */
uint64_t job_table_revision(const struct job_table *table);
struct json_t *job_table_changed(const struct job_table *table, uint64_t revision);

#endif
