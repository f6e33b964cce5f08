/* The circular scan of a table, in portions, that deletes expired rows. */
#include "adapters/postgres/housekeeping/expired_rows.h"
#include "support/suites.h"
#include "world.h"

#define SECOND INT64_C(1000000)
#define START  (INT64_C(1700000000) * SECOND)

START_TEST(the_scan_advances_by_a_portion_and_starts_over_after_the_last)
{
	struct expired_rows sweep = {0};

	expired_rows_advance(&sweep, 2 * SWEEP_PAGES + 1, 0, START);
	ck_assert_int_eq(sweep.page, SWEEP_PAGES);
	expired_rows_advance(&sweep, 2 * SWEEP_PAGES + 1, 0, START);
	ck_assert_int_eq(sweep.page, 2 * SWEEP_PAGES);

	expired_rows_advance(&sweep, 2 * SWEEP_PAGES + 1, 0, START);

	ck_assert_int_eq(sweep.page, 0);
}
END_TEST

START_TEST(after_many_expired_rows_the_next_portion_is_due_at_once)
{
	struct expired_rows sweep = {0};

	ck_assert(!expired_rows_advance(&sweep, 1, SWEEP_ROWS - 1, START));
	ck_assert(expired_rows_advance(&sweep, 1, SWEEP_ROWS, START));
}
END_TEST

/* Tables of any size: a portion follows every ten seconds, and more in between if they are due. */
START_TEST(the_scan_takes_at_most_a_day_for_a_round)
{
	const int64_t pages = 100 * 1000 * 1000;
	struct expired_rows sweep = {0};
	int64_t swept = SWEEP_PAGES;

	expired_rows_advance(&sweep, pages, 0, START);
	for (int64_t at = 10; at <= 86400; at += 10) {
		bool more = true;

		for (; more; swept += SWEEP_PAGES)
			more = expired_rows_advance(&sweep, pages, 0, START + at * SECOND);
	}

	ck_assert_int_ge(swept, pages * 99 / 100);
	ck_assert_int_le(swept, pages * 2);
}
END_TEST

/* Every other row is expired, in a table of several portions. */
START_TEST(expired_rows_are_deleted_on_every_page_and_others_stay)
{
	struct work *work;
	struct cleanup cleanup;
	int portions = 0;

	world_set_up();
	work = work_new(&world.fixture, world_make_store());
	database_sql(
		"insert into inbox (message, source, id, digest, outcome, handled_at)"
		" select 'allocate', '', n, 1, 'handled', now() - (n %% 2) * interval '%d days'"
		" from generate_series(1, 40000) n;"
		"insert into units (witness, at) select gen_random_uuid(), now() - (n %% 2) * interval '2 days'"
		" from generate_series(1, 40000) n",
		SUITE_INBOX_DAYS + 1);
	ck_assert_int_gt(database_number("select pg_relation_size('inbox') / 8192"), 2 * SWEEP_PAGES);

	do {
		work_begin_call(work);
		work->store->chores->ops->clean_up(work->store->chores, &cleanup, work_answered, work);
		ck_assert_int_eq(work_wait(work), NO_FAILURE);
		ck_assert_int_eq(
			database_number("select count(*) filter (where handled_at > now() - interval '1 d')"
					" from inbox"),
			20000);
		portions++;
	} while (cleanup.more);

	ck_assert_int_ge(portions, 3);
	ck_assert_int_eq(database_number("select count(*) from inbox"), 20000);
	ck_assert_int_eq(database_number("select count(*) from units"), 20000);
	work_free(&work);
	world_tear_down();
}
END_TEST

/* Every other letter is expired, so no page of 1000 has only expired ones; another session replays one. */
START_TEST(expired_dead_letters_are_deleted_page_by_page_except_the_one_that_is_locked)
{
	struct work *work;
	struct cleanup cleanup;
	void *other;
	int pages = 0;

	world_set_up();
	work = work_new(&world.fixture, world_make_store());
	database_sql("insert into dead_letters"
		     " (outcome, reason, way, place, message, source, payload, payload_bytes, last_at)"
		     " select 'failed', 'x', 'pubsub', 'allocate', 'allocate', '', '', 0,"
		     " now() - (n %% 2) * interval '%d days' from generate_series(1, 2500) n",
		     SUITE_DEAD_LETTERS_DAYS + 1);
	other = database_hold(
		database_conninfo(),
		"select from dead_letters where id = (select min(id) from dead_letters) for update");

	do {
		work_begin_call(work);
		work->store->chores->ops->clean_up(work->store->chores, &cleanup, work_answered, work);
		ck_assert_int_eq(work_wait(work), NO_FAILURE);
		pages++;
	} while (cleanup.more);

	ck_assert_int_eq(pages, 3);
	ck_assert_int_eq(database_number("select count(*) from dead_letters"), 1251);
	ck_assert_int_eq(cleanup.dead_letters, 1251);
	ck_assert_int_eq(cleanup.dead_letters_dropped, 1249);
	database_let_go(other);
	work_free(&work);
	world_tear_down();
}
END_TEST

SUITE("expired rows")
{
	tcase_add_test(tests, the_scan_advances_by_a_portion_and_starts_over_after_the_last);
	tcase_add_test(tests, after_many_expired_rows_the_next_portion_is_due_at_once);
	tcase_add_test(tests, the_scan_takes_at_most_a_day_for_a_round);
	tcase_add_test(tests, expired_rows_are_deleted_on_every_page_and_others_stay);
	tcase_add_test(tests, expired_dead_letters_are_deleted_page_by_page_except_the_one_that_is_locked);
}
