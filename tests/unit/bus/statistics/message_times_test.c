/* The instants of the last messages, by their ids. */
#include "support/suites.h"

#include "bus/statistics/message_times.h"

#include <stdio.h>
#include <string.h>

static struct message_times *times;
static const struct unit_times *unit_found;

static void set_up(void)
{
	times = message_times_new();
}

static void tear_down(void)
{
	message_times_free(&times);
}

static const struct message_time *find(const char *id)
{
	return message_times_find(times, id, &unit_found);
}

static void note(const char *id, int64_t received_us)
{
	const struct delivery delivery = {.envelope.id = id, .received_us = received_us};
	const struct unit_times unit = {.began_us = received_us + 1, .messages = 3};

	message_times_begin_unit(times, &unit);
	message_times_note(times, &delivery);
}

START_TEST(the_last_message_with_an_id_is_found)
{
	note("m-1", 10);
	note("m-2", 20);
	note("m-1", 30);
	note(NULL, 40);
	ck_assert_int_eq(find("m-1")->received_us, 30);
	ck_assert_int_eq(unit_found->began_us, 31);
	ck_assert_int_eq(find("m-2")->received_us, 20);
	ck_assert_ptr_null(find("m-3"));
	ck_assert_ptr_null(find("m-"));
}
END_TEST

START_TEST(of_a_long_id_its_beginning_counts)
{
	char id[300];

	memset(id, 'x', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	note(id, 10);
	ck_assert_int_eq(find(id)->received_us, 10);
}
END_TEST

START_TEST(the_oldest_are_forgotten)
{
	char id[16];

	for (int i = 0; i <= MESSAGE_TIMES_MAX; i++) {
		snprintf(id, sizeof id, "m-%d", i);
		note(id, i);
	}
	ck_assert_ptr_null(find("m-0"));
	ck_assert_int_eq(find("m-1")->received_us, 1);
	ck_assert_int_eq(find(id)->received_us, MESSAGE_TIMES_MAX);
}
END_TEST

START_TEST(a_message_whose_unit_is_forgotten_is_forgotten_too)
{
	const struct unit_times unit = {.messages = 1};

	note("m-1", 10);
	for (int i = 0; i < MESSAGE_TIMES_MAX; i++)
		message_times_begin_unit(times, &unit); /* of messages without ids */
	ck_assert_ptr_null(find("m-1"));
}
END_TEST

SUITE("message times", set_up, tear_down)
{
	tcase_add_test(tests, the_last_message_with_an_id_is_found);
	tcase_add_test(tests, of_a_long_id_its_beginning_counts);
	tcase_add_test(tests, the_oldest_are_forgotten);
	tcase_add_test(tests, a_message_whose_unit_is_forgotten_is_forgotten_too);
}
