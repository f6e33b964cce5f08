/* A lease is taken while units of work are being committed under it. */
#include "bus/leases/lease.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

#define WORKER "11111111-1111-4111-8111-111111111111"
#define TERM   "33333333-3333-4333-8333-333333333333"
#define LATER  "44444444-4444-4444-8444-444444444444"

/* What a unit of work does first, and then keeps its transaction open. */
#define UNDER_LEASE "select from leases where name = 'stream' and term = '" TERM "' for key share"

static struct lease_store *leases;
static struct work *work;

static void set_up(void)
{
	world_set_up();
	leases = world.fixture.make_leases(&world.fixture);
	work = work_new(&world.fixture, world_make_store());
	database_sql("drop trigger if exists expect_lock on dead_letters");
	database_sql("insert into leases (name, term, holder) values ('stream', '" TERM "', '" WORKER "'),"
		     " ('other', '" TERM "', '" WORKER "')");
}

static void tear_down(void)
{
	database_sql("drop trigger if exists expect_lock on dead_letters");
	work_free(&work);
	world_tear_down();
}

static bool changed;

static void begin_to_take(bool ends_sessions)
{
	work_begin_call(work);
	leases->ops->change(leases,
			    &(struct lease_change){.name = "stream",
						   .from = TERM,
						   .to = {"stream", LATER, WORKER, ""},
						   .ends_sessions = ends_sessions},
			    &changed, work_answered, work);
}

static long is_taken(void)
{
	return database_number("select count(*) from leases where name = 'stream' and term = '" LATER "'");
}

START_TEST(a_lease_is_not_taken_before_the_unit_under_it_has_ended)
{
	void *unit = database_hold(database_conninfo(), UNDER_LEASE);

	begin_to_take(false);
	world_await_lock_waiters(1);
	ck_assert_int_eq(is_taken(), 0);
	database_commit(unit);

	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
	ck_assert(changed);
	ck_assert_int_eq(is_taken(), 1);
}
END_TEST

/* What the database says about the streams changes while the lease is being taken. */
START_TEST(a_take_waits_for_a_change_of_the_streams_and_is_judged_by_it)
{
	void *resize;

	database_sql("update installation set streams = 'few'");
	resize = database_hold(database_conninfo(), "update installation set streams = 'many'");
	work_begin_call(work);
	leases->ops->change(leases,
			    &(struct lease_change){.name = "stream",
						   .from = TERM,
						   .streams = _i ? "many" : "few",
						   .to = {"stream", LATER, WORKER, ""}},
			    &changed, work_answered, work);
	world_await_lock_waiters(1);
	database_commit(resize);

	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
	ck_assert_int_eq(changed, _i);
	ck_assert_int_eq(is_taken(), _i);
}
END_TEST

/* It is written often, and a unit that waited for it, or it for the unit, would cost time. */
START_TEST(a_note_is_written_while_a_unit_is_being_committed)
{
	void *unit = database_hold(database_conninfo(), UNDER_LEASE);

	work_begin_call(work);
	leases->ops->change(leases,
			    &(struct lease_change){.name = "stream",
						   .from = TERM,
						   .to = {"stream", TERM, WORKER, "as far as this"}},
			    &changed, work_answered, work);

	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
	ck_assert(changed);
	ck_assert_str_eq(database_sql("select note from leases where name = 'stream'"), "as far as this");
	database_commit(unit);
}
END_TEST

START_TEST(a_unit_that_does_not_end_makes_the_lease_busy)
{
	void *unit = database_hold(database_conninfo(), UNDER_LEASE);

	begin_to_take(false);

	ck_assert_int_eq(work_wait(work), FAILURE_BUSY);
	ck_assert_int_eq(is_taken(), 0);
	database_let_go(unit);
}
END_TEST

/* The sessions of a worker that was stopped, of which one or several are in the middle of a flush. */
START_TEST(units_that_do_not_end_are_ended)
{
	void *units[3], *innocent;

	innocent =
		database_hold(database_conninfo(),
			      "select from leases where name = 'other' and term = '" TERM "' for key share");
	for (int i = 0; i <= _i; i++)
		units[i] = database_hold(database_conninfo(), UNDER_LEASE);
	begin_to_take(true);

	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
	ck_assert(changed);
	ck_assert_int_eq(is_taken(), 1);
	ck_assert_int_eq(database_number("select count(*) from pg_stat_activity where state = 'idle in "
					 "transaction' and datname = current_database()"),
			 1);
	for (int i = 0; i <= _i; i++)
		database_let_go(units[i]);
	database_let_go(innocent);
}
END_TEST

START_TEST(a_free_lease_is_taken_without_ending_a_session)
{
	begin_to_take(true);

	ck_assert_msg(work_wait(work) == NO_FAILURE, "%s", work->failure);
	ck_assert(changed);
}
END_TEST

/* Adds a message that becomes a dead letter. */
static void add_message_under_lease(void)
{
	static struct lease lease = {.name = "stream", .term = TERM, .users = 1};
	struct arrival arrival = {
		.transport = TRANSPORT_STREAM, .origin = "stream", .entry_id = "1-0", .lease = &lease};
	struct envelope envelope = {.source = "", .occurred_at = NO_INSTANT};

	message_init(&envelope.message, MSG_ALLOCATE);
	envelope.message.as.allocate.orderid = "order";
	envelope.message.as.allocate.sku = "lamp";
	envelope.message.as.allocate.qty = 1;
	work_arrival(work, &envelope, arrival);
}

/* Two lanes check the lease at once, and neither waits for the other. */
START_TEST(units_under_one_lease_do_not_wait_for_each_other)
{
	void *unit = database_hold(database_conninfo(), UNDER_LEASE);

	add_message_under_lease();

	ck_assert_msg(work_do(work) == NO_FAILURE, "%s", work->failure);
	database_let_go(unit);
}
END_TEST

/* A row that is locked bears the number of the transaction. */
START_TEST(a_unit_holds_its_lease_until_it_is_committed)
{
	database_sql(
		"create or replace function expect_lock() returns trigger language plpgsql as $$ begin"
		" if not exists (select from leases where name = 'stream' and xmax = pg_current_xact_id()::xid)"
		" then raise 'the lease is not locked'; end if; return null; end $$;"
		"create trigger expect_lock after insert on dead_letters execute function expect_lock()");
	add_message_under_lease();

	ck_assert_msg(work_do(work) == NO_FAILURE, "%s", work->failure);
	ck_assert_int_eq(database_number("select count(*) from dead_letters"), 1);
}
END_TEST

SUITE("races of leases", set_up, tear_down, .timeout_s = 60)
{
	tcase_add_test(tests, a_lease_is_not_taken_before_the_unit_under_it_has_ended);
	tcase_add_loop_test(tests, a_take_waits_for_a_change_of_the_streams_and_is_judged_by_it, 0, 2);
	tcase_add_test(tests, a_note_is_written_while_a_unit_is_being_committed);
	tcase_add_test(tests, a_unit_that_does_not_end_makes_the_lease_busy);
	tcase_add_loop_test(tests, units_that_do_not_end_are_ended, 0, 3);
	tcase_add_test(tests, a_free_lease_is_taken_without_ending_a_session);
	tcase_add_test(tests, units_under_one_lease_do_not_wait_for_each_other);
	tcase_add_test(tests, a_unit_holds_its_lease_until_it_is_committed);
}
