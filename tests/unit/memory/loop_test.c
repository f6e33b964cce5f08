/* Simulated time, timers on it, and wires through it. */
#include "support/suites.h"

#include "adapters/memory/simulation/cable.h"
#include "adapters/memory/simulation/clock.h"
#include "adapters/memory/simulation/random.h"
#include "adapters/memory/simulation/simulation.h"

#include <string.h>

static struct simulation *simulation;

/* What happened, a character each. */
static char happened[100];

/* A letter, as the context of what happens. */
static void *letter(char which)
{
	static char letters[] = "abcdefghijklmnopqrstuvwxyz";

	return &letters[which - 'a'];
}

static void happen(void *context)
{
	strncat(happened, context, 1);
}

static void set_up(void)
{
	simulation = simulation_new();
	happened[0] = '\0';
}

static void tear_down(void)
{
	simulation_free(&simulation);
	ck_assert_ptr_null(simulation);
}

/* ---- the loop ---- */

START_TEST(a_posted_task_runs_later_and_in_order_of_time)
{
	simulation_post(simulation, 20, happen, letter('c'));
	simulation_post(simulation, 10, happen, letter('a'));
	simulation_post(simulation, 10, happen, letter('b'));
	simulation_run_until_idle(simulation);
	ck_assert_str_eq(happened, "");

	simulation_advance_ms(simulation, 9);
	ck_assert_str_eq(happened, "");
	simulation_advance_ms(simulation, 1);
	ck_assert_str_eq(happened, "ab");
	simulation_advance_ms(simulation, 100);
	ck_assert_str_eq(happened, "abc");
	ck_assert_int_eq(simulation_now_ms(simulation), 110);
}
END_TEST

START_TEST(a_cancelled_task_does_not_run)
{
	struct task *task = simulation_post(simulation, 0, happen, letter('a')), *none = NULL;

	simulation_post(simulation, 0, happen, letter('b'));
	simulation_cancel(simulation, &task);
	simulation_cancel(simulation, &none);
	simulation_run_until_idle(simulation);

	ck_assert_ptr_null(task);
	ck_assert_str_eq(happened, "b");
}
END_TEST

static void post_another(void *context)
{
	happen(context);
	simulation_post(simulation, 0, happen, letter('z'));
}

START_TEST(a_task_posted_for_now_runs_before_time_advances)
{
	simulation_post(simulation, 5, post_another, letter('a'));
	simulation_post(simulation, 6, happen, letter('b'));
	simulation_advance_ms(simulation, 10);

	ck_assert_str_eq(happened, "azb");
}
END_TEST

static bool b_happened(void *context)
{
	(void)context;
	return strchr(happened, 'b') != NULL;
}

START_TEST(time_passes_until_a_question_is_answered)
{
	simulation_post(simulation, 10, happen, letter('a'));
	simulation_post(simulation, 20, happen, letter('b'));
	simulation_post(simulation, 30, happen, letter('c'));

	ck_assert(!simulation_run_until(simulation, b_happened, NULL, 19));
	ck_assert(simulation_run_until(simulation, b_happened, NULL, 100));

	ck_assert_str_eq(happened, "ab");
	ck_assert_int_eq(simulation_now_ms(simulation), 20);
}
END_TEST

/* ---- timers ---- */

START_TEST(a_timer_fires_once_at_the_time_it_was_set_to_last)
{
	struct memory_clock clock;
	const struct clock_ops *ops;
	struct timer *timer;

	memory_clock_init(&clock, simulation);
	ops = clock.clock.ops;
	timer = ops->timer_new(&clock.clock, happen, letter('t'));
	ops->timer_set(timer, 10);
	ops->timer_set(timer, 20);
	simulation_advance_ms(simulation, 19);
	ck_assert_str_eq(happened, "");
	simulation_advance_ms(simulation, 100);
	ck_assert_str_eq(happened, "t");

	ops->timer_set(timer, 10);
	ops->timer_stop(timer);
	simulation_advance_ms(simulation, 100);
	ck_assert_str_eq(happened, "t");

	ops->timer_set(timer, 10);
	ops->timer_free(&timer);
	simulation_advance_ms(simulation, 100);
	ck_assert_str_eq(happened, "t");
	ck_assert_ptr_null(timer);
}
END_TEST

/* ---- wires ---- */

START_TEST(a_message_on_a_cable_arrives_in_a_later_turn_of_the_loop)
{
	struct cable cable;

	cable_init(&cable, simulation);
	cable_pass(&cable, happen, letter('a'));
	ck_assert_str_eq(happened, "");
	simulation_run_until_idle(simulation);
	ck_assert_str_eq(happened, "a");
}
END_TEST

START_TEST(held_messages_are_released_one_by_one)
{
	struct cable cable;

	cable_init(&cable, simulation);
	cable_hold(&cable);
	cable_pass(&cable, happen, letter('a'));
	cable_pass(&cable, happen, letter('b'));
	cable_pass(&cable, happen, letter('c'));
	simulation_advance_ms(simulation, 1000);
	ck_assert_str_eq(happened, "");
	ck_assert_uint_eq(cable_waiting(&cable), 3);

	ck_assert(cable_let_one(&cable));
	simulation_run_until_idle(simulation);
	ck_assert_str_eq(happened, "a");

	cable_open(&cable);
	cable_pass(&cable, happen, letter('d'));
	simulation_run_until_idle(simulation);
	ck_assert_str_eq(happened, "abcd");
	ck_assert(!cable_let_one(&cable));
}
END_TEST

START_TEST(messages_on_a_cable_do_not_overtake_each_other)
{
	struct memory_random random;
	struct cable cable;

	memory_random_init(&random, 7);
	cable_init(&cable, simulation);
	cable_delay(&cable, 0, 50, &random.random);
	for (int i = 0; i < 20; i++) {
		cable_pass(&cable, happen, letter((char)('a' + i)));
		simulation_advance_ms(simulation, 3);
	}
	simulation_advance_ms(simulation, 100);

	ck_assert_str_eq(happened, "abcdefghijklmnopqrst");
}
END_TEST

START_TEST(messages_in_flight_on_a_cable_can_be_dropped)
{
	struct cable cable;

	cable_init(&cable, simulation);
	cable_pass(&cable, happen, letter('a'));
	cable_hold(&cable);
	cable_pass(&cable, happen, letter('b'));
	cable_clear(&cable);
	simulation_run_until_idle(simulation);
	ck_assert_str_eq(happened, "");
}
END_TEST

START_TEST(the_same_seed_gives_the_same_numbers)
{
	struct memory_random one, same, other;
	int differ = 0;

	memory_random_init(&one, 1);
	memory_random_init(&same, 1);
	memory_random_init(&other, 2);
	for (int i = 0; i < 100; i++) {
		uint64_t number = random_below(&one.random, 1000);

		ck_assert_uint_lt(number, 1000);
		ck_assert_uint_eq(number, random_below(&same.random, 1000));
		differ += number != random_below(&other.random, 1000);
	}
	ck_assert_int_gt(differ, 90);
}
END_TEST

SUITE("loop", set_up, tear_down)
{
	tcase_add_test(tests, a_posted_task_runs_later_and_in_order_of_time);
	tcase_add_test(tests, a_cancelled_task_does_not_run);
	tcase_add_test(tests, a_task_posted_for_now_runs_before_time_advances);
	tcase_add_test(tests, time_passes_until_a_question_is_answered);
	tcase_add_test(tests, a_timer_fires_once_at_the_time_it_was_set_to_last);
	tcase_add_test(tests, a_message_on_a_cable_arrives_in_a_later_turn_of_the_loop);
	tcase_add_test(tests, held_messages_are_released_one_by_one);
	tcase_add_test(tests, messages_on_a_cable_do_not_overtake_each_other);
	tcase_add_test(tests, messages_in_flight_on_a_cable_can_be_dropped);
	tcase_add_test(tests, the_same_seed_gives_the_same_numbers);
}
