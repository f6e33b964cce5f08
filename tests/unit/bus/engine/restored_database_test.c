/* A database that comes from a backup publishes nothing until an operator has renewed its outbox. */
#include "bus/ports/process_store.h"
#include "unit/bus/engine/workers_world.h"

#include <stdio.h>
#include <string.h>

#define RESTORED                                                                                                 \
	"error the broker has published more than the database knows: was the database restored from a backup? " \
	"run `allocd outbox renew`"

static void ignore(void *context, const struct published *published, const struct failure *failure)
{
	(void)context;
	(void)published;
	(void)failure;
}

/* Raises the fence to the position, as if events that this database lacks had been published. */
static void raise_fence(int64_t position)
{
	static const struct outgoing_row row = {1, NULL, 0};
	struct broker *port = memory_broker_port(other->broker);
	const struct publication publication = {.incarnation = world->database->incarnation,
						.partition = partition_of("LAMP"),
						.known = position,
						.rows = &row,
						.row_count = 1};

	port->ops->publish(port, &publication, ignore, NULL);
	world_run(world);
}

/* Restores the database from a backup, and starts workers on it. */
static void restore(int64_t published)
{
	world_crash(world);
	world_crash(other);
	raise_fence(published);
	world_start(world);
	world_start(other);
}

START_TEST(a_database_that_knows_less_than_the_broker_publishes_nothing)
{
	world_crash(other);
	raise_fence(5);
	allocate_by(world, 1);
	ck_assert(stats_of(world)->restored);
	for (int i = 2; i <= 9; i++)
		allocate_by(world, i);
	world_advance_ms(world, 60000);

	expect_published(1, 0);
	ck_assert(stats_of(world)->restored);
	ck_assert_uint_eq(stats_of(world)->unpublished, 9);
	ck_assert_uint_eq(memory_logger_count(&world->logger, RESTORED), 1);
	ck_assert_int_eq(lamps_outbox()->cursor, 0);
	ck_assert(!engine_is_idle(world->engine));
}
END_TEST

/* The notice does not depend on how many events the worker commits afterwards. */
START_TEST(a_worker_that_starts_notices_a_restored_database_before_it_publishes)
{
	restore(3);
	ck_assert(stats_of(world)->restored && stats_of(other)->restored);
	for (int i = 1; i <= 5; i++)
		allocate_by(i % 2 ? world : other, i);
	world_advance_ms(world, 10000);

	expect_published(1, 0);
}
END_TEST

START_TEST(other_partitions_publish_while_one_is_kept_back)
{
	raise_fence(5);
	allocate_by(world, 1);
	create_batch("other", "DESK", 10);
	allocate("order", "DESK", 1);
	world_run(world);

	ck_assert_str_eq(published(), "line_allocated order DESK 1 other 1\n");
}
END_TEST

START_TEST(a_renewed_outbox_publishes_all_that_was_kept_back)
{
	restore(5);
	for (int i = 1; i <= 9; i++)
		allocate_by(world, i);
	world_advance_ms(world, 5000);
	database_renew(world->database);
	world_advance_ms(world, 1000);

	expect_published(1, 9);
	ck_assert(!stats_of(world)->restored);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "the outbox was renewed"), 1);
	world_settle(world);
	ck_assert_int_eq(lamps_outbox()->cursor, (int64_t)lamps_outbox()->count);
	world_settle(other);
}
END_TEST

static void count_changes(void *context)
{
	++*(int *)context;
}

START_TEST(a_worker_on_a_restored_database_takes_no_commands_until_the_outbox_is_renewed)
{
	int changes = 0;

	world_crash(other);
	engine_on_change(world->engine, count_changes, &changes);
	ck_assert(engine_takes_commands(world->engine));
	raise_fence(5);
	allocate_by(world, 1);
	world_advance_ms(world, 60000);
	ck_assert(!engine_takes_commands(world->engine));
	ck_assert_int_eq(changes, 1);

	database_renew(world->database);
	world_advance_ms(world, 1000);
	ck_assert(engine_takes_commands(world->engine));
	ck_assert_int_eq(changes, 2);
}
END_TEST

START_TEST(a_worker_on_a_restored_database_takes_over_no_process_until_the_outbox_is_renewed)
{
	cable_hold(memory_store_requests(other->lanes[0]));
	world_send(other, TRANSPORT_PUBSUB, MSG_ORDER_CANCELLED, "orderid=order");
	world_run(other);
	ck_assert_uint_eq(database_process_count(world->database), 1);
	world_crash(other);
	raise_fence(5);
	allocate_by(world, 1);
	ck_assert(!engine_takes_commands(world->engine));
	world_advance_ms(world, 2000 * PROCESS_LEASE);
	ck_assert_uint_eq(database_process_count(world->database), 1);

	database_renew(world->database);
	world_advance_ms(world, 2000 * PROCESS_LEASE);
	ck_assert_uint_eq(database_process_count(world->database), 0);
}
END_TEST

START_TEST(no_cursor_is_saved_before_the_state_of_a_returned_database_is_read)
{
	int64_t cursor;

	world_crash(other);
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	cursor = lamps_outbox()->cursor;
	ck_assert_int_lt(cursor, 3);
	database_set_down(world->database, true);
	world_advance_ms(world, 210); /* the cursor cannot be saved */
	database_set_down(world->database, false);
	allocate_by(world, 4);

	ck_assert_uint_eq(lamps_outbox()->count, 4);
	ck_assert_int_eq(lamps_outbox()->cursor, cursor);
	world_settle(world);
	ck_assert_int_eq(lamps_outbox()->cursor, 4);
}
END_TEST

START_TEST(a_database_that_goes_back_in_time_is_noticed)
{
	world_crash(other);
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
	world_settle(world);
	lamps_outbox()->count = 1;
	lamps_outbox()->cursor = 1;
	world_advance_ms(world, 1000);
	ck_assert(stats_of(world)->restored);

	lamps_outbox()->count = 3;
	database_renew(world->database);
	world_advance_ms(world, 1000);

	ck_assert(!stats_of(world)->restored);
	ck_assert_str_eq(published_since(3), "line_allocated order-00002 LAMP 1 batch 2\n"
					     "line_allocated order-00003 LAMP 1 batch 3\n");
}
END_TEST

/* One worker is left, which allocates orders 1 to 3. */
static void allocate_three(void)
{
	world_crash(other);
	for (int i = 1; i <= 3; i++)
		allocate_by(world, i);
}

/* A standby is promoted that lacks the last two of the three events that were published. */
static void promote_a_lagging_standby(void)
{
	world_settle(world);
	lamps_outbox()->count = 1;
	lamps_outbox()->cursor = 1;
	database_promote(world->database);
}

/* Orders 4 to 7 wait until the outbox, which has the lost rows again, is renewed. */
static void expect_no_commit_before_the_renewal(void)
{
	for (int i = 4; i <= 7; i++)
		allocate_by(world, i);
	world_advance_ms(world, 5000);
	ck_assert(stats_of(world)->restored);
	ck_assert_uint_eq(lamps_outbox()->count, 1);

	lamps_outbox()->count = 3;
	database_renew(world->database);
	world_advance_ms(world, 5000);
}

/*
 * What waits is handled before the cursors are read again: as many events as were lost must not hide the
 * loss.
 */
START_TEST(a_promoted_standby_that_lagged_behind_commits_no_event_until_the_outbox_is_renewed)
{
	allocate_three();
	promote_a_lagging_standby();
	expect_no_commit_before_the_renewal();
	ck_assert_str_eq(published_since(5), "line_allocated order-00004 LAMP 1 batch 4\n"
					     "line_allocated order-00005 LAMP 1 batch 5\n"
					     "line_allocated order-00006 LAMP 1 batch 6\n"
					     "line_allocated order-00007 LAMP 1 batch 7\n");
}
END_TEST

START_TEST(a_worker_that_starts_on_a_lagging_standby_commits_no_event_until_the_outbox_is_renewed)
{
	allocate_three();
	promote_a_lagging_standby();
	world_crash(world);
	world_start(world);
	expect_no_commit_before_the_renewal();
}
END_TEST

/* What another worker published since then must be found, too. */
START_TEST(an_answer_to_a_call_of_before_a_promotion_is_no_comparison)
{
	allocate_three();
	cable_hold(memory_broker_answers(world->broker));
	allocate_by(world, 4);
	raise_fence(6);
	database_promote(world->database);
	allocate_by(world, 5);
	world_advance_ms(world, 1000);
	cable_open(memory_broker_answers(world->broker));
	world_advance_ms(world, 2000);

	ck_assert(stats_of(world)->restored);
	ck_assert_uint_eq(lamps_outbox()->count, 4);

	database_renew(world->database);
	world_advance_ms(world, 5000);
}
END_TEST

START_TEST(a_promoted_standby_that_has_everything_commits_at_once)
{
	allocate_three();
	database_promote(world->database);
	allocate_by(world, 4);
	world_advance_ms(world, 1000);

	ck_assert(!stats_of(world)->restored);
	expect_published(1, 4);
	allocate_by(world, 5);
	expect_published(1, 5);
}
END_TEST

static bool is_in_trouble(const char *with)
{
	struct engine_trouble trouble;

	return engine_database_trouble(world->engine, &trouble) && strstr(trouble.text, with);
}

START_TEST(events_that_are_not_committed_because_the_broker_does_not_answer_are_a_trouble_after_10_s)
{
	struct engine_trouble trouble;

	world_crash(other);
	allocate_by(world, 1);
	memory_broker_set_down(world->broker, true);
	database_promote(world->database);
	allocate_by(world, 2);
	world_advance_ms(world, 9000);
	ck_assert(!engine_database_trouble(world->engine, &trouble));
	world_advance_ms(world, 2000);
	ck_assert(is_in_trouble("does not answer which events it has published"));
	ck_assert_uint_eq(lamps_outbox()->count, 1);

	memory_broker_set_down(world->broker, false);
	world_advance_ms(world, 2000);
	ck_assert(!engine_database_trouble(world->engine, &trouble));
	expect_published(1, 2);
}
END_TEST

START_TEST(a_restored_database_is_no_trouble_of_the_broker)
{
	allocate_three();
	promote_a_lagging_standby();
	allocate_by(world, 4);
	world_advance_ms(world, 20000);

	ck_assert(stats_of(world)->restored);
	ck_assert(!is_in_trouble("which events it has published"));

	lamps_outbox()->count = 3;
	database_renew(world->database);
	world_advance_ms(world, 15000);
}
END_TEST

/*
 * The first lane has the cursors read, which are those of the old server when the second lane meets the new
 * one.
 */
START_TEST(an_answer_to_a_read_from_before_a_lane_met_another_server_is_no_comparison)
{
	struct memory_store *first, *second;

	world_crash(other);
	world_crash(world);
	world->config.lanes = 2;
	world_start(world);
	create_batch("first", sku_in_lane(0, 0), 10);
	create_batch("second", sku_in_lane(1, 0), 10);
	world_settle(world);
	first = world->lanes[0];
	second = world->lanes[1];

	cable_hold(memory_store_requests(second));
	allocate("order", sku_in_lane(1, 0), 1);
	world_run(world);
	memory_store_fail_next(first, CALL_FLUSH, INJECT_REFUSED);
	cable_hold(memory_store_answers(world->publisher));
	allocate("order", sku_in_lane(0, 0), 1);
	world_advance_ms(world, 50);
	database_promote(world->database);
	cable_open(memory_store_requests(second));
	world_advance_ms(world, 50);
	cable_open(memory_store_answers(world->publisher));
	world_advance_ms(world, 10);

	ck_assert_str_eq(batch_of("order", sku_in_lane(0, 0), 1), "first");
	ck_assert_str_eq(batch_of("order", sku_in_lane(1, 0), 1), "second");
	ck_assert_uint_eq(stats_of(world)->retries, 2);
}
END_TEST

/* The call's answer concerns the fences of the earlier incarnation. */
START_TEST(a_call_from_before_a_restore_is_ignored)
{
	world_crash(other);
	cable_hold(memory_broker_answers(world->broker));
	allocate_by(world, 1);
	allocate_by(world, 2);
	raise_fence(50);
	database_renew(world->database);
	world_advance_ms(world, 1000);
	cable_open(memory_broker_answers(world->broker));
	world_advance_ms(world, 1000);
	allocate_by(world, 3);
	world_settle(world);

	ck_assert_str_eq(published_since(1), "line_allocated order-00001 LAMP 1 batch 1\n"
					     "line_allocated order-00002 LAMP 1 batch 2\n"
					     "line_allocated order-00003 LAMP 1 batch 3\n");
	ck_assert(!stats_of(world)->restored);
	ck_assert_int_eq(lamps_outbox()->cursor, 3);
}
END_TEST

/* A flush that was sent before a restore does not save cursors of the restored database. */
START_TEST(a_cursor_from_before_a_restore_does_not_count_as_saved)
{
	world_crash(other);
	for (int i = 1; i <= SAVE_WITH_FLUSH; i++)
		allocate_by(world, i);
	cable_hold(memory_store_answers(world->lanes[0]));
	create_batch("another", "LAMP", 1);
	world_run(world);
	cable_let_one(memory_store_answers(world->lanes[0]));
	world_run(world);
	ck_assert_int_eq(lamps_outbox()->cursor, SAVE_WITH_FLUSH);
	world_advance_ms(world, 500);
	lamps_outbox()->count = SAVE_WITH_FLUSH - 1;
	lamps_outbox()->cursor = SAVE_WITH_FLUSH - 2;
	database_renew(world->database);
	cable_hold(memory_broker_requests(world->broker));
	world_advance_ms(world, 1000);
	cable_open(memory_store_answers(world->lanes[0]));
	world_run(world);
	cable_open(memory_broker_requests(world->broker));
	world_settle(world);

	ck_assert_int_eq(lamps_outbox()->cursor, SAVE_WITH_FLUSH - 1);
	lamps_outbox()->count = SAVE_WITH_FLUSH;
}
END_TEST

/* The cursors are read with the new epoch, and the answer is on its way. */
START_TEST(a_cursor_is_of_the_epoch_in_which_its_rows_were_published)
{
	world_crash(other);
	cable_hold(memory_store_requests(world->publisher));
	world_advance_ms(world, 1500);
	for (int i = 1; i <= SAVE_WITH_FLUSH; i++)
		allocate_by(world, i);
	ck_assert_int_eq(lamps_outbox()->cursor, 0);
	database_renew(world->database);
	cable_hold(memory_store_answers(world->publisher));
	cable_open(memory_store_requests(world->publisher));
	world_run(world);
	create_batch("another", "LAMP", 1);
	world_run(world);

	ck_assert_int_eq(lamps_outbox()->cursor, 0);
	cable_open(memory_store_answers(world->publisher));
	world_settle(world);
	ck_assert_int_eq(lamps_outbox()->cursor, SAVE_WITH_FLUSH);
}
END_TEST

/* Whether the last row of the lamps' partition holds that text. */
static bool last_row_has(const char *text)
{
	const struct outbox_partition *outbox = lamps_outbox();
	const struct bytes frame = outbox->rows[outbox->count - 1].frame;

	return memmem(frame.data, frame.size, text, strlen(text));
}

START_TEST(events_bear_their_epoch_from_the_second_on)
{
	world_crash(other);
	allocate_by(world, 1);
	ck_assert(!last_row_has("epoch="));
	database_renew(world->database);
	world_advance_ms(world, 1000);
	allocate_by(world, 2);

	ck_assert(last_row_has("epoch=2\n"));
	world_settle(world);
}
END_TEST

/* All it needs is cached, so it would not have loaded the new epoch. */
START_TEST(a_unit_that_was_encoded_before_the_outbox_was_renewed_is_redone)
{
	world_crash(other);
	allocate_by(world, 1);
	cable_hold(memory_store_requests(world->lanes[0]));
	allocate_by(world, 2);
	database_renew(world->database);
	cable_open(memory_store_requests(world->lanes[0]));
	world_run(world);

	ck_assert(last_row_has("version=2\n"));
	ck_assert(last_row_has("epoch=2\n"));
	ck_assert_uint_eq(lamps_outbox()->count, 2);
	world_settle(world);
}
END_TEST

/* They were written anew in the database, and the worker has the bytes of before. */
START_TEST(rows_that_were_committed_before_the_outbox_was_renewed_are_published_as_they_are_stored)
{
	world_crash(other);
	allocate_by(world, 1);
	world_settle(world);
	cable_hold(memory_store_answers(world->lanes[0]));
	allocate_by(world, 2);
	database_renew(world->database);
	cable_hold(memory_store_answers(world->publisher));
	world_advance_ms(world, 1000);
	cable_let_one(memory_store_answers(world->publisher)); /* the cursors */
	world_run(world);
	cable_open(memory_store_answers(world->lanes[0]));
	world_run(world);
	expect_published(1, 1);
	cable_open(memory_store_answers(world->publisher));
	world_settle(world);

	expect_published(1, 2);
}
END_TEST

/*
 * The worker has not found out yet that it was renewed, and the fences of before know nothing of the next
 * ones.
 */
START_TEST(rows_that_are_committed_after_the_outbox_was_renewed_are_published_once)
{
	world_crash(other);
	allocate_by(world, 1);
	world_settle(world);
	database_renew(world->database);
	allocate_by(world, 2);
	world_advance_ms(world, 5000);

	expect_published(1, 2);
}
END_TEST

static void ignore_answer(void *context, const struct delivery *delivery)
{
	(void)context;
	(void)delivery;
}

/* Such an entry loads nothing before it is handled, and then whether it is a dead letter already. */
START_TEST(an_invalid_entry_becomes_a_dead_letter_though_the_outbox_was_renewed)
{
	world_crash(other);
	world_crash(world);
	world->config.rejection_events = true;
	world_start(world);
	allocate_by(world, 1);
	database_renew(world->database);
	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_STREAM,
					     .origin = "stream",
					     .entry_id = "1-0",
					     .incarnation = 1,
					     .type = MSG_ALLOCATE,
					     .payload = {"nothing", strlen("nothing")},
					     .payload_size = strlen("nothing"),
					     .answered = ignore_answer,
				     });
	world_advance_ms(world, 5000);

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	world_settle(world);
}
END_TEST

SUITE("restored database", set_up_workers, tear_down_workers)
{
	tcase_add_test(tests, a_database_that_knows_less_than_the_broker_publishes_nothing);
	tcase_add_test(tests, a_worker_that_starts_notices_a_restored_database_before_it_publishes);
	tcase_add_test(tests, other_partitions_publish_while_one_is_kept_back);
	tcase_add_test(tests, a_renewed_outbox_publishes_all_that_was_kept_back);
	tcase_add_test(tests, a_worker_on_a_restored_database_takes_no_commands_until_the_outbox_is_renewed);
	tcase_add_test(tests,
		       a_worker_on_a_restored_database_takes_over_no_process_until_the_outbox_is_renewed);
	tcase_add_test(tests, no_cursor_is_saved_before_the_state_of_a_returned_database_is_read);
	tcase_add_test(tests, a_database_that_goes_back_in_time_is_noticed);
	tcase_add_test(tests,
		       a_promoted_standby_that_lagged_behind_commits_no_event_until_the_outbox_is_renewed);
	tcase_add_test(
		tests,
		a_worker_that_starts_on_a_lagging_standby_commits_no_event_until_the_outbox_is_renewed);
	tcase_add_test(tests, an_answer_to_a_call_of_before_a_promotion_is_no_comparison);
	tcase_add_test(tests, a_promoted_standby_that_has_everything_commits_at_once);
	tcase_add_test(
		tests,
		events_that_are_not_committed_because_the_broker_does_not_answer_are_a_trouble_after_10_s);
	tcase_add_test(tests, a_restored_database_is_no_trouble_of_the_broker);
	tcase_add_test(tests, an_answer_to_a_read_from_before_a_lane_met_another_server_is_no_comparison);
	tcase_add_test(tests, a_call_from_before_a_restore_is_ignored);
	tcase_add_test(tests, a_cursor_from_before_a_restore_does_not_count_as_saved);
	tcase_add_test(tests, a_cursor_is_of_the_epoch_in_which_its_rows_were_published);
	tcase_add_test(tests, events_bear_their_epoch_from_the_second_on);
	tcase_add_test(tests, rows_that_are_committed_after_the_outbox_was_renewed_are_published_once);
	tcase_add_test(tests, an_invalid_entry_becomes_a_dead_letter_though_the_outbox_was_renewed);
	tcase_add_test(tests, a_unit_that_was_encoded_before_the_outbox_was_renewed_is_redone);
	tcase_add_test(
		tests,
		rows_that_were_committed_before_the_outbox_was_renewed_are_published_as_they_are_stored);
}
