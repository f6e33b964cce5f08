/* After a lost connection during a flush, the store finds out whether the flush committed. */
#include "integration/store/store_steps.h"

#include "support/suites.h"

#include <string.h>

static void flush_and_lose(enum loss loss)
{
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	fixture->lose_next_flush(fixture, store, loss);
	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);
}

START_TEST(a_flush_lost_before_its_commit_can_be_redone)
{
	flush_and_lose(LOST_BEFORE_COMMIT);

	ck_assert_int_eq(resolve_commit(), NO_FAILURE);

	ck_assert_int_eq(product_version(load_product("lamp")), 0);
	allocate("order", "lamp", 1);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
}
END_TEST

START_TEST(a_flush_lost_after_its_commit_is_committed)
{
	flush_and_lose(LOST_AFTER_COMMIT);

	ck_assert_int_eq(resolve_commit(), FAILURE_CONFLICT);

	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

START_TEST(a_commit_that_is_resolved_twice_has_the_same_answer)
{
	flush_and_lose(_i ? LOST_AFTER_COMMIT : LOST_BEFORE_COMMIT);

	ck_assert_int_eq(resolve_commit(), _i ? FAILURE_CONFLICT : NO_FAILURE);
	ck_assert_int_eq(resolve_commit(), _i ? FAILURE_CONFLICT : NO_FAILURE);
}
END_TEST

START_TEST(a_session_that_is_still_committing_is_waited_for)
{
	bool commits = _i;

	flush_and_lose(LOST_WHILE_COMMITTING);

	work_begin_call(work);
	store->units->ops->resolve_commit(store->units, work->uow.witness, work_answered, work);
	fixture->end_lost_session(fixture, store, commits);

	if (work_wait(work) == FAILURE_RETRY)
		work->answer = resolve_commit();
	ck_assert_int_eq(work->answer, commits ? FAILURE_CONFLICT : NO_FAILURE);
	ck_assert_int_eq(product_version(load_product("lamp")), commits ? 1 : 0);
}
END_TEST

START_TEST(a_unit_that_was_resolved_as_not_committed_can_never_commit)
{
	unsigned char witness[WITNESS_SIZE];

	flush_and_lose(LOST_BEFORE_COMMIT);
	ck_assert_int_eq(resolve_commit(), NO_FAILURE);
	memcpy(witness, work->uow.witness, WITNESS_SIZE);

	work_restart(work);
	memcpy(work->uow.witness, witness, WITNESS_SIZE);
	work_allocate(work, "order", "lamp", 1);

	ck_assert_int_ne(work_do(work), NO_FAILURE);
	ck_assert_int_eq(product_version(load_product("lamp")), 0);
}
END_TEST

START_TEST(a_probe_of_a_good_database_succeeds)
{
	work_begin_call(work);
	store->units->ops->probe(store->units, work_answered, work);

	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}
END_TEST

SUITE("store uncertain commits", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_flush_lost_before_its_commit_can_be_redone);
	tcase_add_test(tests, a_flush_lost_after_its_commit_is_committed);
	tcase_add_loop_test(tests, a_commit_that_is_resolved_twice_has_the_same_answer, 0, 2);
	tcase_add_loop_test(tests, a_session_that_is_still_committing_is_waited_for, 0, 2);
	tcase_add_test(tests, a_unit_that_was_resolved_as_not_committed_can_never_commit);
	tcase_add_test(tests, a_probe_of_a_good_database_succeeds);
}
