/* Several sessions begin and end the same processes at the same time. */
#include "bus/ports/process_store.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

static struct work *one, *other;
static struct arena *arena;
static struct process_start starts[3];

static void set_up(void)
{
	world_set_up();
	one = work_new(&world.fixture, world_make_store());
	other = work_new(&world.fixture, world_make_store());
	arena = arena_new(4096);
}

static void tear_down(void)
{
	arena_free(&arena);
	work_free(&one);
	work_free(&other);
	world_tear_down();
}

static struct delivery *add_event(struct work *work, const char *id)
{
	struct arrival arrival = {.transport = TRANSPORT_PUBSUB, .origin = "place"};
	struct envelope envelope = {.id = id, .source = "", .occurred_at = NO_INSTANT};

	message_init(&envelope.message, MSG_ORDER_CANCELLED);
	envelope.message.as.order_cancelled.orderid = "order";
	return work_arrival(work, &envelope, arrival);
}

/* Adds events with these ids, a letter each, to the unit; their processes are to begin. */
static size_t add_events(struct work *work, const char *letters)
{
	size_t count = strlen(letters);

	for (size_t i = 0; i < count; i++)
		starts[i] = (struct process_start){
			.event = add_event(work, arena_printf(arena, "%c", letters[i]))};
	return count;
}

static void begin_call(struct work *work, size_t count)
{
	struct process_store *port = work->store->processes;

	work_begin_call(work);
	port->ops->begin(port, starts, count, arena, work_answered, work);
}

static void begin(struct work *work, size_t count)
{
	begin_call(work, count);
	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
}

/* The unit handles the events, which end their processes. */
static void prepare_end(struct work *work, size_t count)
{
	for (size_t i = 0; i < count; i++)
		work->deliveries[i]->process_key = starts[i].key;
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
}

static long recorded(void)
{
	return database_number("select count(*) from processes");
}

START_TEST(an_event_that_is_ending_elsewhere_does_not_begin_again)
{
	void *holder;

	begin(one, add_events(one, "a"));
	holder = database_hold(
		database_conninfo(),
		"delete from processes; insert into inbox (message, source, id, digest, outcome)"
		" values ('order_cancelled', '', 'a', 1, 'handled')");
	begin_call(other, add_events(other, "a"));
	world_await_lock_waiters(1);
	database_commit(holder);

	ck_assert_msg(work_wait(other) == NO_FAILURE, "%s", other->failure);
	ck_assert_int_eq(starts[0].key, 0);
	ck_assert_int_eq(recorded(), 0);
}
END_TEST

START_TEST(a_record_whose_id_is_spent_is_deleted_when_its_event_comes_again)
{
	begin(one, add_events(one, "ab"));
	database_sql("insert into inbox (message, source, id, digest, outcome)"
		     " values ('order_cancelled', '', 'a', 1, 'handled')");
	begin(other, add_events(other, "ab"));

	ck_assert_int_eq(starts[0].key, 0);
	ck_assert_int_gt(starts[1].key, 0);
	ck_assert_int_eq(recorded(), 1);
}
END_TEST

START_TEST(a_process_ends_though_its_lease_is_being_prolonged)
{
	void *holder;

	begin(one, add_events(one, "a"));
	prepare_end(one, 1);
	holder = database_hold(database_conninfo(),
			       "update processes set due_at = due_at + interval '1 minute'");
	work_begin_flush(one);
	world_await_lock_waiters(1);
	database_commit(holder);

	ck_assert_msg(work_wait(one) == NO_FAILURE, "%s", one->failure);
	ck_assert_int_eq(recorded(), 0);
}
END_TEST

START_TEST(a_lease_is_prolonged_without_waiting_for_a_process_that_ends)
{
	struct chores_store *chores = other->store->chores;
	struct due_process due[3];
	int64_t keys[2];
	size_t found;
	void *holder;

	begin(one, add_events(one, "ab"));
	keys[0] = starts[0].key;
	keys[1] = starts[1].key;
	database_sql("update processes set due_at = now() + interval '1 second'");
	holder = database_hold(database_conninfo(), "delete from processes where message_id = 'a'");
	work_begin_call(other);
	chores->ops->claim_processes(chores,
				     &(struct process_claim){.running = keys, .running_count = 2, .max = 3},
				     due, &found, arena, work_answered, other);

	ck_assert_msg(work_wait(other) == NO_FAILURE, "%s", other->failure);
	ck_assert_uint_eq(found, 0);
	database_let_go(holder);
	ck_assert_int_eq(
		database_number("select count(*) from processes where due_at > now() + interval '30 s'"), 1);
}
END_TEST

/* Both are stopped in the middle: if they locked in different orders, neither could continue. */
START_TEST(processes_that_begin_and_those_that_end_are_locked_in_one_order)
{
	void *holder;

	begin(one, add_events(one, "cba"));
	prepare_end(one, 3);
	holder =
		database_hold(database_conninfo(), "select from processes where message_id = 'b' for update");
	begin_call(other, add_events(other, "bca"));
	world_await_lock_waiters(1);
	work_begin_flush(one);
	world_await_lock_waiters(2);
	database_let_go(holder);

	ck_assert_msg(work_wait(other) == NO_FAILURE, "%s", other->failure);
	ck_assert_msg(work_wait(one) == NO_FAILURE, "%s", one->failure);
	ck_assert_int_eq(recorded(), 0);
}
END_TEST

SUITE("races of processes", set_up, tear_down, .timeout_s = 60)
{
	tcase_add_test(tests, an_event_that_is_ending_elsewhere_does_not_begin_again);
	tcase_add_test(tests, a_record_whose_id_is_spent_is_deleted_when_its_event_comes_again);
	tcase_add_test(tests, a_process_ends_though_its_lease_is_being_prolonged);
	tcase_add_test(tests, a_lease_is_prolonged_without_waiting_for_a_process_that_ends);
	tcase_add_test(tests, processes_that_begin_and_those_that_end_are_locked_in_one_order);
}
