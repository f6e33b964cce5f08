/* The stream port on a real Redis: reading, acknowledging, claiming and trimming. */
#include "integration/redis/stream/reading.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static void setup_group(void)
{
	set_up_reading(NULL, 0);
	DO(create_group, ("0-0"));
}

static const char *connections(void)
{
	struct stream *port = redis_stream_port(reading.stream);

	return port->ops->connections(port);
}

/* ---- read_new ---- */

START_TEST(new_entries_are_read_in_order_up_to_the_given_number)
{
	add_numbers(1, 125);
	DO(read_new, ());
	assert_read(1, 50);
	DO(read_new, ());
	assert_read(51, 100);
	DO(read_new, ());
	assert_read(101, 125);
}
END_TEST

START_TEST(a_read_that_waits_for_an_entry_blocks_no_other_call)
{
	begin_read_new();
	run_for(200);
	ck_assert_uint_eq(reading.read_new.came, 0);
	DO(look, ());
	DO(claim, ());
	DO(read_pending, ("0-0"));
	ck_assert_uint_eq(reading.read_new.came, 0);

	add_numbers(1, 1);
	expect_good(&reading.read_new);
	assert_read(1, 1);
}
END_TEST

START_TEST(a_read_that_waited_in_vain_returns_no_entries)
{
	int64_t begin = milliseconds();

	DO(read_new, ());

	ck_assert_uint_eq(reading.count, 0);
	ck_assert_int_ge(milliseconds() - begin, STREAM_WAIT_MS - 100);
	ck_assert_int_le(milliseconds() - begin, STREAM_WAIT_MS + 1500);
}
END_TEST

START_TEST(a_read_that_is_unblocked_returns_no_entries_and_keeps_its_connection)
{
	char before[256];

	snprintf(before, sizeof before, "%s", connections());
	begin_read_new();
	run_for(200);
	DO(unblock, ());
	run_for(200);
	ck_assert_uint_eq(reading.read_new.came, 1);
	ck_assert(!reading.read_new.failed);
	ck_assert_uint_eq(reading.count, 0);
	DO(unblock, ()); /* nothing waits */

	add_numbers(1, 1);
	DO(read_new, ());
	assert_read(1, 1);
	ck_assert_str_eq(connections(), before);
}
END_TEST

/* ---- forward ---- */

static const struct forwarded_entry forwarded = {
	.to = "p:commands",
	.type = MSG_ALLOCATE,
	.payload = {"{\0}", 3},
	.message_id = "an id",
	.traceparent = "a trace",
	.origin = "1 1-1 p:other 1",
};

START_TEST(a_forwarded_entry_has_the_fields_of_the_first_one_and_its_origin)
{
	struct forwarded_entry without_id = forwarded;

	without_id.message_id = without_id.traceparent = NULL;
	DO(forward, (&forwarded));
	DO(forward, (&without_id));
	DO(read_new, ());

	ck_assert_uint_eq(reading.count, 2);
	for (size_t i = 0; i < reading.count; i++) {
		ck_assert_int_eq(reading.entries[i].type, MSG_ALLOCATE);
		ck_assert_str_eq(reading.entries[i].defect, "");
		ck_assert_uint_eq(reading.entries[i].true_size, 3);
		ck_assert_mem_eq(reading.entries[i].payload, "{\0}", 3);
		ck_assert_str_eq(reading.entries[i].origin, "1 1-1 p:other 1");
		ck_assert_str_eq(reading.entries[i].message_id, i == 0 ? "an id" : "");
		ck_assert_str_eq(reading.entries[i].traceparent, i == 0 ? "a trace" : "");
	}
}
END_TEST

START_TEST(an_entry_that_the_other_stream_refuses_is_not_forwarded)
{
	struct forwarded_entry refused = forwarded;

	refused.to = "p:text";
	freeReplyObject(redisCommand(world.control, "SET p:text x"));
	begin_forward(&refused);
	expect_failure(&reading.forward, FAILURE_FATAL, "WRONGTYPE");
}
END_TEST

/* ---- read_pending, acknowledge ---- */

START_TEST(pending_entries_are_read_again_in_order)
{
	add_numbers(1, 125);
	for (int i = 0; i < 3; i++)
		DO(read_new, ());
	acknowledge_numbers(2, 2);
	DO(read_pending, ("0-0"));
	ck_assert_uint_eq(reading.count, 50);
	assert_id(reading.entries[0].id, "1-1");
	assert_id(reading.entries[1].id, "3-1");
	assert_id(reading.entries[49].id, "51-1");

	DO(read_pending, ("51-1"));
	assert_read(52, 101);
	DO(read_pending, ("101-1"));
	assert_read(102, 125);
	DO(read_pending, ("125-1"));
	ck_assert_uint_eq(reading.count, 0);
}
END_TEST

/* Any number of entries is acknowledged. */
START_TEST(an_acknowledged_entry_is_not_pending)
{
	add_numbers(1, 2500);
	for (int i = 0; i < 50; i++)
		DO(read_new, ());
	acknowledge_numbers(1, 2499);
	DO(read_pending, ("0-0"));
	assert_read(2500, 2500);

	acknowledge_numbers(1, 2500);
	DO(look, ());
	ck_assert_uint_eq(reading.state.pending, 0);
}
END_TEST

START_TEST(entries_of_other_consumers_are_not_pending_here)
{
	add_numbers(1, 3);
	command("XREADGROUP GROUP g other COUNT 2 STREAMS p:commands >");
	DO(read_new, ());
	assert_read(3, 3);
	DO(read_pending, ("0-0"));

	assert_read(3, 3);
}
END_TEST

/* ---- the connections of the last reader ---- */

static void identify(redisContext *client, char id[24], char address[128])
{
	redisReply *reply = redisCommand(client, "CLIENT INFO");

	ck_assert_int_eq(sscanf(reply->str, "id=%23[0-9] addr=%127s", id, address), 2);
	freeReplyObject(reply);
}

static void on_ended(void *context, const struct failure *failure)
{
	ck_assert_ptr_null(failure);
	*(bool *)context = true;
}

START_TEST(both_connections_of_the_last_reader_are_ended)
{
	redisContext *waiting = server_control(&world.server), *asking = server_control(&world.server);
	struct stream *stream = redis_stream_port(reading.stream);
	char id[2][24], address[2][128], both[512];
	bool ended = false;

	identify(waiting, id[0], address[0]);
	identify(asking, id[1], address[1]);
	snprintf(both, sizeof both, "%s %s %s %s", id[0], address[0], id[1], address[1]);
	stream->ops->end_connections(stream, both, on_ended, &ended);
	run_until(ended);

	ck_assert_ptr_null(redisCommand(waiting, "PING"));
	ck_assert_ptr_null(redisCommand(asking, "PING"));
	ck_assert(stream_is_up());
	redisFree(waiting);
	redisFree(asking);
}
END_TEST

/* ---- claim ---- */

START_TEST(entries_of_a_dead_consumer_are_claimed)
{
	add_numbers(1, 250);
	command("XREADGROUP GROUP g other COUNT 249 STREAMS p:commands >");
	DO(read_new, ());
	DO(claim, ());
	ck_assert_uint_eq(reading.claimed.claimed, 0);

	stop_reading();
	start_reading("me", 1);
	run_for(20);
	DO(claim, ());

	ck_assert_uint_eq(reading.claimed.claimed, 250); /* the other consumer's, and our own idle ones */
	ck_assert_uint_eq(reading.claimed.lost, 0);
	for (int i = 0; i < 5; i++) {
		char after[32];

		snprintf(after, sizeof after, "%d-1", 50 * i);
		DO(read_pending, (after));
		assert_read(50 * i + 1, 50 * i + 50);
	}
}
END_TEST

START_TEST(more_entries_are_claimed_than_one_command_returns)
{
	add_numbers(1, 2 * STREAM_READ_MAX + 1);
	command("XREADGROUP GROUP g other STREAMS p:commands >");
	stop_reading();
	start_reading("me", 1);
	run_for(20);

	DO(claim, ());

	ck_assert_uint_eq(reading.claimed.claimed, 2 * STREAM_READ_MAX + 1);
}
END_TEST

START_TEST(entries_of_a_slow_consumer_are_not_claimed)
{
	add_numbers(1, 3);
	command("XREADGROUP GROUP g other COUNT 3 STREAMS p:commands >");
	DO(claim, ());

	ck_assert_uint_eq(reading.claimed.claimed, 0);
	DO(read_pending, ("0-0"));
	ck_assert_uint_eq(reading.count, 0);
}
END_TEST

/* ---- trimmed while pending ---- */

START_TEST(an_entry_that_was_trimmed_while_pending_is_gone)
{
	add_numbers(1, 5);
	DO(read_new, ());
	command("XTRIM p:commands MINID 3");
	command("XDEL p:commands 4-1");
	DO(read_pending, ("0-0"));

	ck_assert_uint_eq(reading.count, 5);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(reading.entries[i].id.ms, i + 1);
		ck_assert_int_eq(reading.entries[i].gone, i != 2 && i != 4);
	}
	ck_assert_str_eq(reading.entries[2].payload, "3");
	acknowledge_numbers(1, 5);
	DO(read_pending, ("0-0"));
	ck_assert_uint_eq(reading.count, 0);
}
END_TEST

/* Redis 7 drops deleted entries while it claims; earlier versions claim them and return them as gone. */
START_TEST(an_entry_that_another_consumer_lost_is_counted_once)
{
	char after[STREAM_ID_TEXT] = "0-0";
	size_t gone = 0;

	add_numbers(1, 250);
	command("XREADGROUP GROUP g other COUNT 250 STREAMS p:commands >");
	command("XTRIM p:commands MINID 121");
	stop_reading();
	start_reading("me", 1);
	run_for(20);
	DO(claim, ());
	ck_assert_uint_eq(reading.claimed.claimed + reading.claimed.lost, 250);
	do {
		DO(read_pending, (after));
		for (size_t i = 0; i < reading.count; i++)
			gone += reading.entries[i].gone;
		if (reading.count)
			stream_id_format(reading.entries[reading.count - 1].id, after);
	} while (reading.count);

	ck_assert_uint_eq(gone + reading.claimed.lost, 120);
}
END_TEST

/* ---- trim ---- */

START_TEST(a_trim_drops_about_the_entries_below_the_id)
{
	add_numbers(1, 1000);
	DO(trim, ("551-1"));

	ck_assert_int_ge(command("XLEN p:commands"), 450);
	ck_assert_int_le(command("XLEN p:commands"), 550);
	DO(read_new, ());
	ck_assert_uint_le(reading.entries[0].id.ms, 551);
	ck_assert_uint_gt(reading.entries[0].id.ms, 400);
}
END_TEST

START_TEST(a_missing_stream_is_not_created_by_a_trim)
{
	command("DEL p:commands");
	DO(trim, ("5-1"));

	ck_assert_int_eq(command("EXISTS p:commands"), 0);
}
END_TEST

SUITE("redis stream", setup_group, tear_down_reading, .timeout_s = 120)
{
	tcase_add_test(tests, new_entries_are_read_in_order_up_to_the_given_number);
	tcase_add_test(tests, a_read_that_waits_for_an_entry_blocks_no_other_call);
	tcase_add_test(tests, a_read_that_waited_in_vain_returns_no_entries);
	tcase_add_test(tests, a_read_that_is_unblocked_returns_no_entries_and_keeps_its_connection);
	tcase_add_test(tests, a_forwarded_entry_has_the_fields_of_the_first_one_and_its_origin);
	tcase_add_test(tests, an_entry_that_the_other_stream_refuses_is_not_forwarded);
	tcase_add_test(tests, pending_entries_are_read_again_in_order);
	tcase_add_test(tests, an_acknowledged_entry_is_not_pending);
	tcase_add_test(tests, entries_of_other_consumers_are_not_pending_here);
	tcase_add_test(tests, both_connections_of_the_last_reader_are_ended);
	tcase_add_test(tests, entries_of_a_dead_consumer_are_claimed);
	tcase_add_test(tests, more_entries_are_claimed_than_one_command_returns);
	tcase_add_test(tests, entries_of_a_slow_consumer_are_not_claimed);
	tcase_add_test(tests, an_entry_that_was_trimmed_while_pending_is_gone);
	tcase_add_test(tests, an_entry_that_another_consumer_lost_is_counted_once);
	tcase_add_test(tests, a_trim_drops_about_the_entries_below_the_id);
	tcase_add_test(tests, a_missing_stream_is_not_created_by_a_trim);
}
