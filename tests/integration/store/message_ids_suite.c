/* A message's id, or a stream entry's, is spent once and forgotten after its time. */
#include "integration/store/store_steps.h"

#include "support/suites.h"

START_TEST(a_spent_id_is_known_with_its_digest)
{
	create_batch("unrelated", "chair", 1, IN_WAREHOUSE);
	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	create_batch_with_id(work, "another batch", "lamp", "id");
	create_batch_with_id(work, "another batch", "lamp", "another id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_int_eq(work->deliveries[1]->verdict, REJECT_ID_REUSED);
	ck_assert_int_eq(work->deliveries[2]->outcome, OUTCOME_HANDLED);
}
END_TEST

START_TEST(ids_are_forgotten_after_their_time)
{
	struct cleanup cleanup;

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	fixture->let_time_pass(fixture, INT64_C(86400) * SUITE_INBOX_DAYS + 1);

	tidy(&cleanup);

	ck_assert(!cleanup.more);
	work_restart(work);
	create_batch_with_id(work, "another batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
}
END_TEST

START_TEST(ids_are_kept_until_their_time)
{
	struct cleanup cleanup;

	work_restart(work);
	create_batch_with_id(work, "batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	fixture->let_time_pass(fixture, INT64_C(86400) * SUITE_INBOX_DAYS - 60);

	tidy(&cleanup);

	work_restart(work);
	create_batch_with_id(work, "another batch", "lamp", "id");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->verdict, REJECT_ID_REUSED);
}
END_TEST

START_TEST(an_entry_without_an_id_has_one_effect)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_HANDLED);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_SKIPPED);
	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

START_TEST(an_entry_is_identified_by_stream_incarnation_and_entry_id)
{
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_HANDLED);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-2"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("stream", 2, "5-1"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("another", 1, "5-1"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("stream 1", 1, "5-1"), OUTCOME_HANDLED);
	ck_assert_int_eq(deliver_entry("stream", 11, "5-1"), OUTCOME_HANDLED);
}
END_TEST

START_TEST(no_message_can_have_the_key_of_an_entry)
{
	struct envelope envelope = hopeless();

	envelope.source = "stream 1";
	envelope.id = "5-1";
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	work_restart(work);
	work_message(work, &envelope);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_HANDLED);

	ck_assert_int_eq(message_type_named(ENTRY_KEY), MSG_NONE);
}
END_TEST

SUITE("store message ids", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_spent_id_is_known_with_its_digest);
	tcase_add_test(tests, ids_are_forgotten_after_their_time);
	tcase_add_test(tests, ids_are_kept_until_their_time);
	tcase_add_test(tests, an_entry_without_an_id_has_one_effect);
	tcase_add_test(tests, an_entry_is_identified_by_stream_incarnation_and_entry_id);
	tcase_add_test(tests, no_message_can_have_the_key_of_an_entry);
}
