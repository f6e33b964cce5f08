/* What viewers are sent besides events. */
#include "entrypoints/live/live_topics.h"

#include "core/base/must.h"
#include "entrypoints/jobs/job_table.h"
#include "entrypoints/status/status_json.h"

#include <stdlib.h>

static void write_json(FILE *out, const char *name, json_t *json)
{
	char *text = must(json_dumps(json, JSON_COMPACT));

	live_write(out, name, text);
	json_decref(json);
	free(text);
}

static void write_status(const struct live_topics *topics, FILE *out)
{
	char *status = status_json(sampler_status(topics->sampler));

	live_write(out, "status", status);
	free(status);
}

static const struct status_dead_letters *letters_of(const struct live_topics *topics)
{
	return &sampler_status(topics->sampler)->dead_letters;
}

static void write_letters(const struct live_topics *topics, FILE *out)
{
	write_json(out, "dead-letters", status_dead_letters_json(letters_of(topics)));
}

/* Reasons may quote payloads, so they are left out; GET /admin/jobs/ID has them, if payloads are shown. */
static void write_jobs(const struct live_topics *topics, uint64_t since, FILE *out)
{
	json_t *jobs, *job;
	size_t i;

	if (!topics->jobs)
		return;
	jobs = job_table_changed(topics->jobs, since);
	json_array_foreach(jobs, i, job)
	{
		job_json_withhold(job);
		write_json(out, "job", json_incref(job));
	}
	json_decref(jobs);
}

static bool are_same(const struct status_dead_letters *one, const struct status_dead_letters *other)
{
	return one->kept == other->kept && one->dropped == other->dropped &&
	       one->last_hour == other->last_hour;
}

void live_topics_begin(struct live_topics *topics, int64_t now_ms)
{
	topics->status_ms = now_ms;
	topics->letters = *letters_of(topics);
	topics->jobs_revision = topics->jobs ? job_table_revision(topics->jobs) : 0;
}

void live_topics_write(const struct live_topics *topics, unsigned wanted, FILE *out)
{
	if (wanted & LIVE_STATUS)
		write_status(topics, out);
	if (wanted & LIVE_DEAD_LETTERS)
		write_letters(topics, out);
	if (wanted & LIVE_JOBS)
		write_jobs(topics, 0, out);
}

static void write_status_when_due(struct live_topics *topics, int64_t now_ms, FILE *out)
{
	if (now_ms - topics->status_ms < SAMPLE_MS)
		return;
	topics->status_ms = now_ms;
	write_status(topics, out);
}

static void write_changed_letters(struct live_topics *topics, FILE *out)
{
	if (are_same(&topics->letters, letters_of(topics)))
		return;
	topics->letters = *letters_of(topics);
	write_letters(topics, out);
}

static void write_changed_jobs(struct live_topics *topics, FILE *out)
{
	uint64_t since = topics->jobs_revision;

	if (!topics->jobs || job_table_revision(topics->jobs) == since)
		return;
	topics->jobs_revision = job_table_revision(topics->jobs);
	write_jobs(topics, since, out);
}

void live_topics_write_change(struct live_topics *topics, enum live_topic topic, int64_t now_ms, FILE *out)
{
	if (topic == LIVE_STATUS)
		write_status_when_due(topics, now_ms, out);
	else if (topic == LIVE_DEAD_LETTERS)
		write_changed_letters(topics, out);
	else if (topic == LIVE_JOBS)
		write_changed_jobs(topics, out);
}
