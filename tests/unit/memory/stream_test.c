/* The stream in memory does what Redis does. */
#include "support/suites.h"

#include "adapters/memory/ports/stream.h"
#include "core/base/arena.h"

#include <string.h>

static struct simulation *simulation;
static struct arena *arena;
static struct memory_stream *stream;
static struct memory_consumer *one, *two; /* of one group */

/* The answer to the last call. */
static bool answered;
static enum failure_kind kind;
static bool failed;
static const char *ids; /* of the entries that were read, e. g. "1-0 1-1!" with "!" for one that is gone */
static struct stream_state state;
static struct stream_claim claimed;

static void set_up(void)
{
	simulation = simulation_new();
	arena = arena_new(1024);
	stream = memory_stream_new(simulation);
	one = memory_consumer_new(stream, "group", "one");
	two = memory_consumer_new(stream, "group", "two");
}

static void tear_down(void)
{
	memory_consumer_free(&one);
	memory_consumer_free(&two);
	memory_stream_free(&stream);
	simulation_free(&simulation);
	arena_free(&arena);
}

/* ---- calls, and their answers ---- */

static void note(const struct failure *failure)
{
	answered = true;
	failed = failure != NULL;
	kind = failure ? failure->kind : FAILURE_FATAL;
}

static void on_done(void *context, const struct failure *failure)
{
	(void)context;
	note(failure);
}

static void on_looked(void *context, const struct stream_state *now, const struct failure *failure)
{
	(void)context;
	note(failure);
	state = *now;
}

static void on_claimed(void *context, const struct stream_claim *claim, const struct failure *failure)
{
	(void)context;
	note(failure);
	claimed = *claim;
}

static void on_read(void *context, const struct stream_entry *entries, size_t count,
		    const struct failure *failure)
{
	(void)context;
	note(failure);
	ids = "";
	for (size_t i = 0; i < count; i++) {
		char id[STREAM_ID_TEXT];

		stream_id_format(entries[i].id, id);
		ids = arena_printf(arena, "%s%s%s%s", ids, i ? " " : "", id, entries[i].gone ? "!" : "");
	}
}

static struct stream *port(struct memory_consumer *consumer)
{
	return memory_consumer_port(consumer);
}

static void run(void)
{
	simulation_run_until_idle(simulation);
}

static void create_group(struct memory_consumer *consumer, struct stream_id after)
{
	port(consumer)->ops->create_group(port(consumer), after, on_done, NULL);
	run();
}

static void begin_read_new(struct memory_consumer *consumer)
{
	answered = false;
	port(consumer)->ops->read_new(port(consumer), STREAM_READ_FIRST, true, on_read, NULL);
	run();
}

static const char *read_new(struct memory_consumer *consumer)
{
	begin_read_new(consumer);
	simulation_advance_ms(simulation, STREAM_WAIT_MS);
	ck_assert(answered);
	return ids;
}

static const char *read_pending(struct memory_consumer *consumer, struct stream_id after)
{
	port(consumer)->ops->read_pending(port(consumer), after, STREAM_READ_FIRST, on_read, NULL);
	run();
	return ids;
}

static void acknowledge(struct memory_consumer *consumer, struct stream_id id)
{
	port(consumer)->ops->acknowledge(port(consumer), &id, 1, on_done, NULL);
	run();
}

static void look(struct memory_consumer *consumer)
{
	port(consumer)->ops->look(port(consumer), on_looked, NULL);
	run();
}

static void claim(struct memory_consumer *consumer)
{
	port(consumer)->ops->claim(port(consumer), STREAM_CLAIM_IDLE_MS, on_claimed, NULL);
	run();
}

static void trim(struct memory_consumer *consumer, struct stream_id lowest)
{
	port(consumer)->ops->trim(port(consumer), lowest, on_done, NULL);
	run();
}

static struct stream_id add(void)
{
	return memory_stream_add(stream, &(struct stream_entry){.type = MSG_ALLOCATE});
}

static const struct stream_id none;

#define ck_assert_id_eq(left, right) ck_assert_int_eq(stream_id_compare((left), (right)), 0)

/* ---- groups and their readers ---- */

START_TEST(each_entry_goes_to_one_reader_of_a_group_in_order)
{
	create_group(one, none);
	add();
	add();
	ck_assert_str_eq(read_new(one), "1-0 1-1");
	add();

	ck_assert_str_eq(read_new(two), "2001-0");
	ck_assert_str_eq(read_new(one), "");
	ck_assert_uint_eq(memory_stream_pending(stream, "group"), 3);
}
END_TEST

START_TEST(a_group_gets_the_entries_after_its_start)
{
	struct stream_id first = add();

	add();
	create_group(one, first);
	create_group(one, none); /* which is there: it stays */

	ck_assert_str_eq(read_new(one), "1-1");
}
END_TEST

START_TEST(groups_know_nothing_of_each_other)
{
	struct memory_consumer *other = memory_consumer_new(stream, "other group", "one");
	struct stream_id id = add();

	create_group(one, none);
	create_group(other, none);
	ck_assert_str_eq(read_new(one), "1-0");
	ck_assert_str_eq(read_new(other), "1-0");
	acknowledge(one, id);

	look(one);
	ck_assert_id_eq(state.done, id);
	ck_assert_id_eq(state.done_by_all, stream_id_before(id));
	ck_assert_uint_eq(state.pending, 0);
	look(other);
	ck_assert_uint_eq(state.pending, 1);
	memory_consumer_free(&other);
}
END_TEST

START_TEST(a_read_waits_for_an_entry)
{
	create_group(one, none);
	begin_read_new(one);
	simulation_advance_ms(simulation, STREAM_WAIT_MS - 1);
	ck_assert(!answered);

	add();
	run();

	ck_assert(answered);
	ck_assert_str_eq(ids, "2000-0");
}
END_TEST

START_TEST(a_read_that_may_not_wait_is_answered_at_once)
{
	create_group(one, (struct stream_id){0});
	answered = false;
	port(one)->ops->read_new(port(one), STREAM_READ_FIRST, false, on_read, NULL);
	run();

	ck_assert(answered);
}
END_TEST

START_TEST(a_waiting_read_that_is_unblocked_returns_without_entries)
{
	create_group(one, none);
	ids = "none yet";
	begin_read_new(one);
	ck_assert(!answered);
	port(one)->ops->unblock(port(one), on_done, NULL);
	run();
	ck_assert_str_eq(ids, "");

	add();
	run();
	ck_assert_str_eq(ids, "");
}
END_TEST

START_TEST(an_entry_goes_to_one_of_two_waiting_readers)
{
	create_group(one, none);
	begin_read_new(one);
	begin_read_new(two);
	add();
	run();

	ck_assert_uint_eq(memory_stream_pending(stream, "group"), 1);
	ck_assert_uint_eq(strlen(read_pending(one, none)) + strlen(read_pending(two, none)), strlen("1-0"));
}
END_TEST

START_TEST(a_readers_pending_entries_are_read_again_in_order_until_acknowledged)
{
	struct stream_id first = add();

	add();
	add();
	create_group(one, none);
	read_new(one);
	ck_assert_str_eq(read_pending(two, none), "");
	ck_assert_str_eq(read_pending(one, none), "1-0 1-1 1-2");
	ck_assert_str_eq(read_pending(one, first), "1-1 1-2");

	acknowledge(two, first); /* any consumer of the group may */
	acknowledge(one, first);
	ck_assert(!failed);
	ck_assert_str_eq(read_pending(one, none), "1-1 1-2");
}
END_TEST

START_TEST(a_consumer_that_reconnects_keeps_its_pending_entries)
{
	create_group(one, none);
	add();
	read_new(one);
	memory_consumer_free(&one);
	one = memory_consumer_new(stream, "group", "one");

	ck_assert_str_eq(read_pending(one, none), "1-0");
}
END_TEST

START_TEST(idle_entries_can_be_claimed)
{
	create_group(one, none);
	add();
	read_new(one); /* takes STREAM_WAIT_MS */
	simulation_advance_ms(simulation, STREAM_CLAIM_IDLE_MS - STREAM_WAIT_MS - 1);
	claim(two);
	ck_assert_uint_eq(claimed.claimed, 0);

	simulation_advance_ms(simulation, 1);
	claim(two);

	ck_assert_uint_eq(claimed.claimed, 1);
	ck_assert_str_eq(read_pending(one, none), "");
	ck_assert_str_eq(read_pending(two, none), "1-0");
	claim(one);
	ck_assert_uint_eq(claimed.claimed, 0); /* it is idle no more */
}
END_TEST

START_TEST(a_full_read_leaves_the_rest)
{
	create_group(one, none);
	for (int i = 0; i < STREAM_READ_FIRST + 1; i++)
		add();
	read_new(one);
	ck_assert_uint_eq(memory_stream_pending(stream, "group"), STREAM_READ_FIRST);

	ck_assert_str_eq(read_new(one), "1-50");
	ck_assert_str_eq(read_pending(one, (struct stream_id){1, 48}), "1-49 1-50");
}
END_TEST

/* ---- how things stand ---- */

START_TEST(entries_below_the_first_pending_one_are_done)
{
	struct stream_id first, second, third;

	look(one);
	ck_assert(!state.has_group);
	ck_assert_id_eq(state.last_generated, none);
	create_group(one, none);
	first = add();
	second = add();
	read_new(one);
	third = add();

	acknowledge(one, second);
	look(one);
	ck_assert(state.has_group);
	ck_assert_id_eq(state.done, stream_id_before(first));
	ck_assert_id_eq(state.last_generated, third);
	ck_assert_uint_eq(state.pending, 1);
	ck_assert_id_eq(state.first_pending, first);
	ck_assert_id_eq(state.first_unread, third);
	ck_assert_int_eq(state.lag, 1);
	ck_assert_uint_eq(state.length, 3);

	acknowledge(one, first);
	look(one);
	ck_assert_id_eq(state.first_pending, none);
	ck_assert_id_eq(state.done, second);
	ck_assert_id_eq(state.done_by_all, second);
}
END_TEST

/* ---- what goes ---- */

START_TEST(trim_deletes_the_entries_below_its_id)
{
	struct stream_id second;

	add();
	second = add();
	trim(one, second);

	ck_assert_uint_eq(memory_stream_length(stream), 1);
	ck_assert_id_eq(memory_stream_first(stream), second);
}
END_TEST

START_TEST(an_entry_trimmed_while_pending_is_read_as_gone_or_counted_when_claimed)
{
	struct stream_id first = add();

	add();
	create_group(one, none);
	read_new(one);
	memory_stream_drop(stream, first);
	ck_assert_str_eq(read_pending(one, none), "1-0! 1-1");

	simulation_advance_ms(simulation, STREAM_CLAIM_IDLE_MS);
	claim(two);

	ck_assert_uint_eq(claimed.lost, 1);
	ck_assert_uint_eq(claimed.claimed, 1);
	ck_assert_str_eq(read_pending(two, none), "1-1");
}
END_TEST

START_TEST(without_the_group_reads_and_claims_conflict_and_acknowledgements_do_not)
{
	create_group(one, none);
	begin_read_new(one);
	memory_stream_destroy_group(stream, "group");
	run();
	ck_assert(answered && failed);
	ck_assert_int_eq(kind, FAILURE_CONFLICT);

	read_pending(one, none);
	ck_assert(failed);
	ck_assert_int_eq(kind, FAILURE_CONFLICT);
	claim(one);
	ck_assert(failed);
	ck_assert_int_eq(kind, FAILURE_CONFLICT);
	acknowledge(one, (struct stream_id){1, 0});
	ck_assert(!failed);
}
END_TEST

START_TEST(a_deleted_stream_may_give_its_ids_again)
{
	create_group(one, none);
	add();
	memory_stream_delete(stream);
	look(one);
	ck_assert(!state.has_group);
	ck_assert_id_eq(state.last_generated, none);

	create_group(one, none);
	add();
	ck_assert_str_eq(read_new(one), "1-0");
}
END_TEST

START_TEST(ids_have_the_time_of_the_servers_clock_and_never_go_back)
{
	memory_stream_set_clock(stream, 500);
	ck_assert_id_eq(add(), ((struct stream_id){501, 0}));
	memory_stream_set_clock(stream, 0);
	ck_assert_id_eq(add(), ((struct stream_id){501, 1}));
}
END_TEST

/* ---- trouble ---- */

START_TEST(a_call_over_a_connection_that_the_server_has_ended_fails)
{
	create_group(one, none);
	begin_read_new(one);
	cable_hold(memory_consumer_requests(two));
	look(two);
	answered = false;
	memory_stream_end_connections(stream);
	run();
	ck_assert(answered && failed);

	answered = false;
	cable_open(memory_consumer_requests(two));
	run();
	ck_assert(answered && failed);
	look(two);
	ck_assert(!failed);
}
END_TEST

START_TEST(a_stream_that_is_down_fails_every_call_and_waiting_ones_at_once)
{
	create_group(one, none);
	begin_read_new(one);
	memory_stream_set_down(stream, true);
	run();
	ck_assert(answered && failed);
	ck_assert_int_eq(kind, FAILURE_RETRY);

	look(one);
	ck_assert(failed);
	memory_stream_set_down(stream, false);
	look(one);
	ck_assert(!failed);
}
END_TEST

START_TEST(a_call_that_is_refused_does_nothing_and_one_whose_answer_is_lost_does_all)
{
	create_group(one, none);
	add();
	memory_consumer_fail_next(one, STREAM_READ_NEW, STREAM_AWAY);
	read_new(one);
	ck_assert(failed);
	ck_assert_uint_eq(memory_stream_pending(stream, "group"), 0);

	memory_consumer_fail_next(one, STREAM_READ_NEW, STREAM_ANSWER_LOST);
	ck_assert_str_eq(read_new(one), "");
	ck_assert(failed);
	ck_assert_int_eq(kind, FAILURE_RETRY);
	ck_assert_str_eq(read_pending(one, none), "1-0");
	ck_assert(!failed);
}
END_TEST

START_TEST(the_calls_of_a_freed_consumer_are_dropped)
{
	create_group(one, none);
	begin_read_new(one);
	memory_consumer_free(&one);
	add();
	simulation_advance_ms(simulation, 2 * STREAM_WAIT_MS);

	ck_assert(!answered);
	ck_assert_uint_eq(memory_stream_pending(stream, "group"), 0);
}
END_TEST

SUITE("stream", set_up, tear_down)
{
	tcase_add_test(tests, each_entry_goes_to_one_reader_of_a_group_in_order);
	tcase_add_test(tests, a_group_gets_the_entries_after_its_start);
	tcase_add_test(tests, groups_know_nothing_of_each_other);
	tcase_add_test(tests, a_read_waits_for_an_entry);
	tcase_add_test(tests, a_read_that_may_not_wait_is_answered_at_once);
	tcase_add_test(tests, a_waiting_read_that_is_unblocked_returns_without_entries);
	tcase_add_test(tests, an_entry_goes_to_one_of_two_waiting_readers);
	tcase_add_test(tests, a_readers_pending_entries_are_read_again_in_order_until_acknowledged);
	tcase_add_test(tests, a_consumer_that_reconnects_keeps_its_pending_entries);
	tcase_add_test(tests, idle_entries_can_be_claimed);
	tcase_add_test(tests, a_full_read_leaves_the_rest);
	tcase_add_test(tests, entries_below_the_first_pending_one_are_done);
	tcase_add_test(tests, trim_deletes_the_entries_below_its_id);
	tcase_add_test(tests, an_entry_trimmed_while_pending_is_read_as_gone_or_counted_when_claimed);
	tcase_add_test(tests, without_the_group_reads_and_claims_conflict_and_acknowledgements_do_not);
	tcase_add_test(tests, a_deleted_stream_may_give_its_ids_again);
	tcase_add_test(tests, ids_have_the_time_of_the_servers_clock_and_never_go_back);
	tcase_add_test(tests, a_call_over_a_connection_that_the_server_has_ended_fails);
	tcase_add_test(tests, a_stream_that_is_down_fails_every_call_and_waiting_ones_at_once);
	tcase_add_test(tests, a_call_that_is_refused_does_nothing_and_one_whose_answer_is_lost_does_all);
	tcase_add_test(tests, the_calls_of_a_freed_consumer_are_dropped);
}
