/*
 * The database in memory, beyond the store's port: injected failures, lost flushes, faults that it detects.
 */
#include "support/suites.h"

#include "adapters/memory/database/backup.h"
#include "adapters/memory/ports/text_codec.h"
#include "adapters/memory/simulation/lost.h"
#include "adapters/memory/store/memory_store.h"

#include <string.h>

static struct simulation *simulation;
static struct database *database;
static struct memory_store *store;
static struct memory_codec codec;
static struct unit_of_work uow;

/* The answer to the call that was made last. */
static bool answered;
static int answer; /* the failure's kind, or SUCCESS */

#define SUCCESS (-1)

static void set_up(void)
{
	simulation = simulation_new();
	database = database_new(simulation, &(struct database_config){10, 7, 90});
	store = memory_store_new(database);
	memory_codec_init(&codec);
	unit_of_work_init(&uow, &codec.codec, MOVE_MAX_DEFAULT);
}

static void tear_down(void)
{
	unit_of_work_release(&uow);
	memory_store_free(&store);
	database_free(&database);
	simulation_free(&simulation);
}

static void on_done(void *context, const struct failure *failure)
{
	(void)context;
	answered = true;
	answer = failure ? (int)failure->kind : SUCCESS;
}

/* Flushes a unit of work that creates the batch; the call is in flight when this returns. */
static void begin_flush(struct memory_store *by, const char *reference, unsigned char witness)
{
	struct unit_store *port = memory_unit_store(by);
	struct product *product;

	unit_of_work_clear(&uow);
	memset(uow.witness, witness, sizeof uow.witness);
	unit_of_work_want_product(&uow, "LAMP");
	port->ops->load(port, &uow, on_done, NULL);
	simulation_run_until_idle(simulation);
	product = uow.products[0]->product;
	if (!product)
		product = unit_of_work_new_product(&uow, "LAMP");
	product_add_batch(product, reference, 1, IN_WAREHOUSE);
	unit_of_work_close(&uow);
	answered = false;
	port->ops->flush(port, &uow, on_done, NULL);
}

static int flush(const char *reference, unsigned char witness)
{
	begin_flush(store, reference, witness);
	simulation_run_until_idle(simulation);
	ck_assert(answered);
	return answer;
}

static int resolve_commit(unsigned char witness)
{
	struct unit_store *port = memory_unit_store(store);
	unsigned char bytes[WITNESS_SIZE];

	memset(bytes, witness, sizeof bytes);
	answered = false;
	port->ops->resolve_commit(port, bytes, on_done, NULL);
	simulation_advance_ms(simulation, 2 * MEMORY_LOCK_TIMEOUT_MS);
	ck_assert(answered);
	return answer;
}

static const struct {
	enum store_injection injected;
	int answer;
	bool done;
	size_t lost;
} failures[] = {
	{INJECT_NONE, SUCCESS, true, 0},
	{INJECT_REFUSED, FAILURE_RETRY, false, 0},
	{INJECT_CONFLICT, FAILURE_CONFLICT, false, 0},
	{INJECT_DATA, FAILURE_DATA, false, 0},
	{INJECT_LOST_BEFORE, FAILURE_UNCERTAIN, false, 0},
	{INJECT_LOST_AFTER, FAILURE_UNCERTAIN, true, 0},
	{INJECT_LOST_COMMITTING, FAILURE_UNCERTAIN, false, 1},
	{INJECT_LOST_ON_THE_WAY, FAILURE_UNCERTAIN, false, 1},
};

START_TEST(each_planned_failure_has_its_effect)
{
	memory_store_fail_next(store, CALL_FLUSH, failures[_i].injected);

	ck_assert_int_eq(flush("batch", 1), failures[_i].answer);

	ck_assert_int_eq(database_batch(database, "batch") != NULL, failures[_i].done);
	ck_assert_uint_eq(database_lost_count(database), failures[_i].lost);
}
END_TEST

START_TEST(a_lost_flush_that_is_committing_may_commit_or_not)
{
	memory_store_fail_next(store, CALL_FLUSH, INJECT_LOST_COMMITTING);
	flush("batch", 1);

	database_end_lost(database, _i);

	ck_assert_int_eq(database_batch(database, "batch") != NULL, _i);
	ck_assert_int_eq(resolve_commit(1), _i ? FAILURE_CONFLICT : SUCCESS);
}
END_TEST

START_TEST(a_question_waits_while_a_lost_flush_is_committing)
{
	memory_store_fail_next(store, CALL_FLUSH, INJECT_LOST_COMMITTING);
	flush("batch", 1);

	ck_assert_int_eq(resolve_commit(1), FAILURE_BUSY);
}
END_TEST

START_TEST(the_rows_of_a_committing_flush_are_locked)
{
	memory_store_fail_next(store, CALL_FLUSH, INJECT_LOST_COMMITTING);
	flush("batch", 1);
	begin_flush(store, "other", 2);
	simulation_advance_ms(simulation, MEMORY_LOCK_TIMEOUT_MS - 1);
	ck_assert(!answered);

	if (_i)
		database_end_lost(database, true);
	simulation_advance_ms(simulation, 1);

	ck_assert(answered);
	ck_assert_int_eq(answer, _i ? FAILURE_CONFLICT : FAILURE_BUSY);
}
END_TEST

START_TEST(a_flush_that_arrives_after_the_question_is_too_late)
{
	memory_store_fail_next(store, CALL_FLUSH, INJECT_LOST_ON_THE_WAY);
	flush("batch", 1);
	ck_assert_int_eq(resolve_commit(1), SUCCESS);

	database_end_lost(database, true);

	ck_assert_ptr_null(database_batch(database, "batch"));
	ck_assert_int_eq(resolve_commit(1), SUCCESS);
}
END_TEST

START_TEST(a_flush_of_a_dead_worker_may_still_arrive)
{
	struct memory_store *dead = memory_store_new(database);

	begin_flush(dead, "batch", 1);
	memory_store_free(&dead);
	unit_of_work_clear(&uow); /* nothing of the worker's memory is needed any more */
	ck_assert_uint_eq(database_lost_count(database), 1);

	database_end_lost(database, true);
	simulation_run_until_idle(simulation);

	ck_assert_ptr_nonnull(database_batch(database, "batch"));
	ck_assert(!answered);
}
END_TEST

START_TEST(a_flush_that_was_carried_out_is_not_lost)
{
	struct memory_store *dead = memory_store_new(database);

	cable_hold(memory_store_answers(dead));
	unit_of_work_clear(&uow);
	answered = false;
	memory_unit_store(dead)->ops->flush(memory_unit_store(dead), &uow, on_done, NULL);
	simulation_run_until_idle(simulation);
	memory_store_free(&dead);

	ck_assert_uint_eq(database_lost_count(database), 0);
	ck_assert_uint_eq(database->witness_count, 1);
	ck_assert(!answered);
}
END_TEST

static const char *fault(void)
{
	return database_fault(database, uow.arena);
}

/* ---- backups ---- */

START_TEST(a_restored_database_has_what_its_backup_has)
{
	const struct database *backup;

	flush("batch", 1);
	backup = database_back_up(database);
	flush("lost", 2);
	database_batch(database, "batch")->purchased = 100;
	database_restore(database, backup);

	ck_assert_int_eq(database_purchased(database, "batch"), 1);
	ck_assert_ptr_null(database_batch(database, "lost"));
	ck_assert_ptr_null(fault());
	ck_assert_int_eq(resolve_commit(1), FAILURE_CONFLICT);
	ck_assert_int_eq(resolve_commit(2), SUCCESS);
	ck_assert_int_eq(flush("another", 3), SUCCESS);
	ck_assert_ptr_null(fault());
}
END_TEST

/* Whether it has not arrived yet, waits for a lock, or is answered. */
START_TEST(a_restore_ends_the_sessions_with_the_calls_that_are_under_way)
{
	const struct database *backup = database_back_up(database);

	begin_flush(store, "batch", 1);
	if (_i == 1)
		database_lock_product(database, "LAMP");
	if (_i == 2)
		cable_hold(memory_store_answers(store));
	if (_i > 0)
		simulation_run_until_idle(simulation);
	database_restore(database, backup);
	cable_open(memory_store_answers(store));
	simulation_run_until_idle(simulation);

	ck_assert(answered);
	ck_assert_int_eq(answer, FAILURE_UNCERTAIN);
	ck_assert_ptr_null(database_batch(database, "batch"));
	ck_assert_int_eq(flush("batch", 2), SUCCESS);
}
END_TEST

/* ---- what it finds wrong with itself ---- */

START_TEST(a_sound_database_has_no_fault)
{
	flush("batch", 1);

	ck_assert_ptr_null(fault());
}
END_TEST

START_TEST(a_batch_that_does_not_hold_what_its_lines_say_is_a_fault)
{
	flush("batch", 1);
	database_batch(database, "batch")->allocated = 1;

	ck_assert_str_eq(fault(), "batch batch: 1 allocated, but its lines are 0");
}
END_TEST

START_TEST(a_batch_allocated_beyond_what_it_holds_is_a_fault)
{
	flush("batch", 1);
	database_batch(database, "batch")->allocated = 2;

	ck_assert_str_eq(fault(), "batch batch: 2 allocated of 1");
}
END_TEST

START_TEST(a_version_without_its_event_is_a_fault)
{
	flush("batch", 1);
	database_product(database, "LAMP")->version = 1;

	ck_assert_str_eq(fault(), "outbox of LAMP ends at 0, its version is 1");
}
END_TEST

SUITE("database", set_up, tear_down)
{
	tcase_add_loop_test(tests, each_planned_failure_has_its_effect, 0, COUNT(failures));
	tcase_add_loop_test(tests, a_lost_flush_that_is_committing_may_commit_or_not, 0, 2);
	tcase_add_test(tests, a_question_waits_while_a_lost_flush_is_committing);
	tcase_add_loop_test(tests, the_rows_of_a_committing_flush_are_locked, 0, 2);
	tcase_add_test(tests, a_flush_that_arrives_after_the_question_is_too_late);
	tcase_add_test(tests, a_flush_of_a_dead_worker_may_still_arrive);
	tcase_add_test(tests, a_flush_that_was_carried_out_is_not_lost);
	tcase_add_test(tests, a_restored_database_has_what_its_backup_has);
	tcase_add_loop_test(tests, a_restore_ends_the_sessions_with_the_calls_that_are_under_way, 0, 3);
	tcase_add_test(tests, a_sound_database_has_no_fault);
	tcase_add_test(tests, a_batch_that_does_not_hold_what_its_lines_say_is_a_fault);
	tcase_add_test(tests, a_batch_allocated_beyond_what_it_holds_is_a_fault);
	tcase_add_test(tests, a_version_without_its_event_is_a_fault);
}
