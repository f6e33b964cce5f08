/* Connections that are lost during a flush: after any byte, by the server's termination, or in silence. */
#include "starved.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

static struct store_ports *store;
static struct work *work;

static void set_up(void)
{
	world_set_up();
	store = world_make_store();
	work = work_new(&world.fixture, store);
	work_create_batch(work, "batch", "lamp", 1000, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void tear_down(void)
{
	work_free(&work);
	world_tear_down();
}

/* A unit with something in most tables, ready for its flush. */
static void prepare(const char *orderid)
{
	work_restart(work);
	work_allocate(work, orderid, "lamp", 1);
	work_invalid(work, "bad");
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
}

/* Resolves the commit as the engine does. */
static int settle(void)
{
	int answer;

	do
		answer = work_settle(work);
	while (answer == FAILURE_RETRY);
	return answer;
}

static bool is_committed(const char *orderid)
{
	return database_number("select count(*) from order_lines where orderid = '%s'", orderid) == 1;
}

/*
 * After any byte at which the connection is lost, a flush that did nothing and one that is perhaps done are
 * distinguished, and resolving the commit finds out which one it was.
 */
static void lose_after(size_t bytes)
{
	int answer;

	prepare("order");
	proxy_cut_flush_after(world_proxy_of(store), bytes);
	answer = work_flush(work);
	if (answer == FAILURE_RETRY) {
		ck_assert_msg(!is_committed("order"), "cut after %zu bytes", bytes);
		return;
	}
	ck_assert_msg(answer == FAILURE_UNCERTAIN, "cut after %zu bytes: %d %s", bytes, answer,
		      work->failure);
	answer = settle();
	ck_assert_msg((answer == FAILURE_CONFLICT) == is_committed("order"), "cut after %zu bytes: %d", bytes,
		      answer);
	ck_assert_msg((answer == NO_FAILURE) == !is_committed("order"), "cut after %zu bytes: %d", bytes,
		      answer);
}

static size_t measure_flush(void)
{
	prepare("measured");
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
	return proxy_flush_size(world_proxy_of(store));
}

/* The numbers of cuts spread over the whole flush, and over its last bytes, where the commit is. */
#define PLACES 96
#define PARTS  4

START_TEST(a_flush_that_is_cut_at_any_byte_is_resolved_correctly)
{
	size_t size = measure_flush();

	for (size_t place = (size_t)_i; place < PLACES; place += PARTS)
		lose_after(size * place / PLACES);
}
END_TEST

START_TEST(a_flush_that_is_cut_near_its_end_is_resolved_correctly)
{
	size_t size = measure_flush();

	for (size_t bytes = size - 12; bytes <= size; bytes++) {
		lose_after(bytes);
		database_sql("delete from order_lines; delete from allocations_view; delete from outbox;"
			     "update batches set allocated = 0; update products set version = 0");
	}
}
END_TEST

START_TEST(a_flush_that_arrived_whole_but_got_no_answer_is_committed)
{
	prepare("order");
	proxy_swallow_answer(world_proxy_of(store));

	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);

	ck_assert_int_eq(settle(), FAILURE_CONFLICT);
	ck_assert(is_committed("order"));
}
END_TEST

/* The pooler reports the loss by itself, which is no answer to the commit. */
START_TEST(a_pooler_that_lost_the_servers_session_leaves_the_commit_uncertain)
{
	prepare("order");
	proxy_swallow_answer_as_pooler(world_proxy_of(store));

	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);

	ck_assert_ptr_nonnull(strstr(work->failure, "server conn crashed?"));
	ck_assert_int_eq(settle(), FAILURE_CONFLICT);
	ck_assert(is_committed("order"));
}
END_TEST

/* A session that lost a sync would answer each request with the results of the next one. */
START_TEST(a_commit_whose_result_libpq_cannot_take_is_uncertain)
{
	static const ExecStatusType lost[] = {PGRES_TUPLES_OK, PGRES_PIPELINE_SYNC};

	prepare("order");
	starve_result(lost[_i]);

	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);

	ck_assert_int_eq(settle(), FAILURE_CONFLICT);
	ck_assert(is_committed("order"));
}
END_TEST

START_TEST(a_server_that_becomes_silent_is_given_up)
{
	struct work *hasty;

	world.answer_timeout_ms = 300;
	hasty = work_new(&world.fixture, world_make_store());
	work_allocate(hasty, "order", "lamp", 1);
	ck_assert_int_eq(work_load(hasty), NO_FAILURE);
	work_handle(hasty);
	proxy_freeze_flush(world_proxy_of(hasty->store));

	ck_assert_int_eq(work_flush(hasty), FAILURE_UNCERTAIN);

	ck_assert_ptr_nonnull(strstr(hasty->failure, "in time"));
	ck_assert_int_eq(work_settle(hasty), FAILURE_CONFLICT);
	work_free(&hasty);
}
END_TEST

static void make_flushes_fast(void)
{
	database_sql("drop trigger if exists slow on order_lines");
}

/* Holds up every flush where it writes lines. */
static void make_flushes_slow(void)
{
	make_flushes_fast();
	database_sql("create or replace function slow() returns trigger language plpgsql as"
		     " $$ begin perform pg_sleep(20); return new; end $$;"
		     "create trigger slow before insert on order_lines for each row execute function slow()");
}

/* Applies the function `act` to the session that flushes, as soon as that session is in the flush. */
static void wait_and(const char *act)
{
	while (!database_number(
		"select count(%s(pid)) from pg_stat_activity where datname = current_database()"
		" and wait_event = 'PgSleep'",
		act))
		event_base_loop(world.base, EVLOOP_NONBLOCK);
}

START_TEST(a_flush_whose_session_is_terminated_is_uncertain_and_not_committed)
{
	make_flushes_slow();
	prepare("order");

	work_begin_flush(work);
	wait_and("pg_terminate_backend");

	ck_assert_int_eq(work_wait(work), FAILURE_UNCERTAIN);
	ck_assert_ptr_nonnull(strstr(work->failure, "57P01"));
	ck_assert_int_eq(settle(), NO_FAILURE);
	make_flushes_fast();
	ck_assert(!is_committed("order"));
}
END_TEST

START_TEST(a_flush_with_a_cancelled_or_slow_statement_writes_nothing)
{
	make_flushes_slow();
	prepare("order");

	work_begin_flush(work);
	wait_and("pg_cancel_backend");

	ck_assert_int_eq(work_wait(work), FAILURE_BUSY);
	make_flushes_fast();
	ck_assert(!is_committed("order"));
	prepare("order");
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
}
END_TEST

/* A pooler keeps its clients' connections when it loses the server's sessions. */
static void end_session(void)
{
	if (database_is_pooled())
		proxy_drop_connections(world_proxy_of(store));
	database_sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity"
		     " where datname = current_database()"
		     " and pid <> pg_backend_pid()");
	while (proxy_connections(world_proxy_of(store)) < 2)
		event_base_loop(world.base, EVLOOP_ONCE);
}

START_TEST(a_session_that_ends_between_two_calls_is_replaced_and_counted)
{
	ck_assert_uint_eq(store->units->sessions_lost, 0);
	end_session();
	ck_assert_uint_eq(store->units->sessions_lost, 1);

	prepare("order");

	ck_assert_int_eq(work_flush(work), NO_FAILURE);
}
END_TEST

/* In a database restored from a backup, another session got the key that is next here. */
START_TEST(keys_of_a_lost_session_are_not_used)
{
	end_session();
	database_sql(
		"insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)"
		" select id - 1, product_id, 'theirs', eta, 1, 1, 0 from batches");

	work_restart(work);
	work_create_batch(work, "ours", "lamp", 1, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}
END_TEST

START_TEST(a_load_whose_connection_is_cut_can_be_repeated)
{
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	work_begin_call(work);
	store->units->ops->load(store->units, &work->uow, work_answered, work);
	proxy_drop_connections(world_proxy_of(store));

	ck_assert_int_eq(work_wait(work), FAILURE_RETRY);

	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert(is_committed("order"));
}
END_TEST

/* Preparing the statements of a session locks their tables, too. */
START_TEST(a_session_that_cannot_be_prepared_is_reported_with_its_error)
{
	void *holder = database_hold(database_conninfo(), "lock table products in access exclusive mode");
	struct work *other = work_new(&world.fixture, world_make_store());

	for (int i = 0; i < 6; i++) {
		work_restart(other);
		work_allocate(other, "order", "lamp", 1);
		ck_assert_int_ne(work_load(other), NO_FAILURE);
		ck_assert_msg(strstr(other->failure, "55P03"), "call %d: %s", i, other->failure);
	}
	database_let_go(holder);
	work_free(&other);
}
END_TEST

START_TEST(a_unit_whose_locks_were_lost_is_checked_by_its_flush)
{
	struct work *other = work_new(&world.fixture, world_make_store());

	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "ours", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	proxy_drop_connections(world_proxy_of(store));
	work_allocate(other, "theirs", "lamp", 1);
	ck_assert_int_eq(work_do(other), NO_FAILURE);

	int answer = work_flush(work);

	while (answer == FAILURE_RETRY)
		answer = work_flush(work);
	ck_assert_int_eq(answer, FAILURE_CONFLICT);
	ck_assert(!is_committed("ours"));
	work_free(&other);
}
END_TEST

SUITE("lost connections", set_up, tear_down, .timeout_s = 120)
{
	tcase_add_loop_test(tests, a_flush_that_is_cut_at_any_byte_is_resolved_correctly, 0,
			    database_is_pooled() ? 1 : PARTS);
	tcase_add_test(tests, a_flush_that_is_cut_near_its_end_is_resolved_correctly);
	tcase_add_test(tests, a_flush_that_arrived_whole_but_got_no_answer_is_committed);
	tcase_add_test(tests, a_pooler_that_lost_the_servers_session_leaves_the_commit_uncertain);
	tcase_add_loop_test(tests, a_commit_whose_result_libpq_cannot_take_is_uncertain, 0, 2);
	tcase_add_test(tests, a_server_that_becomes_silent_is_given_up);
	tcase_add_test(tests, a_session_that_ends_between_two_calls_is_replaced_and_counted);
	tcase_add_test(tests, keys_of_a_lost_session_are_not_used);
	tcase_add_test(tests, a_load_whose_connection_is_cut_can_be_repeated);
	tcase_add_test(tests, a_session_that_cannot_be_prepared_is_reported_with_its_error);
	tcase_add_test(tests, a_unit_whose_locks_were_lost_is_checked_by_its_flush);
}

SUITE("lost connections", set_up, tear_down)
{
	tcase_add_unchecked_fixture(tests, NULL, make_flushes_fast);
	tcase_add_test(tests, a_flush_whose_session_is_terminated_is_uncertain_and_not_committed);
	tcase_add_test(tests, a_flush_with_a_cancelled_or_slow_statement_writes_nothing);
}
