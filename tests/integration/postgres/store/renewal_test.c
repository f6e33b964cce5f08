/* Renewing the outbox writes the events anew that are not published. */
#include "core/partition.h"
#include "support/suites.h"
#include "world.h"

#include <string.h>

static struct work *work;

static void set_up(void)
{
	world_set_up();
	work = work_new(&world.fixture, world_make_store());
}

static void tear_down(void)
{
	work_free(&work);
	world_tear_down();
}

/* Two products of one partition, whose events share rows. */
#define ONE   "sku-1"
#define OTHER other()

static const char *other(void)
{
	static char sku[16];

	for (int i = 2; partition_of(sku) != partition_of(ONE) || !sku[0]; i++)
		snprintf(sku, sizeof sku, "sku-%d", i);
	return sku;
}

static void allocate_both(const char *orderid)
{
	work_restart(work);
	work_allocate(work, orderid, ONE, 1);
	work_allocate(work, orderid, OTHER, 1);
	work_allocate(work, "another", ONE, 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

static void number(struct outgoing *event, int64_t epoch, struct arena *arena)
{
	const char *text = arena_printf(arena, "%.*s in epoch %d", (int)event->payload.size,
					(const char *)event->payload.data, (int)epoch);

	event->payload = (struct bytes){text, strlen(text)};
}

/* The frames of the product, as text. */
static const char *frames_of(const char *sku)
{
	char sql[512];

	snprintf(
		sql, sizeof sql,
		"select string_agg(encode(events, 'escape'), ';' order by first_version) from product_frames f"
		" join products p on p.id = f.product_id where sku = '%s'",
		sku);
	return database_sql("%s", sql);
}

static int count_in(const char *text, const char *part)
{
	int count = 0;

	while ((text = strstr(text, part))) {
		text += strlen(part);
		count++;
	}
	return count;
}

START_TEST(renewing_the_outbox_gives_the_epoch_to_events_that_are_not_published)
{
	work_create_batch(work, "one", ONE, 100, IN_WAREHOUSE);
	work_create_batch(work, "other", OTHER, 100, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	allocate_both("published");
	database_sql("update outbox_cursors c set position = h.position from outbox_heads h"
		     " where h.partition = c.partition");
	allocate_both("waiting");

	world_renew(number);

	ck_assert_int_eq(count_in(frames_of(ONE), " in epoch 2"), 1);
	ck_assert_ptr_nonnull(strstr(frames_of(ONE), "waiting 3 one in epoch 2"));
	ck_assert_ptr_nonnull(strstr(frames_of(OTHER), "waiting 2 other in epoch 2"));
	ck_assert_int_eq(count_in(frames_of(OTHER), " in epoch 2"), 1);
	ck_assert_str_eq(database_sql("select count(*) from outbox where sections[cardinality(sections)]"
				      " <> octet_length(frame)"),
			 "0");
}
END_TEST

/* Those that were given an epoch before, too. */
START_TEST(renewing_the_outbox_again_gives_the_next_epoch)
{
	work_create_batch(work, "one", ONE, 100, IN_WAREHOUSE);
	work_create_batch(work, "other", OTHER, 100, IN_WAREHOUSE);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	allocate_both("order");

	world_renew(number);
	world_renew(number);

	ck_assert_ptr_nonnull(strstr(frames_of(OTHER), "order 1 other in epoch 2 in epoch 3"));
	ck_assert_str_eq(database_sql("select string_agg(distinct epoch::text, ' ') from outbox_heads"), "3");
	ck_assert_str_eq(database_sql("select count(*) from epochs where epoch in (2, 3) and position = 0"),
			 "32");
}
END_TEST

/* A row of a program from before migration 8 has no key. */
START_TEST(renewing_the_outbox_writes_rows_without_a_key_anew)
{
	work_create_batch(work, "one", ONE, 100, IN_WAREHOUSE);
	work_allocate(work, "order", ONE, 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	database_sql("update outbox set key = null, previous = null");

	world_renew(number);

	ck_assert_ptr_nonnull(strstr(frames_of(ONE), "order 1 one in epoch 2"));
}
END_TEST

/* A row that says in its own columns which part it has, and one as programs wrote it before migration 14. */
static const char *const other_versions[] = {
	"update outbox set last_version = last_version + 1",
	"update outbox set sections = array[product_id, first_version, last_version + 1, 0, octet_length(frame)],"
	" product_id = null, first_version = null, last_version = null",
};

START_TEST(renewing_the_outbox_leaves_a_row_whose_parts_hold_other_events_as_it_is)
{
	work_create_batch(work, "one", ONE, 100, IN_WAREHOUSE);
	work_allocate(work, "order", ONE, 1);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	database_sql("%s", other_versions[_i]);

	world_renew(number);

	ck_assert_str_eq(
		database_sql("select count(*) from outbox where encode(frame, 'escape') like '%%in epoch%%'"),
		"0");
}
END_TEST

SUITE("renewal", set_up, tear_down)
{
	tcase_add_test(tests, renewing_the_outbox_gives_the_epoch_to_events_that_are_not_published);
	tcase_add_test(tests, renewing_the_outbox_again_gives_the_next_epoch);
	tcase_add_test(tests, renewing_the_outbox_writes_rows_without_a_key_anew);
	tcase_add_loop_test(tests, renewing_the_outbox_leaves_a_row_whose_parts_hold_other_events_as_it_is, 0,
			    2);
}
