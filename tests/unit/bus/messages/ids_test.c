/* An id is spent once: by any command, over any transport, in any worker. */
#include "support/rival.h"
#include "support/suites.h"

#include <string.h>

/* Commands that work on the stock of set_up(), each with the id and the source of its arguments. */
static const struct command {
	enum message_type type;
	const char *fields;
} commands[] = {
	{MSG_ALLOCATE, "orderid=order\nsku=LAMP\nqty=2"},
	{MSG_CREATE_BATCH, "ref=new\nsku=LAMP\nqty=5"},
	{MSG_CHANGE_BATCH_QUANTITY, "ref=batch\nqty=7"},
	{MSG_CREATE_BATCH, "ref=other\nsku=CHAIR\nqty=5"},
};

#define COMMANDS COUNT(commands)
#define PAIRS    (COMMANDS * COMMANDS)

static const struct command *first_of(int pair)
{
	return &commands[pair / COMMANDS];
}

static const struct command *second_of(int pair)
{
	return &commands[pair % COMMANDS];
}

static void set_up(void)
{
	set_up_two_lanes();
	create_batch("batch", "LAMP", 10);
	world_run(world);
}

static struct sent *send(enum transport transport, const struct command *command, const char *id,
			 const char *source)
{
	return world_send(world, transport, command->type, "%s\nid=%s%s%s", command->fields, id,
			  source[0] ? "\nsource=" : "", source);
}

static void expect_second(const struct command *first, const struct command *second, const struct sent *sent)
{
	ck_assert_msg(sent->verdict == (first == second ? SKIP_DUPLICATE : REJECT_ID_REUSED),
		      "%s after %s: %s", second->fields, first->fields, sent->reason);
}

START_TEST(another_command_with_a_spent_id_is_rejected)
{
	const struct command *first = first_of(_i), *second = second_of(_i);
	struct sent *one, *other;

	one = send(TRANSPORT_HTTP, first, "x", "");
	world_run(world);
	other = send(TRANSPORT_STREAM, second, "x", "");
	world_settle(world);

	expect_handled(one);
	expect_second(first, second, other);
	ck_assert_uint_eq(world->database->dead_letter_count, first != second);
}
END_TEST

/* Both wait while another unit is in flight, so they share a unit if they share a lane. */
START_TEST(two_commands_with_one_id_in_one_unit_have_one_effect)
{
	const struct command *first = first_of(_i), *second = second_of(_i);
	struct sent *one, *other;

	allocate("unrelated", "LAMP", 1);
	allocate("unrelated", "CHAIR", 1);
	one = send(TRANSPORT_PUBSUB, first, "x", "source");
	other = send(TRANSPORT_HTTP, second, "x", "source");
	world_settle(world);

	if (one->outcome == OUTCOME_HANDLED)
		expect_second(first, second, other);
	else
		expect_second(second, first, one);
	ck_assert_int_eq((one->outcome == OUTCOME_HANDLED) + (other->outcome == OUTCOME_HANDLED), 1);
	ck_assert_uint_eq(database_inbox_count(world->database), 1);
}
END_TEST

START_TEST(an_id_that_another_worker_spends_meanwhile_is_found_by_the_flush)
{
	const struct command *mine = &commands[_i];
	struct sent *sent;

	for (int i = 0; i < 2; i++)
		cable_hold(memory_store_requests(world->lanes[i]));
	sent = send(TRANSPORT_HTTP, mine, "x", "");
	world_run(world);
	ck_assert_int_eq(rival_allocate_with_id("theirs", "LAMP", 1, "x"), OUTCOME_HANDLED);
	for (int i = 0; i < 2; i++)
		cable_open(memory_store_requests(world->lanes[i]));
	world_settle(world);

	ck_assert_msg(sent->verdict == REJECT_ID_REUSED, "%s: %s", mine->fields, sent->reason);
	ck_assert_uint_eq(database_inbox_count(world->database), 1);
}
END_TEST

START_TEST(an_id_is_unspent_after_a_rejection_even_for_another_command)
{
	const struct command *next = &commands[_i % COMMANDS];
	bool in_one_unit = _i >= COMMANDS;
	struct sent *rejected, *handled, *last;

	allocate("unrelated", "LAMP", 1);
	rejected = world_send(world, TRANSPORT_HTTP, MSG_CREATE_BATCH, "ref=batch\nsku=LAMP\nqty=999\nid=x");
	if (!in_one_unit)
		world_run(world);
	handled = send(TRANSPORT_HTTP, next, "x", "");
	world_settle(world);
	last = world_send(world, TRANSPORT_HTTP, MSG_ALLOCATE, "orderid=last\nsku=LAMP\nqty=1\nid=x");
	world_settle(world);

	ck_assert_int_eq(rejected->verdict, REJECT_BATCHREF_TAKEN);
	expect_handled(handled);
	ck_assert_int_eq(last->verdict, REJECT_ID_REUSED);
	ck_assert_str_eq(world->database->inbox_list[0]->message, message_name(next->type));
}
END_TEST

START_TEST(the_same_id_from_another_source_is_another_message)
{
	struct sent *bare = send(TRANSPORT_HTTP, &commands[0], "x", ""),
		    *shop = send(TRANSPORT_HTTP, &commands[1], "x", "/shop"),
		    *depot = send(TRANSPORT_HTTP, &commands[2], "x", "/depot");

	world_settle(world);

	expect_handled(bare);
	expect_handled(shop);
	expect_handled(depot);
}
END_TEST

/* ---- stream entries ---- */

static struct delivery *deliver(enum transport transport, const char *payload)
{
	return delivery_new(
		&(struct arrival){
			.transport = transport,
			.origin = "commands",
			.entry_id = "1700000000000-0",
			.incarnation = 1,
			.type = MSG_ALLOCATE,
			.payload = {payload, strlen(payload)},
			.payload_size = strlen(payload),
		},
		&world->codec.codec);
}

START_TEST(a_source_that_looks_like_a_streams_is_not_taken_for_one)
{
	struct delivery *entry = deliver(TRANSPORT_STREAM, "orderid=o\nsku=LAMP\nqty=1"),
			*forged = deliver(TRANSPORT_PUBSUB, "orderid=o\nsku=LAMP\nqty=1\nid=1700000000000-0\n"
							    "source=commands 1");

	ck_assert_str_eq(entry->inbox.source, "commands 1");
	ck_assert_str_eq(forged->inbox.source, "commands%201");
	ck_assert_str_eq(forged->envelope.source, "commands 1");
	ck_assert_str_ne(entry->inbox_key, forged->inbox_key);
	delivery_free(&entry);
	delivery_free(&forged);
}
END_TEST

SUITE("ids", set_up, tear_down_world)
{
	tcase_add_loop_test(tests, another_command_with_a_spent_id_is_rejected, 0, PAIRS);
	tcase_add_loop_test(tests, two_commands_with_one_id_in_one_unit_have_one_effect, 0, PAIRS);
	tcase_add_loop_test(tests, an_id_that_another_worker_spends_meanwhile_is_found_by_the_flush, 1,
			    COMMANDS);
	tcase_add_loop_test(tests, an_id_is_unspent_after_a_rejection_even_for_another_command, 0,
			    2 * COMMANDS);
	tcase_add_test(tests, the_same_id_from_another_source_is_another_message);
	tcase_add_test(tests, a_source_that_looks_like_a_streams_is_not_taken_for_one);
}
