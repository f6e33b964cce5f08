/* Writes the worker's metrics in Prometheus' text format. */
#include "entrypoints/http/metrics.h"

#include "core/base/must.h"

#include <math.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The engine's counters. */
static const struct counter {
	const char *name, *help;
	size_t offset; /* of a uint64_t in struct engine_stats */
} counters[] = {
#define COUNTER(name, member, help)                                                                          \
	{                                                                                                    \
		"allocd_" name "_total", help, offsetof(struct engine_stats, member)                         \
	}
	COUNTER("messages_received", received, "Messages received."),
	COUNTER("units", units, "Units of work committed."),
	COUNTER("unit_messages", messages, "Messages in committed units of work."),
	COUNTER("conflicts", conflicts, "Units of work redone after a concurrent update."),
	COUNTER("doubts", failed_speculations,
		"Units of work redone because cached or assumed state was stale."),
	COUNTER("retries", retries,
		"Calls that failed through trouble of the infrastructure and were retried."),
	COUNTER("uncertain_commits", uncertain,
		"Commits whose outcome the worker had to ask the database for."),
	COUNTER("loads_again", loads_again, "Loads beyond the first of a unit of work."),
	COUNTER("events_published", published, "Events that Redis accepted."),
	COUNTER("publish_failures", publish_failures, "Publications that failed and are retried."),
	COUNTER("notifications", notified, "Notifications delivered."),
	COUNTER("notification_failures", notify_failures, "Notifications that failed."),
	COUNTER("notifications_dead", notifications_dead, "Notifications given up: they are dead letters."),
};

static void head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *out, const char *name, const char *help, double value)
{
	head(out, name, "gauge", help);
	if (isnan(value))
		fprintf(out, "%s NaN\n", name);
	else
		fprintf(out, "%s %.15g\n", name, value);
}

static void counter(FILE *out, const char *name, const char *help, double value)
{
	head(out, name, "counter", help);
	fprintf(out, "%s %.15g\n", name, value);
}

static void write_outcomes(FILE *out, const struct engine_stats *stats)
{
	head(out, "allocd_messages_total", "counter", "Messages by outcome.");
	for (int outcome = OUTCOME_HANDLED; outcome <= OUTCOME_FAILED; outcome++)
		fprintf(out, "allocd_messages_total{outcome=\"%s\"} %llu\n",
			outcome_name((enum outcome)outcome), (unsigned long long)stats->outcomes[outcome]);
}

static void write_engine(FILE *out, const struct metrics *metrics)
{
	const struct engine_stats *stats = metrics->engine;

	for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
		const char *place = (const char *)stats + counters[i].offset;

		counter(out, counters[i].name, counters[i].help,
			(double)*(const uint64_t *)(const void *)place);
	}
	write_outcomes(out, stats);
	gauge(out, "allocd_mail_up", "Whether the mail server accepted the last mail, or none was sent yet.",
	      stats->notifier_up ? 1 : 0);
	gauge(out, "allocd_queued_messages", "Messages that are queued or in flight.", (double)stats->queued);
	gauge(out, "allocd_queued_bytes", "Memory that those messages hold.", (double)stats->queued_bytes);
	gauge(out, "allocd_parked_skus",
	      "SKUs whose messages are parked because the database refuses them while it commits others.",
	      (double)stats->parked_skus);
	gauge(out, "allocd_parked_messages", "Messages of parked SKUs.", (double)stats->parked_messages);
	gauge(out, "allocd_postponed_skus",
	      "SKUs whose stream entries stay pending: messages of held-up SKUs fill half of the queue.",
	      (double)stats->postponed_skus);
	gauge(out, "allocd_unpublished_rows", "Committed rows of the outbox that wait to be published.",
	      (double)stats->unpublished);
	gauge(out, "allocd_dead_letters", "Dead letters kept; NaN while the database cannot be asked.",
	      stats->database_up && stats->dead_letters >= 0 ? (double)stats->dead_letters : (double)NAN);
	if (stats->dead_letters_dropped >=
	    0) /* omitted until first read: a start at 0 would make old drops seem recent */
		counter(out, "allocd_dead_letters_dropped_total",
			"Dead letters dropped beyond ALLOCD_DEAD_LETTERS_MAX or after ALLOCD_DEAD_LETTERS_DAYS.",
			(double)stats->dead_letters_dropped);
	gauge(out, "allocd_database_restored", "Whether the database is older than what was published.",
	      stats->restored ? 1 : 0);
	gauge(out, "allocd_outbox_damaged", "Partitions of the outbox that a damaged row holds up.",
	      (double)stats->damaged);
	gauge(out, "allocd_database_up", "Whether the database answers, and commits units of work.",
	      stats->database_up ? 1 : 0);
	gauge(out, "allocd_events_taken", "Whether Redis is connected and accepted the last events.",
	      stats->broker_takes && metrics->publishing ? 1 : 0);
}

static void write_redis(FILE *out, const struct metrics *metrics)
{
	gauge(out, "allocd_redis_listening", "Whether commands on Redis are received.",
	      metrics->listening ? 1 : 0);
	gauge(out, "allocd_redis_publishing", "Whether events can be published.",
	      metrics->publishing ? 1 : 0);
	counter(out, "allocd_events_unheard_total", "Events that no subscriber received.",
		(double)metrics->published_unheard);
	counter(out, "allocd_events_unfenced_total",
		"Events published without fence and stream, because Redis was out of memory.",
		(double)metrics->published_unfenced);
	gauge(out, "allocd_blind", "Whether commands on Redis are missed: the subscription was lost.",
	      metrics->is_blind ? 1 : 0);
	counter(out, "allocd_blind_windows_total", "Times that the subscription to commands was lost.",
		(double)metrics->blind_windows);
	counter(out, "allocd_blind_seconds_total", "Total time without a subscription to commands.",
		metrics->blind_seconds);
	gauge(out, "allocd_pubsub_kept_bytes", "What was heard on channels and is kept until it is finished.",
	      (double)metrics->subscription_bytes);
	counter(out, "allocd_pubsub_taken_over_total",
		"Messages that were heard before this worker handled them, as another one did.",
		(double)metrics->subscription.taken_over);
	counter(out, "allocd_pubsub_dropped_total",
		"Messages that were heard for the next holder and not kept, because there were too many.",
		(double)metrics->subscription.dropped);
	counter(out, "allocd_pubsub_unnamed_total",
		"Messages that were not kept because other workers do not know them by the same name.",
		(double)metrics->subscription.unnamed);
	counter(out, "allocd_pubsub_given_up_total",
		"Messages that were not handled because the last holder may have handled them.",
		(double)metrics->subscription.not_covered);
}

static void write_streams(FILE *out, const struct stream_reader_stats *streams)
{
	counter(out, "allocd_stream_entries_read_total", "Entries read from streams.", (double)streams->read);
	counter(out, "allocd_stream_entries_claimed_total",
		"Entries claimed from consumers that had stopped.", (double)streams->claimed);
	counter(out, "allocd_stream_entries_lost_total",
		"Entries that were trimmed before they were handled.", (double)streams->lost);
	counter(out, "allocd_stream_entries_acknowledged_total", "Entries acknowledged, after the commit.",
		(double)streams->acknowledged);
	gauge(out, "allocd_stream_entries_in_flight", "Entries read and not acknowledged yet.",
	      (double)streams->in_flight);
	gauge(out, "allocd_stream_entries_pending",
	      "Entries pending for all consumers of the group; NaN while a stream is not read.",
	      streams->is_reading ? (double)streams->pending : (double)NAN);
	gauge(out, "allocd_stream_reading", "Whether every stream is read.", streams->is_reading ? 1 : 0);
}

/* As the text format escapes the value of a label; no name of a lease has a newline. */
static void write_label(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_leases(FILE *out, const struct metrics *metrics)
{
	if (metrics->lease_count)
		head(out, "allocd_leases", "gauge",
		     "Whether this worker has the lease: it reads the stream of that name, or handles pub/sub.");
	for (size_t i = 0; i < metrics->lease_count; i++) {
		fputs("allocd_leases{name=\"", out);
		write_label(out, metrics->leases[i].name);
		fprintf(out, "\"} %d\n", metrics->leases[i].is_held);
	}
	counter(out, "allocd_leases_lost_total", "Leases that another worker took from this one.",
		(double)metrics->leases_lost);
}

/* All codes are always there, so that an alert can tell a trouble that is over from one that never was. */
static void write_troubles(FILE *out, const struct trouble_list *troubles)
{
	head(out, "allocd_trouble", "gauge", "Whether there is this trouble: see docs/operating.md.");
	for (int code = 0; code < TROUBLE_CODES; code++)
		fprintf(out, "allocd_trouble{code=\"%s\",severity=\"%s\"} %d\n", trouble_kinds[code].code,
			trouble_severity_name(trouble_kinds[code].severity), troubles->by_code[code].is_open);
}

static void write_http(FILE *out, const struct metrics *metrics)
{
	gauge(out, "allocd_http_connections", "Open HTTP connections.", (double)metrics->http_connections);
	gauge(out, "allocd_http_requests_waiting", "HTTP requests without a reply so far.",
	      (double)metrics->http_waiting);
	head(out, "allocd_http_replies_total", "counter", "HTTP replies by status.");
	for (int hundreds = 2; hundreds <= 5; hundreds++)
		fprintf(out, "allocd_http_replies_total{status=\"%dxx\"} %llu\n", hundreds,
			(unsigned long long)metrics->http_replies[hundreds]);
}

/* The names that Prometheus clients use by convention. */
static void write_process(FILE *out, const struct metrics *metrics)
{
	head(out, "allocd_build_info", "gauge", "The program's version.");
	fputs("allocd_build_info{version=\"" ALLOCD_VERSION "\"} 1\n", out);
	gauge(out, "allocd_stopping", "Whether the worker is stopping.", metrics->stopping ? 1 : 0);
	gauge(out, "process_resident_memory_bytes", "Resident memory.", (double)metrics->resident_bytes);
	gauge(out, "allocd_resident_memory_peak_bytes", "Peak resident memory.",
	      (double)metrics->peak_resident_bytes);
	gauge(out, "process_start_time_seconds", "Start time, in seconds since 1970.", metrics->started_at);
	counter(out, "process_cpu_seconds_total", "User and system time spent.", metrics->cpu_seconds);
}

char *metrics_text(const struct metrics *metrics)
{
	char *text;
	size_t size;
	FILE *out = must(open_memstream(&text, &size));

	write_engine(out, metrics);
	write_redis(out, metrics);
	write_streams(out, &metrics->streams);
	write_leases(out, metrics);
	write_troubles(out, metrics->troubles);
	write_http(out, metrics);
	write_process(out, metrics);
	fclose(out);
	return text;
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long total, resident = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* The peak from getrusage() may be that of the program that started this one. */
static size_t peak_resident_bytes(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long kib = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %lu kB", &kib) != 1)
		;
	fclose(file);
	return (size_t)kib * 1024;
}

void metrics_measure_process(struct metrics *metrics)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	metrics->cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
	metrics->resident_bytes = resident_bytes();
	metrics->peak_resident_bytes = peak_resident_bytes();
}
