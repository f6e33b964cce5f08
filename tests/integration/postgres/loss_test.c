/* Connections that are lost during a flush: at any byte, by the server's hand, or without a word. */
#include "suites.h"
#include "world.h"

#include <string.h>

static struct store *store;
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

/* As the engine does. */
static int settle(struct work *of)
{
	int answer;

	do
		answer = work_settle(of);
	while (answer == FAILURE_RETRY);
	return answer;
}

static bool is_committed(const char *orderid)
{
	return database_number("select count(*) from order_lines where orderid = '%s'", orderid) == 1;
}

/* ---- wherever a flush is cut ---- */

/*
 * The heart of the matter.  Whatever byte of a flush the connection is lost after: "nothing happened" and
 * "perhaps done" are told apart, settling finds the truth, and a unit that was not committed is done again.  In
 * the end every unit has had its effect, once.
 *
 * So many stores, each with a product of its own, lose their connections together: they connect again together.
 */
#define CUTS  16
#define PARTS 4

#define FIRST_VERSION 10000

static struct cut {
	struct work *work;
	const char *sku;
	int partition; /* whose cursor it moves */
	int bytes;     /* after so many; the unit's number, too */
	bool committed;
} cuts[CUTS];

/* A unit that writes every table which a flush can write without a shrink. */
static void admit_unit(struct cut *cut)
{
	struct arena *arena = cut->work->uow.arena;
	const char *name = arena_printf(arena, "%05d", cut->bytes);
	struct envelope envelope = {.id = name, .occurred_at = NO_INSTANT};
	struct create_batch *batch = &envelope.message.as.create_batch;
	struct cursor cursor = {cut->partition, cut->bytes + 1};

	message_init(&envelope.message, MSG_CREATE_BATCH);
	batch->batchref = name;
	batch->sku = cut->sku;
	batch->qty = 1;
	work_message(cut->work, &envelope);
	work_allocate(cut->work, name, cut->sku, 1);
	work_allocate(cut->work, name, cut->sku, 2);
	work_invalid(cut->work, name);
	cut->work->uow.cursors = arena_copy(arena, &cursor, sizeof cursor);
	cut->work->uow.cursor_count = 1;
}

/* Nothing of it was done before. */
static void handle_unit(struct cut *cut)
{
	int answer;

	do {
		work_restart(cut->work);
		admit_unit(cut);
		answer = work_load(cut->work);
	} while (answer == FAILURE_RETRY); /* it connects still */
	ck_assert_msg(answer == NO_FAILURE, "%s", cut->work->failure);
	work_handle(cut->work);
	for (size_t i = 0; i < 3; i++)
		ck_assert_msg(cut->work->deliveries[i]->outcome == OUTCOME_HANDLED, "cut after %d bytes",
			      cut->bytes);
}

static void do_unit(struct cut *cut, int number)
{
	int answer;

	cut->bytes = number;
	do {
		handle_unit(cut);
		answer = work_flush(cut->work);
	} while (answer == FAILURE_RETRY); /* a session that was cut holds its locks for a moment */
	ck_assert_msg(answer == NO_FAILURE, "%s", cut->work->failure);
}

static bool find_truth(struct cut *cut)
{
	int answer = work_wait(cut->work);

	if (answer == FAILURE_RETRY)
		return false;
	ck_assert_msg(answer == FAILURE_UNCERTAIN, "cut after %d bytes: %d %s", cut->bytes, answer,
		      cut->work->failure);
	return settle(cut->work) == FAILURE_CONFLICT;
}

/* The next cuts, as many as there are places up to `size`; returns how many. */
static int lose_together(int bytes, int size)
{
	int count = 0;

	for (; count < CUTS && bytes <= size; bytes += PARTS) {
		struct cut *cut = &cuts[count++];

		cut->bytes = bytes;
		handle_unit(cut);
		proxy_cut_flush_after(world_proxy_of(cut->work->store), (size_t)bytes);
		work_begin_flush(cut->work);
	}
	for (int i = 0; i < count; i++)
		cuts[i].committed = find_truth(&cuts[i]);
	for (int i = 0; i < count; i++) {
		if (!cuts[i].committed)
			do_unit(&cuts[i], cuts[i].bytes);
	}
	return count;
}

/* What so many units wrote, each once. */
static void assert_effects(int units)
{
	static const char *const tables[] = {"batches", "order_lines",   "allocations_view",
					     "inbox",   "notifications", "outbox"};

	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		ck_assert_msg(database_number("select count(*) from %s", tables[i]) == units, "%s",
			      tables[i]);
	ck_assert_int_eq(database_number("select kept + dropped from dead_letter_totals"), units);
	ck_assert_int_eq(database_number("select sum(version - %d) from products", FIRST_VERSION), 2 * units);
	ck_assert_int_eq(database_number("select sum(revision - 1) from products"), units);
	ck_assert_int_eq(database_number("select sum(position) from outbox_heads"), units);
}

/* Their versions have as many digits to the end, and so their flushes have one size; returns it. */
static int begin_cuts(void)
{
	database_sql("delete from batches; delete from products;"
		     "insert into products (id, sku, version, revision)"
		     " select -n, 'lamp ' || n, %d, 1 from generate_series(10, %d) n",
		     FIRST_VERSION, 10 + CUTS - 1);
	for (int i = 0; i < CUTS; i++) {
		cuts[i] = (struct cut){.work = work_new(&world.fixture, world_make_store()),
				       .sku = arena_printf(work->uow.arena, "lamp %d", 10 + i),
				       .partition = i % PARTITIONS};
		do_unit(&cuts[i], 10000 + i);
	}
	return (int)proxy_flush_size(world_proxy_of(cuts[0].work->store));
}

START_TEST(wherever_a_flush_is_cut_it_has_one_effect)
{
	int units = CUTS, bytes = _i, size = begin_cuts();

	while (bytes <= size) {
		int count = lose_together(bytes, size);

		for (int i = 0; i < count; i++)
			ck_assert_msg(cuts[i].committed == (cuts[i].bytes == size),
				      "cut after %d of %d bytes", cuts[i].bytes, size);
		bytes += count * PARTS;
		units += count;
	}

	assert_effects(units);
	for (int i = 0; i < CUTS; i++)
		work_free(&cuts[i].work);
}
END_TEST

START_TEST(a_whole_flush_that_is_not_answered_is_committed)
{
	prepare("order");
	proxy_swallow_answer(world_proxy_of(store));

	ck_assert_int_eq(work_flush(work), FAILURE_UNCERTAIN);

	ck_assert_int_eq(settle(work), FAILURE_CONFLICT);
	ck_assert(is_committed("order"));
}
END_TEST

START_TEST(a_server_that_falls_silent_is_given_up)
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

/* Does it to the session that flushes, once it is there. */
static void wait_and(const char *act)
{
	while (!database_number(
		"select count(%s(pid)) from pg_stat_activity where datname = current_database()"
		" and wait_event = 'PgSleep'",
		act))
		event_base_loop(world.base, EVLOOP_NONBLOCK);
}

START_TEST(a_session_that_is_terminated_in_mid_flush_is_uncertain_and_did_not_commit)
{
	make_flushes_slow();
	prepare("order");

	work_begin_flush(work);
	wait_and("pg_terminate_backend");

	ck_assert_int_eq(work_wait(work), FAILURE_UNCERTAIN);
	ck_assert_ptr_nonnull(strstr(work->failure, "57P01"));
	ck_assert_int_eq(settle(work), NO_FAILURE);
	make_flushes_fast();
	ck_assert(!is_committed("order"));
}
END_TEST

START_TEST(a_statement_that_is_cancelled_or_takes_too_long_wrote_nothing)
{
	make_flushes_slow();
	prepare("order");

	work_begin_flush(work);
	wait_and("pg_cancel_backend");

	ck_assert_int_eq(work_wait(work), FAILURE_RETRY);
	make_flushes_fast();
	ck_assert(!is_committed("order"));
	prepare("order");
	ck_assert_int_eq(work_flush(work), NO_FAILURE);
}
END_TEST

START_TEST(a_session_that_ends_between_two_calls_is_replaced)
{
	database_sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity"
		     " where datname = current_database()"
		     " and pid <> pg_backend_pid()");
	while (proxy_connections(world_proxy_of(store)) < 2)
		event_base_loop(world.base, EVLOOP_ONCE);

	prepare("order");

	ck_assert_int_eq(work_flush(work), NO_FAILURE);
}
END_TEST

START_TEST(a_load_that_is_cut_can_be_repeated)
{
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	work_begin_call(work);
	store->ops->load(store, &work->uow, work_answered, work);
	proxy_drop_connections(world_proxy_of(store));

	ck_assert_int_eq(work_wait(work), FAILURE_RETRY);

	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert(is_committed("order"));
}
END_TEST

START_TEST(a_unit_whose_locks_were_lost_is_checked_all_the_same)
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

Suite *loss_suite(void)
{
	Suite *suite = suite_create("lost connections");
	TCase *tests = tcase_create("lost connections"), *slow = tcase_create("slow flushes");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 240);
	tcase_add_loop_test(tests, wherever_a_flush_is_cut_it_has_one_effect, 0, PARTS);
	tcase_add_test(tests, a_whole_flush_that_is_not_answered_is_committed);
	tcase_add_test(tests, a_server_that_falls_silent_is_given_up);
	tcase_add_test(tests, a_session_that_ends_between_two_calls_is_replaced);
	tcase_add_test(tests, a_load_that_is_cut_can_be_repeated);
	tcase_add_test(tests, a_unit_whose_locks_were_lost_is_checked_all_the_same);
	suite_add_tcase(suite, tests);

	tcase_add_checked_fixture(slow, set_up, tear_down);
	tcase_add_unchecked_fixture(slow, NULL, make_flushes_fast);
	tcase_set_timeout(slow, 60);
	tcase_add_test(slow, a_session_that_is_terminated_in_mid_flush_is_uncertain_and_did_not_commit);
	tcase_add_test(slow, a_statement_that_is_cancelled_or_takes_too_long_wrote_nothing);
	suite_add_tcase(suite, slow);
	return suite;
}
