/* Where the loaded data does not suffice, the message is undone, more is loaded, and it is handled again. */
#include "support/rival.h"
#include "support/suites.h"

#include <string.h>

static uint64_t loads_again(void)
{
	return engine_stats(world->engine)->loads_again;
}

/* Creates "batch-000" and so on, of `qty` each, which the worker does not know yet. */
static void create_batches(int count, int qty)
{
	for (int i = 0; i < count; i++)
		rival_create_batch(arena_printf(world->arena, "batch-%03d", i), "LAMP", qty);
}

static const struct {
	int batches; /* that are too small */
	bool large;  /* whether a sufficient one follows them */
	bool needs_more;
} stocks[] = {
	{0, true, false},
	{OPEN_BATCHES - 1, true, false},
	{OPEN_BATCHES - 2, false, false},
	{OPEN_BATCHES, true, true},
	{OPEN_BATCHES, false, true},
	{3 * OPEN_BATCHES, true, true},
	{3 * OPEN_BATCHES, false, true},
};

START_TEST(a_line_finds_its_batch_however_many_small_ones_come_first)
{
	create_batches(stocks[_i].batches, 1);
	rival_create_batch("z-large", "LAMP", stocks[_i].large ? 5 : 1);

	allocate("order", "LAMP", 5);
	world_run(world);

	ck_assert_str_eq(batch_of("order", "LAMP", 5), stocks[_i].large ? "z-large" : "");
	ck_assert_int_eq(loads_again() > 0, stocks[_i].needs_more);
}
END_TEST

START_TEST(a_second_load_keeps_what_the_unit_did_before)
{
	struct sent *small, *large, *behind;

	create_batches(OPEN_BATCHES, 1);
	rival_create_batch("z-large", "LAMP", 10);

	small = allocate("small", "LAMP", 1);
	large = allocate("large", "LAMP", 4);
	behind = allocate("behind", "LAMP", 5);
	world_run(world);

	expect_handled(small);
	expect_handled(large);
	expect_handled(behind);
	ck_assert_uint_eq(loads_again(), 1);
	ck_assert_str_eq(published(), "line_allocated small LAMP 1 batch-000 1\n"
				      "line_allocated large LAMP 4 z-large 2\n"
				      "line_allocated behind LAMP 5 z-large 3\n");
}
END_TEST

START_TEST(a_product_that_changed_between_two_loads_is_a_conflict)
{
	struct sent *sent;

	create_batches(OPEN_BATCHES, 1);
	rival_create_batch("z-large", "LAMP", 5);
	hold_lane();
	sent = allocate("ours", "LAMP", 5);
	world_run(world);
	step_lane();
	rival_allocate("theirs", "LAMP", 5);
	release_lane();

	expect_handled(sent);
	ck_assert_str_eq(batch_of("ours", "LAMP", 5), "");
	ck_assert_uint_eq(engine_stats(world->engine)->failed_speculations, 1);
}
END_TEST

START_TEST(a_unit_is_redone_when_its_second_load_fails)
{
	struct sent *sent;

	create_batches(OPEN_BATCHES, 1);
	rival_create_batch("z-large", "LAMP", 5);
	memory_store_fail_next(world->lanes[0], CALL_LOAD, INJECT_NONE);
	memory_store_fail_next(world->lanes[0], CALL_LOAD, INJECT_LOST_BEFORE);
	sent = allocate("order", "LAMP", 5);
	world_settle(world);

	expect_handled(sent);
	ck_assert_str_eq(published(), "line_allocated order LAMP 5 z-large 1\n");
}
END_TEST

/* Each message needs a load of its own, and the number of loads of a unit has no limit. */
START_TEST(a_unit_loads_as_often_as_its_messages_need)
{
	enum { PRODUCTS = 1001 };

	world_crash(world);
	world->config.unit_max = PRODUCTS;
	world_start(world);
	for (int i = 0; i < PRODUCTS; i++) {
		for (int j = 0; j < OPEN_BATCHES; j++)
			create_batch(arena_printf(world->arena, "%04d-%02d", i, j),
				     arena_printf(world->arena, "SKU-%04d", i), 1);
		create_batch(arena_printf(world->arena, "%04d-z", i),
			     arena_printf(world->arena, "SKU-%04d", i), 5);
	}
	world_settle(world);

	for (int i = 0; i < PRODUCTS; i++)
		allocate("order", arena_printf(world->arena, "SKU-%04d", i), 5);
	world_settle(world);

	for (const struct sent *sent = world->first; sent; sent = sent->next)
		expect_handled(sent);
}
END_TEST

static const int lines[] = {FIRST_LINES - 1, FIRST_LINES, FIRST_LINES + 1, 5 * FIRST_LINES};

START_TEST(a_shrinking_batch_gives_up_as_many_lines_as_it_must)
{
	const struct batch_row *batch;

	create_batch("a", "LAMP", 1000);
	create_batch("b", "LAMP", 1000);
	allocate_many("order", "LAMP", 600);
	world_run(world);

	change_quantity("a", 600 - lines[_i]);
	world_run(world);

	batch = database_batch(world->database, "a");
	ck_assert_int_eq(batch->allocated, 600 - lines[_i]);
	ck_assert_int_eq(batch->purchased, 600 - lines[_i]);
	ck_assert_int_eq(database_allocated(world->database, "b"), lines[_i]);
	ck_assert_str_eq(batch_of("order-00599", "LAMP", 1), "b");
	ck_assert_str_eq(batch_of("order-00000", "LAMP", 1), "a");
}
END_TEST

SUITE("needs", set_up_world, tear_down_world)
{
	tcase_add_loop_test(tests, a_line_finds_its_batch_however_many_small_ones_come_first, 0,
			    COUNT(stocks));
	tcase_add_test(tests, a_second_load_keeps_what_the_unit_did_before);
	tcase_add_test(tests, a_product_that_changed_between_two_loads_is_a_conflict);
	tcase_add_test(tests, a_unit_is_redone_when_its_second_load_fails);
	tcase_add_test(tests, a_unit_loads_as_often_as_its_messages_need);
	tcase_add_loop_test(tests, a_shrinking_batch_gives_up_as_many_lines_as_it_must, 0, COUNT(lines));
}
