/* The first lane handles all messages until there is a backlog; then each lane handles its own. */
#include "support/rival.h"
#include "support/suites.h"

#define BACKLOG 16

static const char *first_sku, *second_sku; /* of the first and of the second lane */

static size_t flushes_before; /* of the second lane, when the test began */

static size_t flushes_of_second(void)
{
	return memory_store_calls(world->lanes[1], CALL_FLUSH) - flushes_before;
}

/* A unit of the first lane is in flight while a backlog for both lanes arrives. */
static void make_backlog(const char *name)
{
	hold_lane();
	allocate(arena_printf(world->arena, "%s in flight", name), first_sku, 1);
	world_run(world);
	allocate_many(arena_printf(world->arena, "%s-a", name), first_sku, BACKLOG);
	allocate_many(arena_printf(world->arena, "%s-b", name), second_sku, BACKLOG);
	world_run(world);
}

/* Both lanes have worked: the first unit of a lane always loads. */
static void start(void)
{
	world = world_new();
	world->config.lanes = 2;
	world->config.backlog = BACKLOG;
	world->config.move_max = 2;
	world_start(world);
	first_sku = sku_in_lane(0, 0);
	second_sku = sku_in_lane(1, 0);
	create_batch("first", first_sku, 1000);
	create_batch("second", second_sku, 1000);
	world_settle(world);
	flushes_before = 0;
	make_backlog("earlier");
	release_lane();
	world_settle(world);
	flushes_before = flushes_of_second();
}

/* ---- who handles what ---- */

START_TEST(one_unit_holds_the_messages_of_all_lanes_when_few_wait)
{
	uint64_t units = engine_stats(world->engine)->units;

	allocate("one", first_sku, 1);
	allocate("two", second_sku, 1);
	world_run(world);

	ck_assert_uint_eq(engine_stats(world->engine)->units, units + 1);
	ck_assert_uint_eq(flushes_of_second(), 0);
}
END_TEST

START_TEST(each_lane_handles_its_own_messages_when_there_is_a_backlog)
{
	make_backlog("now");
	cable_hold(memory_store_requests(world->lanes[1]));
	ck_assert_uint_eq(flushes_of_second(), 0);

	step_lane(); /* the unit before the backlog */

	ck_assert(cable_let_one(memory_store_requests(world->lanes[1])));
	world_run(world);
	ck_assert_uint_eq(flushes_of_second(), 1);
	ck_assert_str_eq(batch_of("now-b-00000", second_sku, 1), "second");
	ck_assert_str_eq(batch_of("now-a-00000", first_sku, 1), "");
}
END_TEST

START_TEST(the_first_lane_handles_all_messages_again_after_a_backlog)
{
	make_backlog("now");
	release_lane();
	world_settle(world);
	ck_assert_uint_eq(flushes_of_second(), 1);

	allocate("later", second_sku, 1);
	world_settle(world);

	ck_assert_uint_eq(flushes_of_second(), 1);
	ck_assert_str_eq(batch_of("later", second_sku, 1), "second");
}
END_TEST

START_TEST(lanes_work_side_by_side_at_any_time_when_no_backlog_is_configured)
{
	world_crash(world);
	world->config.backlog = 0;
	world_start(world);
	flushes_before = 0;

	allocate("one", first_sku, 1);
	allocate("two", second_sku, 1);
	world_run(world);

	ck_assert_uint_eq(memory_store_calls(world->lanes[0], CALL_FLUSH), 1);
	ck_assert_uint_eq(flushes_of_second(), 1);
}
END_TEST

/* The first lane's calls take 100 ms, so that its search for the poison takes seconds. */
START_TEST(other_lanes_go_on_while_the_first_one_searches_for_a_poison_message)
{
	struct memory_random random;
	struct sent *others[2 * BACKLOG];

	world_crash(world);
	world->config.backlog = 1000;
	world_start(world);
	memory_random_init(&random, 7);
	cable_delay(memory_store_requests(world->lanes[0]), 100, 101, &random.random);
	database_refuse(world->database, "poison-00000");
	allocate_many("before", first_sku, _i);
	allocate_many("poison", _i % 2 ? first_sku : second_sku, 1);
	allocate_many("behind", first_sku, 90);
	world_advance_ms(world, 10);
	for (int i = 0; i < COUNT(others); i++)
		others[i] = allocate(arena_printf(world->arena, "other-%d", i), second_sku, 1);
	world_advance_ms(world, 3000);

	for (int i = 0; i < COUNT(others); i++)
		expect_handled(others[i]);
	world_settle(world);
	ck_assert_str_eq(batch_of("poison-00000", _i % 2 ? first_sku : second_sku, 1), "");
	ck_assert_str_eq(batch_of("behind-00029", first_sku, 1), "first");
}
END_TEST

/* ---- what moves with a SKU ---- */

START_TEST(messages_of_a_sku_keep_their_order_when_lanes_lend_and_give_back)
{
	struct sent *sent[200];
	struct memory_random random;

	memory_random_init(&random, (uint64_t)_i + 1);
	cable_delay(memory_store_requests(world->lanes[0]), 4, 9, &random.random);
	cable_delay(memory_store_requests(world->lanes[1]), 0, 5, &random.random);
	for (int i = 0; i < COUNT(sent); i++) {
		sent[i] = allocate(arena_printf(world->arena, "order-%d", i), i % 2 ? first_sku : second_sku,
				   1);
		if (i % 40 > 30) /* now and then a backlog, now and then none */
			world_advance_ms(world, (int64_t)random_below(&random.random, 5));
	}
	world_settle(world);

	for (int i = 0; i < COUNT(sent); i++) {
		expect_handled(sent[i]);
		if (i > 1)
			ck_assert_int_gt(sent[i]->order, sent[i - 2]->order);
	}
	ck_assert_uint_gt(flushes_of_second(), 0);
}
END_TEST

START_TEST(a_product_is_not_loaded_again_by_the_lane_that_its_sku_moved_to)
{
	size_t first = memory_store_calls(world->lanes[0], CALL_LOAD);
	size_t second = memory_store_calls(world->lanes[1], CALL_LOAD);

	make_backlog("now");
	release_lane();
	world_settle(world);
	ck_assert_uint_gt(flushes_of_second(), 0);
	allocate("later", second_sku, 1);
	world_settle(world);

	ck_assert_uint_eq(memory_store_calls(world->lanes[0], CALL_LOAD), first);
	ck_assert_uint_eq(memory_store_calls(world->lanes[1], CALL_LOAD), second);
}
END_TEST

/* Its products may come from a database that was lost, although another lane uses them. */
START_TEST(no_cached_product_is_used_after_any_lane_lost_its_session)
{
	size_t loads = memory_store_calls(world->lanes[0], CALL_LOAD);

	memory_unit_store(world->lanes[1])->sessions_lost++;
	allocate("order", second_sku, 1);
	world_run(world);

	ck_assert_uint_eq(memory_store_calls(world->lanes[0], CALL_LOAD), loads + 1);
}
END_TEST

START_TEST(a_shrink_moves_with_its_sku_and_ends)
{
	struct sent *shrink, *behind;

	allocate_many("line", second_sku, 20);
	world_settle(world);
	shrink = change_quantity("second", 0);
	behind = allocate("behind", second_sku, 1);
	make_backlog("now");
	ck_assert_int_eq(shrink->answers, 0);
	release_lane();
	world_settle(world);

	expect_handled(shrink);
	expect_handled(behind);
	ck_assert_uint_gt(flushes_of_second(), 0); /* some of its steps */
	ck_assert_int_eq(database_purchased(world->database, "second"), 0);
	ck_assert_int_lt(shrink->order, behind->order);
}
END_TEST

START_TEST(a_parked_sku_returns_to_the_lane_that_handles_it_now)
{
	struct sent *parked;

	database_lock_product(world->database, second_sku);
	parked = allocate("parked", second_sku, 1);
	world_advance_ms(world, 1500);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_skus, 1);
	allocate_many("behind", second_sku, 3);
	make_backlog("now");
	cable_hold(memory_store_requests(world->lanes[1]));
	allocate_many("c", sku_in_lane(1, 1), 1);
	release_lane();
	database_unlock_products(world->database);
	world_advance_ms(world, 5000);

	expect_handled(parked);
	ck_assert_str_eq(batch_of("behind-00002", second_sku, 1), ""); /* it waits for the second lane */
	cable_open(memory_store_requests(world->lanes[1]));
	world_settle(world);
	ck_assert_str_eq(batch_of("behind-00002", second_sku, 1), "second");
	ck_assert_str_eq(batch_of("now-b-00000", second_sku, 1), "second");
}
END_TEST

/* With the publisher's store away, only a lane can save a cursor. */
START_TEST(the_first_lane_saves_the_cursors_of_all_partitions_that_it_handles)
{
	int partition = partition_of(second_sku);

	cable_hold(memory_store_requests(world->publisher));
	for (int i = 0; i < 110; i++) { /* SAVE_WITH_FLUSH and a few */
		allocate(arena_printf(world->arena, "order-%d", i), second_sku, 1);
		world_run(world);
	}

	ck_assert_uint_eq(flushes_of_second(), 0);
	ck_assert_int_ge(world->database->outbox[partition].cursor, 100);
	cable_open(memory_store_requests(world->publisher));
	world_settle(world);
}
END_TEST

/* Two transactions that save one cursor would wait for each other. */
START_TEST(a_lane_saves_no_cursor_of_a_partition_that_another_lane_handles)
{
	int partition = partition_of(second_sku);

	world_crash(world);
	world->config.backlog = 0;
	world_start(world);
	cable_hold(memory_store_requests(world->publisher));
	for (int i = 0; i < 100;
	     i++) { /* SAVE_WITH_FLUSH: the next flush of the lane would save the cursor */
		allocate(arena_printf(world->arena, "order-%d", i), second_sku, 1);
		world_run(world);
	}
	int64_t saved = world->database->outbox[partition].cursor;

	allocate("order", first_sku, 1);
	world_run(world);

	ck_assert_int_eq(world->database->outbox[partition].cursor, saved);
	allocate("order", second_sku, 1);
	world_run(world);
	ck_assert_int_gt(world->database->outbox[partition].cursor, saved);
	cable_open(memory_store_requests(world->publisher));
	world_settle(world);
}
END_TEST

SUITE("lane lending", start, tear_down_world)
{
	tcase_add_test(tests, one_unit_holds_the_messages_of_all_lanes_when_few_wait);
	tcase_add_test(tests, each_lane_handles_its_own_messages_when_there_is_a_backlog);
	tcase_add_test(tests, the_first_lane_handles_all_messages_again_after_a_backlog);
	tcase_add_test(tests, lanes_work_side_by_side_at_any_time_when_no_backlog_is_configured);
	tcase_add_loop_test(tests, messages_of_a_sku_keep_their_order_when_lanes_lend_and_give_back, 0, 20);
	tcase_add_test(tests, a_product_is_not_loaded_again_by_the_lane_that_its_sku_moved_to);
	tcase_add_test(tests, no_cached_product_is_used_after_any_lane_lost_its_session);
	tcase_add_test(tests, a_shrink_moves_with_its_sku_and_ends);
	tcase_add_test(tests, a_parked_sku_returns_to_the_lane_that_handles_it_now);
	tcase_add_test(tests, the_first_lane_saves_the_cursors_of_all_partitions_that_it_handles);
	tcase_add_test(tests, a_lane_saves_no_cursor_of_a_partition_that_another_lane_handles);
	tcase_add_loop_test(tests, other_lanes_go_on_while_the_first_one_searches_for_a_poison_message, 0, 6);
}
