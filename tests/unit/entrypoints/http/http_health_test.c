/* Liveness, readiness and metrics. */
#include "core/partition.h"
#include "http/http_world.h"
#include "support/suites.h"

#include <string.h>

START_TEST(readiness_names_the_service_that_is_missing)
{
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);

	http_world.listening = false;
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "Not ready: not listening on Redis (since 2"));
	http_world.listening = true;
	memory_broker_set_down(http_world.broker, true);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "cannot publish on Redis"));
	database_set_down(http_world.database, true);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "the database does not answer"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/livez")), 200);
}
END_TEST

/* Redis answers, but refuses: it is read-only, or has no memory left. */
START_TEST(a_worker_whose_events_redis_refuses_is_not_ready)
{
	http_add_batch("shelf", "lamp", 10);
	memory_broker_fail_after(http_world.broker, 0);
	ck_assert_int_eq(reply_status(http_allocate("order", 1)), 202);
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, world_get(&http_world, "/readyz")),
				     "Not ready: Redis refuses events, since 2"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/livez")), 200);

	world_run_ms(&http_world, 200);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
}
END_TEST

START_TEST(readiness_names_a_damaged_row_of_the_outbox_until_it_is_repaired)
{
	struct outbox_partition *outbox = &http_world.database->outbox[partition_of("lamp")];
	const char *message;

	/* A row that is committed before the cursors were read is read from the outbox. */
	cable_hold(memory_store_answers(http_world.stores[2]));
	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
	outbox->rows[0].frame.size--;
	cable_open(memory_store_answers(http_world.stores[2]));
	simulation_advance_ms(http_world.simulation, 3000);

	message = reply_message(&http_world, world_get(&http_world, "/readyz"));
	ck_assert_msg(
		strstr(message, arena_printf(http_world.arena,
					     "the outbox row of partition %d, position 1 is damaged, and "
					     "holds up the events of its partition",
					     partition_of("lamp"))),
		"%s", message);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "\nallocd_outbox_damaged 1\n"));

	outbox->rows[0].frame.size++;
	simulation_advance_ms(http_world.simulation, 3000);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "\nallocd_outbox_damaged 0\n"));
}
END_TEST

/* Reads succeed: only an empty unit of work shows that commits fail. */
START_TEST(an_idle_worker_notices_that_the_database_commits_nothing)
{
	const char *reply;

	simulation_advance_ms(http_world.simulation, 10000);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);

	database_set_broken(http_world.database, true);
	simulation_advance_ms(http_world.simulation, 7000);
	reply = world_get(&http_world, "/readyz");
	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&http_world, reply), "units of work are not committed, since 2"));
	ck_assert_ptr_nonnull(strstr(reply_message(&http_world, reply), "the database is broken"));
	ck_assert_ptr_nonnull(strstr(reply_body(reply), "\"since\":\"2"));
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_database_up 0\n"));

	database_set_broken(http_world.database, false);
	simulation_advance_ms(http_world.simulation, 2000);
	ck_assert_int_eq(reply_status(world_get(&http_world, "/readyz")), 200);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_database_up 1\n"));
}
END_TEST

START_TEST(events_taken_is_0_while_redis_is_away)
{
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_events_taken 1\n"));
	memory_broker_set_down(http_world.broker, true);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_events_taken 0\n"));
}
END_TEST

START_TEST(the_count_of_dead_letters_is_nan_while_the_database_is_away)
{
	simulation_advance_ms(http_world.simulation, 1000);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters 0\n"));
	ck_assert_ptr_nonnull(
		strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters_dropped_total 0\n"));

	database_set_down(http_world.database, true);
	simulation_advance_ms(http_world.simulation, 10000);
	ck_assert_ptr_nonnull(strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters NaN\n"));
	ck_assert_ptr_nonnull(
		strstr(world_get(&http_world, "/metrics"), "allocd_dead_letters_dropped_total 0\n"));
}
END_TEST

START_TEST(readiness_is_answered_503_at_the_deadline)
{
	const char *reply;

	cable_hold(memory_views_requests(http_world.views));
	reply = world_get(&http_world, "/readyz");

	ck_assert_int_eq(reply_status(reply), 503);
	ck_assert_str_eq(reply_message(&http_world, reply), "Not ready: the database does not answer");
	cable_open(memory_views_requests(http_world.views));
}
END_TEST

START_TEST(a_stopping_worker_refuses_commands_and_is_not_ready)
{
	http_add_batch("shelf", "lamp", 10);
	http_api_stop(http_world.api);

	ck_assert_int_eq(reply_status(http_allocate("order", 1)), 503);
	ck_assert_ptr_nonnull(
		strstr(reply_message(&http_world, world_get(&http_world, "/readyz")), "stopping"));
	ck_assert_int_eq(reply_status(world_get(&http_world, "/events/lamp")), 200);
}
END_TEST

START_TEST(metrics_count_messages_and_replies)
{
	const char *reply;

	http_add_batch("shelf", "lamp", 10);
	http_allocate("order", 1);
	reply = world_get(&http_world, "/metrics");

	ck_assert_int_eq(reply_status(reply), 200);
	ck_assert_ptr_nonnull(strstr(reply, "\nallocd_messages_total{outcome=\"handled\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(reply, "\nallocd_http_replies_total{status=\"2xx\"} 2\n"));
}
END_TEST

SUITE("http health", set_up_http, tear_down_http)
{
	tcase_add_test(tests, readiness_names_the_service_that_is_missing);
	tcase_add_test(tests, a_worker_whose_events_redis_refuses_is_not_ready);
	tcase_add_test(tests, readiness_names_a_damaged_row_of_the_outbox_until_it_is_repaired);
	tcase_add_test(tests, an_idle_worker_notices_that_the_database_commits_nothing);
	tcase_add_test(tests, events_taken_is_0_while_redis_is_away);
	tcase_add_test(tests, the_count_of_dead_letters_is_nan_while_the_database_is_away);
	tcase_add_test(tests, readiness_is_answered_503_at_the_deadline);
	tcase_add_test(tests, a_stopping_worker_refuses_commands_and_is_not_ready);
	tcase_add_test(tests, metrics_count_messages_and_replies);
}
