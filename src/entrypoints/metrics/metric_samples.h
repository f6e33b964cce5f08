/* The samples of metrics that have labels, or are calculated. */
#ifndef ALLOCD_ENTRYPOINTS_METRICS_METRIC_SAMPLES_H
#define ALLOCD_ENTRYPOINTS_METRICS_METRIC_SAMPLES_H

#include "entrypoints/metrics/metric_output.h"

typedef void metric_samples(const struct metric_output *out, const struct metrics *metrics);

metric_samples write_received, write_outcomes, write_refused, write_durations, write_critical;
metric_samples write_unit_sizes, write_stages, write_failures;
metric_samples write_queue_age, write_outbox_age, write_last_message, write_last_commit, write_last_event;
metric_samples write_dead_letters, write_dead_letters_added, write_dead_letters_dropped;
metric_samples write_troubles;
metric_samples write_connections_up, write_connections_made, write_database_errors;
metric_samples write_entries, write_stream_length, write_stream_lag, write_stream_pending;
metric_samples write_pending_age, write_unread_age;
metric_samples write_events, write_events_taken, write_pending, write_leases, write_build;
metric_samples write_log_lines, write_log_lines_left_out;
metric_samples write_requests, write_request_durations, write_replies;

#endif
