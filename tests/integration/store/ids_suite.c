/* Every store spends an id, together with its source, once for all commands. */
#include "integration/store/store_suite.h"

#include "integration/store/work.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static struct store_fixture *fixture;
static struct work *work, *other;

static void set_up(void)
{
	fixture = store_under_test;
	fixture->set_up(fixture);
	work = work_new(fixture, fixture->make_store(fixture));
	other = work_new(fixture, fixture->make_store(fixture));
	work_create_batch(work, "batch", "lamp", 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	work_restart(work);
}

static void tear_down(void)
{
	work_free(&work);
	work_free(&other);
	fixture->tear_down(fixture);
}

/* ---- commands with an id ---- */

static struct envelope envelope_of(enum message_type type, const char *id, const char *source)
{
	struct envelope envelope = {.id = id, .source = source, .occurred_at = NO_INSTANT};

	message_init(&envelope.message, type);
	return envelope;
}

static struct delivery *allocate(struct work *at, const char *id, const char *source)
{
	struct envelope envelope = envelope_of(MSG_ALLOCATE, id, source);

	envelope.message.as.allocate = (struct allocate){.orderid = "order", .sku = "lamp", .qty = 1};
	return work_message(at, &envelope);
}

static struct delivery *create(struct work *at, const char *id, const char *source)
{
	struct envelope envelope = envelope_of(MSG_CREATE_BATCH, id, source);

	envelope.message.as.create_batch.batchref = "new";
	envelope.message.as.create_batch.sku = "chair";
	envelope.message.as.create_batch.qty = 3;
	return work_message(at, &envelope);
}

static struct delivery *change(struct work *at, const char *id, const char *source)
{
	struct envelope envelope = envelope_of(MSG_CHANGE_BATCH_QUANTITY, id, source);
	struct delivery *delivery;

	envelope.message.as.change_batch_quantity.batchref = "batch";
	envelope.message.as.change_batch_quantity.qty = 5;
	delivery = work_message(at, &envelope);
	delivery->sku = "lamp";
	return delivery;
}

typedef struct delivery *command(struct work *at, const char *id, const char *source);

static command *const commands[] = {allocate, create, change};

#define COMMANDS ((int)(sizeof commands / sizeof commands[0]))
#define PAIRS    (COMMANDS * COMMANDS)

static void expect_second(int pair, const struct delivery *second)
{
	bool is_same = pair / COMMANDS == pair % COMMANDS;

	ck_assert_msg(second->verdict == (is_same ? SKIP_DUPLICATE : REJECT_ID_REUSED), "%s", second->reason);
}

/* ---- the rules ---- */

START_TEST(a_spent_id_is_known_to_every_command)
{
	struct delivery *second;

	commands[_i / COMMANDS](work, "id", "/shop");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	second = commands[_i % COMMANDS](other, "id", "/shop");
	ck_assert_int_eq(work_do(other), NO_FAILURE);

	expect_second(_i, second);
}
END_TEST

START_TEST(of_two_commands_that_spend_one_id_at_once_the_second_is_a_conflict)
{
	struct delivery *second;

	commands[_i / COMMANDS](work, "id", "");
	commands[_i % COMMANDS](other, "id", "");

	ck_assert_int_eq(work_do_both(work, other), FAILURE_CONFLICT);

	work_restart(other);
	second = commands[_i % COMMANDS](other, "id", "");
	ck_assert_int_eq(work_do(other), NO_FAILURE);
	expect_second(_i, second);
}
END_TEST

START_TEST(a_unit_that_assumed_a_spent_id_to_be_new_is_a_conflict)
{
	commands[_i / COMMANDS](work, "id", "");
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	speculation_begin(&other->uow.speculation, true);
	commands[_i % COMMANDS](other, "id", "");
	ck_assert_int_eq(work_load(other), NO_FAILURE);
	work_handle(other);

	ck_assert_int_eq(work_flush(other), FAILURE_CONFLICT);
}
END_TEST

START_TEST(of_two_commands_with_one_id_in_a_unit_the_first_spends_it)
{
	const struct delivery *first, *second;

	first = commands[_i / COMMANDS](work, "id", "");
	second = commands[_i % COMMANDS](work, "id", "");

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_int_eq(first->outcome, OUTCOME_HANDLED);
	expect_second(_i, second);
}
END_TEST

START_TEST(the_same_id_from_two_sources_counts_as_two)
{
	static const char *const sources[] = {"", "/shop", "/depot"};

	for (int i = 0; i < COMMANDS; i++)
		commands[i](work, "id", sources[i]);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	for (int i = 0; i < COMMANDS; i++)
		ck_assert_int_eq(work->deliveries[i]->outcome, OUTCOME_HANDLED);
}
END_TEST

START_TEST(an_entry_without_an_id_is_one_id_for_every_command)
{
	struct envelope envelope = envelope_of(MSG_CREATE_BATCH, NULL, "");
	const struct arrival arrival = {
		.transport = TRANSPORT_STREAM, .origin = "commands", .entry_id = "17-0", .incarnation = 2};

	envelope.message.as.create_batch = (struct create_batch){.batchref = "new", .sku = "chair", .qty = 3};
	work_arrival(work, &envelope, arrival);
	allocate(work, "17-0", "commands 2");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_int_eq(work->deliveries[0]->outcome, OUTCOME_HANDLED);
	ck_assert_int_eq(work->deliveries[1]->outcome, OUTCOME_HANDLED);

	work_arrival(other, &envelope, arrival);
	ck_assert_int_eq(work_do(other), NO_FAILURE);
	ck_assert_int_eq(other->deliveries[0]->verdict, SKIP_DUPLICATE);
}
END_TEST

SUITE("store ids", set_up, tear_down)
{
	tcase_add_loop_test(tests, a_spent_id_is_known_to_every_command, 0, PAIRS);
	tcase_add_loop_test(tests, of_two_commands_that_spend_one_id_at_once_the_second_is_a_conflict, 0,
			    PAIRS);
	tcase_add_loop_test(tests, a_unit_that_assumed_a_spent_id_to_be_new_is_a_conflict, 0, PAIRS);
	tcase_add_loop_test(tests, of_two_commands_with_one_id_in_a_unit_the_first_spends_it, 0, PAIRS);
	tcase_add_test(tests, the_same_id_from_two_sources_counts_as_two);
	tcase_add_test(tests, an_entry_without_an_id_is_one_id_for_every_command);
}
