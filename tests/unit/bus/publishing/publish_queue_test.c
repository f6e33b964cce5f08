/* The queue of outbox rows that are to be published. */
#include "support/frames.h"
#include "support/suites.h"

#include "bus/publishing/publish_queue.h"

static const struct predecessor_maker no_predecessors;
static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(1024);
}

static void tear_down(void)
{
	arena_free(&arena);
}

static void add_row(struct publish_queue *rows, int64_t position)
{
	const struct outgoing event = {.type = MSG_OUT_OF_STOCK, .payload = {"{}", 2}};
	struct outbox_row row = {.position = position, .frame = frame_of(arena, &event, 1)};

	ck_assert(publish_queue_add(rows, &row, &no_predecessors));
}

static struct publish_queue rows_of(const char *positions)
{
	struct publish_queue rows = {0};

	for (; *positions; positions++)
		add_row(&rows, *positions - '0');
	return rows;
}

/* Each row's position is a digit; the counts are true. */
static void expect_rows(struct publish_queue *rows, const char *expected)
{
	char positions[20] = "";
	size_t count = 0, footprint = 0;

	for (const struct queued_row *row = rows->first; row; row = row->next) {
		positions[count++] = (char)('0' + row->position);
		footprint += arena_footprint(row->arena);
		ck_assert(row->next || rows->last == row);
	}
	ck_assert_str_eq(positions, expected);
	ck_assert_uint_eq(rows->count, count);
	ck_assert_uint_eq(rows->footprint, footprint);
	ck_assert(count || !rows->last);
	publish_queue_release(rows);
}

static const struct merge {
	const char *rows, *more, *merged;
} merges[] = {
	{"", "", ""},
	{"", "12", "12"},
	{"12", "", "12"},
	{"12", "34", "1234"},
	{"34", "12", "1234"},
	{"135", "246", "123456"},
	{"159", "23478", "12345789"},
	{"123", "2", "123"},
	{"12", "12", "12"},
	{"2", "123", "123"},
	{"19", "5", "159"},
	{"359", "1359", "1359"},
};

START_TEST(merged_queues_are_in_order_of_position_without_duplicates)
{
	struct publish_queue rows = rows_of(merges[_i].rows), more = rows_of(merges[_i].more);

	publish_queue_merge(&rows, &more);

	expect_rows(&rows, merges[_i].merged);
	expect_rows(&more, "");
}
END_TEST

START_TEST(rows_added_in_any_order_are_queued_in_order_of_position)
{
	struct publish_queue rows = rows_of("58391274");

	expect_rows(&rows, "12345789");
}
END_TEST

START_TEST(a_run_of_rows_ends_before_the_first_gap)
{
	struct publish_queue rows = rows_of("345789"), run = publish_queue_take_run(&rows);

	expect_rows(&run, "345");
	run = publish_queue_take_run(&rows);
	expect_rows(&run, "789");
	expect_rows(&rows, "");
}
END_TEST

START_TEST(rows_up_to_a_position_are_dropped)
{
	struct publish_queue rows = rows_of("2468");

	publish_queue_drop(&rows, 5);

	expect_rows(&rows, "68");
}
END_TEST

START_TEST(a_damaged_row_is_not_queued)
{
	const struct outgoing events[] = {{.type = MSG_OUT_OF_STOCK, .payload = {"{}", 2}},
					  {.type = MSG_OUT_OF_STOCK, .payload = {"{}", 2}}};
	struct outbox_row row = {.position = 1, .frame = frame_of(arena, events, 2)};
	struct publish_queue rows = {0};

	row.frame.size--;

	ck_assert(!publish_queue_add(&rows, &row, &no_predecessors));
	expect_rows(&rows, "");
}
END_TEST

SUITE("publish queue", set_up, tear_down)
{
	tcase_add_loop_test(tests, merged_queues_are_in_order_of_position_without_duplicates, 0,
			    COUNT(merges));
	tcase_add_test(tests, rows_added_in_any_order_are_queued_in_order_of_position);
	tcase_add_test(tests, a_run_of_rows_ends_before_the_first_gap);
	tcase_add_test(tests, rows_up_to_a_position_are_dropped);
	tcase_add_test(tests, a_damaged_row_is_not_queued);
}
