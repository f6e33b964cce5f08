/* Every set of labels is closed: what a sender writes never becomes the value of one. */
#include "entrypoints/metrics/metric_samples.h"

#include "entrypoints/metrics/metrics.h"
#include "entrypoints/revision.h"

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

/* Of what has been there since then; 0: there is nothing. */
static void write_age(const struct metric_output *out, const struct metrics *metrics, int64_t since_us)
{
	metric_sample(out, NULL, since_us ? (double)(metrics->now_us - since_us) / MICROSECONDS : 0);
}

void write_queue_age(const struct metric_output *out, const struct metrics *metrics)
{
	write_age(out, metrics, metrics->engine->oldest_us);
}

void write_outbox_age(const struct metric_output *out, const struct metrics *metrics)
{
	write_age(out, metrics, metrics->engine->unpublished_since_us);
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

/* ---- connections ---- */

typedef double role_figure(const struct connection_role *role);

static void write_roles(const struct metric_output *out, const char *to,
			const struct connection_statistics *statistics, role_figure *figure)
{
	for (size_t i = 0; statistics && i < statistics->role_count; i++)
		metric_sample(out, (const char *[]){to, statistics->roles[i].name},
			      figure(&statistics->roles[i]));
}

static void write_connections(const struct metric_output *out, const struct metrics *metrics,
			      role_figure *figure)
{
	write_roles(out, "postgres", metrics->postgres_connections, figure);
	write_roles(out, "redis", metrics->redis_connections, figure);
}

static double are_up(const struct connection_role *role)
{
	return role->up == role->count;
}

void write_connections_up(const struct metric_output *out, const struct metrics *metrics)
{
	write_connections(out, metrics, are_up);
}

static double times_made(const struct connection_role *role)
{
	return (double)role->made;
}

void write_connections_made(const struct metric_output *out, const struct metrics *metrics)
{
	write_connections(out, metrics, times_made);
}

void write_database_errors(const struct metric_output *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < ERROR_CLASSES; i++)
		metric_sample(out, &error_class_names[i],
			      metrics->postgres_connections ? (double)metrics->postgres_connections->errors[i]
							    : 0);
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

/* ---- streams ---- */

void write_entries(const struct metric_output *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->stream_count; i++) {
		const char *name = metrics->each_stream[i].name;
		const struct stream_reader_stats *stats = metrics->each_stream[i].stats;

		metric_sample(out, (const char *[]){name, "read"}, (double)stats->read);
		metric_sample(out, (const char *[]){name, "claimed"}, (double)stats->claimed);
		metric_sample(out, (const char *[]){name, "acknowledged"}, (double)stats->acknowledged);
		metric_sample(out, (const char *[]){name, "forwarded"}, (double)stats->forwarded);
		metric_sample(out, (const char *[]){name, "lost"}, (double)stats->lost);
	}
}

typedef double stream_figure(const struct metrics *metrics, const struct stream_reader_stats *stats);

/* A worker knows nothing of the streams that it does not read. */
static void for_each_stream(const struct metric_output *out, const struct metrics *metrics,
			    stream_figure *figure)
{
	for (size_t i = 0; i < metrics->stream_count; i++) {
		const struct stream_figures *stream = &metrics->each_stream[i];

		metric_sample(out, &stream->name,
			      stream->stats->is_reading ? figure(metrics, stream->stats) : (double)NAN);
	}
}

static double length_of(const struct metrics *metrics, const struct stream_reader_stats *stats)
{
	(void)metrics;
	return (double)stats->length;
}

void write_stream_length(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_stream(out, metrics, length_of);
}

static double lag_of(const struct metrics *metrics, const struct stream_reader_stats *stats)
{
	(void)metrics;
	return stats->lag < 0 ? (double)NAN : (double)stats->lag;
}

void write_stream_lag(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_stream(out, metrics, lag_of);
}

static double pending_of(const struct metrics *metrics, const struct stream_reader_stats *stats)
{
	(void)metrics;
	return (double)stats->pending;
}

void write_stream_pending(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_stream(out, metrics, pending_of);
}

/* Of an entry that was added then, by Redis' clock; 0 without one. */
static double entry_age(const struct metrics *metrics, uint64_t added_ms)
{
	double now = metrics->began + (double)metrics->now_us / MICROSECONDS;
	double age = now - (double)added_ms / 1e3;

	return added_ms && age > 0 ? age : 0;
}

static double pending_age(const struct metrics *metrics, const struct stream_reader_stats *stats)
{
	return entry_age(metrics, stats->first_pending_ms);
}

void write_pending_age(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_stream(out, metrics, pending_age);
}

static double unread_age(const struct metrics *metrics, const struct stream_reader_stats *stats)
{
	return stats->first_unread_ms == UINT64_MAX ? (double)NAN
						    : entry_age(metrics, stats->first_unread_ms);
}

void write_unread_age(const struct metric_output *out, const struct metrics *metrics)
{
	for_each_stream(out, metrics, unread_age);
}

/* ---- Redis ---- */

void write_events(const struct metric_output *out, const struct metrics *metrics)
{
	static const char *const results[EVENT_RESULTS] = {
		[EVENT_PUBLISHED] = "published",
		[EVENT_UNHEARD] = "unheard",
		[EVENT_UNFENCED] = "unfenced",
		[EVENT_FAILED] = "failed",
	};

	for (size_t i = 0; i < EVENT_TYPES; i++) {
		for (int result = 0; result < EVENT_RESULTS; result++)
			metric_sample(out, (const char *[]){message_name(event_types[i]), results[result]},
				      metrics->events
					      ? (double)metrics->events->counts[event_types[i]][result]
					      : 0);
	}
}

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

/* ---- HTTP ---- */

void write_requests(const struct metric_output *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->http->count; i++) {
		const struct http_route_statistics *route = &metrics->http->routes[i];

		for (size_t status = 0; status < HTTP_STATUSES; status++) {
			char code[8];

			snprintf(code, sizeof code, "%d", http_statuses[status].status);
			metric_sample(out, (const char *[]){route->route, code},
				      (double)route->by_status[status]);
		}
	}
}

void write_request_durations(const struct metric_output *out, const struct metrics *metrics)
{
	for (size_t i = 0; i < metrics->http->count; i++)
		metric_histogram(out, &metrics->http->routes[i].route, &metrics->http->routes[i].duration,
				 &histogram_durations, MICROSECONDS);
}

void write_replies(const struct metric_output *out, const struct metrics *metrics)
{
	static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
	uint64_t counts[6] = {0};

	for (size_t i = 0; i < metrics->http->count; i++) {
		for (size_t status = 0; status < HTTP_STATUSES; status++)
			counts[http_statuses[status].status / 100] +=
				metrics->http->routes[i].by_status[status];
	}
	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		metric_sample(out, &classes[i], (double)counts[2 + i]);
}

/* ---- the log ---- */

static const char *const levels[LOG_LEVELS] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};

void write_log_lines(const struct metric_output *out, const struct metrics *metrics)
{
	for (int level = 0; level < LOG_LEVELS; level++)
		metric_sample(out, &levels[level], metrics->log ? (double)metrics->log->written[level] : 0);
}

void write_log_lines_left_out(const struct metric_output *out, const struct metrics *metrics)
{
	const uint64_t *counts = metrics->log_lines_left_out;

	for (int level = 0; level < LOG_LEVELS; level++)
		metric_sample(out, &levels[level], counts ? (double)counts[level] : 0);
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
