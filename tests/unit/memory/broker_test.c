/* The broker's fence: each row is published once, and in order, although several workers try. */
#include "support/suites.h"

#include "adapters/memory/ports/broker.h"

#include <string.h>

static struct simulation *simulation;
static struct memory_broker *broker, *beside;

static struct arena *arena;
static struct published last; /* answer */
static int answers, failures;

static void set_up(void)
{
	simulation = simulation_new();
	broker = memory_broker_new(simulation);
	beside = memory_broker_connect(broker);
	arena = arena_new(1024);
	answers = failures = 0;
}

static void tear_down(void)
{
	memory_broker_free(&broker);
	memory_broker_free(&beside);
	simulation_free(&simulation);
	arena_free(&arena);
}

static void on_published(void *context, const struct published *published, const struct failure *failure)
{
	(void)context;
	last = *published;
	answers++;
	failures += failure != NULL;
}

/* Rows `first` to `last_row`, of two events each: "1a", "1b", "2a" and so on. */
static void publish_as(struct memory_broker *by, const char *incarnation, int64_t known, int first,
		       int last_row)
{
	struct publication *publication = arena_alloc(arena, sizeof *publication);
	size_t count = (size_t)last_row - (size_t)first + 1;
	struct outgoing_row *rows = arena_alloc(arena, count * sizeof *rows);
	struct broker *port = memory_broker_port(by);

	for (size_t i = 0; i < count; i++) {
		struct outgoing *events = arena_alloc(arena, 2 * sizeof *events);

		for (int j = 0; j < 2; j++) {
			const char *text = arena_printf(arena, "%d%c", first + (int)i, 'a' + j);

			events[j] = (struct outgoing){.type = MSG_LINE_ALLOCATED,
						      .payload = {text, strlen(text)}};
		}
		rows[i] = (struct outgoing_row){first + (int)i, events, 2};
	}
	*publication = (struct publication){
		.incarnation = incarnation, .partition = 3, .known = known, .rows = rows, .row_count = count};
	port->ops->publish(port, publication, on_published, NULL);
}

static void publish(int64_t known, int first, int last_row)
{
	publish_as(broker, "life-1", known, first, last_row);
	simulation_run_until_idle(simulation);
}

static void expect_sent(const char *expected)
{
	const char *sent = "";

	for (size_t i = 0; i < memory_broker_count(broker); i++) {
		struct bytes payload = memory_broker_event(broker, i)->payload;

		sent = arena_printf(arena, "%s%.*s ", sent, (int)payload.size, (const char *)payload.data);
	}
	ck_assert_str_eq(sent, expected);
}

static void expect_answer(int64_t position, size_t events)
{
	ck_assert_int_eq(last.position, position);
	ck_assert_uint_eq(last.events, events);
}

START_TEST(rows_are_published_in_order)
{
	publish(0, 1, 2);

	expect_sent("1a 1b 2a 2b ");
	expect_answer(2, 4);
	ck_assert_int_eq(failures, 0);
}
END_TEST

START_TEST(rows_below_the_fence_are_skipped)
{
	publish(0, 1, 2);
	publish(0, 1, 3);

	expect_sent("1a 1b 2a 2b 3a 3b ");
	expect_answer(3, 2);
	ck_assert_uint_eq(memory_broker_skipped(broker), 2);
}
END_TEST

START_TEST(rows_above_a_gap_are_not_published)
{
	publish(0, 1, 1);
	publish(1, 3, 4);

	expect_sent("1a 1b ");
	expect_answer(1, 0);
	ck_assert_uint_eq(memory_broker_gaps(broker), 1);
}
END_TEST

START_TEST(a_worker_that_lags_gets_the_position_of_the_others)
{
	publish(0, 1, 5);
	publish_as(beside, "life-1", 0, 1, 2);
	simulation_run_until_idle(simulation);

	expect_answer(5, 0);
}
END_TEST

/* Known lifts a fence that is missing or lower, and never lowers one. */
static const struct known {
	bool forget;
	int64_t known;
	int first;
	int64_t position; /* afterwards */
	size_t events;
} knowns[] = {
	{true, 2, 3, 3, 2},  {true, 0, 3, 0, 0},  {true, 7, 8, 8, 2},  {true, 4, 3, 4, 0},
	{false, 7, 8, 8, 2}, {false, 7, 9, 7, 0}, {false, 0, 3, 3, 2}, {false, 1, 1, 2, 0},
};

START_TEST(a_known_position_raises_the_fence)
{
	publish(0, 1, 2);
	if (knowns[_i].forget)
		memory_broker_forget(broker);

	publish(knowns[_i].known, knowns[_i].first, knowns[_i].first);

	expect_answer(knowns[_i].position, knowns[_i].events);
}
END_TEST

START_TEST(each_incarnation_has_fences_of_its_own)
{
	publish(0, 1, 2);
	publish_as(broker, "life-2", 0, 1, 1);
	simulation_run_until_idle(simulation);
	expect_answer(1, 2);

	publish(0, 1, 3);
	expect_answer(3, 2);
	expect_sent("1a 1b 2a 2b 1a 1b 3a 3b ");
}
END_TEST

START_TEST(a_row_that_was_half_published_does_not_count_as_published)
{
	memory_broker_fail_after(broker, 3);
	publish(0, 1, 2);
	ck_assert_int_eq(failures, 1);
	expect_sent("1a 1b 2a ");

	publish(0, 1, 2);

	ck_assert_int_eq(failures, 1);
	expect_sent("1a 1b 2a 2a 2b ");
	expect_answer(2, 2);
}
END_TEST

START_TEST(a_call_that_fails_after_its_last_event_is_published)
{
	memory_broker_fail_after(broker, 2);
	publish(0, 1, 1);
	ck_assert_int_eq(failures, 1);

	publish(0, 1, 1);

	expect_sent("1a 1b ");
}
END_TEST

START_TEST(a_broker_that_is_down_publishes_nothing)
{
	memory_broker_set_down(beside, true);
	publish(5, 6, 6);
	ck_assert_int_eq(failures, 1);
	ck_assert(!memory_broker_port(broker)->ops->is_up(memory_broker_port(broker)));
	expect_sent("");

	memory_broker_set_down(beside, false);
	publish(0, 1, 1);
	expect_sent("1a 1b ");
}
END_TEST

START_TEST(an_event_of_unknown_type_is_skipped)
{
	static const struct outgoing events[] = {{.type = MSG_NONE, .payload = {"x", 1}},
						 {.type = MSG_OUT_OF_STOCK, .payload = {"y", 1}}};
	const struct outgoing_row row = {1, events, 2};
	struct broker *port = memory_broker_port(broker);

	port->ops->publish(
		port,
		&(struct publication){.incarnation = "life-1", .partition = 3, .rows = &row, .row_count = 1},
		on_published, NULL);
	simulation_run_until_idle(simulation);

	expect_sent("y ");
	expect_answer(1, 1);
}
END_TEST

/* The calls of a worker that dies or hangs do not affect those of others. */
START_TEST(each_connection_has_wires_of_its_own)
{
	cable_hold(memory_broker_requests(beside));
	publish_as(beside, "life-1", 0, 1, 1);
	publish(0, 1, 2);
	ck_assert_int_eq(answers, 1);

	memory_broker_free(&beside);
	simulation_run_until_idle(simulation);

	ck_assert_int_eq(answers, 1);
	expect_sent("1a 1b 2a 2b ");
}
END_TEST

SUITE("broker", set_up, tear_down)
{
	tcase_add_test(tests, rows_are_published_in_order);
	tcase_add_test(tests, rows_below_the_fence_are_skipped);
	tcase_add_test(tests, rows_above_a_gap_are_not_published);
	tcase_add_test(tests, a_worker_that_lags_gets_the_position_of_the_others);
	tcase_add_loop_test(tests, a_known_position_raises_the_fence, 0, COUNT(knowns));
	tcase_add_test(tests, each_incarnation_has_fences_of_its_own);
	tcase_add_test(tests, a_row_that_was_half_published_does_not_count_as_published);
	tcase_add_test(tests, a_call_that_fails_after_its_last_event_is_published);
	tcase_add_test(tests, a_broker_that_is_down_publishes_nothing);
	tcase_add_test(tests, an_event_of_unknown_type_is_skipped);
	tcase_add_test(tests, each_connection_has_wires_of_its_own);
}
