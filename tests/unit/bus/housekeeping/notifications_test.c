/* Notifications are sent to several recipients, to a slow or absent service, and by several workers. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "core/base/calendar.h"

#include <string.h>

#define LEASE_MS   ((int64_t)NOTIFICATION_LEASE * 1000)
#define HOUR_MS    ((int64_t)60 * 60 * 1000)
#define RETRY_MS   10000
#define LONGEST_MS 30000
#define STOP_MS    2000
#define AT_ONCE    2
#define ANN        "ann@example"
#define BOB        "bob@example"

static const char *const both[] = {ANN, BOB};

static struct notifier *port_of(struct world *it)
{
	return memory_notifier_port(it->notifier);
}

/* Behaves as mail does: it is slow, sends two at a time, and shows the stock. */
static void make_slow(struct world *it)
{
	port_of(it)->at_once = AT_ONCE;
	port_of(it)->longest_ms = LONGEST_MS;
	port_of(it)->needs_stock = true;
}

static void set_up(void)
{
	set_up_no_worker();
	make_slow(world);
	world_start(world);
	create_batch("batch", "LAMP", 1);
	world_run(world);
}

static void send_to_both(struct world *it)
{
	port_of(it)->recipients = both;
	port_of(it)->recipient_count = 2;
}

static void run_out_of_stock(const char *orderid)
{
	world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=%s\nsku=LAMP\nqty=2", orderid);
}

static size_t sent_to(struct world *it, const char *recipient, const char *orderid)
{
	size_t count = 0;

	for (size_t i = 0; i < memory_notifier_count(it->notifier); i++) {
		const struct notification *sent = memory_notifier_sent(it->notifier, i);

		count += sent->recipient && !strcmp(sent->recipient, recipient) &&
			 !strcmp(sent->orderid, orderid);
	}
	return count;
}

static bool is_settled(void)
{
	return !database_notification_count(world->database);
}

/* ---- recipients ---- */

START_TEST(each_recipient_gets_a_notification_of_its_own)
{
	send_to_both(world);
	run_out_of_stock("order");
	world_advance_ms(world, 2 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 2);
	ck_assert_uint_eq(sent_to(world, ANN, "order"), 1);
	ck_assert_uint_eq(sent_to(world, BOB, "order"), 1);
	ck_assert(is_settled());
}
END_TEST

START_TEST(a_recipient_refused_for_now_is_retried_alone)
{
	send_to_both(world);
	memory_notifier_set_busy(world->notifier, BOB);
	run_out_of_stock("order");
	world_advance_ms(world, RETRY_MS / 2);
	ck_assert_uint_eq(sent_to(world, ANN, "order"), 1);

	memory_notifier_set_busy(world->notifier, NULL);
	world_advance_ms(world, HOUR_MS);

	ck_assert_uint_eq(sent_to(world, ANN, "order"), 1);
	ck_assert_uint_eq(sent_to(world, BOB, "order"), 1);
	ck_assert(is_settled());
}
END_TEST

START_TEST(the_dead_letter_names_the_recipient_that_was_not_reached)
{
	send_to_both(world);
	memory_notifier_set_busy(world->notifier, BOB);
	run_out_of_stock("order");
	world_advance_ms(world, 24 * HOUR_MS);

	ck_assert_uint_eq(sent_to(world, ANN, "order"), 1);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_ptr_nonnull(
		strstr((const char *)world->database->dead_letters[0].payload.data, "\"to\":\"" BOB "\""));
	ck_assert(is_settled());
}
END_TEST

START_TEST(one_recipient_is_named_by_the_configuration_of_the_attempt)
{
	memory_notifier_set_down(world->notifier, true);
	port_of(world)->recipients = &both[0];
	port_of(world)->recipient_count = 1;
	run_out_of_stock("order");
	world_advance_ms(world, RETRY_MS / 2);

	port_of(world)->recipients = &both[1];
	memory_notifier_set_down(world->notifier, false);
	world_advance_ms(world, 3 * RETRY_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert_uint_eq(sent_to(world, BOB, "order"), 1);
}
END_TEST

START_TEST(a_split_that_the_database_did_not_confirm_costs_no_copy)
{
	static const enum store_injection injections[] = {INJECT_REFUSED, INJECT_LOST_BEFORE,
							  INJECT_LOST_AFTER};

	send_to_both(world);
	memory_store_fail_next(world->housekeeper, CALL_SPLIT_NOTIFICATION, injections[_i]);
	run_out_of_stock("order");
	world_advance_ms(world, 3 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 2);
	ck_assert(is_settled());
}
END_TEST

/* ---- what is in stock ---- */

START_TEST(a_notification_shows_the_stock_at_the_time_it_is_sent)
{
	const struct stock *stock;

	memory_notifier_set_down(world->notifier, true);
	run_out_of_stock("order");
	world_advance_ms(world, RETRY_MS / 2);
	world_send(world, TRANSPORT_HTTP, MSG_CREATE_BATCH, "ref=shipment\nsku=LAMP\nqty=7\neta=2026-12-24");
	memory_notifier_set_down(world->notifier, false);
	world_advance_ms(world, 3 * RETRY_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	stock = memory_notifier_sent(world->notifier, 0)->stock;
	ck_assert_uint_eq(stock->count, 2);
	ck_assert_str_eq(stock->batches[0].reference, "batch");
	ck_assert_int_eq(stock->batches[0].eta, IN_WAREHOUSE);
	ck_assert_int_eq(stock->batches[0].free, 1);
	ck_assert_str_eq(stock->batches[1].reference, "shipment");
	ck_assert_int_eq(stock->batches[1].free, 7);
	ck_assert(!stock->has_more);
	ck_assert_str_eq(stock->incarnation, world->database->incarnation);
}
END_TEST

START_TEST(a_notification_is_postponed_when_the_stock_cannot_be_read)
{
	memory_store_fail_next(world->housekeeper, CALL_READ_STOCK, INJECT_REFUSED);
	run_out_of_stock("order");
	world_run(world);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 0);

	world_advance_ms(world, 2 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 1);
	ck_assert(is_settled());
}
END_TEST

/* ---- a slow service ---- */

START_TEST(no_more_notifications_are_sent_at_once_than_the_notifier_accepts)
{
	cable_hold(memory_notifier_requests(world->notifier));
	for (int i = 0; i < 10; i++)
		run_out_of_stock(arena_printf(world->arena, "order-%d", i));
	world_run(world);
	ck_assert_uint_eq(cable_waiting(memory_notifier_requests(world->notifier)), AT_ONCE);

	cable_open(memory_notifier_requests(world->notifier));
	world_run(world);

	ck_assert_uint_eq(memory_notifier_count(world->notifier), 10);
}
END_TEST

START_TEST(units_of_work_do_not_wait_for_a_notifier_that_hangs)
{
	cable_hold(memory_notifier_requests(world->notifier));
	for (int i = 0; i < 1000; i++)
		run_out_of_stock(arena_printf(world->arena, "order-%d", i));
	world_settle(world);

	for (const struct sent *sent = world->first; sent; sent = sent->next)
		expect_handled(sent);
	ck_assert_uint_eq(memory_notifier_count(world->notifier), 0);
}
END_TEST

START_TEST(a_worker_sends_notifications_that_a_slow_one_holds_beyond_their_lease)
{
	struct world *other = world_beside(world);

	make_slow(other);
	world_start(other);
	cable_delay(memory_notifier_requests(world->notifier), LONGEST_MS, LONGEST_MS, &world->random.random);
	for (int i = 0; i < 40; i++)
		run_out_of_stock(arena_printf(world->arena, "order-%d", i));
	world_advance_ms(world, 10 * LEASE_MS);

	ck_assert(is_settled());
	ck_assert_uint_gt(memory_notifier_count(other->notifier), 0);
	ck_assert_uint_eq(memory_notifier_count(world->notifier) + memory_notifier_count(other->notifier),
			  40);
	world_free(&other);
}
END_TEST

/* ---- an absent service ---- */

START_TEST(an_unreachable_mail_service_is_logged_once_and_so_is_its_return)
{
	memory_notifier_set_down(world->notifier, true);
	run_out_of_stock("order");
	run_out_of_stock("another");
	world_advance_ms(world, RETRY_MS / 2);
	ck_assert(!engine_stats(world->engine)->notifier_up);
	ck_assert_uint_eq(
		memory_logger_count(&world->logger, "cannot send mail, will try again trouble=mail"),
		2); /* which the limiter merges into one */

	memory_notifier_set_down(world->notifier, false);
	world_advance_ms(world, HOUR_MS);

	ck_assert(engine_stats(world->engine)->notifier_up);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "mail can be sent again over=mail"), 1);
}
END_TEST

START_TEST(a_refused_notification_is_not_a_trouble_of_the_mail_service)
{
	memory_notifier_refuse(world->notifier, "order");
	run_out_of_stock("order");
	world_advance_ms(world, RETRY_MS);

	ck_assert(engine_stats(world->engine)->notifier_up);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "trouble=mail"), 0);
}
END_TEST

START_TEST(retries_and_their_pauses_are_as_configured)
{
	world_crash(world);
	world->config.notify_tries = 3;
	world->config.notify_retry_s = 1;
	world_start(world);
	memory_notifier_set_down(world->notifier, true);
	run_out_of_stock("order");
	world_advance_ms(world, 1000 + 500);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 2);
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 2);

	world_advance_ms(world, 1000);

	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 3);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert(is_settled());
}
END_TEST

/* ---- its result ---- */

START_TEST(a_result_is_recorded_as_soon_as_the_database_works)
{
	for (int i = 0; i < 5; i++)
		memory_store_fail_next(world->housekeeper, CALL_RECORD_NOTIFICATION, INJECT_REFUSED);
	run_out_of_stock("order");
	world_advance_ms(world, 3 * LEASE_MS);

	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 1);
	ck_assert_uint_eq(memory_store_calls(world->housekeeper, CALL_RECORD_NOTIFICATION), 6);
	ck_assert(is_settled());
}
END_TEST

/* ---- the end ---- */

static void on_drained(void *context)
{
	*(bool *)context = true;
}

START_TEST(draining_waits_for_the_notification_under_way_and_begins_no_other)
{
	bool is_drained = false;

	cable_hold(memory_notifier_requests(world->notifier));
	for (int i = 0; i < AT_ONCE + 3; i++)
		run_out_of_stock(arena_printf(world->arena, "order-%d", i));
	world_run(world);
	engine_stop_notifications(world->engine);
	engine_drain(world->engine, on_drained, &is_drained);
	world_advance_ms(world, STOP_MS / 2);
	ck_assert(!is_drained);

	cable_open(memory_notifier_requests(world->notifier));
	world_advance_ms(world, STOP_MS / 4);

	ck_assert(is_drained);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), AT_ONCE);
	ck_assert_uint_eq(database_notification_count(world->database), 3);
	world_advance_ms(world, 2 * LEASE_MS);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), AT_ONCE);
}
END_TEST

START_TEST(draining_does_not_wait_for_a_notifier_that_hangs)
{
	bool is_drained = false;

	cable_hold(memory_notifier_requests(world->notifier));
	run_out_of_stock("order");
	world_run(world);
	engine_stop_notifications(world->engine);
	engine_drain(world->engine, on_drained, &is_drained);
	world_advance_ms(world, STOP_MS + 100);

	ck_assert(is_drained);
	ck_assert(engine_is_idle(world->engine));
}
END_TEST

START_TEST(a_notification_of_the_last_units_is_left_to_the_next_worker)
{
	engine_stop_notifications(world->engine);
	run_out_of_stock("order");
	world_advance_ms(world, 2 * LEASE_MS);

	expect_handled(world->last);
	ck_assert_uint_eq(memory_notifier_attempts(world->notifier), 0);
	ck_assert_uint_eq(database_notification_count(world->database), 1);
}
END_TEST

SUITE("notifications", set_up, tear_down_world)
{
	tcase_add_test(tests, each_recipient_gets_a_notification_of_its_own);
	tcase_add_test(tests, a_recipient_refused_for_now_is_retried_alone);
	tcase_add_test(tests, the_dead_letter_names_the_recipient_that_was_not_reached);
	tcase_add_test(tests, one_recipient_is_named_by_the_configuration_of_the_attempt);
	tcase_add_loop_test(tests, a_split_that_the_database_did_not_confirm_costs_no_copy, 0, 3);
	tcase_add_test(tests, a_notification_shows_the_stock_at_the_time_it_is_sent);
	tcase_add_test(tests, a_notification_is_postponed_when_the_stock_cannot_be_read);
	tcase_add_test(tests, no_more_notifications_are_sent_at_once_than_the_notifier_accepts);
	tcase_add_test(tests, units_of_work_do_not_wait_for_a_notifier_that_hangs);
	tcase_add_test(tests, a_worker_sends_notifications_that_a_slow_one_holds_beyond_their_lease);
	tcase_add_test(tests, an_unreachable_mail_service_is_logged_once_and_so_is_its_return);
	tcase_add_test(tests, a_refused_notification_is_not_a_trouble_of_the_mail_service);
	tcase_add_test(tests, retries_and_their_pauses_are_as_configured);
	tcase_add_test(tests, a_result_is_recorded_as_soon_as_the_database_works);
	tcase_add_test(tests, draining_waits_for_the_notification_under_way_and_begins_no_other);
	tcase_add_test(tests, draining_does_not_wait_for_a_notifier_that_hangs);
	tcase_add_test(tests, a_notification_of_the_last_units_is_left_to_the_next_worker);
}
