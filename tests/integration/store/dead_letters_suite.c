/* Messages that were rejected, invalid or failed are kept up to a limit. */
#include "integration/store/store_steps.h"

#include "support/suites.h"

#include <string.h>

static void send_invalid(const char *reason)
{
	work_restart(work);
	work_invalid(work, reason);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void send_failed(const char *reason)
{
	work_restart(work);
	work_create_batch(work, "batch", "lamp", 1, IN_WAREHOUSE);
	delivery_refuse(work->deliveries[0], OUTCOME_FAILED, reason);
	unit_of_work_settle(&work->uow, work->deliveries[0]);
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
}

START_TEST(an_invalid_message_is_kept_as_a_dead_letter)
{
	char reasons[256];

	send_invalid("bad");

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "bad;");
}
END_TEST

START_TEST(the_oldest_dead_letters_are_dropped_first)
{
	static const char *const sent[] = {"1", "2", "3", "4", "5", "6", "7"};
	char reasons[256];

	for (int i = 0; i < 7; i++)
		send_invalid(sent[i]);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "3;4;5;6;7;");
}
END_TEST

START_TEST(failed_messages_are_dropped_last)
{
	static const char *const sent[] = {"1", "2", "3", "4", "5", "6"};
	char reasons[256];

	send_failed("failed");
	for (int i = 0; i < 6; i++)
		send_invalid(sent[i]);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "failed;3;4;5;6;");
}
END_TEST

START_TEST(failed_messages_are_bounded_too)
{
	char reasons[256];

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX + 1; i++)
		send_failed((const char *[]){"a", "b", "c", "d", "e", "f"}[i]);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "b;c;d;e;f;");
}
END_TEST

static void deliver_bad_entries(int64_t incarnation, const char *const *entry_ids, const char *const *reasons,
				int count)
{
	work_restart(work);
	for (int i = 0; i < count; i++) {
		struct envelope envelope = hopeless();

		work_arrival(work, &envelope,
			     (struct arrival){.transport = TRANSPORT_STREAM,
					      .origin = "stream",
					      .incarnation = incarnation,
					      .entry_id = entry_ids[i],
					      .defect = reasons[i]});
	}
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

START_TEST(an_entry_that_is_delivered_again_is_the_same_dead_letter)
{
	deliver_bad_entries(1, (const char *[]){"5-1", "5-2"}, (const char *[]){"bad", "other"}, 2);

	deliver_bad_entries(1, (const char *[]){"5-1"}, (const char *[]){"worse"}, 1);

	ck_assert_str_eq(dead_letters_in_full(), "invalid stream stream allocate - 2 worse;"
						 "invalid stream stream allocate - 1 other;");
}
END_TEST

START_TEST(an_entry_of_another_incarnation_is_another_dead_letter)
{
	deliver_bad_entries(1, (const char *[]){"5-1"}, (const char *[]){"bad"}, 1);

	deliver_bad_entries(2, (const char *[]){"5-1"}, (const char *[]){"bad"}, 1);

	ck_assert_str_eq(dead_letters_in_full(), "invalid stream stream allocate - 1 bad;"
						 "invalid stream stream allocate - 1 bad;");
}
END_TEST

START_TEST(an_entry_that_is_twice_in_a_unit_is_one_dead_letter)
{
	char reasons[256];

	deliver_bad_entries(1, (const char *[]){"5-1", "5-2", "5-1"},
			    (const char *[]){"bad", "other", "worse"}, 3);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_msg(!strcmp(reasons, "worse;other;") || !strcmp(reasons, "other;worse;"), "%s", reasons);
}
END_TEST

START_TEST(a_notification_that_cannot_be_sent_is_a_dead_letter)
{
	struct notification due[2];
	int64_t key = run_out_of_stock();

	record_notification(key, NOTIFICATION_POSTPONED, 300);
	for (int i = 0; i < 2; i++) /* the second time because the answer was lost */
		record_notification(key, NOTIFICATION_DEAD, 0);

	ck_assert_str_eq(dead_letters_in_full(), "failed mail out_of_stock out_of_stock - 2 no such user;");
	fixture->let_time_pass(fixture, NOTIFICATION_LEASE + 301);
	ck_assert_uint_eq(take_due(due, 2), 0);
}
END_TEST

START_TEST(dead_mail_counts_among_the_dead_letters)
{
	char reasons[256];
	int64_t key = run_out_of_stock();

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX; i++)
		send_invalid((const char *[]){"a", "b", "c", "d", "e"}[i]);
	record_notification(key, NOTIFICATION_DEAD, 0);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "b;c;d;e;no such user;");
}
END_TEST

START_TEST(kept_and_dropped_dead_letters_are_counted)
{
	struct cleanup cleanup;

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX + 2; i++)
		send_invalid("bad");

	tidy(&cleanup);

	ck_assert_int_eq(cleanup.dead_letters, SUITE_DEAD_LETTERS_MAX);
	ck_assert_int_eq(cleanup.dead_letters_dropped, 2);
}
END_TEST

START_TEST(dead_letters_of_any_outcome_are_deleted_by_age_and_counted_as_dropped)
{
	struct cleanup cleanup;
	char reasons[256];

	send_failed("failed");
	send_invalid("old");
	fixture->let_time_pass(fixture, INT64_C(86400) * SUITE_DEAD_LETTERS_DAYS - 60);
	tidy(&cleanup);
	ck_assert_int_eq(cleanup.dead_letters, 2);
	send_invalid("young");
	fixture->let_time_pass(fixture, 61);

	tidy(&cleanup);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "young;");
	ck_assert_int_eq(cleanup.dead_letters, 1);
	ck_assert_int_eq(cleanup.dead_letters_dropped, 2);
}
END_TEST

START_TEST(the_age_of_a_dead_letter_counts_from_its_last_attempt)
{
	struct cleanup cleanup;
	char reasons[256];

	deliver_bad_entries(1, (const char *[]){"5-1", "5-2"}, (const char *[]){"bad", "other"}, 2);
	fixture->let_time_pass(fixture, INT64_C(86400) * (SUITE_DEAD_LETTERS_DAYS - 1));
	deliver_bad_entries(1, (const char *[]){"5-1"}, (const char *[]){"worse"}, 1);
	fixture->let_time_pass(fixture, INT64_C(86400) * 2);

	tidy(&cleanup);

	fixture->dead_letters(fixture, reasons, sizeof reasons);
	ck_assert_str_eq(reasons, "worse;");
}
END_TEST

SUITE("store dead letters", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, an_invalid_message_is_kept_as_a_dead_letter);
	tcase_add_test(tests, the_oldest_dead_letters_are_dropped_first);
	tcase_add_test(tests, failed_messages_are_dropped_last);
	tcase_add_test(tests, failed_messages_are_bounded_too);
	tcase_add_test(tests, an_entry_that_is_delivered_again_is_the_same_dead_letter);
	tcase_add_test(tests, an_entry_of_another_incarnation_is_another_dead_letter);
	tcase_add_test(tests, an_entry_that_is_twice_in_a_unit_is_one_dead_letter);
	tcase_add_test(tests, a_notification_that_cannot_be_sent_is_a_dead_letter);
	tcase_add_test(tests, dead_mail_counts_among_the_dead_letters);
	tcase_add_test(tests, kept_and_dropped_dead_letters_are_counted);
	tcase_add_test(tests, dead_letters_of_any_outcome_are_deleted_by_age_and_counted_as_dropped);
	tcase_add_test(tests, the_age_of_a_dead_letter_counts_from_its_last_attempt);
}
