/* A log limiter writes the first lines of a kind and of a trouble, and counts the repeated ones. */
#include "support/suites.h"

#include "adapters/memory/ports/logger.h"
#include "adapters/memory/simulation/clock.h"
#include "adapters/memory/simulation/simulation.h"
#include "bus/base/log_limiter.h"

#include <check.h>
#include <string.h>

static struct simulation *simulation;
static struct memory_clock clock_;
static struct memory_logger written;
static struct log_limiter *limiter;
static struct logger *logger;

static void set_up(void)
{
	simulation = simulation_new();
	memory_clock_init(&clock_, simulation);
	memory_logger_init(&written);
	written.logger.level = LOG_INFO;
	limiter = log_limiter_new(&written.logger, &clock_.clock);
	logger = log_limiter_logger(limiter);
}

static void tear_down(void)
{
	log_limiter_free(&limiter);
	memory_logger_release(&written);
	simulation_free(&simulation);
}

static void refuse(const char *outcome, int count)
{
	for (int i = 0; i < count; i++)
		LOG(logger, LOG_WARN, "message refused", LOG_TEXT("outcome", outcome),
		    LOG_NUMBER("number", i));
}

static void lose(const char *connection, const char *reason)
{
	LOG(logger, LOG_WARN, "database not reachable", LOG_TROUBLE(LOG_DATABASE),
	    LOG_TEXT("connection", connection), LOG_TEXT("error", reason));
}

static void recover(void)
{
	LOG(logger, LOG_INFO, "the database commits again", LOG_OVER(LOG_DATABASE));
}

static void advance(int64_t ms)
{
	simulation_advance_ms(simulation, ms);
}

START_TEST(of_a_burst_the_first_lines_are_written_and_the_others_counted_by_outcome)
{
	refuse("invalid", 900);
	refuse("rejected", 100);
	ck_assert_uint_eq(memory_logger_count(&written, "message refused"), 10);
	ck_assert_uint_eq(log_limiter_left_out(limiter)[LOG_WARN], 990);
	ck_assert_uint_eq(log_limiter_left_out(limiter)[LOG_ERROR], 0);

	advance(10000);
	ck_assert_uint_eq(written.count, 11);
	ck_assert_str_eq(written.lines[10],
			 "warn more lines with this message were left out message=message refused count=990 "
			 "outcome=invalid 890, rejected 100");
}
END_TEST

/* Only the beginning of a long trouble is kept; the count shows it, and it distinguishes troubles. */
START_TEST(long_values_are_counted_like_short_ones)
{
	refuse("the first value is longer than what is kept of it", 40);
	refuse("der zweite Wert hat Zähne, und auch er ist zu lang", 70);
	advance(10000);
	ck_assert_str_eq(written.lines[10],
			 "warn more lines with this message were left out message=message refused count=100 "
			 "outcome=the first value is long 30, der zweite Wert hat Zä 70");
}
END_TEST

START_TEST(an_empty_value_is_counted_beside_others)
{
	refuse("invalid", 15);
	refuse("", 5);
	refuse("rejected", 7);
	advance(10000);
	ck_assert_ptr_nonnull(strstr(written.lines[10], "count=17 outcome=invalid 5, rejected 7"));
}
END_TEST

START_TEST(a_flood_that_lasts_is_one_line_every_10_s)
{
	for (int second = 0; second < 60; second++) {
		refuse("invalid", 500);
		advance(1000);
	}
	ck_assert_uint_eq(written.count, 10 + 6);
}
END_TEST

START_TEST(after_a_calm_time_lines_are_written_again)
{
	refuse("invalid", 100);
	advance(30000);
	refuse("rejected", 1);
	ck_assert_ptr_nonnull(
		strstr(written.lines[written.count - 1], "warn message refused outcome=rejected"));
}
END_TEST

START_TEST(a_few_lines_now_and_then_are_all_written)
{
	for (int i = 0; i < 100; i++) {
		refuse("rejected", 1);
		advance(1100);
	}
	ck_assert_uint_eq(memory_logger_count(&written, "warn message refused"), 100);
}
END_TEST

START_TEST(a_trouble_that_many_parts_report_is_logged_in_two_lines)
{
	static const char *const connections[] = {"lane",     "intake", "publisher",
						  "reminder", "views",  "logbook"};

	for (int try = 0; try < 20; try++) {
		for (size_t i = 0; i < sizeof connections / sizeof connections[0]; i++)
			lose(connections[i], "Connection refused");
		advance(1000);
	}
	recover();
	recover();
	advance(1000);
	ck_assert_uint_eq(written.count, 2);
	ck_assert_str_eq(written.lines[0], "warn database not reachable trouble=database connection=lane "
					   "error=Connection refused");
	ck_assert_str_eq(written.lines[1],
			 "info the database commits again trouble=database after_ms=20000 left_out=119");
}
END_TEST

START_TEST(another_cause_of_a_trouble_is_written_once_and_not_at_once)
{
	lose("lane", "terminating connection");
	lose("lane", "Connection refused");
	ck_assert_uint_eq(written.count, 1);
	for (int i = 0; i < 40; i++) {
		advance(1000);
		lose("lane", "Connection refused");
	}
	ck_assert_uint_eq(written.count, 2);
	ck_assert_uint_eq(memory_logger_count(&written, "Connection refused"), 1);
}
END_TEST

START_TEST(a_worse_line_of_a_trouble_is_written_at_once)
{
	lose("lane", "Connection refused");
	LOG(logger, LOG_ERROR, "the database is too new", LOG_TROUBLE(LOG_DATABASE),
	    LOG_TEXT("error", "too new"));
	ck_assert_uint_eq(memory_logger_count(&written, "error the database is too new"), 1);
}
END_TEST

START_TEST(a_trouble_that_returns_within_a_second_did_not_end)
{
	lose("lane", "Connection refused");
	recover();
	advance(500);
	lose("views", "Connection refused");
	advance(5000);
	ck_assert_uint_eq(written.count, 1);
	recover();
	advance(1000);
	ck_assert_uint_eq(written.count, 2);
}
END_TEST

START_TEST(a_recurring_trouble_is_logged_regularly_but_not_each_time)
{
	for (int i = 0; i < 30; i++) {
		lose("lane", "Connection refused");
		recover();
		advance(2000);
	}
	ck_assert_uint_ge(written.count, 8);
	ck_assert_uint_le(written.count, 14);
}
END_TEST

START_TEST(troubles_of_two_services_are_logged_apart)
{
	lose("lane", "Connection refused");
	LOG(logger, LOG_WARN, "cannot reach Redis", LOG_TROUBLE(LOG_REDIS),
	    LOG_TEXT("error", "Connection refused"));
	ck_assert_uint_eq(written.count, 2);
	recover();
	advance(1000);
	ck_assert_uint_eq(memory_logger_count(&written, "trouble=Redis after_ms"), 0);
}
END_TEST

START_TEST(an_end_without_a_trouble_is_not_written)
{
	recover();
	advance(2000);
	ck_assert_uint_eq(written.count, 0);
}
END_TEST

START_TEST(lines_that_must_be_kept_are_all_written)
{
	for (int i = 0; i < 50; i++)
		LOG(logger, LOG_ERROR, "message lost", LOG_KEPT, LOG_NUMBER("number", i));
	ck_assert_uint_eq(written.count, 50);
}
END_TEST

START_TEST(at_the_level_debug_every_line_is_written)
{
	log_limiter_free(&limiter);
	written.logger.level = LOG_DEBUG;
	limiter = log_limiter_new(&written.logger, &clock_.clock);
	logger = log_limiter_logger(limiter);
	refuse("invalid", 200);
	for (int i = 0; i < 10; i++)
		lose("lane", "Connection refused");
	ck_assert_uint_eq(written.count, 210);
}
END_TEST

START_TEST(lines_left_out_are_counted_when_the_limiter_ends)
{
	refuse("invalid", 25);
	log_limiter_free(&limiter);
	ck_assert_uint_eq(memory_logger_count(&written, "count=15"), 1);
}
END_TEST

SUITE("log limiter", set_up, tear_down)
{
	tcase_add_test(tests, of_a_burst_the_first_lines_are_written_and_the_others_counted_by_outcome);
	tcase_add_test(tests, long_values_are_counted_like_short_ones);
	tcase_add_test(tests, an_empty_value_is_counted_beside_others);
	tcase_add_test(tests, a_flood_that_lasts_is_one_line_every_10_s);
	tcase_add_test(tests, after_a_calm_time_lines_are_written_again);
	tcase_add_test(tests, a_few_lines_now_and_then_are_all_written);
	tcase_add_test(tests, a_trouble_that_many_parts_report_is_logged_in_two_lines);
	tcase_add_test(tests, another_cause_of_a_trouble_is_written_once_and_not_at_once);
	tcase_add_test(tests, a_worse_line_of_a_trouble_is_written_at_once);
	tcase_add_test(tests, a_trouble_that_returns_within_a_second_did_not_end);
	tcase_add_test(tests, a_recurring_trouble_is_logged_regularly_but_not_each_time);
	tcase_add_test(tests, troubles_of_two_services_are_logged_apart);
	tcase_add_test(tests, an_end_without_a_trouble_is_not_written);
	tcase_add_test(tests, lines_that_must_be_kept_are_all_written);
	tcase_add_test(tests, at_the_level_debug_every_line_is_written);
	tcase_add_test(tests, lines_left_out_are_counted_when_the_limiter_ends);
}
