/* Leases are shared out evenly, and as few as possible move. */
#include "bus/leases/share_out.h"
#include "support/suites.h"

#include <string.h>

#define LEASES  16
#define WORKERS 6

static bool can_have[WORKERS * LEASES];
static size_t holder[LEASES], owner[LEASES], count[WORKERS];

static void set_up(void)
{
	memset(can_have, true, sizeof can_have);
	for (size_t i = 0; i < LEASES; i++)
		holder[i] = NO_WORKER;
}

static void share(size_t workers, size_t leases)
{
	share_out(&(struct share_out){
		.worker_count = workers,
		.lease_count = leases,
		.can_have = can_have,
		.holder = holder,
		.count = count,
		.owner = owner,
	});
}

static void expect_even(size_t workers)
{
	for (size_t i = 0; i < workers; i++) {
		for (size_t j = 0; j < workers; j++)
			ck_assert_uint_le(count[i], count[j] + 1);
	}
}

START_TEST(without_workers_no_lease_has_an_owner)
{
	share(0, 3);

	for (size_t i = 0; i < 3; i++)
		ck_assert(owner[i] == NO_WORKER);
}
END_TEST

START_TEST(free_leases_are_shared_out_evenly)
{
	share((size_t)_i % WORKERS + 1, (size_t)_i / WORKERS);

	expect_even((size_t)_i % WORKERS + 1);
	for (size_t i = 0; i < (size_t)_i / WORKERS; i++)
		ck_assert(owner[i] != NO_WORKER);
}
END_TEST

/* The worker of that number comes: it gets its share, and no lease moves between the others. */
START_TEST(a_worker_that_comes_gets_its_share_and_nothing_else_moves)
{
	size_t workers = (size_t)_i % (WORKERS - 1) + 1, leases = (size_t)_i / (WORKERS - 1), moved = 0;

	share(workers, leases);
	memcpy(holder, owner, sizeof holder);
	share(workers + 1, leases);

	expect_even(workers + 1);
	for (size_t i = 0; i < leases; i++) {
		ck_assert(owner[i] == holder[i] || owner[i] == workers);
		moved += owner[i] != holder[i];
	}
	ck_assert_uint_eq(moved, leases / (workers + 1));
}
END_TEST

START_TEST(when_a_worker_leaves_only_its_leases_move)
{
	size_t workers = (size_t)_i % (WORKERS - 1) + 2, leases = (size_t)_i / (WORKERS - 1);

	share(workers, leases);
	for (size_t i = 0; i < leases; i++)
		holder[i] = owner[i] == workers - 1 ? NO_WORKER : owner[i];
	share(workers - 1, leases);

	expect_even(workers - 1);
	for (size_t i = 0; i < leases; i++)
		ck_assert(holder[i] == NO_WORKER || owner[i] == holder[i]);
}
END_TEST

START_TEST(a_worker_that_cannot_do_the_work_gets_none)
{
	memset(can_have, false, LEASES); /* all leases of the first worker, with rows of LEASES */
	holder[0] = 0;

	share(2, LEASES);

	ck_assert_uint_eq(count[0], 0);
	ck_assert_uint_eq(count[1], LEASES);
}
END_TEST

START_TEST(a_lease_that_no_worker_can_have_stays_without_owner)
{
	holder[1] = 0;
	can_have[1] = can_have[2 + 1] = false;

	share(2, 2);

	ck_assert(owner[0] != NO_WORKER);
	ck_assert(owner[1] == NO_WORKER);
}
END_TEST

/* Another list of streams: the first two leases are only for the first worker. */
START_TEST(leases_that_only_one_worker_can_have_are_compensated_by_others)
{
	can_have[4] = can_have[4 + 1] = false;
	for (size_t i = 0; i < 4; i++)
		holder[i] = 0;

	share(2, 4);

	ck_assert_uint_eq(owner[0], 0);
	ck_assert_uint_eq(owner[1], 0);
	ck_assert_uint_eq(owner[2], 1);
	ck_assert_uint_eq(owner[3], 1);
}
END_TEST

SUITE("share out", set_up, NULL)
{
	tcase_add_test(tests, without_workers_no_lease_has_an_owner);
	tcase_add_loop_test(tests, free_leases_are_shared_out_evenly, 0, WORKERS * (LEASES + 1));
	tcase_add_loop_test(tests, a_worker_that_comes_gets_its_share_and_nothing_else_moves, 0,
			    (WORKERS - 1) * (LEASES + 1));
	tcase_add_loop_test(tests, when_a_worker_leaves_only_its_leases_move, 0,
			    (WORKERS - 1) * (LEASES + 1));
	tcase_add_test(tests, a_worker_that_cannot_do_the_work_gets_none);
	tcase_add_test(tests, a_lease_that_no_worker_can_have_stays_without_owner);
	tcase_add_test(tests, leases_that_only_one_worker_can_have_are_compensated_by_others);
}
