/*
 * Two stores that flush at the same time: one of them waits, neither deadlocks, and the one that waited sees
 * what the other one committed.
 */
#include "support/suites.h"
#include "world.h"

#include <string.h>

/* Enough for two flushes to overlap. */
#define PRODUCTS 300

static struct work *one, *other;

static void set_up(void)
{
	world_set_up();
	one = work_new(&world.fixture, world_make_store());
	other = work_new(&world.fixture, world_make_store());
}

static void tear_down(void)
{
	work_free(&one);
	work_free(&other);
	world_tear_down();
}

static const char *name_of(struct work *work, const char *word, int number)
{
	return arena_printf(work->uow.arena, "%s-%03d", word, number);
}

/* Adds the same command for every product, in ascending or descending order. */

static void create_all(struct work *work, bool backwards)
{
	for (int i = 0; i < PRODUCTS; i++) {
		int number = backwards ? PRODUCTS - 1 - i : i;

		work_create_batch(work, name_of(work, "batch", number), name_of(work, "sku", number), 1000,
				  IN_WAREHOUSE);
	}
}

static void allocate_all(struct work *work, const char *orderid, bool backwards)
{
	for (int i = 0; i < PRODUCTS; i++)
		work_allocate(work, orderid, name_of(work, "sku", backwards ? PRODUCTS - 1 - i : i), 1);
}

/* Both are loaded and handled; then both flushes are under way at once. */
static void flush_both(void)
{
	ck_assert_int_eq(work_load(one), NO_FAILURE);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(one);
	work_handle(other);
	work_begin_flush(one);
	work_begin_flush(other);
	work_wait(one);
	work_wait(other);
}

static void assert_one_went_in(void)
{
	const struct work *loser = one->answer == NO_FAILURE ? other : one;

	ck_assert_msg(one->answer == NO_FAILURE || other->answer == NO_FAILURE, "%s; %s", one->failure,
		      other->failure);
	ck_assert_msg(loser->answer == FAILURE_CONFLICT, "%s", loser->failure);
	ck_assert_msg(!strstr(loser->failure, "deadlock"), "%s", loser->failure);
}

START_TEST(two_units_that_create_the_same_rows_in_opposite_order_do_not_deadlock)
{
	for (int round = 0; round < 5; round++) {
		database_empty();
		work_restart(one);
		work_restart(other);
		create_all(one, false);
		create_all(other, true);
		while (work_load(one) == FAILURE_RETRY || work_load(other) == FAILURE_RETRY)
			continue; /* database_empty() ends sessions */
		flush_both();
		assert_one_went_in();
		ck_assert_int_eq(database_number("select count(*) from batches"), PRODUCTS);
	}
}
END_TEST

START_TEST(two_units_that_change_the_same_rows_in_opposite_order_do_not_deadlock)
{
	create_all(one, false);
	ck_assert_int_eq(work_do(one), NO_FAILURE);
	for (int round = 1; round <= 10; round++) {
		work_restart(one);
		work_restart(other);
		allocate_all(one, name_of(one, "ours", round), false);
		allocate_all(other, name_of(other, "theirs", round), true);
		flush_both();
		assert_one_went_in();
		ck_assert_int_eq(database_number("select count(*) from order_lines"), round * PRODUCTS);
		ck_assert_int_eq(database_number("select sum(allocated) from batches"), round * PRODUCTS);
	}
}
END_TEST

START_TEST(two_units_of_different_products_both_commit_and_share_the_partitions)
{
	create_all(one, false);
	ck_assert_int_eq(work_do(one), NO_FAILURE);
	for (int round = 0; round < 10; round++) {
		work_restart(one);
		work_restart(other);
		for (int i = 0; i < PRODUCTS; i++) {
			struct work *work = i % 2 ? one : other;

			work_allocate(work, name_of(work, "order", round), name_of(work, "sku", i), 1);
		}
		flush_both();
		ck_assert_msg(one->answer == NO_FAILURE, "%s", one->failure);
		ck_assert_msg(other->answer == NO_FAILURE, "%s", other->failure);
	}
	ck_assert_int_eq(database_number("select count(*) from product_frames"), 10 * PRODUCTS);
	ck_assert_int_eq(database_number("select count(*) from outbox_heads h where position <>"
					 " (select count(*) from outbox o where o.partition = h.partition)"),
			 0);
}
END_TEST

START_TEST(a_unit_that_waited_for_a_lock_sees_the_new_revision)
{
	work_create_batch(one, "batch", "lamp", 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(one), NO_FAILURE);
	work_restart(one);
	work_allocate(one, "ours", "lamp", 1);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(one), NO_FAILURE);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(one);
	work_handle(other);
	proxy_hold_commit(world_proxy_of(one->store));
	ck_assert_int_eq(work_flush(one), FAILURE_UNCERTAIN);

	work_begin_flush(other);
	world_await_lock_waiters(1);
	proxy_end_held(world_proxy_of(one->store), true);

	ck_assert_int_eq(work_wait(other), FAILURE_CONFLICT);
	ck_assert_int_eq(work_settle(one), FAILURE_CONFLICT);
}
END_TEST

START_TEST(units_that_lock_wait_for_each_other)
{
	create_all(one, false);
	ck_assert_int_eq(work_do(one), NO_FAILURE);
	work_restart(one);
	one->uow.locking = other->uow.locking = true;
	allocate_all(one, "ours", false);
	allocate_all(other, "theirs", true);
	ck_assert_int_eq(work_load(one), NO_FAILURE);

	work_begin_call(other);
	other->store->units->ops->load(other->store->units, &other->uow, work_answered, other);
	work_handle(one);
	ck_assert_int_eq(work_flush(one), NO_FAILURE);

	ck_assert_int_eq(work_wait(other), NO_FAILURE);
	work_handle(other);
	ck_assert_int_eq(work_flush(other), NO_FAILURE);
	ck_assert_int_eq(database_number("select count(*) from order_lines"), 2 * PRODUCTS);
}
END_TEST

/* Their keys descend as their SKUs ascend. */
static void make_products_in_reverse(void)
{
	database_sql(
		"insert into products (id, sku, version, revision)"
		" select 1000000 - n, 'sku-' || to_char(n, 'FM000'), 0, 1 from generate_series(0, %d) n;"
		"insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)"
		" select id, id, 'batch-' || sku, '-infinity', 1000, 1000, 0 from products",
		PRODUCTS - 1);
}

/* Both are stopped in the middle: if they locked in different orders, neither could continue. */
START_TEST(loads_that_lock_and_flushes_lock_in_the_same_order)
{
	void *holder;

	make_products_in_reverse();
	other->uow.locking = true;
	allocate_all(one, "ours", false);
	allocate_all(other, "theirs", false);
	ck_assert_int_eq(work_load(one), NO_FAILURE);
	work_handle(one);
	holder = database_hold(database_conninfo(), "select from products where sku = 'sku-150' for update");

	work_begin_flush(one);
	work_begin_call(other);
	other->store->units->ops->load(other->store->units, &other->uow, work_answered, other);
	world_await_lock_waiters(2);
	database_let_go(holder);

	ck_assert_msg(work_wait(other) == NO_FAILURE, "%s", other->failure);
	work_handle(other);
	ck_assert_msg(work_flush(other) == NO_FAILURE, "%s", other->failure);
	work_wait(one);
	ck_assert_msg(one->answer == NO_FAILURE || one->answer == FAILURE_CONFLICT, "%s", one->failure);
	ck_assert_msg(!strstr(one->failure, "deadlock"), "%s", one->failure);
}
END_TEST

/*
 * The session that replays it holds the row and wants the totals; one that drops dead letters holds the
 * totals.
 */
START_TEST(a_dead_letter_that_is_being_replayed_is_neither_dropped_nor_waited_for)
{
	void *holder;
	long oldest;

	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX; i++)
		work_invalid(one, "bad");
	ck_assert_int_eq(work_do(one), NO_FAILURE);
	oldest = database_number("select min(id) from dead_letters");
	holder = database_hold(
		database_conninfo(),
		"select from dead_letters where id = (select min(id) from dead_letters) for update");

	work_invalid(other, "worse");
	ck_assert_msg(work_do(other) == NO_FAILURE, "%s", other->failure);

	database_let_go(holder);
	ck_assert_int_eq(database_number("select min(id) from dead_letters"), oldest);
	ck_assert_str_eq(
		database_sql("select kept || ' ' || dropped || ' ' || (select count(*) from dead_letters)"
			     " from dead_letter_totals"),
		"5 1 5");
}
END_TEST

START_TEST(a_lock_that_is_held_too_long_makes_a_flush_busy)
{
	work_create_batch(one, "batch", "lamp", 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(one), NO_FAILURE);
	work_restart(one);
	one->uow.locking = true;
	work_allocate(one, "ours", "lamp", 1);
	ck_assert_int_eq(work_load(one), NO_FAILURE);
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_BUSY);

	ck_assert_ptr_nonnull(strstr(other->failure, "55P03"));
}
END_TEST

SUITE("concurrency", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, two_units_that_create_the_same_rows_in_opposite_order_do_not_deadlock);
	tcase_add_test(tests, two_units_that_change_the_same_rows_in_opposite_order_do_not_deadlock);
	tcase_add_test(tests, two_units_of_different_products_both_commit_and_share_the_partitions);
	tcase_add_test(tests, a_unit_that_waited_for_a_lock_sees_the_new_revision);
	tcase_add_test(tests, units_that_lock_wait_for_each_other);
	tcase_add_test(tests, loads_that_lock_and_flushes_lock_in_the_same_order);
	tcase_add_test(tests, a_dead_letter_that_is_being_replayed_is_neither_dropped_nor_waited_for);
	tcase_add_test(tests, a_lock_that_is_held_too_long_makes_a_flush_busy);
}
