/* A stream under a lease has one reader at a time; the next one does all that the last one did not. */
#include "support/replicas.h"

#include "bus/ports/process_store.h"
#include "support/suites.h"

#define PATIENCE_MS 5000

static void set_up_two(void)
{
	set_up_replicas();
	world_start(world);
	make_sku("LAMP");
	world_settle(world);
	world_crash(world);
	start_replica(0, 1);
	start_replica(1, 1);
	ms_until_reading(0, 0);
}

static void pass_ms(int64_t ms)
{
	world_advance_ms(world, ms);
}

START_TEST(one_of_two_workers_reads_a_stream)
{
	add_order_to(0, "a");
	add_order_to(0, "b");
	pass_ms(PATIENCE_MS);

	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	ck_assert(!is_reading(1, 0));
	expect_acknowledged(0);
}
END_TEST

START_TEST(what_a_killed_reader_has_not_committed_is_done_by_the_next_one_in_order)
{
	cable_hold(memory_store_requests(replicas[0].world->lanes[0]));
	add_order_to(0, "a");
	add_order_to(0, "b");
	world_run(world);
	kill_replica(0);
	add_order_to(0, "c");
	ck_assert_int_lt(ms_until_reading(1, 0), PATIENCE_MS);
	pass_ms(100);

	ck_assert_str_eq(orders_of("LAMP"), "a b c ");
	expect_acknowledged(0);
}
END_TEST

/*
 * The second worker reads, and has read an entry that is not committed.  Both workers have read the stream,
 * so its group is not moved back, and the entry has to be claimed.
 */
static void let_the_second_hold_an_entry(void)
{
	kill_replica(0);
	ms_until_reading(1, 0);
	add_order_to(0, "a");
	start_replica(0, 1);
	pass_ms(PATIENCE_MS);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	cable_hold(memory_store_requests(replicas[1].world->lanes[0]));
	add_order_to(0, "b");
	world_run(world);
	kill_replica(1);
	add_order_to(0, "c");
}

START_TEST(what_a_killed_reader_held_is_claimed_at_once)
{
	let_the_second_hold_an_entry();
	ck_assert_int_lt(ms_until_reading(0, 0), PATIENCE_MS);
	pass_ms(100);

	ck_assert_str_eq(orders_of("LAMP"), "a b c ");
	expect_acknowledged(0);
}
END_TEST

static enum stream_injection refuse_claims(void *context, enum consumer_call_kind call)
{
	(void)context;
	return call == STREAM_CLAIM ? STREAM_REFUSED : STREAM_WELL;
}

START_TEST(new_entries_wait_until_what_a_killed_reader_held_is_claimed)
{
	struct engine_trouble trouble = {0};

	let_the_second_hold_an_entry();
	memory_consumer_set_injector(replicas[0].streams[0].consumer, refuse_claims, NULL);
	pass_ms(15000);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	ck_assert(stream_reader_trouble(replicas[0].streams[0].reader, world->arena, &trouble));
	ck_assert_str_eq(trouble.text, "is not read: NOPERM this user has no permissions");
	memory_consumer_set_injector(replicas[0].streams[0].consumer, NULL, NULL);
	pass_ms(2000);

	ck_assert_str_eq(orders_of("LAMP"), "a b c ");
	expect_acknowledged(0);
}
END_TEST

START_TEST(a_stream_of_which_no_other_reader_holds_an_entry_is_read_without_claims)
{
	kill_replica(0);
	memory_consumer_set_injector(replicas[1].streams[0].consumer, refuse_claims, NULL);
	ms_until_reading(1, 0);
	add_order_to(0, "a");
	pass_ms(100);

	ck_assert_str_eq(orders_of("LAMP"), "a ");
	expect_acknowledged(0);
}
END_TEST

START_TEST(a_reader_that_is_frozen_and_comes_back_does_nothing_twice)
{
	add_order_to(0, "a");
	world_run(world);
	freeze_replica(0);
	add_order_to(0, "b");
	add_order_to(0, "c");
	ck_assert_int_lt(ms_until_reading(1, 0), PATIENCE_MS);
	add_order_to(0, "d");
	pass_ms(100);
	ck_assert_str_eq(orders_of("LAMP"), "a b c d ");
	thaw_replica(0);
	add_order_to(0, "e");
	pass_ms(PATIENCE_MS);

	ck_assert_str_eq(orders_of("LAMP"), "a b c d e ");
	expect_acknowledged(0);
}
END_TEST

/* The frozen reader had read the entries, and its flush arrives after the next one has the lease. */
START_TEST(a_flush_that_arrives_after_the_lease_was_taken_writes_nothing)
{
	cable_hold(memory_store_requests(replicas[0].world->lanes[0]));
	add_order_to(0, "a");
	world_run(world);
	freeze_replica(0);
	ms_until_reading(1, 0);
	add_order_to(0, "b");
	pass_ms(100);
	thaw_replica(0);
	pass_ms(PATIENCE_MS);

	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	ck_assert_uint_eq(memory_logger_count(&replicas[0].world->logger, "lease lost"), 1);
	expect_acknowledged(0);
}
END_TEST

/* Redis serves waiting reads in the order in which they came: the first is that of the frozen reader. */
START_TEST(the_waiting_read_of_a_frozen_reader_receives_nothing_any_more)
{
	freeze_replica(0);
	ms_until_reading(1, 0);
	for (int i = 0; i < 10; i++) {
		add_order_to(0, arena_printf(world->arena, "%d", i));
		pass_ms(i * 300);
	}

	ck_assert_str_eq(orders_of("LAMP"), "0 1 2 3 4 5 6 7 8 9 ");
	expect_acknowledged(0);
}
END_TEST

static void ignore(void *context, const struct failure *failure)
{
	(void)context;
	(void)failure;
}

START_TEST(a_reader_hands_over_when_it_is_idle_and_its_connections_are_not_ended)
{
	lease_keeper_stop(replicas[0].keeper);
	add_order_to(0, "a");
	add_order_to(0, "b");

	ck_assert_int_lt(ms_until_reading(1, 0), 1000);
	add_order_to(0, "c");
	pass_ms(100);
	ck_assert(lease_keeper_has_left(replicas[0].keeper));
	ck_assert_str_eq(orders_of("LAMP"), "a b c ");
	ck_assert_uint_eq(memory_logger_count(&replicas[0].world->logger, "lease lost"), 0);
	ck_assert_str_eq(stream_connections(0, 0), "worker-0 0");
	expect_acknowledged(0);
}
END_TEST

/* The call that unblocks the read arrives before the read. */
START_TEST(a_read_that_is_late_is_unblocked_all_the_same)
{
	struct cable *reads = memory_consumer_read_requests(replicas[0].streams[0].consumer);

	cable_hold(reads);
	add_order_to(0, "a");
	pass_ms(100);
	lease_keeper_stop(replicas[0].keeper);
	pass_ms(15);
	cable_open(reads);

	ck_assert_int_lt(ms_until_reading(1, 0), 1000);
	add_order_to(0, "b");
	pass_ms(100);
	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	ck_assert_str_eq(stream_connections(0, 0), "worker-0 0");
}
END_TEST

static enum stream_injection refuse_to_unblock(void *context, enum consumer_call_kind call)
{
	(void)context;
	return call == STREAM_UNBLOCK ? STREAM_REFUSED : STREAM_WELL;
}

/* Its read would receive the next entry. */
START_TEST(the_connections_of_a_reader_that_still_waits_are_ended_by_the_next_one)
{
	memory_consumer_set_injector(replicas[0].streams[0].consumer, refuse_to_unblock, NULL);
	lease_keeper_stop(replicas[0].keeper);

	ck_assert_int_lt(ms_until_reading(1, 0), 1000);
	add_order_to(0, "a");
	pass_ms(100);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	ck_assert_str_eq(stream_connections(0, 0), "worker-0 1");
	expect_acknowledged(0);
}
END_TEST

/* A call over the lost connections may still be served. */
START_TEST(a_reader_that_lost_its_connections_leaves_them_to_be_ended)
{
	struct stream *other = memory_consumer_port(replicas[1].streams[0].consumer);
	const struct lease_row *lease = database_lease(world->database, "commands");

	cable_hold(memory_leases_requests(replicas[1].leases));
	other->ops->end_connections(other, "worker-0 0", ignore, NULL);
	world_run(world);
	lease_keeper_stop(replicas[0].keeper);
	pass_ms(500);

	ck_assert_str_eq(lease->holder, "");
	ck_assert_str_eq(lease->note, "worker-0 0");
}
END_TEST

/*
 * The worker loses the lease and gets it again while entries that it read under the first one still wait:
 * they must not be overtaken by those that it reads under the second one.
 */
START_TEST(entries_under_a_new_lease_wait_for_those_under_the_lost_one)
{
	cable_hold(memory_store_requests(replicas[0].world->lanes[0]));
	add_order_to(0, "a");
	add_order_to(0, "b");
	world_run(world);
	kill_replica(1);
	world_take_lease(world, "commands");
	pass_ms(2 * PATIENCE_MS);
	add_order_to(0, "c");
	pass_ms(PATIENCE_MS);
	ck_assert_str_eq(orders_of("LAMP"), "");
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	pass_ms(PATIENCE_MS);

	ck_assert_str_eq(orders_of("LAMP"), "a b c ");
	expect_acknowledged(0);
}
END_TEST

START_TEST(a_reader_that_waits_for_entries_under_a_lost_lease_reports_what_waits)
{
	const struct stream_reader_stats *stats = stream_reader_stats(replicas[0].streams[0].reader);

	cable_hold(memory_store_requests(replicas[0].world->lanes[0]));
	add_order_to(0, "a");
	world_run(world);
	kill_replica(1);
	world_take_lease(world, "commands");
	pass_ms(2 * PATIENCE_MS);
	ck_assert_uint_eq(stats->first_unread_ms, 0);
	add_order_to(0, "b");
	pass_ms(2000);

	ck_assert(!stats->is_reading);
	ck_assert_uint_eq(stats->pending, 1);
	ck_assert_uint_gt(stats->first_pending_ms, 0);
	ck_assert_uint_gt(stats->first_unread_ms, stats->first_pending_ms);
	cable_open(memory_store_requests(replicas[0].world->lanes[0]));
	pass_ms(PATIENCE_MS);
	ck_assert_str_eq(orders_of("LAMP"), "a b ");
}
END_TEST

START_TEST(a_reader_whose_connections_change_continues_when_the_lease_names_them)
{
	memory_stream_set_down(shared_streams[0], true);
	pass_ms(500);
	memory_stream_set_down(shared_streams[0], false);
	add_order_to(0, "a");
	pass_ms(PATIENCE_MS);

	ck_assert(is_reading(0, 0));
	ck_assert_str_eq(orders_of("LAMP"), "a ");
}
END_TEST

START_TEST(a_reader_reads_nothing_over_a_new_connection_before_the_lease_names_it)
{
	struct stream *other = memory_consumer_port(replicas[1].streams[0].consumer);

	cable_hold(memory_leases_requests(replicas[0].leases));
	other->ops->end_connections(other, "worker-0 0", ignore, NULL);
	world_run(world);
	add_order_to(0, "a");
	pass_ms(2000);
	ck_assert_str_eq(orders_of("LAMP"), "");
	cable_open(memory_leases_requests(replicas[0].leases));
	pass_ms(PATIENCE_MS);

	ck_assert(is_reading(0, 0));
	ck_assert_str_eq(orders_of("LAMP"), "a ");
}
END_TEST

START_TEST(what_is_parked_under_a_lost_lease_is_given_back_at_once)
{
	const struct engine_stats *stats = engine_stats(replicas[0].world->engine);

	kill_replica(1);
	database_lock_product(world->database, "LAMP");
	add_order_to(0, "a");
	add_order_to(0, "b");
	pass_ms(PATIENCE_MS);
	ck_assert_uint_eq(stats->parked_messages, 2);
	cable_hold(memory_consumer_requests(replicas[0].streams[0].consumer)); /* reads nothing again */
	world_take_lease(world, "commands");
	for (int i = 0; i < 100 && !memory_logger_count(&replicas[0].world->logger, "lease lost"); i++)
		pass_ms(10);
	ck_assert_uint_eq(stats->parked_messages, 0);
	cable_open(memory_consumer_requests(replicas[0].streams[0].consumer));
	database_unlock_products(world->database);
	pass_ms(PATIENCE_MS);

	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	expect_acknowledged(0);
}
END_TEST

static enum store_injection refuse(void *context, enum store_call call)
{
	(void)context;
	(void)call;
	return INJECT_REFUSED;
}

/* Without room for its line, the event is postponed before the lease is lost; else when it is. */
static void begin_cancellation_that_is_held_up(bool has_room)
{
	enum { QUEUE_MAX = 40 };

	kill_replica(0);
	kill_replica(1);
	replicas[0].world->config.queue_max = has_room ? 1000 : QUEUE_MAX;
	start_replica(0, 1);
	ms_until_reading(0, 0);
	pass_ms(3000); /* their housekeeping takes turns */
	start_replica(1, 1);
	database_lock_product(world->database, "LAMP");
	for (int i = 0; i < QUEUE_MAX / 2; i++)
		add_order_to(0, arena_printf(world->arena, "order-%d", i));
	pass_ms(1500);
	add_entry(0, MSG_ORDER_CANCELLED, NULL, "orderid=the-last-one");
	pass_ms(1500);
	ck_assert_uint_eq(database_process_count(world->database), 1);
}

START_TEST(an_event_that_is_postponed_when_the_lease_is_lost_is_taken_over_though_its_entry_is_gone)
{
	begin_cancellation_that_is_held_up(_i);
	freeze_replica(0);
	memory_stream_drop(shared_streams[0], memory_stream_last(shared_streams[0]));
	ms_until_reading(1, 0);
	thaw_replica(0);
	pass_ms(PATIENCE_MS);
	database_unlock_products(world->database);
	pass_ms((int64_t)10000 * PROCESS_LEASE_OF_STREAM);

	ck_assert_uint_eq(database_process_count(world->database), 0);
	ck_assert_str_eq(batch_of("the-last-one", "LAMP", 1), "");
}
END_TEST

START_TEST(a_worker_that_commits_nothing_for_seconds_lets_another_one_read)
{
	memory_store_set_injector(replicas[0].world->lanes[0], refuse, NULL);
	add_order_to(0, "a");
	add_order_to(0, "b");
	ck_assert_int_lt(ms_until_reading(1, 0), 10000);
	pass_ms(PATIENCE_MS);

	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	expect_acknowledged(0);
}
END_TEST

/* The second worker is of a newer program, and waits for the lease. */
static void renew_the_second(void)
{
	kill_replica(1);
	replicas[1].also_knows = "new_command";
	start_replica(1, 1);
	pass_ms(PATIENCE_MS);
	ck_assert(is_reading(0, 0));
}

START_TEST(an_entry_of_a_type_that_only_a_newer_worker_knows_is_left_to_it_with_all_behind_it)
{
	renew_the_second();
	add_order_to(0, "a");
	add_unknown_to(0, "new_command");
	add_order_to(0, "b");
	ck_assert_int_lt(ms_until_reading(1, 0), PATIENCE_MS);
	pass_ms(100);

	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	ck_assert_uint_eq(stream_reader_stats(replicas[0].streams[0].reader)->read, 1);
	ck_assert_uint_eq(stream_reader_stats(replicas[1].streams[0].reader)->read, 2);
	expect_acknowledged(0);
	pass_ms(PATIENCE_MS);
	ck_assert(is_reading(1, 0));
}
END_TEST

/* _i: 1: the first worker is reading the roll while the second one starts. */
START_TEST(an_entry_of_a_type_that_a_worker_knows_which_has_just_started_is_left_to_it)
{
	kill_replica(1);
	if (_i) {
		cable_hold(memory_leases_answers(replicas[0].leases));
		pass_ms(LEASE_BEAT_MS);
	}
	replicas[1].also_knows = "new_command";
	start_replica(1, 1);
	add_unknown_to(0, "new_command");
	add_order_to(0, "a");
	world_run(world);
	cable_open(memory_leases_answers(replicas[0].leases));
	pass_ms(100);
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
	ck_assert_str_eq(orders_of("LAMP"), "");

	ck_assert_int_lt(ms_until_reading(1, 0), PATIENCE_MS);
	pass_ms(100);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	ck_assert_uint_eq(stream_reader_stats(replicas[1].streams[0].reader)->read, 2);
	expect_acknowledged(0);
}
END_TEST

START_TEST(an_entry_of_a_type_that_no_living_worker_knows_is_invalid)
{
	renew_the_second();
	add_unknown_to(0, "another_command");
	pass_ms(100);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert(is_reading(0, 0));

	freeze_replica(1);
	add_order_to(0, "a");
	add_unknown_to(0, "new_command");
	add_order_to(0, "b");
	pass_ms(100);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_str_eq(orders_of("LAMP"), "a ");
	pass_ms(PATIENCE_MS);

	ck_assert_uint_eq(world->database->dead_letter_count, 2);
	ck_assert_str_eq(orders_of("LAMP"), "a b ");
	expect_acknowledged(0);
}
END_TEST

START_TEST(two_streams_are_read_by_two_workers)
{
	for (int i = 0; i < 2; i++)
		kill_replica(i);
	start_replica(0, 2);
	start_replica(1, 2);
	pass_ms(PATIENCE_MS);

	ck_assert_int_eq(is_reading(0, 0) + is_reading(0, 1), 1);
	ck_assert_int_eq(is_reading(1, 0) + is_reading(1, 1), 1);
}
END_TEST

SUITE("replicas", set_up_two, tear_down_replicas)
{
	tcase_add_test(tests, one_of_two_workers_reads_a_stream);
	tcase_add_test(tests, what_a_killed_reader_has_not_committed_is_done_by_the_next_one_in_order);
	tcase_add_test(tests, what_a_killed_reader_held_is_claimed_at_once);
	tcase_add_test(tests, new_entries_wait_until_what_a_killed_reader_held_is_claimed);
	tcase_add_test(tests, a_stream_of_which_no_other_reader_holds_an_entry_is_read_without_claims);
	tcase_add_test(tests, a_reader_that_is_frozen_and_comes_back_does_nothing_twice);
	tcase_add_test(tests, a_flush_that_arrives_after_the_lease_was_taken_writes_nothing);
	tcase_add_test(tests, the_waiting_read_of_a_frozen_reader_receives_nothing_any_more);
	tcase_add_test(tests, a_reader_hands_over_when_it_is_idle_and_its_connections_are_not_ended);
	tcase_add_test(tests, a_read_that_is_late_is_unblocked_all_the_same);
	tcase_add_test(tests, the_connections_of_a_reader_that_still_waits_are_ended_by_the_next_one);
	tcase_add_test(tests, a_reader_that_lost_its_connections_leaves_them_to_be_ended);
	tcase_add_test(tests, entries_under_a_new_lease_wait_for_those_under_the_lost_one);
	tcase_add_test(tests, a_reader_that_waits_for_entries_under_a_lost_lease_reports_what_waits);
	tcase_add_test(tests, a_reader_whose_connections_change_continues_when_the_lease_names_them);
	tcase_add_test(tests, a_reader_reads_nothing_over_a_new_connection_before_the_lease_names_it);
	tcase_add_test(tests, what_is_parked_under_a_lost_lease_is_given_back_at_once);
	tcase_add_loop_test(
		tests,
		an_event_that_is_postponed_when_the_lease_is_lost_is_taken_over_though_its_entry_is_gone, 0,
		2);
	tcase_add_test(tests, a_worker_that_commits_nothing_for_seconds_lets_another_one_read);
	tcase_add_test(tests,
		       an_entry_of_a_type_that_only_a_newer_worker_knows_is_left_to_it_with_all_behind_it);
	tcase_add_loop_test(
		tests, an_entry_of_a_type_that_a_worker_knows_which_has_just_started_is_left_to_it, 0, 2);
	tcase_add_test(tests, an_entry_of_a_type_that_no_living_worker_knows_is_invalid);
	tcase_add_test(tests, two_streams_are_read_by_two_workers);
}
