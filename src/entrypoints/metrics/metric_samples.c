/* Every set of labels is closed: what a sender writes never becomes the value of one. */
#include "entrypoints/metrics/metric_samples.h"

#include "entrypoints/metrics/metrics.h"
#include "revision.h"

#include <math.h>

#define MICROSECONDS 1e6 /* of a second */

/* ---- messages ---- */

/* One message on one way: each command on each way, and what names no command, which only streams bring. */
typedef void figures_writer(const struct metric_output *out, const char *const *values,
			    const struct message_figures *figures);

static void for_each_message(const struct metric_output *out, const struct metrics *metrics,
			     figures_writer *write)
{
	for (enum message_type type = MSG_NONE; type < MSG_TYPES; type++) {
		for (enum transport way = 0; way < TRANSPORTS; way++) {
			const char *values[] = {message_name(type), transport_name(way)};

			if (message_is_command(type) || (type == MSG_NONE && way == TRANSPORT_STREAM))
				write(out, values, &metrics->engine->by_message.of[type][way]);
		}
	}
}

static void received_of(const struct metric_output *out, const char *const *values,
			const struct message_figures *figures)
{
	metric_sample(out, values, (double)figures->received);
}

void write_received(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_message(out, metrics, received_of);
}

static void outcomes_of(const struct metric_output *out, const char *const *values,
			const struct message_figures *figures)
{
	for (enum outcome outcome = OUTCOME_HANDLED; outcome <= OUTCOME_FAILED; outcome++)
		metric_sample(out, (const char *[]){values[0], values[1], outcome_name(outcome)},
			      (double)figures->outcomes[outcome]);
}

void write_outcomes(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_message(out, metrics, outcomes_of);
}

static void duration_of(const struct metric_output *out, const char *const *values,
			const struct message_figures *figures)
{
	metric_histogram(out, values, &figures->duration, &histogram_durations, MICROSECONDS);
}

void write_durations(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_message(out, metrics, duration_of);
}

static void critical_of(const struct metric_output *out, const char *const *values,
			const struct message_figures *figures)
{
	metric_histogram(out, values, &figures->critical, &histogram_durations, MICROSECONDS);
}

void write_critical(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_message(out, metrics, critical_of);
}

static bool may_have(enum message_type type, enum reason_code code)
{
	if (code == REASON_DATABASE_REFUSED)
		return message_is_command(type) || type == MSG_NONE;
	return code == REASON_UNKNOWN_TYPE ? type == MSG_NONE : message_is_command(type);
}

static void write_by_reason(const struct metric_output *out, const uint64_t counts[][REASON_CODES])
{
	for (enum message_type type = MSG_NONE; type < MSG_TYPES; type++) {
		for (enum reason_code code = 0; code < REASON_CODES; code++) {
			const char *outcome = outcome_name(reason_code_outcome(code));

			if (may_have(type, code))
				metric_sample(
					out,
					(const char *[]){message_name(type), outcome, reason_code_name(code)},
					(double)counts[type][code]);
		}
	}
}

void write_refused(const struct metric_output *out, const struct metrics *metrics)
{
	write_by_reason(out, metrics->engine->by_message.refused);
}

/* ---- units of work ---- */

void write_unit_sizes(const struct metric_output *out, const struct metrics *metrics)
{
	metric_histogram(out, NULL, &metrics->engine->by_unit.messages, &histogram_unit_sizes, 1);
}

void write_stages(const struct metric_output *out, const struct metrics *metrics)
{
	static const char *const names[UNIT_STAGES] = {
		[STAGE_WAIT] = "wait",   [STAGE_LOAD] = "load",       [STAGE_HANDLE] = "handle",
		[STAGE_FLUSH] = "flush", [STAGE_PUBLISH] = "publish",
	};

	for (int stage = 0; stage < UNIT_STAGES; stage++)
		metric_histogram(out, &names[stage], &metrics->engine->by_unit.stages[stage],
				 &histogram_durations, MICROSECONDS);
}

void write_failures(const struct metric_output *out, const struct metrics *metrics)
{
	const struct engine_stats *stats = metrics->engine;

	metric_sample(out, (const char *[]){"conflict"}, (double)stats->conflicts);
	metric_sample(out, (const char *[]){"doubt"}, (double)stats->failed_speculations);
	metric_sample(out, (const char *[]){"infrastructure"}, (double)stats->retries);
	metric_sample(out, (const char *[]){"uncertain"}, (double)stats->uncertain);
	metric_sample(out, (const char *[]){"busy"}, (double)stats->busy);
	metric_sample(out, (const char *[]){"lease"}, (double)stats->fenced);
	metric_sample(out, (const char *[]){"data"}, (double)stats->refused);
}

/* ---- troubles ---- */

/* All codes are always there, so that an alert can tell a trouble that is over from one that never was. */
void write_troubles(const struct metric_output *out, const struct metrics *metrics)
{
	for (int code = 0; code < TROUBLE_CODES; code++)
		metric_sample(out,
			      (const char *[]){trouble_kinds[code].code,
					       trouble_severity_name(trouble_kinds[code].severity)},
			      metrics->troubles->by_code[code].is_open);
}

/* ---- instants ---- */

void write_queue_age(const struct metric_output *out, const struct metrics *metrics)
{
	int64_t oldest_us = metrics->engine->oldest_us;

	metric_sample(out, NULL, oldest_us ? (double)(metrics->now_us - oldest_us) / MICROSECONDS : 0);
}

/* Before the first time it is the start of the worker, so that an alert sees how long ago that is. */
static void write_last(const struct metric_output *out, const struct metrics *metrics, int64_t at_us)
{
	metric_sample(out, NULL, at_us ? metrics->began + (double)at_us / MICROSECONDS : metrics->started_at);
}

void write_last_message(const struct metric_output *out, const struct metrics *metrics)
{
	write_last(out, metrics, metrics->engine->received_us);
}

void write_last_commit(const struct metric_output *out, const struct metrics *metrics)
{
	write_last(out, metrics, metrics->engine->committed_us);
}

void write_last_event(const struct metric_output *out, const struct metrics *metrics)
{
	write_last(out, metrics, metrics->engine->published_us);
}

/* ---- dead letters ---- */

void write_dead_letters(const struct metric_output *out, const struct metrics *metrics)
{
	const struct engine_stats *stats = metrics->engine;

	metric_sample(out, NULL,
		      stats->database_up && stats->dead_letters >= 0 ? (double)stats->dead_letters
								     : (double)NAN);
}

void write_dead_letters_added(const struct metric_output *out, const struct metrics *metrics)
{
	write_by_reason(out, metrics->engine->by_message.dead_letters);
}

/* Until it is known there is no sample: a start at 0 would make old drops seem recent. */
void write_dead_letters_dropped(const struct metric_output *out, const struct metrics *metrics)
{
	if (metrics->engine->dead_letters_dropped >= 0)
		metric_sample(out, NULL, (double)metrics->engine->dead_letters_dropped);
}

/* ---- Redis and HTTP ---- */

void write_events_taken(const struct metric_output *out, const struct metrics *metrics)
{
	metric_sample(out, NULL, metrics->engine->broker_takes && metrics->publishing);
}

void write_pending(const struct metric_output *out, const struct metrics *metrics)
{
	metric_sample(out, NULL,
		      metrics->streams.is_reading ? (double)metrics->streams.pending : (double)NAN);
}

void write_leases(const struct metric_output *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->lease_count; i++)
		metric_sample(out, &metrics->leases[i].name, metrics->leases[i].is_held);
}

void write_replies(const struct metric_output *out, const struct metrics *metrics)
{
	static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		metric_sample(out, &classes[i], (double)metrics->http_replies[2 + i]);
}

/* ---- the process ---- */

void write_build(const struct metric_output *out, const struct metrics *metrics)
{
	(void)metrics;
	metric_sample(
		out,
		(const char *[]){ALLOCD_VERSION, ALLOCD_REVISION, BUILT_LIBEVENT, BUILT_LIBPQ, BUILT_OPENSSL},
		1);
}
