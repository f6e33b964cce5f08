/*
 * The outbox keeps events in order until they are published, and cursors record how far they are published.
 */
#include "integration/store/store_steps.h"

#include "core/partition.h"
#include "support/suites.h"

#include <stdio.h>
#include <string.h>

static void read_outbox(struct outbox_range *range)
{
	range->arena = work->uow.arena;
	work_begin_call(work);
	store->outbox->ops->read_outbox(store->outbox, range, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

static void assert_event(const struct outbox_row *row, size_t at, const char *text)
{
	struct outgoing *events = NULL;
	size_t count = 0;

	ck_assert(outbox_frame_decode(work->uow.arena, row->frame, &events, &count));
	ck_assert_uint_lt(at, count);
	ck_assert_uint_eq(events[at].payload.size, strlen(text));
	ck_assert_mem_eq(events[at].payload.data, text, strlen(text));
}

START_TEST(events_are_read_as_they_were_written)
{
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 10, .bytes_max = 100000};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order-1", "lamp", 1);
	work_allocate(work, "order-2", "lamp", 100);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	ck_assert_uint_eq(work->uow.outbox_count, 1);
	ck_assert_int_eq(work->uow.outbox[0].position, 1);
	allocate("order-3", "lamp", 1);
	ck_assert_int_eq(work->uow.outbox[0].position, 2);

	read_outbox(&range);

	ck_assert_uint_eq(range.row_count, 2);
	ck_assert_int_eq(range.head, 2);
	ck_assert_int_eq(range.rows[0].position, 1);
	assert_event(&range.rows[0], 0, "line_allocated lamp order-1 1 batch");
	assert_event(&range.rows[0], 1, "out_of_stock lamp order-2 2");
	assert_event(&range.rows[1], 0, "line_allocated lamp order-3 3 batch");
}
END_TEST

START_TEST(a_read_of_the_outbox_is_bounded)
{
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 3, .bytes_max = 100000};

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	for (int i = 0; i < 5; i++)
		allocate((const char *[]){"a", "b", "c", "d", "e"}[i], "lamp", 1);

	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 3);
	ck_assert_int_eq(range.head, 5);

	range = (struct outbox_range){
		.partition = partition_of("lamp"), .after = 1, .rows_max = 100, .bytes_max = 1};
	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 1); /* one at least */
	ck_assert_int_eq(range.rows[0].position, 2);
}
END_TEST

START_TEST(rows_of_several_stores_share_one_order_without_gaps)
{
	struct work *other = work_new(fixture, fixture->make_store(fixture));
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 100, .bytes_max = 100000};

	create_batch("batch", "lamp", 100, IN_WAREHOUSE);
	for (int i = 0; i < 5; i++) {
		struct work *turn = i % 2 ? other : work;

		work_restart(turn);
		work_allocate(turn, (const char *[]){"a", "b", "c", "d", "e"}[i], "lamp", 1);
		ck_assert_int_eq(work_do(turn), NO_FAILURE);
		ck_assert_int_eq(turn->uow.outbox[0].position, i + 1);
	}

	read_outbox(&range);

	ck_assert_uint_eq(range.row_count, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(range.rows[i].position, i + 1);
	work_free(&other);
}
END_TEST

/* Two SKUs of one partition, and one of another. */
static const char *sku_in_partition(int partition, int number)
{
	static char sku[32];

	for (int i = 0;; i++) {
		snprintf(sku, sizeof sku, "sku-%d", i);
		if (partition_of(sku) == partition && !number--)
			return arena_strdup(work->uow.arena, sku);
	}
}

START_TEST(a_unit_writes_one_row_for_each_partition)
{
	struct outbox_range range = {.partition = 3, .rows_max = 100, .bytes_max = 100000};
	const char *skus[3];
	char text[64];

	work_restart(work);
	skus[0] = sku_in_partition(3, 0);
	skus[1] = sku_in_partition(3, 1);
	skus[2] = sku_in_partition(9, 0);
	for (int i = 0; i < 3; i++) {
		work_create_batch(work, skus[i], skus[i], 1, IN_WAREHOUSE);
		work_allocate(work, "order", skus[i], 1);
	}

	ck_assert_int_eq(work_do(work), NO_FAILURE);

	ck_assert_uint_eq(work->uow.outbox_count, 2);
	ck_assert_int_eq(work->uow.outbox[0].position, 1);
	ck_assert_int_eq(work->uow.outbox[1].position, 1);
	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 1);
	for (int i = 0; i < 2; i++) {
		snprintf(text, sizeof text, "line_allocated %s order 1 %s", skus[i], skus[i]);
		assert_event(&range.rows[0], (size_t)i, text);
	}
}
END_TEST

static void read_cursors(struct outbox_state *state)
{
	work_begin_call(work);
	store->outbox->ops->read_cursors(store->outbox, state, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

static void save_cursor_of(int64_t epoch, int partition, int64_t position)
{
	work_begin_call(work);
	store->outbox->ops->save_cursors(store->outbox, &(struct cursor){partition, position, epoch}, 1,
					 work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
}

static void save_cursor(int partition, int64_t position)
{
	save_cursor_of(1, partition, position);
}

static void commit_rows(int partition, int count)
{
	char sku[24], order[24];

	snprintf(sku, sizeof sku, "%s", sku_in_partition(partition, 0));
	create_batch(sku, sku, 100, IN_WAREHOUSE);
	for (int i = 0; i < count; i++) {
		snprintf(order, sizeof order, "order-%d", i);
		allocate(order, sku, 1);
	}
}

START_TEST(cursors_only_move_forward)
{
	struct outbox_state state;

	commit_rows(5, 7);
	save_cursor(5, 7);
	save_cursor(5, 3);

	read_cursors(&state);

	for (int i = 0; i < PARTITIONS; i++) {
		ck_assert_int_eq(state.cursors[i], i == 5 ? 7 : 0);
		ck_assert_int_eq(state.heads[i], i == 5 ? 7 : 0);
	}
}
END_TEST

/* A worker that survived a restore still remembers how far it published before. */
START_TEST(cursors_do_not_move_beyond_committed_rows)
{
	struct outbox_state state;

	commit_rows(5, 2);
	save_cursor(5, 1);
	save_cursor(5, 3);

	read_cursors(&state);

	ck_assert_int_eq(state.cursors[5], 1);
}
END_TEST

/* Its call was under way while the outbox was renewed, and the positions were given to other rows. */
START_TEST(a_cursor_of_an_earlier_epoch_is_not_moved)
{
	struct outbox_state state;
	struct cursor late = {5, 2, 1};

	commit_rows(5, 2);
	fixture->renew(fixture);
	save_cursor_of(1, 5, 2);
	read_cursors(&state);
	ck_assert_int_eq(state.epoch, 2);
	ck_assert_int_eq(state.cursors[5], 0);

	work_restart(work);
	work_allocate(work, "order", sku_in_partition(5, 0), 1);
	work->uow.cursors = &late;
	work->uow.cursor_count = 1;
	ck_assert_int_eq(work_do(work), NO_FAILURE);
	read_cursors(&state);
	ck_assert_int_eq(state.heads[5], 3);
	ck_assert_int_eq(state.cursors[5], 0);

	save_cursor_of(2, 5, 2);
	read_cursors(&state);
	ck_assert_int_eq(state.cursors[5], 2);
}
END_TEST

START_TEST(a_flush_moves_cursors_forward)
{
	struct outbox_state state;
	struct cursor moved[] = {{15, 2, 1}, {5, 1, 1}, {9, 3, 1}};

	commit_rows(15, 2);
	commit_rows(5, 2);
	commit_rows(9, 3);
	save_cursor(5, 2);
	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	work_restart(work);
	work_allocate(work, "order", "lamp", 1);
	work->uow.cursors = moved;
	work->uow.cursor_count = 3;
	ck_assert_int_eq(work_do(work), NO_FAILURE);

	read_cursors(&state);

	ck_assert_int_eq(state.cursors[5], 2);
	ck_assert_int_eq(state.cursors[9], 3);
	ck_assert_int_eq(state.cursors[15], 2);
	ck_assert_int_eq(state.heads[partition_of("lamp")], 1);
}
END_TEST

START_TEST(rows_that_are_not_published_are_never_deleted)
{
	struct outbox_range range = {.partition = partition_of("lamp"), .rows_max = 10, .bytes_max = 100000};
	struct cleanup cleanup;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	allocate("order-1", "lamp", 1);
	allocate("order-2", "lamp", 1);
	save_cursor(range.partition, 1);
	fixture->let_time_pass(fixture, INT64_C(86400) * 7 + 1);

	tidy(&cleanup);

	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 0); /* the first one is gone */
	range.after = 1;
	read_outbox(&range);
	ck_assert_uint_eq(range.row_count, 1);
	ck_assert_int_eq(range.rows[0].position, 2);
}
END_TEST

START_TEST(a_database_has_an_incarnation_of_its_own)
{
	struct outbox_range range = {.rows_max = 1, .bytes_max = 1};
	struct outbox_state before, again, renewed;

	read_cursors(&before);
	read_cursors(&again);
	read_outbox(&range);
	ck_assert_int_eq(range.epoch, before.epoch);
	fixture->renew(fixture);
	read_cursors(&renewed);
	read_outbox(&range);
	ck_assert_int_eq(range.epoch, renewed.epoch);

	ck_assert_uint_eq(strlen(before.incarnation), INCARNATION_SIZE - 1);
	ck_assert_str_eq(again.incarnation, before.incarnation);
	ck_assert_str_ne(renewed.incarnation, before.incarnation);
}
END_TEST

START_TEST(events_are_committed_only_on_the_timeline_that_was_compared)
{
	struct outbox_state state;

	create_batch("batch", "lamp", 10, IN_WAREHOUSE);
	read_cursors(&state);
	ck_assert_uint_eq(strlen(state.timeline), TIMELINE_SIZE - 1);
	ck_assert_uint_ge(strlen(state.system), 1);
	ck_assert_uint_eq(strspn(state.system, "0123456789"), strlen(state.system));

	work_restart(work);
	work_allocate(work, "order-1", "lamp", 1);
	snprintf(work->uow.timeline, TIMELINE_SIZE, "0000FFFF");
	ck_assert_int_eq(work_do(work), FAILURE_RETRY);
	ck_assert_ptr_nonnull(strstr(work->failure, "another timeline"));

	work_restart(work);
	work_allocate(work, "order-1", "lamp", 1);
	snprintf(work->uow.timeline, TIMELINE_SIZE, "%s", state.timeline);
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}
END_TEST

SUITE("store outbox", store_set_up, store_tear_down, .timeout_s = 120)
{
	tcase_add_test(tests, events_are_read_as_they_were_written);
	tcase_add_test(tests, a_read_of_the_outbox_is_bounded);
	tcase_add_test(tests, rows_of_several_stores_share_one_order_without_gaps);
	tcase_add_test(tests, a_unit_writes_one_row_for_each_partition);
	tcase_add_test(tests, cursors_only_move_forward);
	tcase_add_test(tests, cursors_do_not_move_beyond_committed_rows);
	tcase_add_test(tests, a_cursor_of_an_earlier_epoch_is_not_moved);
	tcase_add_test(tests, a_flush_moves_cursors_forward);
	tcase_add_test(tests, rows_that_are_not_published_are_never_deleted);
	tcase_add_test(tests, a_database_has_an_incarnation_of_its_own);
	tcase_add_test(tests, events_are_committed_only_on_the_timeline_that_was_compared);
}
