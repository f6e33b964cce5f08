/* A flush that waits for a row locked by another session ends in time, and the locked products are found. */
#include "integration/store/store_suite.h"

#include "integration/store/work.h"
#include "support/suites.h"

#include <string.h>

static struct store_fixture *fixture;
static struct work *holder, *work;

static void create(const char *reference, const char *sku)
{
	work_create_batch(work, reference, sku, 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	work_restart(work);
}

static void set_up(void)
{
	fixture = store_under_test;
	fixture->set_up(fixture);
	holder = work_new(fixture, fixture->make_store(fixture));
	work = work_new(fixture, fixture->make_store(fixture));
	create("lamp-batch", "lamp");
	create("chair-batch", "chair");
	create("desk-batch", "desk");
}

static void tear_down(void)
{
	work_free(&holder);
	work_free(&work);
	fixture->tear_down(fixture);
}

/* The holder loads with locks, and keeps its transaction. */
static void lock(const char *sku)
{
	holder->uow.locking = true;
	work_allocate(holder, "held", sku, 1);
	ck_assert_int_eq(work_load(holder), NO_FAILURE);
}

static void load_and_handle(void)
{
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
}

/* The SKUs of the unit that are locked, each followed by a space. */
static const char *locked_skus(void)
{
	static char text[64];
	bool locked[8] = {false};

	ck_assert_int_eq(work_find_locked(work, locked), NO_FAILURE);
	text[0] = '\0';
	for (size_t i = 0; i < work->uow.product_count; i++) {
		if (locked[i])
			strcat(strcat(text, work->uow.products[i]->sku), " ");
	}
	return text;
}

START_TEST(a_flush_that_meets_a_locked_product_is_busy_and_the_product_is_found)
{
	lock("chair");
	work_allocate(work, "order-1", "lamp", 1);
	work_allocate(work, "order-2", "chair", 1);
	work_allocate(work, "order-3", "desk", 1);
	load_and_handle();

	ck_assert_int_eq(work_flush(work), FAILURE_BUSY);

	ck_assert_str_eq(locked_skus(), "chair ");
}
END_TEST

START_TEST(a_released_product_is_not_found_locked)
{
	lock("chair");
	work_change_quantity(work, "chair-batch", 5);
	load_and_handle();
	ck_assert_int_eq(work_flush(work), FAILURE_BUSY);
	ck_assert_str_eq(locked_skus(), "chair ");

	work_handle(holder);
	ck_assert_int_eq(work_flush(holder), NO_FAILURE);

	ck_assert_str_eq(locked_skus(), "");
}
END_TEST

START_TEST(finding_locks_takes_no_lock_and_leaves_the_store_usable)
{
	work_allocate(work, "order-1", "lamp", 1);
	load_and_handle();
	ck_assert_str_eq(locked_skus(), "");
	work_restart(work);

	lock("lamp");
	work_allocate(work, "order-2", "desk", 1);

	ck_assert_int_eq(work_do(work), NO_FAILURE);
}
END_TEST

START_TEST(new_products_are_not_found_locked)
{
	lock("lamp");
	work_create_batch(work, "new", "new", 1, IN_WAREHOUSE);
	work_allocate(work, "order", "lamp", 1);
	load_and_handle();
	ck_assert_int_eq(work_flush(work), FAILURE_BUSY);

	ck_assert_str_eq(locked_skus(), "lamp ");
}
END_TEST

SUITE("store locks", set_up, tear_down)
{
	tcase_add_test(tests, a_flush_that_meets_a_locked_product_is_busy_and_the_product_is_found);
	tcase_add_test(tests, a_released_product_is_not_found_locked);
	tcase_add_test(tests, finding_locks_takes_no_lock_and_leaves_the_store_usable);
	tcase_add_test(tests, new_products_are_not_found_locked);
}
