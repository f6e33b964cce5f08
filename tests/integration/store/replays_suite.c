/* A dead letter that is replayed has one effect, and its history is kept. */
#include "integration/store/store_steps.h"

#include "support/suites.h"

static const char *replays(void)
{
	static char text[1024];

	fixture->replays(fixture, text, sizeof text);
	return text;
}

/* Sends an allocate of an unknown lamp, and returns the dead letter's key. */
static int64_t bury(void)
{
	struct envelope envelope = hopeless();

	envelope.id = "id";
	work_restart(work);
	work_message(work, &envelope);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_str_eq(dead_letters_in_full(), "rejected pubsub place allocate id 1 invalid sku lamp;");
	return fixture->newest_dead_letter(fixture);
}

/* The dead letter as the operator edited it: an order of one piece. */
static struct delivery *replay(struct work *at, int64_t key, int attempts, const char *defect)
{
	struct envelope envelope = hopeless();
	struct replay again = {.dead_letter = key, .attempts = attempts, .who = "ann", .edits = "qty=1"};

	envelope.id = "id";
	envelope.message.as.allocate.qty = 1;
	return work_arrival(at, &envelope,
			    (struct arrival){.transport = TRANSPORT_PUBSUB,
					     .origin = "place",
					     .defect = defect,
					     .replay = &again});
}

START_TEST(a_replay_that_is_handled_deletes_the_dead_letter)
{
	int64_t key = bury();

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(dead_letters_in_full(), "");
	ck_assert_str_eq(replays(), "2 ann qty=1 handled allocate id accepted;");
	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

START_TEST(the_history_of_replays_is_deleted_after_its_time)
{
	struct cleanup cleanup;
	int64_t key = bury();

	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	fixture->let_time_pass(fixture, INT64_C(86400) * 89);
	tidy(&cleanup);
	ck_assert_str_ne(replays(), "");
	fixture->let_time_pass(fixture, INT64_C(86400) * 2);
	tidy(&cleanup);

	ck_assert_str_eq(replays(), "");
}
END_TEST

START_TEST(a_replay_that_is_skipped_deletes_the_dead_letter)
{
	int64_t key = bury();

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 1);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(dead_letters_in_full(), "");
	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

START_TEST(a_replay_that_is_rejected_counts_an_attempt)
{
	int64_t key = bury();

	for (int attempts = 1; attempts <= 2; attempts++) {
		work_restart(work);
		replay(work, key, attempts, NULL);
		ck_assert_int_eq(work_do(work), NO_FAILURE);
	}

	ck_assert_str_eq(dead_letters_in_full(), "rejected pubsub place allocate id 3 invalid sku lamp;");
	ck_assert_str_eq(replays(), "2 ann qty=1 rejected allocate id invalid sku lamp;"
				    "3 ann qty=1 rejected allocate id invalid sku lamp;");
}
END_TEST

START_TEST(a_replay_that_is_not_well_formed_counts_an_attempt)
{
	int64_t key = bury();

	work_restart(work);
	replay(work, key, 1, "qty: not a number");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(dead_letters_in_full(), "invalid pubsub place allocate id 2 qty: not a number;");
}
END_TEST

/* Another operator was faster: the dead letter was removed, or has failed again. */
START_TEST(a_replay_that_comes_too_late_does_nothing)
{
	bool is_gone = _i;
	int64_t key = bury();

	if (is_gone)
		create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	if (!is_gone)
		create_batch("batch", "lamp", 10, IN_WAREHOUSE);

	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_str_eq(replays(), is_gone ? "2 ann qty=1 handled allocate id accepted;"
					    : "2 ann qty=1 rejected allocate id invalid sku lamp;");
	ck_assert_int_eq(product_version(load_product("lamp")), is_gone ? 1 : 0);
	if (is_gone)
		return;
	work_restart(work); /* the replay spends no id */
	replay(work, key, 2, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
}
END_TEST

/* Each edit turns the dead letter into another command, so that both share only the dead letter. */
static void replay_as_batch(struct work *at, int64_t key, const char *reference, const char *sku)
{
	struct envelope envelope = {.occurred_at = NO_INSTANT};
	struct replay again = {.dead_letter = key, .attempts = 1, .who = "ann", .edits = ""};

	message_init(&envelope.message, MSG_CREATE_BATCH);
	envelope.message.as.create_batch.batchref = reference;
	envelope.message.as.create_batch.sku = sku;
	envelope.message.as.create_batch.qty = 1;
	work_arrival(at, &envelope,
		     (struct arrival){.transport = TRANSPORT_PUBSUB, .origin = "place", .replay = &again});
}

START_TEST(of_two_replays_at_once_one_has_an_effect)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	int64_t key = bury();

	work_restart(work);
	replay_as_batch(work, key, "batch-1", "lamp");
	replay_as_batch(other, key, "batch-2", "chair");

	ck_assert_int_eq(work_do_both(work, other), FAILURE_CONFLICT);

	work_restart(other);
	replay_as_batch(other, key, "batch-2", "chair");
	ck_assert_int_eq(work_do(other), NO_FAILURE);
	ck_assert_int_eq(other->deliveries[0]->outcome, OUTCOME_SKIPPED);
	ck_assert_ptr_null(load_product("chair"));
	ck_assert_str_eq(replays(), "2 ann  handled create_batch - accepted;");
	work_free(&other);
}
END_TEST

START_TEST(of_two_replays_at_once_that_are_rejected_one_is_an_attempt)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	int64_t key = bury();

	work_restart(work);
	replay(work, key, 1, NULL);
	replay(other, key, 1, NULL);

	ck_assert_int_eq(work_do_both(work, other), FAILURE_CONFLICT);

	ck_assert_str_eq(dead_letters_in_full(), "rejected pubsub place allocate id 2 invalid sku lamp;");
	work_free(&other);
}
END_TEST

START_TEST(of_two_replays_in_one_unit_the_first_has_an_effect)
{
	int64_t key = bury();

	work_restart(work);
	replay_as_batch(work, key, "batch-1", "lamp");
	replay_as_batch(work, key, "batch-2", "chair");

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	ck_assert_int_eq(work->deliveries[1]->outcome, OUTCOME_SKIPPED);
	ck_assert_str_eq(replays(), "2 ann  handled create_batch - accepted;");
}
END_TEST

START_TEST(a_replay_whose_flush_is_lost_has_one_effect)
{
	enum loss loss = (enum loss)_i;
	int64_t key = bury();
	int answer;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	fixture->lose_next_flush(fixture, store, loss);
	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);
	if (loss == LOST_WHILE_COMMITTING)
		fixture->end_lost_session(fixture, store, true);
	answer = resolve_commit();

	work_restart(work); /* an operator who does not know of it tries again */
	replay(work, key, 1, NULL);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(work->deliveries[0]->outcome,
			 answer == FAILURE_CONFLICT ? OUTCOME_SKIPPED : OUTCOME_HANDLED);
	ck_assert_str_eq(dead_letters_in_full(), "");
	ck_assert_str_eq(replays(), "2 ann qty=1 handled allocate id accepted;");
	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

START_TEST(an_entry_that_was_replayed_is_skipped_when_it_is_delivered_again)
{
	struct envelope envelope = hopeless();
	struct replay again = {.attempts = 1, .who = "ann", .edits = ""};

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_REJECTED);
	create_batch("batch", "lamp", 1, IN_WAREHOUSE);
	again.dead_letter = fixture->newest_dead_letter(fixture);
	work_restart(work);
	work_arrival(work, &envelope,
		     (struct arrival){.transport = TRANSPORT_STREAM,
				      .origin = "stream",
				      .incarnation = 1,
				      .entry_id = "5-1",
				      .replay = &again});
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(deliver_entry("stream", 1, "5-1"), OUTCOME_SKIPPED);

	ck_assert_int_eq(product_version(load_product("lamp")), 1);
}
END_TEST

SUITE("store replays", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, a_replay_that_is_handled_deletes_the_dead_letter);
	tcase_add_test(tests, the_history_of_replays_is_deleted_after_its_time);
	tcase_add_test(tests, a_replay_that_is_skipped_deletes_the_dead_letter);
	tcase_add_test(tests, a_replay_that_is_rejected_counts_an_attempt);
	tcase_add_test(tests, a_replay_that_is_not_well_formed_counts_an_attempt);
	tcase_add_loop_test(tests, a_replay_that_comes_too_late_does_nothing, 0, 2);
	tcase_add_test(tests, of_two_replays_at_once_one_has_an_effect);
	tcase_add_test(tests, of_two_replays_at_once_that_are_rejected_one_is_an_attempt);
	tcase_add_test(tests, of_two_replays_in_one_unit_the_first_has_an_effect);
	tcase_add_loop_test(tests, a_replay_whose_flush_is_lost_has_one_effect, 0, 3);
	tcase_add_test(tests, an_entry_that_was_replayed_is_skipped_when_it_is_delivered_again);
}
