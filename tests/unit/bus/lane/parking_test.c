/* A SKU that another session locks, or a message that the database refuses for now, holds up no other SKU. */
#include "support/rival.h"
#include "support/suites.h"

#include <string.h>

#define PRODUCTS 12

/* Longer than a lock timeout, the search for the locked product, and a flush of one message alone. */
#define SOON_MS 1500

static const char *sku_of(int number)
{
	return arena_printf(world->arena, "sku-%d", number);
}

static const char *batch_name(int number)
{
	return arena_printf(world->arena, "batch-%d", number);
}

/* Creates twelve products of one lane, with a batch of 100 each. */
static void set_up(void)
{
	set_up_world();
	for (int i = 0; i < PRODUCTS; i++)
		create_batch(batch_name(i), sku_of(i), 100);
	world_settle(world);
}

static struct sent *allocate_of(const char *word, int number)
{
	return allocate(arena_printf(world->arena, "%s-%d", word, number), sku_of(number), 1);
}

static void expect_waiting(const struct sent *sent)
{
	ck_assert_ptr_nonnull(sent);
	ck_assert_int_eq(sent->answers, 0);
}

static void expect_nothing_parked(void)
{
	ck_assert_uint_eq(engine_stats(world->engine)->parked_skus, 0);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_messages, 0);
	ck_assert(engine_is_idle(world->engine));
	ck_assert_uint_eq(world->database->dead_letter_count, 0);
}

/* ---- rows that another session has locked ---- */

/* A bit for each product that is locked. */
static const unsigned locked_sets[] = {1U << 0, 1U << 5, 1U << 11, 1U << 3 | 1U << 4, 1U << 0 | 1U << 11,
				       0x7ff};

static void lock_those(unsigned set)
{
	for (int i = 0; i < PRODUCTS; i++) {
		if (set >> i & 1)
			database_lock_product(world->database, sku_of(i));
	}
}

START_TEST(products_that_are_not_locked_are_committed)
{
	struct sent *sent[PRODUCTS] = {0};

	lock_those(locked_sets[_i]);
	for (int i = 0; i < PRODUCTS; i++)
		sent[i] = allocate_of("order", i);
	world_advance_ms(world, SOON_MS);

	for (int i = 0; i < PRODUCTS; i++) {
		if (locked_sets[_i] >> i & 1)
			expect_waiting(sent[i]);
		else
			expect_handled(sent[i]);
	}
	database_unlock_products(world->database);
	world_settle(world);
	for (int i = 0; i < PRODUCTS; i++)
		expect_handled(sent[i]);
	expect_nothing_parked();
}
END_TEST

START_TEST(later_messages_of_other_products_do_not_wait)
{
	struct sent *later;

	lock_those(1);
	allocate_of("locked", 0);
	world_advance_ms(world, SOON_MS);

	later = allocate_of("later", 1);
	world_run(world);

	expect_handled(later);
}
END_TEST

START_TEST(a_locked_products_messages_keep_their_order)
{
	struct sent *sent[30];

	lock_those(1);
	for (int i = 0; i < COUNT(sent); i++) {
		sent[i] = allocate(arena_printf(world->arena, "order-%d", i), sku_of(0), 1);
		world_advance_ms(world, 100);
	}
	ck_assert_uint_gt(engine_stats(world->engine)->parked_messages, 20);
	database_unlock_products(world->database);
	world_settle(world);

	for (int i = 0; i < COUNT(sent); i++) {
		expect_handled(sent[i]);
		ck_assert(i == 0 || sent[i - 1]->order < sent[i]->order);
	}
	expect_nothing_parked();
}
END_TEST

START_TEST(a_change_of_a_batch_waits_for_its_locked_product_alone)
{
	struct sent *change, *other;

	lock_those(1);
	change = change_quantity(batch_name(0), 50);
	other = change_quantity(batch_name(1), 50);
	world_advance_ms(world, SOON_MS);
	expect_waiting(change);
	expect_handled(other);

	database_unlock_products(world->database);
	world_settle(world);

	expect_handled(change);
	ck_assert_int_eq(database_purchased(world->database, batch_name(0)), 50);
	expect_nothing_parked();
}
END_TEST

START_TEST(a_short_lock_is_not_logged_and_a_long_one_is_logged_once)
{
	static const char told[] = "SKU parked: the database",
			  done[] = "SKU no longer parked: its messages are handled";
	int64_t held_ms = _i ? 60000 : 8000;

	lock_those(1);
	allocate_of("order", 0);
	world_advance_ms(world, held_ms);
	database_unlock_products(world->database);
	world_settle(world);

	ck_assert_uint_eq(memory_logger_count(&world->logger, told), (size_t)_i);
	ck_assert_uint_eq(memory_logger_count(&world->logger, done), (size_t)_i);
}
END_TEST

START_TEST(a_worker_that_dies_meanwhile_leaves_nothing_half_done)
{
	struct sent *other;

	lock_those(1);
	allocate_of("lost", 0);
	other = allocate_of("other", 1);
	world_advance_ms(world, SOON_MS);
	expect_handled(other);

	world_crash(world);
	database_unlock_products(world->database);
	world_start(world);
	world_settle(world);

	ck_assert_str_eq(batch_of("lost-0", sku_of(0), 1), "");
	ck_assert_ptr_null(database_fault(world->database, world->arena));
}
END_TEST

/* ---- a message that alone is refused for now, or is too slow ---- */

static const struct {
	enum failure_kind kind;
	int messages, poison;
} refusals[] = {
	{FAILURE_RETRY, 1, 0},  {FAILURE_RETRY, 2, 1}, {FAILURE_RETRY, PRODUCTS, 0},
	{FAILURE_RETRY, 12, 7}, {FAILURE_BUSY, 2, 0},  {FAILURE_BUSY, PRODUCTS, 11},
};

START_TEST(other_messages_are_committed_while_one_is_refused)
{
	struct sent *sent[PRODUCTS] = {0};
	const char *poison = arena_printf(world->arena, "order-%d", refusals[_i].poison);

	database_refuse_as(world->database, poison, refusals[_i].kind);
	for (int i = 0; i < refusals[_i].messages; i++)
		sent[i] = allocate_of("order", i);
	world_advance_ms(world, SOON_MS);

	for (int i = 0; i < refusals[_i].messages; i++) {
		ck_assert_ptr_nonnull(sent[i]);
		if (i == refusals[_i].poison)
			expect_waiting(sent[i]);
		else
			expect_handled(sent[i]);
	}
	ck_assert(engine_stats(world->engine)->database_up);
	world_advance_ms(world, 60000);
	expect_waiting(sent[refusals[_i].poison]);
	database_accept(world->database, poison);
	world_settle(world);
	expect_handled(sent[refusals[_i].poison]);
	expect_nothing_parked();
}
END_TEST

START_TEST(one_slow_message_among_a_thousand_costs_some_seventy_units)
{
	size_t before = memory_store_calls(world->lanes[0], CALL_FLUSH);

	database_refuse_as(world->database, "order-00500", FAILURE_BUSY);
	allocate_many("order", sku_of(0), 500); /* the SKU has 100 pieces: most are out of stock */
	allocate("order-00500", sku_of(1), 1);
	allocate_many("last", sku_of(2), 499);
	world_advance_ms(world, SOON_MS);

	ck_assert_uint_le(memory_store_calls(world->lanes[0], CALL_FLUSH) - before, 70);
	/* Each unit that fails asks for locked products: the whole, the group, the message alone. */
	ck_assert_uint_eq(memory_store_calls(world->lanes[0], CALL_FIND_LOCKED), 3);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_messages, 1);
	database_accept(world->database, "order-00500");
	world_settle(world);
	ck_assert_str_eq(batch_of("order-00500", sku_of(1), 1), batch_name(1));
	expect_nothing_parked();
}
END_TEST

START_TEST(a_message_that_the_database_refuses_for_good_is_a_dead_letter_though_it_was_parked)
{
	struct sent *sent = NULL, *next;

	lock_those(1);
	sent = world_send(world, TRANSPORT_PUBSUB, MSG_ALLOCATE, "orderid=poison\nsku=%s\nqty=1", sku_of(0));
	next = allocate_of("next", 0);
	world_advance_ms(world, SOON_MS);
	database_refuse(world->database, "poison");
	database_unlock_products(world->database);
	world_settle(world);

	ck_assert_int_eq(sent->outcome, OUTCOME_FAILED);
	expect_handled(next);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_skus, 0);
}
END_TEST

START_TEST(a_database_that_takes_nothing_parks_nothing)
{
	struct sent *sent[PRODUCTS] = {0};

	database_set_down(world->database, true);
	for (int i = 0; i < PRODUCTS; i++)
		sent[i] = allocate_of("order", i);
	world_advance_ms(world, 30000);
	ck_assert_uint_eq(engine_stats(world->engine)->parked_skus, 0);
	ck_assert(!engine_stats(world->engine)->database_up);

	database_set_down(world->database, false);
	world_settle(world);

	for (int i = 0; i < PRODUCTS; i++)
		expect_handled(sent[i]);
}
END_TEST

/* ---- a lane that hands a message to itself ---- */

/*
 * Another worker creates the batch for another SKU before the unit is handled, so the change moves to that
 * SKU.
 */
static void take_reference_elsewhere(void)
{
	struct sent *first, *second;
	int answers;

	hold_lane();
	create_batch("b1", sku_of(0), 10);
	first = change_quantity("b1", 5); /* belongs to the SKU for which the batch is being created */
	world_run(world);
	rival_create_batch("b1", sku_of(1), 20);
	second = change_quantity("b1", 7);
	world_run(world);
	answers = world->answers;
	release_lane();
	world_settle(world);

	ck_assert_int_gt(world->answers, answers);
	expect_handled(first);
	expect_handled(second);
	ck_assert_int_eq(database_purchased(world->database, "b1"), 7);
	ck_assert_ptr_null(database_fault(world->database, world->arena));
}

START_TEST(a_message_that_moves_to_another_sku_of_its_own_lane_is_handled_there)
{
	take_reference_elsewhere();
}
END_TEST

START_TEST(a_message_that_moves_to_a_locked_sku_is_parked_there)
{
	struct sent *change;

	hold_lane();
	create_batch("b1", sku_of(0), 10);
	change = change_quantity("b1", 5);
	world_run(world);
	rival_create_batch("b1", sku_of(1), 20);
	database_lock_product(world->database, sku_of(1));
	release_lane();
	world_advance_ms(world, 10000);
	expect_waiting(change);

	database_unlock_products(world->database);
	world_settle(world);

	expect_handled(change);
	ck_assert_int_eq(database_purchased(world->database, "b1"), 5);
	expect_nothing_parked();
}
END_TEST

SUITE("parking", set_up, tear_down_world)
{
	tcase_add_loop_test(tests, products_that_are_not_locked_are_committed, 0, COUNT(locked_sets));
	tcase_add_test(tests, later_messages_of_other_products_do_not_wait);
	tcase_add_test(tests, a_locked_products_messages_keep_their_order);
	tcase_add_test(tests, a_change_of_a_batch_waits_for_its_locked_product_alone);
	tcase_add_loop_test(tests, a_short_lock_is_not_logged_and_a_long_one_is_logged_once, 0, 2);
	tcase_add_test(tests, a_worker_that_dies_meanwhile_leaves_nothing_half_done);
	tcase_add_loop_test(tests, other_messages_are_committed_while_one_is_refused, 0, COUNT(refusals));
	tcase_add_test(tests, one_slow_message_among_a_thousand_costs_some_seventy_units);
	tcase_add_test(tests,
		       a_message_that_the_database_refuses_for_good_is_a_dead_letter_though_it_was_parked);
	tcase_add_test(tests, a_database_that_takes_nothing_parks_nothing);
	tcase_add_test(tests, a_message_that_moves_to_another_sku_of_its_own_lane_is_handled_there);
	tcase_add_test(tests, a_message_that_moves_to_a_locked_sku_is_parked_there);
}
