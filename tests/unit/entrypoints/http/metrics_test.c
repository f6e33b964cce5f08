/* Metrics are in Prometheus' text format, and each has the value that its name promises. */
#include "entrypoints/http/metrics.h"
#include "support/suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;

static void set_up(void)
{
	struct engine_stats stats = {
		.received = 11,
		.outcomes = {[OUTCOME_HANDLED] = 5, [OUTCOME_FAILED] = 1},
		.units = 12,
		.messages = 13,
		.conflicts = 14,
		.retries = 15,
		.uncertain = 16,
		.loads_again = 17,
		.published = 18,
		.publish_failures = 19,
		.notified = 20,
		.notify_failures = 21,
		.notifications_dead = 45,
		.dead_letters = 36,
		.dead_letters_dropped = 37,
		.queued = 22,
		.queued_bytes = 23,
		.parked_skus = 241,
		.parked_messages = 242,
		.unpublished = 24,
		.database_up = true,
		.broker_takes = true,
		.notifier_up = true,
	};
	const uint64_t replies[6] = {0, 0, 31, 32, 33, 34};
	struct trouble_list troubles = {.by_code[TROUBLE_STALLED].is_open = true};
	struct metrics metrics = {
		.engine = &stats,
		.troubles = &troubles,
		.http_replies = replies,
		.http_connections = 35,
		.listening = true,
		.publishing = true,
		.is_blind = true,
		.published_unfenced = 38,
		.streams = {.read = 39,
			    .claimed = 40,
			    .lost = 41,
			    .acknowledged = 42,
			    .in_flight = 43,
			    .pending = 44,
			    .is_reading = true},
		.leases = {{"allocd:commands", true}, {"a \"name\" with \\", false}},
		.lease_count = 2,
		.leases_lost = 46,
	};

	metrics_measure_process(&metrics);
	text = metrics_text(&metrics);
}

static void tear_down(void)
{
	free(text);
}

static const char *const lines[] = {
	"\nallocd_messages_received_total 11\n",
	"\nallocd_messages_total{outcome=\"handled\"} 5\n",
	"\nallocd_messages_total{outcome=\"rejected\"} 0\n",
	"\nallocd_messages_total{outcome=\"failed\"} 1\n",
	"\nallocd_units_total 12\n",
	"\nallocd_unit_messages_total 13\n",
	"\nallocd_conflicts_total 14\n",
	"\nallocd_retries_total 15\n",
	"\nallocd_uncertain_commits_total 16\n",
	"\nallocd_loads_again_total 17\n",
	"\nallocd_events_published_total 18\n",
	"\nallocd_publish_failures_total 19\n",
	"\nallocd_notifications_total 20\n",
	"\nallocd_notification_failures_total 21\n",
	"\nallocd_notifications_dead_total 45\n",
	"\nallocd_queued_messages 22\n",
	"\nallocd_queued_bytes 23\n",
	"\nallocd_parked_skus 241\n",
	"\nallocd_parked_messages 242\n",
	"\nallocd_unpublished_rows 24\n",
	"\nallocd_database_up 1\n",
	"\nallocd_events_taken 1\n",
	"\nallocd_mail_up 1\n",
	"\nallocd_redis_listening 1\n",
	"\nallocd_redis_publishing 1\n",
	"\nallocd_blind 1\n",
	"\nallocd_http_replies_total{status=\"2xx\"} 31\n",
	"\nallocd_http_replies_total{status=\"5xx\"} 34\n",
	"\nallocd_http_connections 35\n",
	"\nallocd_dead_letters 36\n",
	"\nallocd_dead_letters_dropped_total 37\n",
	"\nallocd_events_unfenced_total 38\n",
	"\nallocd_stream_entries_read_total 39\n",
	"\nallocd_stream_entries_claimed_total 40\n",
	"\nallocd_stream_entries_lost_total 41\n",
	"\nallocd_stream_entries_acknowledged_total 42\n",
	"\nallocd_stream_entries_in_flight 43\n",
	"\nallocd_stream_entries_pending 44\n",
	"\nallocd_stream_reading 1\n",
	"\nallocd_leases{name=\"allocd:commands\"} 1\n",
	"\nallocd_leases{name=\"a \\\"name\\\" with \\\\\"} 0\n",
	"\nallocd_leases_lost_total 46\n",
	"\nallocd_outbox_damaged 0\n",
	"\nallocd_database_restored 0\n",
	"\nallocd_trouble{code=\"stalled\",severity=\"stop\"} 1\n",
	"\nallocd_trouble{code=\"queue-full\",severity=\"note\"} 0\n",
	"\n# TYPE allocd_units_total counter\n",
	"\n# TYPE allocd_queued_bytes gauge\n",
};

START_TEST(each_metric_has_the_value_of_its_figure)
{
	ck_assert_msg(strstr(text, lines[_i]) != NULL, "%s is not in\n%s", lines[_i], text);
}
END_TEST

START_TEST(every_sample_follows_its_help_and_type)
{
	const char *line = text;

	while (*line) {
		const char *end = strchr(line, '\n');
		char name[128];

		ck_assert_ptr_nonnull(end);
		if (*line != '#') {
			snprintf(name, sizeof name, "# TYPE %.*s ", (int)strcspn(line, "{ "), line);
			ck_assert_msg(strstr(text, name) != NULL, "no %s", name);
		}
		line = end + 1;
	}
}
END_TEST

START_TEST(memory_and_cpu_time_of_the_process_are_measured)
{
	const char *resident = strstr(text, "\nprocess_resident_memory_bytes ");

	ck_assert_ptr_nonnull(resident);
	ck_assert(strtod(resident + strlen("\nprocess_resident_memory_bytes "), NULL) > 100000);
}
END_TEST

SUITE("metrics", set_up, tear_down)
{
	tcase_add_loop_test(tests, each_metric_has_the_value_of_its_figure, 0, COUNT(lines));
	tcase_add_test(tests, every_sample_follows_its_help_and_type);
	tcase_add_test(tests, memory_and_cpu_time_of_the_process_are_measured);
}
