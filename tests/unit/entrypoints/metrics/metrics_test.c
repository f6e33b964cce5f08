/* Metrics are in Prometheus' text format, and each has the value that its name promises. */
#include "entrypoints/metrics/metrics.h"
#include "support/suites.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char *text;

/* A status that is not in the list counts as 500. */
static void add_requests(struct http_route_statistics *route)
{
	http_statistics_replied(route, 200, 900);
	http_statistics_replied(route, 200, 1100);
	http_statistics_replied(route, 404, 3000);
	http_statistics_replied(route, 599, 4000);
}

static void set_up(void)
{
	struct engine_stats stats = {
		.by_message.of[MSG_ALLOCATE][TRANSPORT_STREAM] =
			{
				.received = 11,
				.outcomes = {[OUTCOME_HANDLED] = 5, [OUTCOME_FAILED] = 1},
				.duration = {.counts = {3, 2, [HISTOGRAM_BOUNDS_MAX] = 1}, .sum = 20001500},
				.critical = {.counts = {0, 1}, .sum = 750},
			},
		.by_message.of[MSG_NONE][TRANSPORT_STREAM].received = 7,
		.by_message.refused[MSG_ALLOCATE][REASON_INVALID_SKU] = 61,
		.by_message.dead_letters[MSG_NONE][REASON_UNKNOWN_TYPE] = 62,
		.by_unit = {.messages = {.counts = {4, 0, 1, [10] = 2}, .sum = 5000},
			    .stages = {[STAGE_FLUSH] = {.counts = {0, 0, 1}, .sum = 2000}}},
		.received_us = 9000000,
		.oldest_us = 8500000,
		.queue_max = 63,
		.units = 12,
		.messages = 13,
		.conflicts = 14,
		.failed_speculations = 47,
		.retries = 15,
		.uncertain = 16,
		.busy = 48,
		.fenced = 49,
		.refused = 50,
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
		.unpublished_since_us = 9750000,
		.database_up = true,
		.broker_takes = true,
		.notifier_up = true,
	};
	const struct connection_statistics redis = {.roles = {{"publisher", 1, 1, 64}, {"stream", 2, 1, 65}},
						    .role_count = 2};
	const struct event_statistics events = {.counts = {[MSG_OUT_OF_STOCK] = {81, 82, 83, 84}}};
	struct http_statistics http = {0};
	struct trouble_list troubles = {.by_code[TROUBLE_STALLED].is_open = true};
	const struct stream_reader_stats read = {.read = 71,
						 .lost = 72,
						 .is_reading = true,
						 .length = 73,
						 .lag = -1,
						 .pending = 74,
						 .first_pending_ms = 1700000008500,
						 .first_unread_ms = UINT64_MAX};
	const struct stream_reader_stats elsewhere = {.length = 75, .lag = 76};
	struct metrics metrics = {
		.engine = &stats,
		.troubles = &troubles,
		.now_us = 10000000,
		.began = 1700000000,
		.started_at = 1700000005,
		.redis_connections = &redis,
		.events = &events,
		.http = &http,
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
		.each_stream = {{"c0", &read}, {"c1", &elsewhere}},
		.stream_count = 2,
		.leases = {{"allocd:commands", true}, {"a \"name\" with \\", false}},
		.lease_count = 2,
		.leases_lost = 46,
	};

	add_requests(http_statistics_add(&http, "/products/{sku}"));
	metrics_measure_process(&metrics);
	text = metrics_text(&metrics);
}

static void tear_down(void)
{
	free(text);
}

static const char *const lines[] = {
	"\nallocd_messages_received_total{message=\"allocate\",way=\"stream\"} 11\n",
	"\nallocd_messages_received_total{message=\"unknown\",way=\"stream\"} 7\n",
	"\nallocd_messages_total{message=\"allocate\",way=\"stream\",outcome=\"handled\"} 5\n",
	"\nallocd_messages_total{message=\"allocate\",way=\"stream\",outcome=\"rejected\"} 0\n",
	"\nallocd_messages_total{message=\"allocate\",way=\"http\",outcome=\"handled\"} 0\n",
	"\nallocd_messages_total{message=\"allocate\",way=\"stream\",outcome=\"failed\"} 1\n",
	"\nallocd_rejections_total{message=\"allocate\",outcome=\"rejected\",reason=\"invalid_sku\"} 61\n",
	"\nallocd_dead_letters_added_total{message=\"unknown\",outcome=\"invalid\",reason=\"unknown_type\"} 62\n",
	"\nallocd_message_duration_seconds_bucket{message=\"allocate\",way=\"stream\",le=\"0.0005\"} 3\n",
	"\nallocd_message_duration_seconds_bucket{message=\"allocate\",way=\"stream\",le=\"0.001\"} 5\n",
	"\nallocd_message_duration_seconds_bucket{message=\"allocate\",way=\"stream\",le=\"10\"} 5\n",
	"\nallocd_message_duration_seconds_bucket{message=\"allocate\",way=\"stream\",le=\"+Inf\"} 6\n",
	"\nallocd_message_duration_seconds_sum{message=\"allocate\",way=\"stream\"} 20.0015\n",
	"\nallocd_message_duration_seconds_count{message=\"allocate\",way=\"stream\"} 6\n",
	"\nallocd_message_critical_seconds_count{message=\"allocate\",way=\"stream\"} 1\n",
	"\nallocd_unit_size_messages_bucket{le=\"1\"} 4\n",
	"\nallocd_unit_size_messages_bucket{le=\"1000\"} 5\n",
	"\nallocd_unit_size_messages_bucket{le=\"+Inf\"} 7\n",
	"\nallocd_unit_size_messages_sum 5000\n",
	"\nallocd_unit_stage_seconds_bucket{stage=\"flush\",le=\"0.0025\"} 1\n",
	"\nallocd_unit_stage_seconds_sum{stage=\"flush\"} 0.002\n",
	"\nallocd_unit_failures_total{cause=\"conflict\"} 14\n",
	"\nallocd_unit_failures_total{cause=\"doubt\"} 47\n",
	"\nallocd_unit_failures_total{cause=\"infrastructure\"} 15\n",
	"\nallocd_unit_failures_total{cause=\"uncertain\"} 16\n",
	"\nallocd_unit_failures_total{cause=\"busy\"} 48\n",
	"\nallocd_unit_failures_total{cause=\"lease\"} 49\n",
	"\nallocd_unit_failures_total{cause=\"data\"} 50\n",
	"\nallocd_doubts_total 47\n",
	"\nallocd_last_message_timestamp_seconds 1700000009\n",
	"\nallocd_last_commit_timestamp_seconds 1700000005\n",
	"\nallocd_queue_messages 22\n",
	"\nallocd_queue_bytes 23\n",
	"\nallocd_queue_oldest_age_seconds 1.5\n",
	"\nallocd_queue_limit_messages 63\n",
	"\nallocd_outbox_unpublished_rows 24\n",
	"\nallocd_outbox_oldest_age_seconds 0.25\n",
	"\nallocd_units_total 12\n",
	"\nallocd_unit_messages_total 13\n",
	"\nallocd_conflicts_total 14\n",
	"\nallocd_retries_total 15\n",
	"\nallocd_uncertain_commits_total 16\n",
	"\nallocd_loads_again_total 17\n",
	"\nallocd_events_total{event=\"out_of_stock\",result=\"published\"} 81\n",
	"\nallocd_events_total{event=\"out_of_stock\",result=\"unheard\"} 82\n",
	"\nallocd_events_total{event=\"out_of_stock\",result=\"unfenced\"} 83\n",
	"\nallocd_events_total{event=\"out_of_stock\",result=\"failed\"} 84\n",
	"\nallocd_events_total{event=\"line_allocated\",result=\"failed\"} 0\n",
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
	"\nallocd_connection_up{to=\"redis\",role=\"publisher\"} 1\n",
	"\nallocd_connection_up{to=\"redis\",role=\"stream\"} 0\n",
	"\nallocd_connections_total{to=\"redis\",role=\"stream\"} 65\n",
	"\nallocd_database_up 1\n",
	"\nallocd_events_taken 1\n",
	"\nallocd_mail_up 1\n",
	"\nallocd_redis_listening 1\n",
	"\nallocd_redis_publishing 1\n",
	"\nallocd_blind 1\n",
	"\nallocd_http_requests_total{route=\"/products/{sku}\",status=\"200\"} 2\n",
	"\nallocd_http_requests_total{route=\"/products/{sku}\",status=\"202\"} 0\n",
	"\nallocd_http_requests_total{route=\"/products/{sku}\",status=\"500\"} 1\n",
	"\nallocd_http_request_duration_seconds_bucket{route=\"/products/{sku}\",le=\"0.001\"} 1\n",
	"\nallocd_http_request_duration_seconds_bucket{route=\"/products/{sku}\",le=\"0.0025\"} 2\n",
	"\nallocd_http_request_duration_seconds_count{route=\"/products/{sku}\"} 4\n",
	"\nallocd_http_replies_total{status=\"2xx\"} 2\n",
	"\nallocd_http_replies_total{status=\"4xx\"} 1\n",
	"\nallocd_http_replies_total{status=\"5xx\"} 1\n",
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
	"\nallocd_stream_entries_total{stream=\"c0\",what=\"read\"} 71\n",
	"\nallocd_stream_entries_total{stream=\"c0\",what=\"lost\"} 72\n",
	"\nallocd_stream_length_entries{stream=\"c0\"} 73\n",
	"\nallocd_stream_length_entries{stream=\"c1\"} NaN\n",
	"\nallocd_stream_lag_entries{stream=\"c0\"} NaN\n",
	"\nallocd_stream_pending_entries{stream=\"c0\"} 74\n",
	"\nallocd_stream_oldest_pending_age_seconds{stream=\"c0\"} 1.5\n",
	"\nallocd_stream_oldest_unread_age_seconds{stream=\"c0\"} NaN\n",
	"\nallocd_stream_oldest_unread_age_seconds{stream=\"c1\"} NaN\n",
	"\nallocd_leases{name=\"allocd:commands\"} 1\n",
	"\nallocd_leases{name=\"a \\\"name\\\" with \\\\\"} 0\n",
	"\nallocd_leases_lost_total 46\n",
	"\nallocd_outbox_damaged 0\n",
	"\nallocd_database_restored 0\n",
	"\nallocd_trouble{code=\"stalled\",severity=\"stop\"} 1\n",
	"\nallocd_trouble{code=\"queue-full\",severity=\"note\"} 0\n",
	"\n# TYPE allocd_units_total counter\n",
	"\n# HELP allocd_queued_messages Deprecated: see allocd_queue_messages.",
	"\n# TYPE allocd_unit_size_messages histogram\n",
	"\nallocd_build_info{version=\"",
	"\n# TYPE allocd_queued_bytes gauge\n",
};

START_TEST(each_metric_has_the_value_of_its_figure)
{
	ck_assert_msg(strstr(text, lines[_i]) != NULL, "there is no %s", lines[_i]);
}
END_TEST

START_TEST(every_sample_follows_its_help_and_type)
{
	const char *line = text;
	char name[128] = "";

	while (*line) {
		const char *end = strchr(line, '\n');

		ck_assert_ptr_nonnull(end);
		if (!strncmp(line, "# TYPE ", 7))
			snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 7, " "), line + 7);
		else if (*line != '#')
			ck_assert_msg(!strncmp(line, name, strlen(name)), "%.60s follows %s", line, name);
		line = end + 1;
	}
}
END_TEST

static double value_of(const char *name)
{
	const char *found = strstr(text, name);

	ck_assert_msg(found != NULL, "no %s", name);
	return strtod(found + strlen(name), NULL);
}

START_TEST(memory_and_descriptors_of_the_process_are_measured)
{
	double resident = value_of("\nprocess_resident_memory_bytes ");
	double open_fds = value_of("\nprocess_open_fds ");

	ck_assert(resident > 100000);
	ck_assert(value_of("\nprocess_virtual_memory_bytes ") >= resident);
	ck_assert(open_fds >= 3 && open_fds <= value_of("\nprocess_max_fds "));
}
END_TEST

START_TEST(an_open_file_is_one_descriptor_more)
{
	struct metrics before = {0}, after = {0};
	FILE *file;

	metrics_measure_process(&before);
	file = fopen("/dev/null", "re");
	metrics_measure_process(&after);
	fclose(file);

	ck_assert_double_eq(after.open_fds, before.open_fds + 1);
}
END_TEST

START_TEST(without_a_descriptor_left_as_many_are_open_as_may_be)
{
	struct metrics metrics = {0};
	struct rlimit limit;
	int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)lowest + 1;
	setrlimit(RLIMIT_NOFILE, &limit);
	metrics_measure_process(&metrics);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	close(lowest);

	ck_assert_double_eq(metrics.open_fds, lowest + 1);
	ck_assert(isnan(metrics.resident_bytes));
}
END_TEST

SUITE("metrics", set_up, tear_down)
{
	tcase_add_loop_test(tests, each_metric_has_the_value_of_its_figure, 0, COUNT(lines));
	tcase_add_test(tests, every_sample_follows_its_help_and_type);
	tcase_add_test(tests, memory_and_descriptors_of_the_process_are_measured);
	tcase_add_test(tests, an_open_file_is_one_descriptor_more);
	tcase_add_test(tests, without_a_descriptor_left_as_many_are_open_as_may_be);
}
