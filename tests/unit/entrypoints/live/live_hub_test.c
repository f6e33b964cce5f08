/* What viewers are sent, how much of it, and what it costs the worker. */
#include "live/live_world.h"
#include "support/suites.h"

#include <string.h>

static const struct live_request events = {.topics = LIVE_EVENTS}, status = {.topics = LIVE_STATUS};

#define EVENT "\nevent: event\n"

/* ---- the status ---- */

START_TEST(the_status_is_sent_at_once_and_then_once_a_second)
{
	const struct seen *seen = watch(&status);

	ck_assert_ptr_nonnull(strstr(seen->text, "retry: 2000\n\nevent: status\ndata: {"));
	live_run_ms(3000);
	ck_assert_int_ge(times_seen(seen, "event: status\n"), 3);
	ck_assert_int_le(times_seen(seen, "event: status\n"), 5);
	ck_assert_int_eq(stream_reads(), 0);
}
END_TEST

START_TEST(a_comment_is_sent_every_15_s)
{
	const struct seen *seen = watch(&events);

	live_run_ms(LIVE_COMMENT_MS - 1000);
	ck_assert_int_eq(times_seen(seen, "\n: \n"), 0);
	live_run_ms(LIVE_COMMENT_MS + 1500);
	ck_assert_int_eq(times_seen(seen, "\n: \n"), 2);
}
END_TEST

/* ---- events ---- */

START_TEST(a_new_viewer_gets_the_last_events_and_those_that_follow_in_their_order)
{
	const struct seen *seen;

	stream_add("lamp", 2);
	seen = watch(&events);
	live_run_ms(500);
	stream_add("lamp", 1);
	live_run_ms(500);

	ck_assert_int_eq(times_seen(seen, EVENT), 3);
	ck_assert_ptr_nonnull(strstr(strstr(strstr(seen->text, "order-1"), "order-2"), "order-3"));
	ck_assert_ptr_nonnull(
		strstr(seen->text, "data: {\"type\":\"line_allocated\",\"at\":\"2023-11-14T22:13:20"));
	ck_assert_int_eq(times_seen(seen, "skipped"), 0);
}
END_TEST

START_TEST(of_what_was_there_before_a_new_viewer_gets_the_newest_50_and_no_note)
{
	const struct seen *seen;

	stream_add("lamp", 3000);
	seen = watch(&events);
	live_run_ms(LIVE_TICK_MS);

	ck_assert_int_eq(times_seen(seen, EVENT), LIVE_SEND_PER_S);
	ck_assert_ptr_nonnull(strstr(seen->text, "\"order-3000\""));
	ck_assert_int_eq(times_seen(seen, "skipped"), 0);
}
END_TEST

/* The sum of the numbers after each `name`. */
static int sum_of(const struct seen *seen, const char *name)
{
	int sum = 0;

	for (const char *at = seen->text; (at = strstr(at, name)); at++)
		sum += (int)strtol(at + strlen(name), NULL, 10);
	return sum;
}

START_TEST(of_many_events_the_newest_are_sent_and_all_others_counted)
{
	const struct seen *seen = watch(&events);

	live_run_ms(500);
	for (int second = 0; second < 4; second++) {
		stream_add("lamp", 3000);
		live_run_ms(1000);
	}
	ck_assert_int_le(times_seen(seen, EVENT), 5 * LIVE_SEND_PER_S);
	ck_assert_int_ge(times_seen(seen, EVENT), 3 * LIVE_SEND_PER_S);
	ck_assert_ptr_nonnull(strstr(seen->text, "\"order-12000\""));
	ck_assert_int_gt(sum_of(seen, "\"unread\":"), 7000);
	ck_assert_int_eq(times_seen(seen, EVENT) + sum_of(seen, "\"skipped\":") + sum_of(seen, "\"unread\":"),
			 12000);
}
END_TEST

START_TEST(no_more_than_1000_events_a_second_are_read)
{
	const struct seen *seen = watch(&events);

	live_run_ms(500);
	stream_add("lamp", 1);
	for (int i = 0; i < 40; i++) {
		stream_add("lamp", 400);
		live_run_ms(LIVE_TICK_MS);
	}
	ck_assert_int_ge(sum_of(seen, "\"unread\":"), 40 * 400 - 11 * LIVE_READ_PER_S);
	ck_assert_int_le(stream_reads(), 45);
}
END_TEST

START_TEST(where_redis_does_not_count_the_number_of_unread_events_is_null)
{
	const struct seen *seen;

	stream_counts(false);
	seen = watch(&events);
	live_run_ms(500);
	stream_add("lamp", 3000);
	live_run_ms(1000);
	ck_assert_int_ge(times_seen(seen, "\"unread\":null"), 1);
}
END_TEST

/* ---- filters ---- */

static const struct {
	struct live_filter filter;
	int count;
} filters[] = {
	{{.sku = "lamp"}, 2},
	{{.sku = "lam"}, 0},
	{{.orderid = "order-3"}, 1},
	{{.sku = "lamp", .orderid = "order-3"}, 0},
	{{.sku = "chair", .orderid = "order-3", .type = MSG_LINE_ALLOCATED}, 1},
	{{.type = MSG_OUT_OF_STOCK}, 0},
	{{.type = MSG_LINE_ALLOCATED}, 3},
};

START_TEST(an_event_must_match_each_part_of_the_filter)
{
	const struct live_request request = {.topics = LIVE_EVENTS, .filter = filters[_i].filter};
	const struct seen *seen;

	stream_add("lamp", 2);
	stream_add("chair", 1);
	seen = watch(&request);
	live_run_ms(500);
	ck_assert_int_eq(times_seen(seen, EVENT), filters[_i].count);
}
END_TEST

START_TEST(a_filtered_viewer_learns_how_many_were_not_searched)
{
	const struct live_request request = {.topics = LIVE_EVENTS, .filter.sku = "lamp"};
	const struct seen *seen = watch(&request);

	live_run_ms(500);
	stream_add("chair", 3000);
	stream_add("lamp", 1);
	live_run_ms(LIVE_TICK_MS);

	ck_assert_int_eq(times_seen(seen, EVENT), 1);
	ck_assert_ptr_nonnull(strstr(seen->text, "data: {\"skipped\":0,\"unread\":2501}"));
}
END_TEST

START_TEST(a_viewer_of_rare_events_learns_once_a_second_how_many_were_not_searched)
{
	const struct live_request request = {.topics = LIVE_EVENTS, .filter.sku = "lamp"};
	const struct seen *seen = watch(&request);

	live_run_ms(500);
	for (int i = 0; i < 12; i++) {
		stream_add("chair", 1000);
		live_run_ms(LIVE_TICK_MS);
	}
	ck_assert_int_ge(times_seen(seen, "event: skipped"), 2);
	ck_assert_int_le(times_seen(seen, "event: skipped"), 4);
}
END_TEST

/* ---- coming back ---- */

START_TEST(a_viewer_who_returns_gets_what_came_in_between)
{
	struct seen *first, *again;

	stream_add("lamp", 3);
	first = watch(&events);
	live_run_ms(500);
	first->is_gone = true;
	live_run_ms(500);
	ck_assert(first->is_ended);
	stream_add("lamp", 2);
	again = watch(&(struct live_request){.topics = LIVE_EVENTS, .last_id = last_id_seen(first)});
	live_run_ms(500);

	ck_assert_int_eq(times_seen(again, EVENT), 2);
	ck_assert_ptr_nonnull(strstr(again->text, "order-4"));
	ck_assert_int_eq(times_seen(again, "event: gap"), 0);
}
END_TEST

START_TEST(a_viewer_who_returns_too_late_gets_a_gap)
{
	const char *last;
	struct seen *seen;

	stream_add("lamp", 1);
	seen = watch(&events);
	live_run_ms(500);
	last = last_id_seen(seen);
	for (int i = 0; i < 25; i++) {
		stream_add("lamp", 400);
		live_run_ms(LIVE_TICK_MS);
	}
	seen = watch(&(struct live_request){.topics = LIVE_EVENTS, .last_id = last});
	live_run_ms(500);

	ck_assert_int_eq(times_seen(seen, "event: gap"), 1);
	ck_assert_int_gt(times_seen(seen, EVENT), 0);
}
END_TEST

/* Gives the id that the viewer had last when it went. */
static const char *leave(struct seen *seen)
{
	const char *last = last_id_seen(seen);

	seen->is_gone = true;
	live_run_ms(LIVE_TICK_MS);
	return last;
}

START_TEST(a_viewer_of_rare_events_returns_without_a_gap)
{
	struct live_request request = {.topics = LIVE_EVENTS, .filter = {.sku = "lamp"}};
	struct seen *first, *again;

	first = watch(&request);
	for (int i = 0; i < 30; i++) {
		stream_add("chair", 250);
		live_run_ms(LIVE_TICK_MS);
	}
	live_run_ms(2000);
	request.last_id = leave(first);
	ck_assert_int_eq(times_seen(first, EVENT), 0);
	ck_assert_int_le(times_seen(first, "\nid: "), 10);
	stream_add("lamp", 2);
	again = watch(&request);
	live_run_ms(500);

	ck_assert_int_eq(times_seen(again, "event: gap"), 0);
	ck_assert_int_eq(times_seen(again, EVENT), 2);
}
END_TEST

START_TEST(a_viewer_who_has_seen_no_event_resumes_and_is_sent_no_id_twice)
{
	struct live_request request = {.topics = LIVE_EVENTS};
	struct seen *first = watch(&request), *again;

	live_run_ms(5000);
	ck_assert_int_eq(times_seen(first, "\nid: "), 1);
	request.last_id = leave(first);
	stream_add("lamp", 60);
	again = watch(&request);
	live_run_ms(2000);

	ck_assert_int_eq(times_seen(again, "event: gap"), 0);
	ck_assert_int_eq(times_seen(again, EVENT) + sum_of(again, "\"skipped\":"), 60);
}
END_TEST

static const char *const unknown_ids[] = {
	"", "1", "1-", "-1", "1-1", "x", "1-1-1", " 1-1", "9999999999999999999999-1"};

START_TEST(an_id_of_another_worker_or_none_at_all_is_a_gap)
{
	const struct seen *seen;

	stream_add("lamp", 5);
	watch(&events);
	live_run_ms(500);
	seen = watch(&(struct live_request){.topics = LIVE_EVENTS, .last_id = unknown_ids[_i]});

	ck_assert_int_eq(times_seen(seen, "event: gap"), 1);
}
END_TEST

/* ---- what cannot be read ---- */

START_TEST(a_refusal_is_reported_once_and_the_read_repeated_after_10_s)
{
	const struct seen *seen;
	int reads;

	stream_refuse("XREVRANGE: NOPERM");
	seen = watch(&events);
	live_run_ms(LIVE_REFUSED_MS - 1000);
	ck_assert_int_eq(times_seen(seen, "event: unavailable\ndata: {\"reason\":\"XREVRANGE: NOPERM\"}"), 1);
	reads = stream_reads();
	ck_assert_int_eq(reads, 1);

	stream_refuse(NULL);
	stream_add("lamp", 1);
	live_run_ms(2000);
	ck_assert_int_eq(times_seen(seen, EVENT), 1);
}
END_TEST

START_TEST(a_read_without_an_answer_is_given_up_reported_and_repeated)
{
	const struct seen *seen;

	stream_is_silent(true);
	seen = watch(&events);
	live_run_ms(LIVE_READ_MS - 1000);
	ck_assert_int_eq(times_seen(seen, "event: unavailable"), 0);
	live_run_ms(2000);
	ck_assert_int_eq(times_seen(seen, "event: unavailable"), 1);
	ck_assert(!stream_is_open());

	stream_is_silent(false);
	stream_add("lamp", 1);
	live_run_ms(LIVE_REFUSED_MS);
	ck_assert_int_eq(times_seen(seen, "event: available"), 1);
	ck_assert_int_eq(times_seen(seen, EVENT), 1);
}
END_TEST

START_TEST(the_end_of_a_refusal_is_reported_once_to_those_who_know_of_it)
{
	const struct seen *other, *seen;

	stream_refuse("XREVRANGE: NOPERM");
	seen = watch(&events);
	live_run_ms(1000);
	ck_assert_int_eq(times_seen(seen, "event: available"), 0);
	stream_refuse(NULL);
	live_run_ms(LIVE_REFUSED_MS + 1000);
	other = watch(&events);
	live_run_ms(2000);

	ck_assert_int_eq(times_seen(seen, "\nevent: available\ndata: {}\n\n"), 1);
	ck_assert_int_eq(times_seen(other, "event: available"), 0);

	stream_refuse("XREVRANGE: NOPERM");
	live_run_ms(2000);
	stream_refuse(NULL);
	live_run_ms(LIVE_REFUSED_MS + 1000);
	ck_assert_int_eq(times_seen(seen, "event: unavailable"), 2);
	ck_assert_int_eq(times_seen(seen, "event: available"), 2);
	ck_assert_int_eq(times_seen(other, "event: available"), 1);
}
END_TEST

START_TEST(where_payloads_are_withheld_the_viewer_gets_the_reason_and_nothing_is_read)
{
	const struct seen *seen =
		watch(&(struct live_request){.topics = LIVE_STATUS | LIVE_EVENTS, .withheld = "a reason"});

	live_run_ms(2000);
	ck_assert_ptr_nonnull(strstr(seen->text, "event: unavailable\ndata: {\"reason\":\"a reason\"}"));
	ck_assert_int_ge(times_seen(seen, "event: status"), 2);
	ck_assert_int_eq(stream_reads(), 0);
}
END_TEST

START_TEST(nothing_is_read_without_a_viewer)
{
	struct seen *seen = watch(&events);
	int reads;

	live_run_ms(500);
	ck_assert(stream_is_open());
	seen->is_gone = true;
	live_run_ms(LIVE_TICK_MS);
	reads = stream_reads();
	ck_assert(!stream_is_open());
	live_run_ms(5000);
	ck_assert_int_eq(stream_reads(), reads);
}
END_TEST

static const struct {
	uint64_t later_ms; /* the new stream's ids are that much higher */
	int64_t pause_ms;  /* until it has its first event */
} renewals[] = {{0, 0}, {1000, 0}, {0, 500}, {1000, 500}};

START_TEST(a_stream_that_was_deleted_and_begins_anew_is_read)
{
	struct seen *seen;

	stream_add("lamp", 5);
	seen = watch(&events);
	live_run_ms(500);
	forget_seen(seen);
	stream_forget(renewals[_i].later_ms);
	live_run_ms(renewals[_i].pause_ms);
	stream_add("lamp", 2);
	live_run_ms(1000);

	ck_assert_int_eq(times_seen(seen, EVENT), 2);
	ck_assert_int_eq(times_seen(seen, "\"unread\":null"), 1);
}
END_TEST

START_TEST(what_is_not_read_of_a_new_stream_is_counted_from_its_beginning)
{
	struct seen *seen;

	stream_add("lamp", 4000);
	seen = watch(&events);
	live_run_ms(500);
	stream_forget(renewals[_i].later_ms);
	live_run_ms(renewals[_i].pause_ms);
	stream_add("lamp", 2);
	live_run_ms(2000);
	forget_seen(seen);
	stream_add("lamp", 3000);
	live_run_ms(3000);

	ck_assert_int_eq(times_seen(seen, "\"unread\":null"), 0);
	ck_assert_int_eq(times_seen(seen, EVENT) + sum_of(seen, "\"skipped\":") + sum_of(seen, "\"unread\":"),
			 3000);
}
END_TEST

/* ---- bounds ---- */

START_TEST(a_viewer_who_does_not_read_is_cut_off_and_counted)
{
	struct seen *deaf = watch(&events);
	const struct seen *other = watch(&events);

	deaf->unsent = LIVE_UNSENT_MAX;
	live_run_ms(1000);
	ck_assert(!deaf->is_ended);
	deaf->unsent++;
	live_run_ms(LIVE_TICK_MS);
	ck_assert(deaf->is_ended && deaf->was_cut && !other->is_ended);
	ck_assert_uint_eq(live_hub_statistics(live)->dropped, 1);
	ck_assert_uint_eq(live_hub_statistics(live)->viewers, 1);
}
END_TEST

START_TEST(a_stop_ends_every_reply_and_cuts_off_who_has_not_received_all)
{
	struct seen *deaf = watch(&events);
	const struct seen *other = watch(&status);

	live_run_ms(500);
	deaf->unsent = 1;
	live_hub_stop(live);
	ck_assert(deaf->is_ended && deaf->was_cut && other->is_ended && !other->was_cut);
	ck_assert(!stream_is_open());
	live_run_ms(1000);
}
END_TEST

START_TEST(the_ring_is_bounded_in_bytes)
{
	static char payload[60000];
	struct live_ring *ring = live_ring_new();
	const struct peeked_event event = {.payload = {payload, sizeof payload}};

	for (int i = 0; i < 200; i++)
		live_ring_add(ring, &event, 0);
	ck_assert_uint_eq(ring->end, 201);
	ck_assert_uint_eq(ring->end - ring->first, LIVE_RING_BYTES / sizeof payload);
	live_ring_free(&ring);
}
END_TEST

SUITE("live", set_up_live, tear_down_live)
{
	tcase_add_test(tests, the_status_is_sent_at_once_and_then_once_a_second);
	tcase_add_test(tests, a_comment_is_sent_every_15_s);
	tcase_add_test(tests, a_new_viewer_gets_the_last_events_and_those_that_follow_in_their_order);
	tcase_add_test(tests, of_what_was_there_before_a_new_viewer_gets_the_newest_50_and_no_note);
	tcase_add_test(tests, of_many_events_the_newest_are_sent_and_all_others_counted);
	tcase_add_test(tests, no_more_than_1000_events_a_second_are_read);
	tcase_add_test(tests, where_redis_does_not_count_the_number_of_unread_events_is_null);
	tcase_add_loop_test(tests, an_event_must_match_each_part_of_the_filter, 0, COUNT(filters));
	tcase_add_test(tests, a_filtered_viewer_learns_how_many_were_not_searched);
	tcase_add_test(tests, a_viewer_of_rare_events_learns_once_a_second_how_many_were_not_searched);
	tcase_add_test(tests, a_viewer_who_returns_gets_what_came_in_between);
	tcase_add_test(tests, a_viewer_of_rare_events_returns_without_a_gap);
	tcase_add_test(tests, a_viewer_who_has_seen_no_event_resumes_and_is_sent_no_id_twice);
	tcase_add_test(tests, a_viewer_who_returns_too_late_gets_a_gap);
	tcase_add_loop_test(tests, an_id_of_another_worker_or_none_at_all_is_a_gap, 0, COUNT(unknown_ids));
	tcase_add_test(tests, a_refusal_is_reported_once_and_the_read_repeated_after_10_s);
	tcase_add_test(tests, a_read_without_an_answer_is_given_up_reported_and_repeated);
	tcase_add_test(tests, the_end_of_a_refusal_is_reported_once_to_those_who_know_of_it);
	tcase_add_test(tests, where_payloads_are_withheld_the_viewer_gets_the_reason_and_nothing_is_read);
	tcase_add_test(tests, nothing_is_read_without_a_viewer);
	tcase_add_loop_test(tests, a_stream_that_was_deleted_and_begins_anew_is_read, 0, COUNT(renewals));
	tcase_add_loop_test(tests, what_is_not_read_of_a_new_stream_is_counted_from_its_beginning, 0,
			    COUNT(renewals));
	tcase_add_test(tests, a_viewer_who_does_not_read_is_cut_off_and_counted);
	tcase_add_test(tests, a_stop_ends_every_reply_and_cuts_off_who_has_not_received_all);
	tcase_add_test(tests, the_ring_is_bounded_in_bytes);
}
