/* Data that the database refuses, and a schema that changes under the worker. */
#include "core/base/utf8.h"
#include "support/stored_product.h"
#include "support/suites.h"
#include "world.h"

#include <libpq-fe.h>
#include <string.h>

static struct work *work;

static void set_up(void)
{
	world_set_up();
	database_sql("drop trigger if exists poison on order_lines;"
		     " alter table if exists outbox_away rename to outbox");
}

static void tear_down(void)
{
	work_free(&work);
	world_tear_down();
}

static void begin(void)
{
	world_begin_work(&work, world_make_store());
	work_create_batch(work, "batch", "lamp", 10, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	work_restart(work);
}

/* ---- data ---- */

START_TEST(a_row_that_a_trigger_refuses_is_a_data_error)
{
	database_sql(
		"create or replace function poison() returns trigger language plpgsql as $$ begin"
		" if new.orderid = 'poison' then raise exception 'no' using errcode = '23514'; end if;"
		" return new; end $$;"
		"create trigger poison before insert on order_lines for each row execute function poison()");
	begin();
	work_allocate(work, "good", "lamp", 1);
	work_allocate(work, "poison", "lamp", 1);

	ck_assert_int_eq(work_do(work), FAILURE_DATA);

	ck_assert_ptr_nonnull(strstr(work->failure, "23514"));
	ck_assert_int_eq(database_number("select count(*) from order_lines"), 0);
	work_restart(work);
	work_allocate(work, "good", "lamp", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}
END_TEST

/* Characters of two, three and four bytes, each at every distance from the end of the text that is kept. */
static const struct {
	const char *character;
	int offset;
} wordy[] = {
	{"ä", 0},
	{"ä", 1},
	{"€", 0},
	{"€", 1},
	{"€", 2},
	{"\xf0\x9f\xaa\x91", 0},
	{"\xf0\x9f\xaa\x91", 1},
	{"\xf0\x9f\xaa\x91", 2},
	{"\xf0\x9f\xaa\x91", 3},
};

START_TEST(a_long_message_of_the_database_is_cut_between_characters)
{
	database_sql(
		"create or replace function poison() returns trigger language plpgsql as $$ begin"
		" raise exception '%%', repeat('x', %d) || repeat('%s', 600) using errcode = '23514';"
		" end $$;"
		"create trigger poison before insert on order_lines for each row execute function poison()",
		wordy[_i].offset, wordy[_i].character);
	begin();
	work_allocate(work, "poison", "lamp", 1);

	ck_assert_int_eq(work_do(work), FAILURE_DATA);

	ck_assert(utf8_is_valid(work->failure, strlen(work->failure)));
	ck_assert_uint_gt(strlen(work->failure), 500);
	ck_assert_ptr_null(strchr(work->failure, '?'));
	ck_assert_str_eq(strrchr(work->failure, '('), "(SQLSTATE 23514)");
}
END_TEST

/* The database holds the domain's invariants even if the domain forgot them. */

static const struct {
	int32_t purchased, allocated;
} breaches[] = {
	{10, 11}, /* more is allocated than was purchased */
	{10, -1},
	{-1, 1},
};

START_TEST(a_batch_that_breaks_an_invariant_is_refused)
{
	begin();
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	stored_corrupt_batch(product_batch(unit_of_work_product(&work->uow, "lamp"), "batch"),
			     breaches[_i].purchased, breaches[_i].allocated);

	ck_assert_int_eq(work_flush(work), FAILURE_DATA);
}
END_TEST

/* The error is a conflict first, and after two conflicts a unit locks. */
START_TEST(a_wrong_row_of_the_read_model_is_corrected)
{
	begin();
	database_sql("insert into allocations_view values ('order', 'lamp', 1, 'another batch')");
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_do(work), FAILURE_CONFLICT);

	work_restart(work);
	work->uow.locking = true;
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(database_sql("select batchref from allocations_view"), "batch");
}
END_TEST

START_TEST(a_dead_letter_may_have_any_payload_and_any_fields)
{
	struct delivery *delivery;

	begin();
	delivery = work_invalid(work, "said \xff\xfe");
	delivery->envelope.id = "id \x80";

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(database_sql("select reason || '|' || message_id from dead_letters"), "said ?"
											       "?|id ?");
	ck_assert_str_eq(database_sql("select encode(payload, 'hex') from dead_letters"),
			 "6e6f740061206d657373616765");
	ck_assert_str_eq(database_sql("select outcome || way || place || message || attempts || payload_bytes"
				      " from dead_letters"),
			 "invalidpubsubplaceallocate113");
}
END_TEST

static void run_out_of_stock(const char *orderid, const char *sku)
{
	work_create_batch(work, "batch of it", sku, 1, IN_WAREHOUSE);
	work_allocate(work, orderid, sku, 2);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

START_TEST(a_dead_letter_of_mail_is_well_formed_for_any_names_and_any_error)
{
	struct store_ports *store;

	begin();
	run_out_of_stock("\"},{\\\t\x01'", "l\xc3\xa9mpe\n");
	store = work->store;
	work_begin_call(work);
	store->chores->ops->record_notification(store->chores, work->uow.notifications[0].key,
						NOTIFICATION_DEAD, 0, "550 \xff'no'", work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);

	ck_assert_str_eq(
		database_sql("select json_build_array(p->>'sku', p->>'orderid', p->'qty', reason)"
			     " from dead_letters, lateral (select convert_from(payload, 'UTF8')::json p) p"),
		"[\"l\xc3\xa9mpe\\n\", \"\\\"},{\\\\\\t\\u0001'\", 2, \"550 ?'no'\"]");
	ck_assert_str_eq(database_sql("select attempts || ' ' || (payload_bytes = length(payload))"
				      " from dead_letters"),
			 "1 true");
}
END_TEST

/* Cleans up in the portions that are expected, the last of which has no more to do. */
static void clean_up(int portions)
{
	struct cleanup cleanup;

	for (int portion = 1; portion <= portions; portion++) {
		work_begin_call(work);
		work->store->chores->ops->clean_up(work->store->chores, &cleanup, work_answered, work);
		ck_assert_int_eq(work_wait(work), NO_FAILURE);
		ck_assert(cleanup.more == (portion < portions));
	}
}

START_TEST(old_blind_windows_are_deleted)
{
	begin();
	database_sql("insert into blind_windows (since, until, cause)"
		     " select now() - interval '10 years', now() - interval '1 day' * n, 'n'"
		     " from generate_series(81, 2100) n");

	clean_up(3);

	ck_assert_int_eq(database_number("select count(*) from blind_windows"), 9);
}
END_TEST

START_TEST(discarded_dead_letters_are_deleted_after_a_week)
{
	begin();
	database_sql(
		"insert into discarded_letters (id, outcome, reason, way, place, message, source, payload,"
		" payload_bytes, attempts, first_at, last_at)"
		" select n, 'failed', '', '', '', '', '', '', 0, 2, now(),"
		" now() - interval '7 days' - interval '1 minute' * (n - 1500.5)"
		" from generate_series(1, 2000) n");

	clean_up(1);

	ck_assert_int_eq(database_number("select count(*) from discarded_letters"), 1500);
	ck_assert_int_eq(database_number("select max(id) from discarded_letters"), 1500);
}
END_TEST

/* With statistics of a nearly empty table the planner prefers nested loops. */
START_TEST(only_dead_letters_beyond_the_limit_are_dropped)
{
	begin();
	work_invalid(work, "bad");
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	database_sql("vacuum analyze dead_letters");
	work_restart(work);
	for (int i = 1; i < SUITE_DEAD_LETTERS_MAX + 3; i++)
		work_invalid(work, "bad");

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(database_sql("select kept || ' ' || dropped from dead_letter_totals"), "5 3");
	ck_assert_int_eq(database_number("select count(*) from dead_letters"), SUITE_DEAD_LETTERS_MAX);
}
END_TEST

START_TEST(dropped_dead_letters_are_counted)
{
	begin();
	for (int i = 0; i < SUITE_DEAD_LETTERS_MAX + 3; i++)
		work_invalid(work, "bad");

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_str_eq(database_sql("select kept || ' ' || dropped from dead_letter_totals"), "5 3");
	database_sql("delete from dead_letters where id in (select id from dead_letters limit 2)");
	ck_assert_int_eq(database_number("select kept from dead_letter_totals"), 3);
	database_sql("truncate dead_letters");
	ck_assert_int_eq(database_number("select kept from dead_letter_totals"), 0);
}
END_TEST

/* ---- a schema that changes ---- */

START_TEST(a_table_that_is_missing_during_a_migration_is_waited_for)
{
	begin();
	database_sql("alter table outbox rename to outbox_away");
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_do(work), FAILURE_RETRY);
	ck_assert_ptr_nonnull(strstr(work->failure, "42P01"));

	database_sql("alter table outbox_away rename to outbox");

	for (int answer = FAILURE_RETRY; answer != NO_FAILURE;) {
		work_restart(work);
		work_allocate(work, "order", "lamp", 1);
		answer = work_load(work);
		ck_assert(answer == NO_FAILURE || answer == FAILURE_RETRY);
		if (answer == NO_FAILURE) {
			work_handle(work);
			answer = work_flush(work);
		}
	}
	ck_assert_int_eq(database_number("select count(*) from order_lines"), 1);
}
END_TEST

START_TEST(an_added_column_does_not_disturb_a_session)
{
	begin();
	database_sql("alter table batches add column added integer");
	work_allocate(work, "order", "lamp", 1);

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	database_sql("alter table batches drop column added");
}
END_TEST

/* ---- loads that fail ---- */

START_TEST(a_session_can_be_used_after_a_load_failed)
{
	void *holder;

	begin();
	work_allocate(work, "order", "lamp", 1);
	holder = database_hold(database_conninfo(), "lock table order_lines");
	ck_assert_int_eq(work_load(work), FAILURE_BUSY);
	database_let_go(holder);

	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}
END_TEST

/* Every statement of a load that locks has a snapshot of its own. */
START_TEST(a_product_that_is_created_during_a_load_that_locks_is_a_conflict)
{
	void *rival;

	begin();
	work->uow.locking = true;
	work_change_quantity(work, "late", 1);
	rival = database_hold(
		database_conninfo(),
		"lock table order_lines; insert into products values (-1, 'rug', 1, 1);"
		"insert into batches (id, product_id, reference, eta, original_qty, purchased, allocated)"
		" values (-1, -1, 'late', 'today', 9, 9, 2); insert into order_lines values (-1, 'order', 2, -1, 1)");
	work_begin_call(work);
	work->store->units->ops->load(work->store->units, &work->uow, work_answered, work);
	while (!database_number("select count(*) from pg_locks l join pg_database d on d.oid = l.database"
				" where not granted and datname = current_database()"))
		event_base_loop(world.base, EVLOOP_NONBLOCK);
	PQclear(PQexec(rival, "commit"));
	database_let_go(rival);

	ck_assert_int_eq(work_wait(work), FAILURE_CONFLICT);
}
END_TEST

SUITE("data errors", set_up, tear_down)
{
	tcase_add_test(tests, a_row_that_a_trigger_refuses_is_a_data_error);
	tcase_add_loop_test(tests, a_long_message_of_the_database_is_cut_between_characters, 0,
			    (int)(sizeof wordy / sizeof wordy[0]));
	tcase_add_loop_test(tests, a_batch_that_breaks_an_invariant_is_refused, 0,
			    (int)(sizeof breaches / sizeof breaches[0]));
	tcase_add_test(tests, a_wrong_row_of_the_read_model_is_corrected);
	tcase_add_test(tests, a_dead_letter_may_have_any_payload_and_any_fields);
	tcase_add_test(tests, a_dead_letter_of_mail_is_well_formed_for_any_names_and_any_error);
	tcase_add_test(tests, old_blind_windows_are_deleted);
	tcase_add_test(tests, discarded_dead_letters_are_deleted_after_a_week);
	tcase_add_test(tests, only_dead_letters_beyond_the_limit_are_dropped);
	tcase_add_test(tests, dropped_dead_letters_are_counted);
	tcase_add_test(tests, a_table_that_is_missing_during_a_migration_is_waited_for);
	tcase_add_test(tests, an_added_column_does_not_disturb_a_session);
	tcase_add_test(tests, a_session_can_be_used_after_a_load_failed);
	tcase_add_test(tests, a_product_that_is_created_during_a_load_that_locks_is_a_conflict);
}
