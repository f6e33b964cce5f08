/* Searches of the events that went out: what they find, and how much they look at. */
#include "live/live_world.h"
#include "support/suites.h"

#include "adapters/codec/codec.h"
#include "entrypoints/live/past_events.h"

#include <jansson.h>
#include <string.h>

static struct past_events *past;

static struct answer {
	bool is_there, has_more;
	size_t count, searched;
	struct stream_id last;
	char text[64 * 1024], error[64];
} answer;

static void set_up(void)
{
	set_up_live();
	past = past_events_new(&http_world.clock.clock, stream_port(), http_world.codec,
			       codec_payload_to_line);
}

static void tear_down(void)
{
	past_events_free(&past);
	tear_down_live();
}

static void on_done(void *context, const struct past_page *page, const char *error)
{
	json_t *events;

	(void)context;
	memset(&answer, 0, sizeof answer);
	answer.is_there = true;
	snprintf(answer.error, sizeof answer.error, "%s", error ? error : "");
	if (!page)
		return;
	snprintf(answer.text, sizeof answer.text, "%s", page->json);
	events = json_loads(page->json, 0, NULL);
	ck_assert_ptr_nonnull(events);
	answer.count = json_array_size(events);
	json_decref(events);
	answer.searched = page->searched;
	answer.has_more = page->has_more;
	answer.last = page->last;
}

static void search(const struct past_search *asked)
{
	answer.is_there = false;
	past_events_search(past, asked, on_done, NULL);
	ck_assert(!answer.is_there);
	live_run_ms(1000);
	ck_assert(answer.is_there);
}

START_TEST(the_newest_events_come_first_and_the_next_page_follows_them)
{
	stream_add("lamp", 5);
	search(&(struct past_search){.before = STREAM_ID_MAX, .limit = 2});
	ck_assert_ptr_nonnull(strstr(strstr(answer.text, "order-5"), "order-4"));
	ck_assert_uint_eq(answer.count, 2);
	ck_assert(answer.has_more);

	search(&(struct past_search){.before = answer.last, .limit = 3});
	ck_assert_ptr_nonnull(strstr(strstr(answer.text, "order-3"), "order-1"));
	ck_assert_ptr_null(strstr(answer.text, "order-4"));
	search(&(struct past_search){.before = answer.last, .limit = 3});
	ck_assert_uint_eq(answer.count, 0);
	ck_assert(!answer.has_more);
}
END_TEST

START_TEST(a_search_looks_at_5000_events_and_the_next_one_continues_there)
{
	struct past_search lamps = {.before = STREAM_ID_MAX, .limit = 10, .filter.sku = "lamp"};

	stream_add("lamp", 3);
	stream_add("chair", PAST_SEARCHED_MAX + 100);
	search(&lamps);
	ck_assert_uint_eq(answer.count, 0);
	ck_assert_uint_eq(answer.searched, PAST_SEARCHED_MAX);
	ck_assert(answer.has_more);
	lamps.before = answer.last;
	search(&lamps);
	ck_assert_uint_eq(answer.count, 3);
	ck_assert_uint_eq(answer.searched, 103);
	ck_assert(!answer.has_more);
}
END_TEST

START_TEST(events_are_found_by_their_batch)
{
	stream_add("lamp", 3);
	search(&(struct past_search){.before = STREAM_ID_MAX, .limit = 10, .filter.batchref = "b"});
	ck_assert_uint_eq(answer.count, 3);
	search(&(struct past_search){.before = STREAM_ID_MAX, .limit = 10, .filter.batchref = "c"});
	ck_assert_uint_eq(answer.count, 0);
}
END_TEST

static int answers;

static void count_answer(void *context, const struct past_page *page, const char *error)
{
	(void)context;
	ck_assert(page && !error);
	answers++;
}

START_TEST(searches_wait_for_each_other_and_what_they_need_is_given_up_afterwards)
{
	const struct past_search all = {.before = STREAM_ID_MAX, .limit = PAST_FOUND_MAX};

	answers = 0;
	stream_add("lamp", 3);
	for (int i = 0; i < 3; i++)
		past_events_search(past, &all, count_answer, NULL);
	ck_assert_int_eq(stream_reads(), 1);
	live_run_ms(PAST_IDLE_MS - 1000);
	ck_assert_int_eq(answers, 3);
	ck_assert(stream_is_open());
	live_run_ms(2000);
	ck_assert(!stream_is_open());
}
END_TEST

START_TEST(a_refusal_is_answered_and_the_next_search_is_tried_again)
{
	stream_add("lamp", 1);
	stream_refuse("XREVRANGE: NOPERM");
	search(&(struct past_search){.before = STREAM_ID_MAX, .limit = 1});
	ck_assert_str_eq(answer.error, "XREVRANGE: NOPERM");
	stream_refuse(NULL);
	search(&(struct past_search){.before = STREAM_ID_MAX, .limit = 1});
	ck_assert_uint_eq(answer.count, 1);
}
END_TEST

START_TEST(a_read_that_gets_no_answer_ends_its_search_and_not_the_next_one)
{
	stream_add("lamp", 1);
	stream_is_silent(true);
	past_events_search(past, &(struct past_search){.before = STREAM_ID_MAX, .limit = 1}, on_done, NULL);
	live_run_ms(PAST_READ_MS + 100);
	ck_assert_str_eq(answer.error, "Redis does not answer");
	stream_is_silent(false);
	search(&(struct past_search){.before = STREAM_ID_MAX, .limit = 1});
	ck_assert_uint_eq(answer.count, 1);
}
END_TEST

START_TEST(the_33rd_search_that_waits_is_refused)
{
	const struct past_search one = {.before = STREAM_ID_MAX, .limit = 1};

	answers = 0;
	stream_add("lamp", 1);
	for (int i = 0; i < PAST_WAITING_MAX; i++)
		ck_assert(past_events_search(past, &one, count_answer, NULL));
	ck_assert(!past_events_search(past, &one, count_answer, NULL));
	live_run_ms(5000);
	ck_assert_int_eq(answers, PAST_WAITING_MAX);
	ck_assert(past_events_search(past, &one, count_answer, NULL));
	live_run_ms(1000);
	ck_assert_int_eq(answers, PAST_WAITING_MAX + 1);
}
END_TEST

START_TEST(what_waits_at_the_end_is_called_back_no_more)
{
	past_events_search(past, &(struct past_search){.before = STREAM_ID_MAX, .limit = 1}, on_done, NULL);
	past_events_search(past, &(struct past_search){.before = STREAM_ID_MAX, .limit = 1}, on_done, NULL);
	answer.is_there = false;
	past_events_free(&past);
	live_run_ms(1000);
	ck_assert(!answer.is_there);
}
END_TEST

SUITE("past events", set_up, tear_down)
{
	tcase_add_test(tests, the_newest_events_come_first_and_the_next_page_follows_them);
	tcase_add_test(tests, a_search_looks_at_5000_events_and_the_next_one_continues_there);
	tcase_add_test(tests, events_are_found_by_their_batch);
	tcase_add_test(tests, searches_wait_for_each_other_and_what_they_need_is_given_up_afterwards);
	tcase_add_test(tests, a_refusal_is_answered_and_the_next_search_is_tried_again);
	tcase_add_test(tests, a_read_that_gets_no_answer_ends_its_search_and_not_the_next_one);
	tcase_add_test(tests, the_33rd_search_that_waits_is_refused);
	tcase_add_test(tests, what_waits_at_the_end_is_called_back_no_more);
}
