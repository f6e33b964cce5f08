/* Every metric, in the order in which they are written. */
#include "entrypoints/metrics/metric_output.h"
#include "entrypoints/metrics/metric_samples.h"
#include "entrypoints/metrics/metrics.h"

#include "core/base/memory_stream.h"

#include <stddef.h>

#define KIND_OF(type, member)                                                                                \
	_Generic(((type *)0)->member, bool                                                                   \
		 : FIGURE_BOOL, double                                                                       \
		 : FIGURE_DOUBLE, uint64_t                                                                   \
		 : FIGURE_UINT64, default                                                                    \
		 : FIGURE_SIZE)

/* A metric without labels, whose sample is a member of struct engine_stats, or of struct metrics. */
#define ENGINE(member)                                                                                       \
	.kind = KIND_OF(struct engine_stats, member), .is_of_engine = true,                                  \
	.offset = offsetof(struct engine_stats, member)
#define WORKER(member) .kind = KIND_OF(struct metrics, member), .offset = offsetof(struct metrics, member)

/* One that metric_samples.c writes. */
#define CALCULATED(function)    .write_samples = (function)
#define LABELLED(function, ...) .write_samples = (function), .labels = {__VA_ARGS__}

#define COUNTER(name_, help_, ...)                                                                           \
	{                                                                                                    \
		.name = (name_), .type = METRIC_COUNTER, .help = (help_), __VA_ARGS__                        \
	}
#define GAUGE(name_, help_, ...)                                                                             \
	{                                                                                                    \
		.name = (name_), .type = METRIC_GAUGE, .help = (help_), __VA_ARGS__                          \
	}
#define HISTOGRAM(name_, help_, ...)                                                                         \
	{                                                                                                    \
		.name = (name_), .type = METRIC_HISTOGRAM, .help = (help_), __VA_ARGS__                      \
	}

static const struct metric table[] = {
	GAUGE("allocd_trouble", "Whether there is this trouble: see docs/operating.md.",
	      LABELLED(write_troubles, "code", "severity")),

	/* Messages. */
	COUNTER("allocd_messages_received_total", "Messages received.",
		LABELLED(write_received, "message", "way")),
	COUNTER("allocd_messages_total", "Messages by outcome.",
		LABELLED(write_outcomes, "message", "way", "outcome")),
	COUNTER("allocd_rejections_total",
		"Messages that were rejected, invalid or failed, by the code of the reason.",
		LABELLED(write_refused, "message", "outcome", "reason")),
	HISTOGRAM("allocd_message_duration_seconds",
		  "Time from the receipt of a message to the commit of its outcome.",
		  LABELLED(write_durations, "message", "way")),
	HISTOGRAM(
		"allocd_message_critical_seconds",
		"Time from the publication of a message, where that is known, to the commit of its outcome.",
		LABELLED(write_critical, "message", "way")),
	GAUGE("allocd_last_message_timestamp_seconds",
	      "When a message was received last, or the worker started.", CALCULATED(write_last_message)),
	GAUGE("allocd_last_commit_timestamp_seconds",
	      "When a unit of work was committed last, or the worker started.",
	      CALCULATED(write_last_commit)),
	GAUGE("allocd_last_event_timestamp_seconds",
	      "When an event was published last, or the worker started.", CALCULATED(write_last_event)),

	/* Units of work. */
	HISTOGRAM("allocd_unit_size_messages", "Messages in a committed unit of work.",
		  CALCULATED(write_unit_sizes)),
	HISTOGRAM("allocd_unit_stage_seconds", "Duration of the stages of units of work.",
		  LABELLED(write_stages, "stage")),
	COUNTER("allocd_unit_failures_total", "Failures of units of work, and of calls for them, by cause.",
		LABELLED(write_failures, "cause")),
	COUNTER("allocd_loads_again_total", "Loads beyond the first of a unit of work.", ENGINE(loads_again)),
	COUNTER("allocd_units_total", "Deprecated: see allocd_unit_size_messages. Units of work committed.",
		ENGINE(units)),
	COUNTER("allocd_unit_messages_total",
		"Deprecated: see allocd_unit_size_messages. Messages in committed units of work.",
		ENGINE(messages)),
	COUNTER("allocd_conflicts_total",
		"Deprecated: see allocd_unit_failures_total. Units of work redone after a concurrent update.",
		ENGINE(conflicts)),
	COUNTER("allocd_doubts_total",
		"Deprecated: see allocd_unit_failures_total. Units of work redone because cached or assumed state was stale.",
		ENGINE(failed_speculations)),
	COUNTER("allocd_retries_total",
		"Deprecated: see allocd_unit_failures_total. Calls that failed through trouble of the infrastructure and were retried.",
		ENGINE(retries)),
	COUNTER("allocd_uncertain_commits_total",
		"Deprecated: see allocd_unit_failures_total. Commits whose outcome the worker had to ask the database for.",
		ENGINE(uncertain)),

	/* The queue. */
	GAUGE("allocd_queue_messages", "Messages that are queued or in flight.", ENGINE(queued)),
	GAUGE("allocd_queue_bytes", "Memory that the messages in the queue hold.", ENGINE(queued_bytes)),
	GAUGE("allocd_queue_oldest_age_seconds",
	      "How long the oldest message has been in the queue; 0 while the queue is empty.",
	      CALCULATED(write_queue_age)),
	GAUGE("allocd_queue_limit_messages", "Above this number of messages the queue is full.",
	      ENGINE(queue_max)),
	GAUGE("allocd_queued_messages", "Deprecated: see allocd_queue_messages.", ENGINE(queued)),
	GAUGE("allocd_queued_bytes", "Deprecated: see allocd_queue_bytes.", ENGINE(queued_bytes)),
	GAUGE("allocd_parked_skus",
	      "SKUs whose messages are parked because the database refuses them while it commits others.",
	      ENGINE(parked_skus)),
	GAUGE("allocd_parked_messages", "Messages of parked SKUs.", ENGINE(parked_messages)),
	GAUGE("allocd_postponed_skus",
	      "SKUs whose stream entries stay pending: messages of held-up SKUs fill half of the queue.",
	      ENGINE(postponed_skus)),

	/* Connections. */
	GAUGE("allocd_connection_up", "Whether all connections of the role to the service are up.",
	      LABELLED(write_connections_up, "to", "role")),
	COUNTER("allocd_connections_total", "Times that a connection of the role came up.",
		LABELLED(write_connections_made, "to", "role")),

	/* The database. */
	COUNTER("allocd_database_errors_total",
		"Errors that the database reported, by class of SQLSTATE, and connections lost or not made.",
		LABELLED(write_database_errors, "class")),
	GAUGE("allocd_database_up", "Whether the database answers, and commits units of work.",
	      ENGINE(database_up)),
	GAUGE("allocd_database_restored", "Whether the database is older than what was published.",
	      ENGINE(restored)),
	GAUGE("allocd_dead_letters", "Dead letters kept; NaN while the database cannot be asked.",
	      CALCULATED(write_dead_letters)),
	COUNTER("allocd_dead_letters_added_total", "Messages that became dead letters.",
		LABELLED(write_dead_letters_added, "message", "outcome", "reason")),
	COUNTER("allocd_dead_letters_dropped_total",
		"Dead letters dropped beyond ALLOCD_DEAD_LETTERS_MAX or after ALLOCD_DEAD_LETTERS_DAYS.",
		CALCULATED(write_dead_letters_dropped)),

	/* Events. */
	COUNTER("allocd_events_total", "Events that were to be published, by the result of each attempt.",
		LABELLED(write_events, "event", "result")),
	COUNTER("allocd_events_published_total",
		"Deprecated: see allocd_events_total. Events that Redis accepted.", ENGINE(published)),
	COUNTER("allocd_events_unheard_total",
		"Deprecated: see allocd_events_total. Events that no subscriber received.",
		WORKER(published_unheard)),
	COUNTER("allocd_events_unfenced_total",
		"Deprecated: see allocd_events_total. Events published without fence and stream, because Redis was out of memory.",
		WORKER(published_unfenced)),
	COUNTER("allocd_publish_failures_total",
		"Deprecated: see allocd_events_total. Publications that failed and are retried.",
		ENGINE(publish_failures)),
	GAUGE("allocd_events_taken", "Whether Redis is connected and accepted the last events.",
	      CALCULATED(write_events_taken)),
	GAUGE("allocd_outbox_unpublished_rows", "Committed rows of the outbox that wait to be published.",
	      ENGINE(unpublished)),
	GAUGE("allocd_outbox_oldest_age_seconds",
	      "How long the oldest unpublished row of the outbox has waited; 0 without one.",
	      CALCULATED(write_outbox_age)),
	GAUGE("allocd_unpublished_rows", "Deprecated: see allocd_outbox_unpublished_rows.",
	      ENGINE(unpublished)),
	GAUGE("allocd_outbox_damaged", "Partitions of the outbox that a damaged or missing row holds up.",
	      ENGINE(damaged)),

	/* Mail. */
	COUNTER("allocd_notifications_total", "Notifications delivered.", ENGINE(notified)),
	COUNTER("allocd_notification_failures_total", "Notifications that failed.", ENGINE(notify_failures)),
	COUNTER("allocd_notifications_dead_total", "Notifications given up: they are dead letters.",
		ENGINE(notifications_dead)),
	GAUGE("allocd_mail_up", "Whether the mail server accepted the last mail, or none was sent yet.",
	      ENGINE(notifier_up)),

	/* Commands from Redis. */
	GAUGE("allocd_redis_listening", "Whether commands on Redis are received.", WORKER(listening)),
	GAUGE("allocd_redis_publishing", "Whether events can be published.", WORKER(publishing)),
	GAUGE("allocd_blind", "Whether commands on Redis are missed: the subscription was lost.",
	      WORKER(is_blind)),
	COUNTER("allocd_blind_windows_total", "Times that the subscription to commands was lost.",
		WORKER(blind_windows)),
	COUNTER("allocd_blind_seconds_total", "Total time without a subscription to commands.",
		WORKER(blind_seconds)),
	GAUGE("allocd_pubsub_kept_bytes", "What was heard on channels and is kept until it is finished.",
	      WORKER(subscription_bytes)),
	COUNTER("allocd_pubsub_taken_over_total",
		"Messages that were heard before this worker handled them, as another one did.",
		WORKER(subscription.taken_over)),
	COUNTER("allocd_pubsub_dropped_total",
		"Messages that were heard for the next holder and not kept, because there were too many.",
		WORKER(subscription.dropped)),
	COUNTER("allocd_pubsub_unnamed_total",
		"Messages that were not kept because other workers do not know them by the same name.",
		WORKER(subscription.unnamed)),
	COUNTER("allocd_pubsub_given_up_total",
		"Messages that were not handled because the last holder may have handled them.",
		WORKER(subscription.not_covered)),
	COUNTER("allocd_stream_entries_total", "Entries of the stream, by what was done with them.",
		LABELLED(write_entries, "stream", "what")),
	GAUGE("allocd_stream_length_entries",
	      "Entries in the stream; NaN while this worker does not read it.",
	      LABELLED(write_stream_length, "stream")),
	GAUGE("allocd_stream_lag_entries",
	      "Entries that the group has not delivered; NaN where Redis does not know.",
	      LABELLED(write_stream_lag, "stream")),
	GAUGE("allocd_stream_pending_entries", "Entries that were delivered and not acknowledged.",
	      LABELLED(write_stream_pending, "stream")),
	GAUGE("allocd_stream_oldest_pending_age_seconds",
	      "Age of the oldest entry that was delivered and not acknowledged; 0 without one.",
	      LABELLED(write_pending_age, "stream")),
	GAUGE("allocd_stream_oldest_unread_age_seconds",
	      "Age of the oldest entry that was not delivered; 0 without one.",
	      LABELLED(write_unread_age, "stream")),
	COUNTER("allocd_stream_entries_read_total",
		"Deprecated: see allocd_stream_entries_total. Entries read from streams.",
		WORKER(streams.read)),
	COUNTER("allocd_stream_entries_claimed_total",
		"Deprecated: see allocd_stream_entries_total. Entries claimed from consumers that had stopped.",
		WORKER(streams.claimed)),
	COUNTER("allocd_stream_entries_lost_total",
		"Deprecated: see allocd_stream_entries_total. Entries that were trimmed before they were handled.",
		WORKER(streams.lost)),
	COUNTER("allocd_stream_entries_acknowledged_total",
		"Deprecated: see allocd_stream_entries_total. Entries acknowledged, after the commit.",
		WORKER(streams.acknowledged)),
	GAUGE("allocd_stream_entries_in_flight", "Entries read and not acknowledged yet.",
	      WORKER(streams.in_flight)),
	GAUGE("allocd_stream_entries_pending",
	      "Deprecated: see allocd_stream_pending_entries. Entries pending in all streams.",
	      CALCULATED(write_pending)),
	GAUGE("allocd_stream_reading", "Whether every stream is read.", WORKER(streams.is_reading)),
	GAUGE("allocd_leases",
	      "Whether this worker has the lease: it reads the stream of that name, or handles pub/sub.",
	      LABELLED(write_leases, "name")),
	COUNTER("allocd_leases_lost_total", "Leases that another worker took from this one.",
		WORKER(leases_lost)),

	/* HTTP. */
	GAUGE("allocd_http_connections", "Open HTTP connections.", WORKER(http_connections)),
	GAUGE("allocd_http_requests_waiting", "HTTP requests without a reply so far.", WORKER(http_waiting)),
	COUNTER("allocd_http_requests_total", "HTTP requests that got a reply, by route and status.",
		LABELLED(write_requests, "route", "status")),
	HISTOGRAM("allocd_http_request_duration_seconds",
		  "Time from the receipt of an HTTP request to its reply.",
		  LABELLED(write_request_durations, "route")),
	COUNTER("allocd_http_replies_total",
		"Deprecated: see allocd_http_requests_total. HTTP replies by class of status.",
		LABELLED(write_replies, "status")),
	GAUGE("allocd_sse_clients", "Clients that watch /admin/live.", WORKER(live.viewers)),
	COUNTER("allocd_sse_dropped_total",
		"Clients of /admin/live that were cut off because they did not read.", WORKER(live.dropped)),

	/* Traces. */
	COUNTER("allocd_spans_exported_total", "Spans that the receiver of traces accepted.",
		WORKER(spans.exported)),
	COUNTER("allocd_spans_dropped_total", "Spans that were not exported.", WORKER(spans.dropped)),

	/* The log. */
	COUNTER("allocd_log_lines_total", "Lines written to the log.", LABELLED(write_log_lines, "level")),
	COUNTER("allocd_log_lines_left_out_total",
		"Lines that were only counted, because the same was written just before.",
		LABELLED(write_log_lines_left_out, "level")),

	/* The process; Prometheus' clients name these by convention. */
	GAUGE("allocd_build_info", "The program's version, and the libraries that it was built with.",
	      LABELLED(write_build, "version", "revision", "libevent", "libpq", "openssl")),
	GAUGE("allocd_stopping", "Whether the worker is stopping.", WORKER(stopping)),
	GAUGE("allocd_resident_memory_peak_bytes", "Peak resident memory.", WORKER(peak_resident_bytes)),
	COUNTER("process_cpu_seconds_total", "User and system time spent.", WORKER(cpu_seconds)),
	GAUGE("process_resident_memory_bytes", "Resident memory.", WORKER(resident_bytes)),
	GAUGE("process_virtual_memory_bytes", "Virtual memory.", WORKER(virtual_bytes)),
	GAUGE("process_start_time_seconds", "Start time, in seconds since 1970.", WORKER(started_at)),
	GAUGE("process_open_fds", "Open file descriptors.", WORKER(open_fds)),
	GAUGE("process_max_fds", "The most file descriptors that may be open.", WORKER(max_fds)),
};

char *metrics_text(const struct metrics *metrics)
{
	char *text;
	size_t size;
	FILE *out = memory_stream_open(&text, &size);

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		metric_write(out, &table[i], metrics);
	fclose(out);
	return text;
}
