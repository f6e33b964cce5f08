/*
 * The events of a product are found in the outbox's rows, which hold events of several products: see
 * schema/migrations/0008_outbox_by_partition.sql.
 */
#include "adapters/postgres/tools/outbox_tools.h"
#include "core/partition.h"
#include "support/suites.h"
#include "tools_sql.h"
#include "world.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

static struct work *work;
static struct views *views;
static int ordered; /* the number of order lines that were allocated */

/* A SKU of the same partition as "lamp", and whether units have no event of it: their rows have one part. */
static char neighbour[32];
static bool alone;

static void set_up(void)
{
	world_set_up();
	world_begin_work(&work, world_make_store());
	views = world.fixture.make_views(&world.fixture);
	ordered = 0;
	alone = false;
	for (int i = 0; snprintf(neighbour, sizeof neighbour, "sku-%d", i),
		 partition_of(neighbour) != partition_of("lamp");)
		i++;
	work_create_batch(work, "batch", "lamp", 1000000, IN_WAREHOUSE);
	work_create_batch(work, "other", neighbour, 1000000, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void tear_down(void)
{
	work_free(&work);
	world_tear_down();
}

/* ---- writing ---- */

static void add_line(const char *sku)
{
	work_allocate(work, arena_printf(work->uow.arena, "order-%d", ordered++), sku, 1);
}

/* Commits a unit with `count` events of the lamp, and one of its neighbour unless `alone`. */
static void commit_events(int count)
{
	work_restart(work);
	for (int i = 0; i < count; i++)
		add_line("lamp");
	if (!alone)
		add_line(neighbour);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void commit_units(int units)
{
	for (int i = 0; i < units; i++)
		commit_events(1);
}

/* Commits `count` events of the lamp, each in a row of its own, as a program that knows migration 7 does. */
static void commit_as_before(int count)
{
	database_sql(
		"do $$ declare lamp products; at bigint; event text; begin for i in 1 .. %d loop"
		" update products set version = version + 1, revision = revision + 1 where sku = 'lamp'"
		" returning * into lamp;"
		" event := format('line_allocated lamp before-%%s %%s batch', lamp.version, lamp.version);"
		" update outbox_heads set position = position + 1 where partition = %d"
		" returning position into at;"
		" insert into outbox (partition, position, product_id, first_version, last_version, frame)"
		" values (%d, at, lamp.id, lamp.version, lamp.version, '\\016line_allocated'::bytea"
		" || int4send(octet_length(event)) || convert_to(event, 'UTF8'));"
		" end loop; end $$",
		count, partition_of("lamp"), partition_of("lamp"));
}

/* ---- reading ---- */

struct page {
	bool answered, whole;
	int64_t first, last; /* versions; 0: the page is empty */
};

static void expect_lamp(const struct outgoing *event, int64_t version)
{
	char sku[32] = "", text[128];
	long long found = 0;

	snprintf(text, sizeof text, "%.*s", (int)event->payload.size, (const char *)event->payload.data);
	ck_assert_int_eq(sscanf(text, "%*s %31s %*s %lld", sku, &found), 2);
	ck_assert_str_eq(sku, "lamp");
	ck_assert_int_eq(found, version);
}

static void on_events(void *context, const struct events_page *read, const struct failure *failure)
{
	const struct event_frame *frames = read->frames;
	struct page *page = context;

	ck_assert_msg(!failure, "%s", failure ? failure->text : "");
	page->answered = page->whole = true;
	for (size_t i = 0; i < read->count; i++) {
		struct outgoing *events = NULL;
		size_t count = 0;

		page->whole = page->whole &&
			      outbox_frame_decode(work->uow.arena, frames[i].frame, &events, &count) &&
			      count && (!page->last || frames[i].first_version == page->last + 1);
		for (size_t at = 0; at < count; at++)
			expect_lamp(&events[at], frames[i].first_version + (int64_t)at);
		page->first = page->first ? page->first : frames[i].first_version;
		page->last = frames[i].first_version + (int64_t)count - 1;
	}
}

static struct page read_page(int64_t after)
{
	struct page page = {0};

	views->ops->events(views, "lamp", 1, after, on_events, &page);
	world.fixture.run_until(&world.fixture, &page.answered);
	return page;
}

/* Every page that begins within the history reaches its end. */
static void expect_pages(int64_t first_kept, int64_t last, int step)
{
	for (int64_t after = 0; after < last; after += step) {
		struct page page = read_page(after);
		bool begins =
			page.first == first_kept || (first_kept <= page.first && page.first <= after + 1);

		ck_assert_msg(page.whole && begins && page.last == last,
			      "after %" PRId64 ": %s from %" PRId64 " to %" PRId64, after,
			      page.whole ? "whole" : "not whole", page.first, page.last);
	}
	ck_assert_int_eq(read_page(last).last, 0);
}

/* All rules of `allocd verify` that are in SQL hold. */
static void expect_rules(void)
{
	const char *const max[] = {"10"};
	PGconn *pg = PQconnectdb(database_conninfo());

	for (size_t i = 0; i < SQL_RULES; i++) {
		PGresult *rows;

		if (strncmp(sql_rules[i].name, "outbox", 6) != 0)
			continue;
		rows = PQexecParams(pg, sql_rules[i].sql, 1, NULL, max, NULL, NULL, 0);
		ck_assert_msg(PQresultStatus(rows) == PGRES_TUPLES_OK, "%s", PQerrorMessage(pg));
		ck_assert_msg(!PQntuples(rows), "%s: %s: %s, not %s", sql_rules[i].name,
			      PQntuples(rows) ? PQgetvalue(rows, 0, 0) : "",
			      PQntuples(rows) ? PQgetvalue(rows, 0, 2) : "",
			      PQntuples(rows) ? PQgetvalue(rows, 0, 1) : "");
		PQclear(rows);
	}
	PQfinish(pg);
}

START_TEST(events_are_read_from_any_version_of_a_history_of_many_rows)
{
	static const int sizes[] = {1, 1, 2, 1, 33, 1, 5, 70};
	int64_t last = 0;

	for (int i = 0; i < 40; last += sizes[i % 8], i++)
		commit_events(sizes[i % 8]);

	expect_pages(1, last, 7);
	expect_rules();
}
END_TEST

START_TEST(events_of_a_unit_that_fill_several_rows_of_a_partition_are_all_found)
{
	commit_events(1);
	commit_events(600);

	ck_assert_uint_ge(work->uow.outbox_count, 3);
	commit_events(1);
	expect_pages(1, 602, 50);
	expect_rules();
}
END_TEST

START_TEST(rows_of_the_program_before_are_read_with_those_of_this_program)
{
	commit_as_before(50);
	commit_units(40);
	commit_as_before(70);
	commit_units(40);
	commit_as_before(1);

	expect_pages(1, 201, 3);
	expect_rules();
}
END_TEST

/* ---- retention ---- */

static void publish_all(void)
{
	database_sql("update outbox_cursors c set position = h.position from outbox_heads h"
		     " where h.partition = c.partition");
}

static void expire(int rows)
{
	struct cleanup cleanup;

	publish_all();
	database_sql("update outbox set committed_at = now() - interval '8 days' where position <= %d", rows);
	do {
		work_begin_call(work);
		work->store->chores->ops->clean_up(work->store->chores, &cleanup, work_answered, work);
		ck_assert_int_eq(work_wait(work), NO_FAILURE);
	} while (cleanup.more);
}

START_TEST(a_history_begins_with_the_first_row_that_retention_left)
{
	commit_units(100);

	expire(50);

	ck_assert_int_eq(database_number("select count(*) from outbox"), 50);
	expect_pages(51, 100, 9);
	ck_assert_int_eq(database_number("select min(version) from outbox_directory"), 64);
	expect_rules();
}
END_TEST

/* The program before deletes rows, but not their entries in the directory. */
START_TEST(entries_of_rows_that_the_program_before_deleted_are_skipped_and_leave_with_later_rows)
{
	commit_units(150);
	publish_all();
	database_sql("delete from outbox where position <= 70");

	expect_pages(71, 150, 9);
	expect_rules();

	expire(100);
	ck_assert_int_eq(database_number("select min(version) from outbox_directory"), 128);
	expect_pages(101, 150, 9);
}
END_TEST

/*
 * The parts that frames_of_product() reads are compared with a plain list of all, for pages that begin after
 * any version: it may return more than a page takes, but leaves no part out.
 */
static void expect_parts_of_pages(void)
{
	const char *wrong = database_sql(
		"set jit = off;"
		" with kept as materialized ("
		"select p.id, p.version, f.first_version, f.last_version, f.events"
		" from products p join product_frames f on f.product_id = p.id where p.sku = 'lamp'"
		"), lamp as materialized (select id, version, min(first_version) as first from kept group by 1, 2)"
		" select string_agg(format('%%s events after %%s', at_most, after), ', ')"
		" from lamp, generate_series(0, version + 1) as after, unnest('{1, 5, 33}'::int[]) as at_most"
		" cross join lateral ("
		"select array_agg((f.first_version, f.last_version, f.events) order by f.last_version)"
		" as parts, max(f.last_version) as last, count(*) as count"
		" from frames_of_product(lamp.id, after, at_most) f) as found"
		" cross join lateral (select"
		" array_agg((k.first_version, k.last_version, k.events) order by k.last_version) filter"
		" (where k.first_version < at_most + greatest(lamp.first, after + 1)) as needed"
		" from kept k where k.last_version > after) as plain"
		" where found.count > 2 * at_most + 65"
		" or case when plain.needed is null then found.count > 0"
		" else found.parts[:cardinality(plain.needed)] is distinct from plain.needed end");

	ck_assert_msg(!*wrong, "%.300s", wrong);
}

/* Some hundred events: in rows with one of them, with many, with one part, and of the program before. */
static void commit_history(void)
{
	static const int sizes[] = {1, 1, 2, 1, 33, 1, 5, 1};

	for (int i = 0; i < 48; i++) {
		alone = i % 3 == 0;
		commit_events(sizes[i % 8]);
		if (i % 16 == 15)
			commit_as_before(3);
	}
	commit_units(20);
}

START_TEST(a_page_of_any_size_after_any_version_has_all_of_its_events)
{
	/* Rows that the program before has deleted: none, up to a third, and all that the directory names. */
	static const char *const deleted[] = {
		"false", "position <= 25",
		"position <= (select max(o.position) from outbox o join outbox_directory d on d.key = o.key)"};

	commit_history();
	publish_all();

	for (size_t i = 0; i < sizeof deleted / sizeof deleted[0]; i++) {
		database_sql("delete from outbox where %s", deleted[i]);
		expect_parts_of_pages();
	}
	ck_assert_int_gt(database_number("select count(*) from outbox"), 0);
}
END_TEST

struct versions {
	char text[8192]; /* first versions of the frames read */
	size_t used;
};

static bool note_version(void *context, int64_t first_version, struct bytes frame)
{
	struct versions *versions = context;

	ck_assert_uint_gt(frame.size, 0);
	versions->used +=
		(size_t)snprintf(versions->text + versions->used, sizeof versions->text - versions->used,
				 "%" PRId64 " ", first_version);
	return true;
}

static void expect_frames_from(struct blocking_client *client, int64_t from)
{
	struct versions versions = {0};

	ck_assert_msg(postgres_read_events(client, "lamp", from, note_version, &versions), "%s",
		      client->text);
	ck_assert_str_eq(versions.text,
			 database_sql("select string_agg(first_version || ' ', '' order by first_version)"
				      " from product_frames join products p on p.id = product_id"
				      " where sku = 'lamp' and last_version >= %" PRId64,
				      from));
}

/* More frames, and more bytes, than one query reads. */
START_TEST(an_operator_reads_every_frame_once_and_in_order)
{
	struct url_source url = world_url(database_conninfo());
	struct blocking_client client;

	commit_units(300);
	commit_history();
	database_sql("update outbox set frame = frame || convert_to(repeat('x', 700000), 'UTF8')"
		     " where key is null");
	ck_assert(blocking_client_connect(&client, &url, CLIENT_READS, 5000));

	for (int64_t from = 1; from < 620; from += 103)
		expect_frames_from(&client, from);
	blocking_client_close(&client);
}
END_TEST

/* ---- damages ---- */

static const struct {
	const char *damage; /* to the row with version 70 */
	int64_t after;      /* from this version on, pages are whole again */
	bool alone;         /* the row has one part */
} damages[] = {
	{"delete from outbox where position = 70", 70, false},
	{"update outbox set key = -key where position = 70", 70, false},
	{"update outbox set sections = null where position = 70", 70, false},
	{"update outbox set sections[1] = 1234567890, sections[6] = 1234567890 where position = 70", 70,
	 false},
	{"update outbox set frame = 'x' where position = 70", 70, false},
	{"update outbox set sections[5] = 0, sections[10] = 0 where position = 70", 70, false},
	{"update outbox set sections[5] = 1 - sections[5], sections[10] = 5000000000 where position = 70", 70,
	 false},
	{"update outbox set sections[4] = key, sections[9] = key where position = 70", 69, false},
	{"update outbox set sections[4] = 5, sections[9] = 5 where position = 70", 69, false},
	{"update outbox set sections[2] = 1000, sections[7] = 1000, sections[4] = key, sections[9] = key"
	 " where position = 70",
	 70, false},
	{"delete from outbox where position = 70", 70, true},
	{"update outbox set product_id = null where position = 70", 70, true},
	{"update outbox set product_id = 1234567890 where position = 70", 70, true},
	{"update outbox set last_version = null where position = 70", 70, true},
	{"update outbox set first_version = 1000, previous = key where position = 70", 70, true},
	{"update outbox set frame = 'x' where position = 70", 70, true},
	{"update outbox set frame = '' where position = 70", 70, true},
	{"update outbox set previous = key where position = 70", 69, true},
	{"update outbox set previous = 5 where position = 70", 69, true},
	{"update outbox set previous = null where position = 70", 69, true},
};

START_TEST(a_page_without_a_damaged_row_is_never_taken_for_a_whole_one)
{
	alone = damages[_i].alone;
	commit_units(100);

	database_sql("%s", damages[_i].damage);

	for (int64_t after = 0; after < damages[_i].after; after += 3)
		ck_assert_msg(!read_page(after).whole, "after %" PRId64, after);
	for (int64_t after = damages[_i].after; after < 100; after++) {
		struct page page = read_page(after);

		ck_assert(page.whole && page.first == after + 1 && page.last == 100);
	}
}
END_TEST

/* The directory has no entry that would show it. */
START_TEST(a_row_whose_versions_do_not_count_upwards_is_noticed_in_a_short_history)
{
	static const char *const damaged[] = {"[2] = 1000", "[3] = 0", "[2] = 0", "[2] = -1"};
	char whole[256];

	commit_units(5);
	snprintf(whole, sizeof whole, "%s",
		 database_sql("select sections from outbox, products p where sku = 'lamp' and key = last_row"
			      " and sections[1] = p.id"));

	for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
		database_sql(
			"update outbox set sections%s from products where sku = 'lamp' and key = last_row",
			damaged[i]);
		for (int64_t after = 0; after < 5; after++)
			ck_assert_msg(!read_page(after).whole, "%s: after %" PRId64, damaged[i], after);
		database_sql("update outbox set sections = '%s' from products"
			     " where sku = 'lamp' and key = last_row",
			     whole);
	}
	expect_pages(1, 5, 1);
}
END_TEST

/* Also where it is the last row, or one of those that the directory names. */
START_TEST(a_row_that_is_missing_after_the_first_entry_of_the_directory_is_noticed)
{
	commit_units(100);

	for (int position = 33; position <= 100; position++) {
		database_sql("update outbox set key = -key where position = %d", position);
		ck_assert_msg(!read_page(0).whole, "position %d", position);
		ck_assert_msg(!read_page(position - 1).whole, "position %d", position);
		database_sql("update outbox set key = -key where position = %d", position);
	}
	expect_pages(1, 100, 10);
}
END_TEST

/* ---- attempts that fail ---- */

START_TEST(a_flush_that_is_tried_again_does_not_refer_to_rows_of_the_attempt_before)
{
	commit_units(2);
	work_restart(work);
	add_line("lamp");
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	work_handle(work);
	database_sql("update products set revision = revision + 1");
	ck_assert_int_eq(work_flush(work), FAILURE_CONFLICT);
	database_sql("update products set revision = revision - 1");

	ck_assert_int_eq(work_flush(work), NO_FAILURE);

	expect_pages(1, 3, 1);
	expect_rules();
}
END_TEST

SUITE("outbox list", set_up, tear_down, .timeout_s = 60)
{
	tcase_add_test(tests, events_are_read_from_any_version_of_a_history_of_many_rows);
	tcase_add_test(tests, events_of_a_unit_that_fill_several_rows_of_a_partition_are_all_found);
	tcase_add_test(tests, rows_of_the_program_before_are_read_with_those_of_this_program);
	tcase_add_test(tests, a_history_begins_with_the_first_row_that_retention_left);
	tcase_add_test(tests,
		       entries_of_rows_that_the_program_before_deleted_are_skipped_and_leave_with_later_rows);
	tcase_add_test(tests, a_page_of_any_size_after_any_version_has_all_of_its_events);
	tcase_add_test(tests, an_operator_reads_every_frame_once_and_in_order);
	tcase_add_loop_test(tests, a_page_without_a_damaged_row_is_never_taken_for_a_whole_one, 0,
			    (int)(sizeof damages / sizeof damages[0]));
	tcase_add_test(tests, a_row_whose_versions_do_not_count_upwards_is_noticed_in_a_short_history);
	tcase_add_test(tests, a_row_that_is_missing_after_the_first_entry_of_the_directory_is_noticed);
	tcase_add_test(tests, a_flush_that_is_tried_again_does_not_refer_to_rows_of_the_attempt_before);
}
