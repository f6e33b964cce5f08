/* Commands from a stream: in its order, acknowledged after the commit, and nothing lost whatever crashes. */
#include "support/suites.h"
#include "unit/bus/intake/stream_world.h"

#include <string.h>

/* ---- entries ---- */

static struct stream_entry entry_of(const char *orderid)
{
	const char *payload = arena_printf(world->arena, "orderid=%s\nsku=LAMP\nqty=1", orderid);

	return (struct stream_entry){
		.type = MSG_ALLOCATE, .payload = {payload, strlen(payload)}, .payload_size = strlen(payload)};
}

static struct stream_id add_with_id(const char *orderid, const char *id)
{
	struct stream_entry entry = entry_of(orderid);

	entry.message_id = id;
	return memory_stream_add(stream, &entry);
}

static void add_many(int count)
{
	for (int i = 0; i < count; i++)
		add_order(arena_printf(world->arena, "many-%d", i));
}

static void ignore_entries(void *context, const struct stream_entry *entries, size_t count,
			   const struct failure *failure)
{
	(void)context;
	(void)entries;
	(void)count;
	ck_assert_ptr_null(failure);
}

static void ignore(void *context, const struct failure *failure)
{
	(void)context;
	ck_assert_ptr_null(failure);
}

/* A reader of that name reads all there is, and dies. */
static void read_and_die(const char *name)
{
	struct memory_consumer *other = memory_consumer_new(stream, GROUP, name);
	struct stream *port = memory_consumer_port(other);

	port->ops->create_group(port, (struct stream_id){0}, ignore, NULL);
	world_run(world);
	port->ops->read_new(port, STREAM_READ_FIRST, true, ignore_entries, NULL);
	world_run(world);
	memory_consumer_free(&other);
}

/* ---- what is seen ---- */

static const struct stream_reader_stats *stats(void)
{
	return stream_reader_stats(reader);
}

static size_t pending(void)
{
	return memory_stream_pending(stream, GROUP);
}

static size_t acknowledgements(void)
{
	return memory_consumer_calls(consumer, STREAM_ACKNOWLEDGE);
}

static int64_t incarnation(void)
{
	return database_stream(world->database, "commands")->record.incarnation;
}

static void expect_all_done(void)
{
	ck_assert_uint_eq(pending(), 0);
	ck_assert_uint_eq(stats()->in_flight, 0);
	ck_assert(stream_reader_is_idle(reader));
}

/* ---- in the order of the stream, and acknowledged after the commit ---- */

START_TEST(entries_are_handled_in_their_order_and_acknowledged)
{
	add_order("a");
	add_order("b");
	world_run(world);
	add_order("c");
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_uint_eq(stats()->read, 3);
	ck_assert_uint_eq(stats()->acknowledged, 3);
	ck_assert(stats()->is_reading);
	expect_all_done();
}
END_TEST

START_TEST(what_is_there_before_the_worker_is_read_from_the_beginning)
{
	add_order("a");
	add_order("b");

	start_reading();

	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_done();
}
END_TEST

START_TEST(nothing_is_acknowledged_before_the_commit)
{
	hold_lane();
	add_order("a");
	world_run(world);
	ck_assert_uint_eq(pending(), 1);
	step_lane(); /* the load */
	world_advance_ms(world, 5000);
	ck_assert_uint_eq(acknowledgements(), 0);

	cable_hold(memory_store_answers(world->lanes[0]));
	step_lane(); /* the flush, whose answer is held */
	world_advance_ms(world, 5000);
	ck_assert_uint_eq(acknowledgements(), 0);
	ck_assert_uint_eq(stats()->in_flight, 1);
	ck_assert(!stream_reader_is_idle(reader));

	cable_open(memory_store_answers(world->lanes[0]));
	release_lane();
	expect_all_done();
}
END_TEST

START_TEST(what_one_commit_did_is_acknowledged_in_one_call)
{
	add_many(50);

	start_reading();

	ck_assert_uint_eq(stats()->acknowledged, 50);
	ck_assert_uint_eq(acknowledgements(), 1);
}
END_TEST

START_TEST(an_entry_keeps_its_own_id_of_the_message)
{
	add_with_id("a", "id");
	add_with_id("a", "id");
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_done();
}
END_TEST

START_TEST(the_same_again_without_an_id_is_a_message_of_its_own)
{
	add_order("a");
	add_order("a");
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a a");
}
END_TEST

START_TEST(own_pending_and_claimed_entries_come_before_new_ones)
{
	add_order("a");
	read_and_die("other");
	add_order("b");
	read_and_die("worker");
	add_order("c");
	world_advance_ms(world, STREAM_CLAIM_IDLE_MS);

	start_reading();

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_uint_ge(stats()->claimed, 1);
	expect_all_done();
}
END_TEST

START_TEST(more_pending_entries_than_one_read_brings_come_before_new_ones)
{
	const char *all = "first";

	for (int i = 0; i < 3 * STREAM_READ_FIRST; i++) {
		const char *order = arena_printf(world->arena, "many-%d", i);

		add_order(order);
		all = arena_printf(world->arena, "%s %s", all, order);
		if (i % STREAM_READ_FIRST == STREAM_READ_FIRST - 1 && i < 2 * STREAM_READ_FIRST)
			read_and_die("worker");
	}

	start_reading();

	ck_assert_str_eq(handled_orders(), all);
	ck_assert_uint_eq(stats()->read, 3 * STREAM_READ_FIRST);
	expect_all_done();
}
END_TEST

START_TEST(entries_of_a_reader_that_dies_later_are_claimed_once_they_are_idle)
{
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	add_order("a");
	read_and_die("other");
	stream_reader_resume(reader);
	add_order("b");
	world_advance_ms(world, STREAM_CLAIM_IDLE_MS / 2);
	ck_assert_str_eq(handled_orders(), "first b");

	world_advance_ms(world, STREAM_CLAIM_IDLE_MS);

	ck_assert_str_eq(handled_orders(), "first b a");
	ck_assert_uint_eq(stats()->claimed, 1);
	expect_all_done();
}
END_TEST

/* ---- the worker dies ---- */

enum phase {
	READ,           /* the stream gave it, the answer is on its way */
	IN_FLIGHT,      /* its load is on the way */
	FLUSHING,       /* its flush is on the way, and is lost */
	COMMITTED_LATE, /* its flush is on the way, and arrives after the worker's death */
	COMMITTED,      /* the commit's answer is on its way */
	UNACKNOWLEDGED, /* the acknowledgement is on its way */
	ACKNOWLEDGED,   /* the acknowledgement's answer is on its way */
	PHASES,
};

static void come_to(enum phase phase, const char *id)
{
	if (phase == READ)
		cable_hold(memory_consumer_read_answers(consumer));
	else if (phase <= COMMITTED)
		hold_lane();
	else if (phase == UNACKNOWLEDGED)
		cable_hold(memory_consumer_requests(consumer));
	else
		cable_hold(memory_consumer_answers(consumer));
	add_with_id("a", id);
	world_run(world);
	for (int i = 0; i < 2 && phase >= FLUSHING && phase <= COMMITTED; i++)
		step_lane(); /* the product; and whether id and line are new, for there is no stock */
	if (phase == COMMITTED) {
		cable_hold(memory_store_answers(world->lanes[0]));
		step_lane();
	}
}

static void expect_phase(enum phase phase)
{
	bool committed = phase >= COMMITTED;

	ck_assert_uint_eq(pending(), phase == ACKNOWLEDGED ? 0 : 1);
	ck_assert_uint_eq(stats()->read, phase == READ ? 0 : 1);
	ck_assert_int_eq(database_product(world->database, "LAMP")->version, committed ? 2 : 1);
	ck_assert_uint_eq(stats()->acknowledged, 0);
}

/* _i: the phase, of an entry without an id, then with one. */
START_TEST(nothing_is_lost_and_nothing_is_done_twice_whenever_the_worker_dies)
{
	enum phase phase = (enum phase)(_i % PHASES);

	come_to(phase, _i < PHASES ? NULL : "id");
	expect_phase(phase);

	crash_reading();
	while (database_lost_count(world->database))
		database_end_lost(world->database, phase == COMMITTED_LATE);
	start_reading();
	add_order("b");
	world_settle(world);

	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_done();
}
END_TEST

START_TEST(a_worker_that_dies_again_and_again_loses_nothing)
{
	add_order("a");
	add_order("b");
	for (int i = 0; i < 20; i++) {
		start_reading();
		hold_lane();
		add_order(arena_printf(world->arena, "more-%d", i));
		world_advance_ms(world, 100 * i);
		crash_reading();
		while (database_lost_count(world->database))
			database_end_lost(world->database, i % 2);
	}

	start_reading();
	world_settle(world);

	ck_assert_str_eq(handled_orders(),
			 "first a b more-0 more-1 more-2 more-3 more-4 more-5 more-6 more-7 more-8 "
			 "more-9 more-10 more-11 more-12 more-13 more-14 more-15 more-16 more-17 "
			 "more-18 more-19");
	expect_all_done();
}
END_TEST

/* ---- acknowledgements that fail ---- */

/* _i: it did not. */
START_TEST(an_acknowledgement_that_may_not_have_arrived_is_sent_again)
{
	memory_consumer_fail_next(consumer, STREAM_ACKNOWLEDGE, _i ? STREAM_AWAY : STREAM_ANSWER_LOST);
	add_order("a");
	world_run(world);
	ck_assert_uint_eq(stats()->in_flight, 1);
	ck_assert_uint_eq(stats()->acknowledged, 0);

	world_advance_ms(world, 100);

	ck_assert_uint_eq(acknowledgements(), 2);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_done();
}
END_TEST

START_TEST(what_is_in_flight_is_not_submitted_again_when_the_connection_comes_back)
{
	hold_lane();
	add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	memory_stream_set_down(stream, true);
	world_advance_ms(world, 1000);
	ck_assert(!stats()->is_reading);

	memory_stream_set_down(stream, false);
	world_advance_ms(world, 20000);
	ck_assert(stats()->is_reading);
	release_lane();

	ck_assert_uint_eq(stats()->read, 2);
	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_done();
}
END_TEST

/* What is pending is read again after trouble; "a" is in flight.  There is another consumer to claim from. */
static void come_to_claim_again(void)
{
	read_and_die("other");
	hold_lane();
	add_order("a");
	world_advance_ms(world, 2000);
	cable_hold(memory_consumer_requests(consumer));
	memory_consumer_fail_next(consumer, STREAM_READ_NEW, STREAM_AWAY);
	world_advance_ms(world, STREAM_WAIT_MS + 100);
	ck_assert(cable_let_one(memory_consumer_requests(consumer))); /* the look */
	world_run(world);
	ck_assert_uint_eq(cable_waiting(memory_consumer_requests(consumer)), 1);
}

START_TEST(nothing_is_acknowledged_while_a_read_may_bring_it)
{
	come_to_claim_again();
	cable_hold(memory_consumer_read_answers(consumer));
	cable_open(memory_consumer_requests(consumer));
	world_run(world);
	ck_assert_uint_eq(cable_waiting(memory_consumer_read_answers(consumer)), 1); /* it has "a" */

	release_lane();
	world_advance_ms(world, 1000);
	ck_assert_uint_eq(acknowledgements(), 0);

	cable_open(memory_consumer_read_answers(consumer));
	world_run(world);
	ck_assert_uint_eq(stats()->read, 1);
	expect_all_done();
}
END_TEST

START_TEST(nothing_that_is_pending_is_read_while_an_acknowledgement_is_under_way)
{
	come_to_claim_again();
	release_lane(); /* the acknowledgement of "a" waits behind the claim */
	ck_assert_uint_eq(cable_waiting(memory_consumer_requests(consumer)), 2);
	ck_assert(cable_let_one(memory_consumer_requests(consumer)));
	world_advance_ms(world, 500);
	ck_assert_uint_eq(memory_consumer_calls(consumer, STREAM_READ_PENDING),
			  1); /* that of the beginning */

	cable_open(memory_consumer_requests(consumer));
	world_run(world);
	ck_assert_uint_eq(memory_consumer_calls(consumer, STREAM_READ_PENDING), 2);
	ck_assert_uint_eq(stats()->read, 1);
	expect_all_done();
}
END_TEST

/* Else the trouble of long ago would slow down what is short. */
START_TEST(after_a_success_a_failure_is_soon_tried_again)
{
	enum consumer_call_kind call = _i ? STREAM_ACKNOWLEDGE : STREAM_READ_NEW;

	for (int i = 0; i < 20; i++) {
		memory_consumer_fail_next(consumer, call, STREAM_AWAY);
		add_order(arena_printf(world->arena, "many-%d", i));
		world_advance_ms(world, 10000);
		expect_all_done();
	}
	memory_consumer_fail_next(consumer, call, STREAM_AWAY);
	add_order("a");
	world_advance_ms(world, STREAM_WAIT_MS);
	add_order("b");
	world_advance_ms(world, 100);

	expect_all_done();
	ck_assert_uint_eq(stats()->acknowledged, 22);
}
END_TEST

START_TEST(without_the_group_there_is_nothing_to_acknowledge)
{
	memory_consumer_fail_next(consumer, STREAM_ACKNOWLEDGE, STREAM_NO_GROUP);
	add_order("a");
	world_run(world);
	ck_assert(!stats()->is_reading || memory_consumer_calls(consumer, STREAM_LOOK) > 1);
	ck_assert(stream_reader_is_idle(reader));
	ck_assert_uint_eq(stats()->acknowledged, 0);

	world_advance_ms(world, 5000);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_done(); /* as it was there after all */
}
END_TEST

/* ---- the stream, or its group, is lost ---- */

START_TEST(a_lost_group_is_created_again_from_where_it_is_known_to_be_done)
{
	add_order("a");
	add_order("b");
	world_advance_ms(world, 2000); /* it is noted */
	memory_stream_destroy_group(stream, GROUP);
	add_order("c");
	add_order("d");
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a b c d");
	ck_assert_uint_eq(stats()->read, 4);
	ck_assert_int_eq(incarnation(), 1);
	expect_all_done();
}
END_TEST

START_TEST(what_a_lost_group_had_done_and_not_noted_has_no_second_effect)
{
	add_order("a");
	add_order("b");
	world_run(world);
	memory_stream_destroy_group(stream, GROUP);
	world_advance_ms(world, 10000);

	ck_assert_uint_eq(stats()->read, 4);
	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_done();
}
END_TEST

START_TEST(a_group_that_is_lost_while_nothing_is_read_is_noticed)
{
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	memory_stream_destroy_group(stream, GROUP);
	add_order("a");
	world_advance_ms(world, 61000);
	ck_assert(!stats()->is_reading);

	stream_reader_resume(reader);
	world_advance_ms(world, 1000);

	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

START_TEST(a_stream_that_begins_again_may_give_the_same_ids)
{
	struct stream_entry again = entry_of("c");

	again.id = add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	memory_stream_delete(stream);
	memory_stream_add(stream, &again);
	world_advance_ms(world, 2000);

	ck_assert_str_eq(handled_orders(), "first a b c");
	ck_assert_int_eq(incarnation(), 2);
	expect_all_done();
}
END_TEST

START_TEST(a_stream_that_somebody_else_began_again_is_noticed)
{
	struct stream_entry again = entry_of("c");

	again.id = add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	stream_reader_pause(reader);
	world_advance_ms(world, STREAM_WAIT_MS);
	memory_stream_delete(stream);
	database_stream(world->database, "commands")->record.incarnation = 2;
	read_and_die("other"); /* makes the group */
	memory_stream_add(stream, &again);
	world_advance_ms(world, 61000);
	ck_assert(!stats()->is_reading);

	stream_reader_resume(reader);
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a b c");
}
END_TEST

START_TEST(an_entry_of_before_is_not_acknowledged_in_the_stream_that_began_again)
{
	struct stream_entry again = entry_of("c");

	hold_lane();
	again.id = add_order("a");
	add_order("b");
	world_advance_ms(world, 2000);
	memory_stream_delete(stream);
	memory_stream_add(stream, &again);
	world_advance_ms(world, 2000);
	ck_assert_uint_eq(stats()->read, 3);

	for (int i = 0; i < 3; i++)
		step_lane(); /* the loads and the flush of "a" */
	world_advance_ms(world, 2000);
	ck_assert_str_eq(handled_orders(), "first a");
	ck_assert_uint_eq(pending(), 1);
	ck_assert_uint_eq(acknowledgements(), 0);

	release_lane();
	ck_assert_str_eq(handled_orders(), "first a b c");
	expect_all_done();
}
END_TEST

/* _i: held by this worker, or by one that is gone. */
START_TEST(entries_that_were_trimmed_while_pending_are_counted_and_told)
{
	struct stream_id lost = add_order("a");

	add_order("b");
	read_and_die(_i ? "other" : "worker");
	memory_stream_drop(stream, lost);
	add_order("c");
	world_advance_ms(world, _i ? STREAM_CLAIM_IDLE_MS : 0);

	start_reading();

	ck_assert_uint_eq(stats()->lost, 1);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "entries lost"), 1);
	ck_assert_str_eq(handled_orders(), "first b c");
	ck_assert_uint_eq(stats()->read, 2);
	expect_all_done();
}
END_TEST

/* ---- messages that cannot be handled ---- */

static void add_defect(const char *defect)
{
	memory_stream_add(stream, &(struct stream_entry){.defect = defect});
}

static void add_payload(const char *payload)
{
	memory_stream_add(stream, &(struct stream_entry){.type = MSG_ALLOCATE,
							 .payload = {payload, strlen(payload)},
							 .payload_size = strlen(payload)});
}

START_TEST(a_message_that_cannot_be_handled_is_a_dead_letter_and_acknowledged)
{
	const struct dead_letter_row *letters;

	database_refuse(world->database, "poison");
	add_order("a");
	add_defect("type: missing");
	add_payload("nonsense");
	add_payload("orderid=o\nsku=CHAIR\nqty=1");
	add_order("poison");
	add_order("b");
	world_settle(world);

	letters = world->database->dead_letters;
	ck_assert_uint_eq(world->database->dead_letter_count, 4);
	ck_assert_str_eq(letters[0].reason, "type: missing");
	ck_assert_int_eq(letters[0].outcome, OUTCOME_INVALID);
	ck_assert_int_eq(letters[1].outcome, OUTCOME_INVALID);
	ck_assert_int_eq(letters[2].outcome, OUTCOME_REJECTED);
	ck_assert_int_eq(letters[3].outcome, OUTCOME_FAILED);
	ck_assert_str_eq(letters[3].place, "commands");
	ck_assert_ptr_nonnull(letters[3].entry_id);
	ck_assert_str_eq(handled_orders(), "first a b");
	expect_all_done();
}
END_TEST

START_TEST(a_dead_letter_that_is_read_again_is_the_same_dead_letter)
{
	cable_hold(memory_consumer_requests(consumer));
	add_payload("nonsense");
	world_run(world);
	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	crash_reading();
	start_reading();

	ck_assert_uint_eq(world->database->dead_letter_count, 1);
	ck_assert_int_eq(world->database->dead_letters[0].attempts, 2);
	expect_all_done();
}
END_TEST

/* ---- held, let go, stopped ---- */

START_TEST(what_can_wait_in_the_stream_waits_there_while_the_database_is_away)
{
	database_set_down(world->database, true);
	add_order("a");
	world_advance_ms(world, 10000);
	add_many(1000);
	world_advance_ms(world, 10000);
	ck_assert_uint_le(stats()->read, 1 + STREAM_READ_MAX);

	database_set_down(world->database, false);
	world_advance_ms(world, 20000);

	ck_assert_uint_eq(stats()->read, 1001);
	expect_all_done();
}
END_TEST

START_TEST(a_full_queue_holds_the_reader_until_half_of_it_is_free)
{
	uint64_t read;

	add_many(3000);
	world->config.queue_max = 50;
	world->config.unit_max = 10;
	world_start(world);
	hold_lane();
	begin_reader();
	world_advance_ms(world, 10000);
	read = stats()->read;
	ck_assert_uint_le(read, STREAM_READ_FIRST + STREAM_READ_MAX); /* one that was under way */

	while (engine_stats(world->engine)->queued > 30) {
		ck_assert_uint_eq(stats()->read, read);
		step_lane();
	}
	while (engine_stats(world->engine)->queued > 20 && stats()->read == read)
		step_lane();
	ck_assert_uint_gt(stats()->read, read);

	release_lane();
	world_settle(world);
	ck_assert_uint_eq(stats()->read, 3000);
	expect_all_done();
}
END_TEST

START_TEST(a_reader_that_is_stopped_acknowledges_what_it_has_and_reads_no_more)
{
	hold_lane();
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 1000);
	add_order("b");
	world_advance_ms(world, 100000);
	ck_assert(!stream_reader_is_idle(reader));
	ck_assert(!stats()->is_reading);

	memory_consumer_fail_next(consumer, STREAM_ACKNOWLEDGE, STREAM_AWAY);
	release_lane();
	world_advance_ms(world, 1000);

	ck_assert_uint_eq(stats()->read, 1);
	ck_assert_uint_eq(stats()->acknowledged, 1);
	ck_assert(stream_reader_is_idle(reader));
	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

START_TEST(what_a_read_under_way_brings_at_the_stop_is_taken)
{
	cable_hold(memory_consumer_read_answers(consumer));
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 50);
	ck_assert(!stream_reader_is_idle(reader));
	cable_open(memory_consumer_read_answers(consumer));
	world_advance_ms(world, 1000);

	ck_assert_str_eq(handled_orders(), "first a");
	ck_assert(stream_reader_is_idle(reader));
	expect_all_done();
}
END_TEST

START_TEST(what_a_read_under_way_brings_long_after_the_stop_stays_pending)
{
	cable_hold(memory_consumer_read_answers(consumer));
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	world_advance_ms(world, 500);
	ck_assert(stream_reader_is_idle(reader));
	cable_open(memory_consumer_read_answers(consumer));
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(pending(), 1);
	ck_assert_uint_eq(stats()->read, 0);
	ck_assert(stream_reader_is_idle(reader));

	stream_reader_start(reader);
	world_run(world);

	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_done();
}
END_TEST

START_TEST(a_reader_that_is_stopped_and_started_at_once_reads_each_entry_once)
{
	cable_hold(memory_consumer_read_answers(consumer));
	add_order("a");
	world_run(world);
	stream_reader_stop(reader);
	stream_reader_start(reader);
	cable_open(memory_consumer_read_answers(consumer));
	world_run(world);

	ck_assert_uint_eq(stats()->read, 1);
	ck_assert_str_eq(handled_orders(), "first a");
	expect_all_done();
}
END_TEST

/* ---- trouble ---- */

START_TEST(a_stream_that_cannot_be_read_is_told_once_and_also_when_it_can_be_again)
{
	memory_stream_set_down(stream, true);
	world_advance_ms(world, 600000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "stream is not read"), 1);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "read again"), 0);
	ck_assert_uint_ge(memory_consumer_calls(consumer, STREAM_LOOK), 600);
	ck_assert_uint_le(memory_consumer_calls(consumer, STREAM_LOOK), 1250);

	memory_stream_set_down(stream, false);
	add_order("a");
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "read again"), 1);

	memory_stream_set_down(stream, true);
	world_advance_ms(world, 60000);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "stream is not read"), 2);
	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

/* _i: the call that fails; its answer is lost, and so everything begins again. */
START_TEST(whatever_call_fails_nothing_is_lost)
{
	world_start(world);
	add_order("a");
	read_and_die("worker");
	add_order("b");
	begin_reader();
	for (int i = 0; i < 5; i++) {
		memory_consumer_fail_next(consumer, (enum consumer_call_kind)_i, STREAM_ANSWER_LOST);
		add_order(arena_printf(world->arena, "more-%d", i));
		world_advance_ms(world, 15000);
	}
	world_advance_ms(world, STREAM_CLAIM_IDLE_MS + 15000);

	ck_assert_str_eq(handled_orders(), "first a b more-0 more-1 more-2 more-3 more-4");
	ck_assert_uint_eq(stats()->read, 7);
	expect_all_done();
}
END_TEST

START_TEST(nothing_is_read_before_the_logbook_knows_the_stream)
{
	world_start(world);
	add_order("a");
	database_set_down(world->database, true);
	begin_reader();
	world_advance_ms(world, 10000);
	ck_assert_uint_eq(memory_consumer_calls(consumer, STREAM_READ_NEW), 0);

	database_set_down(world->database, false);
	world_advance_ms(world, 10000);

	ck_assert_str_eq(handled_orders(), "first a");
}
END_TEST

/* ---- noted, and trimmed ---- */

START_TEST(it_is_noted_how_far_all_is_done)
{
	struct stream_id done, open;

	done = add_order("a");
	world_run(world);
	hold_lane();
	open = add_order("b");
	world_advance_ms(world, 2000);

	ck_assert_int_eq(stream_id_compare(database_stream(world->database, "commands")->record.done, done),
			 0);
	ck_assert_int_eq(stream_id_compare(database_stream(world->database, "commands")->highest, open), 0);
	ck_assert_uint_eq(stats()->pending, 1);
}
END_TEST

START_TEST(what_could_not_be_noted_is_noted_later)
{
	struct stream_id done = add_order("a");

	world_run(world);
	cable_hold(memory_checkpoints_requests(checkpoints));
	world_advance_ms(world, 1500);
	database_set_down(world->database, true);
	cable_open(memory_checkpoints_requests(checkpoints));
	world_run(world);
	database_set_down(world->database, false);
	world_advance_ms(world, 2000);

	ck_assert_int_eq(stream_id_compare(database_stream(world->database, "commands")->record.done, done),
			 0);
}
END_TEST

START_TEST(a_quiet_stream_is_seldom_looked_at)
{
	size_t looks;

	world_advance_ms(world, 10000);
	looks = memory_consumer_calls(consumer, STREAM_LOOK);
	world_advance_ms(world, 10 * 60 * 1000);

	ck_assert_uint_le(memory_consumer_calls(consumer, STREAM_LOOK) - looks, 10);
}
END_TEST

START_TEST(old_entries_go_once_everybody_is_done_with_them)
{
	struct memory_consumer *audit = memory_consumer_new(stream, "audit", "audit");
	struct stream *port = memory_consumer_port(audit);
	struct stream_id held[2];

	port->ops->create_group(port, (struct stream_id){0}, ignore, NULL);
	world_run(world);
	held[0] = add_order("a");
	port->ops->read_new(port, STREAM_READ_FIRST, true, ignore_entries, NULL);
	world_run(world);
	held[1] = add_order("b");
	world_advance_ms(world, RETENTION_MS + HOUR_MS);
	add_order("c");
	world_advance_ms(world, 2 * 60 * 1000);
	ck_assert_uint_eq(memory_stream_length(stream), 3); /* the other group holds the first one */

	port->ops->acknowledge(port, &held[0], 1, ignore, NULL);
	add_order("d");
	world_advance_ms(world, 2 * 60 * 1000);
	ck_assert_int_ne(stream_id_compare(memory_stream_first(stream), held[1]), 1);
	ck_assert_uint_ge(memory_stream_length(stream), 3); /* the second one it has not got yet */

	port->ops->read_new(port, STREAM_READ_FIRST, true, ignore_entries, NULL);
	world_run(world);
	port->ops->acknowledge(port, &held[1], 1, ignore, NULL);
	add_order("e");
	world_advance_ms(world, 2 * 60 * 1000);
	ck_assert_int_gt(stream_id_compare(memory_stream_first(stream), held[0]), 0);
	memory_consumer_free(&audit);
}
END_TEST

START_TEST(young_entries_stay)
{
	add_order("a");
	world_advance_ms(world, RETENTION_MS - 60000);
	add_order("b");
	world_advance_ms(world, 2 * 60 * 1000);

	ck_assert_uint_eq(memory_stream_length(stream), 2);
}
END_TEST

START_TEST(old_entries_that_are_not_done_with_stay)
{
	hold_lane();
	add_order("a");
	world_advance_ms(world, RETENTION_MS + HOUR_MS);
	add_order("b");
	world_advance_ms(world, 2 * 60 * 1000);

	ck_assert_uint_eq(memory_stream_length(stream), 2);
	release_lane();
	ck_assert_uint_eq(stats()->lost, 0);
}
END_TEST

SUITE("stream reader", set_up_sold_out, tear_down_stream_world)
{
	tcase_add_test(tests, what_is_there_before_the_worker_is_read_from_the_beginning);
	tcase_add_test(tests, what_one_commit_did_is_acknowledged_in_one_call);
	tcase_add_test(tests, own_pending_and_claimed_entries_come_before_new_ones);
	tcase_add_test(tests, more_pending_entries_than_one_read_brings_come_before_new_ones);
	tcase_add_test(tests, a_worker_that_dies_again_and_again_loses_nothing);
	tcase_add_loop_test(tests, entries_that_were_trimmed_while_pending_are_counted_and_told, 0, 2);
	tcase_add_test(tests, a_full_queue_holds_the_reader_until_half_of_it_is_free);
	tcase_add_loop_test(tests, whatever_call_fails_nothing_is_lost, 0, STREAM_CALLS);
	tcase_add_test(tests, nothing_is_read_before_the_logbook_knows_the_stream);
}

SUITE("stream reader", set_up_reading, tear_down_stream_world)
{
	tcase_add_test(tests, entries_are_handled_in_their_order_and_acknowledged);
	tcase_add_test(tests, nothing_is_acknowledged_before_the_commit);
	tcase_add_test(tests, an_entry_keeps_its_own_id_of_the_message);
	tcase_add_test(tests, the_same_again_without_an_id_is_a_message_of_its_own);
	tcase_add_test(tests, entries_of_a_reader_that_dies_later_are_claimed_once_they_are_idle);
	tcase_add_loop_test(tests, nothing_is_lost_and_nothing_is_done_twice_whenever_the_worker_dies, 0,
			    2 * PHASES);
	tcase_add_loop_test(tests, an_acknowledgement_that_may_not_have_arrived_is_sent_again, 0, 2);
	tcase_add_test(tests, what_is_in_flight_is_not_submitted_again_when_the_connection_comes_back);
	tcase_add_test(tests, nothing_is_acknowledged_while_a_read_may_bring_it);
	tcase_add_test(tests, nothing_that_is_pending_is_read_while_an_acknowledgement_is_under_way);
	tcase_add_loop_test(tests, after_a_success_a_failure_is_soon_tried_again, 0, 2);
	tcase_add_test(tests, without_the_group_there_is_nothing_to_acknowledge);
	tcase_add_test(tests, a_stream_that_somebody_else_began_again_is_noticed);
	tcase_add_test(tests, what_could_not_be_noted_is_noted_later);
	tcase_add_test(tests, a_lost_group_is_created_again_from_where_it_is_known_to_be_done);
	tcase_add_test(tests, what_a_lost_group_had_done_and_not_noted_has_no_second_effect);
	tcase_add_test(tests, a_group_that_is_lost_while_nothing_is_read_is_noticed);
	tcase_add_test(tests, a_stream_that_begins_again_may_give_the_same_ids);
	tcase_add_test(tests, an_entry_of_before_is_not_acknowledged_in_the_stream_that_began_again);
	tcase_add_test(tests, a_message_that_cannot_be_handled_is_a_dead_letter_and_acknowledged);
	tcase_add_test(tests, a_dead_letter_that_is_read_again_is_the_same_dead_letter);
	tcase_add_test(tests, what_can_wait_in_the_stream_waits_there_while_the_database_is_away);
	tcase_add_test(tests, a_reader_that_is_stopped_acknowledges_what_it_has_and_reads_no_more);
	tcase_add_test(tests, what_a_read_under_way_brings_at_the_stop_is_taken);
	tcase_add_test(tests, what_a_read_under_way_brings_long_after_the_stop_stays_pending);
	tcase_add_test(tests, a_reader_that_is_stopped_and_started_at_once_reads_each_entry_once);
	tcase_add_test(tests, a_stream_that_cannot_be_read_is_told_once_and_also_when_it_can_be_again);
	tcase_add_test(tests, it_is_noted_how_far_all_is_done);
	tcase_add_test(tests, a_quiet_stream_is_seldom_looked_at);
	tcase_add_test(tests, old_entries_go_once_everybody_is_done_with_them);
	tcase_add_test(tests, young_entries_stay);
	tcase_add_test(tests, old_entries_that_are_not_done_with_stay);
}
