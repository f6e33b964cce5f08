/* Events of an outbox row, encoded as a frame and decoded. */
#include "support/suites.h"

#include "core/product.h"
#include "support/frames.h"

#include <string.h>

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(1024);
}

static void tear_down(void)
{
	arena_free(&arena);
}

static const struct outgoing some_events[] = {
	{.type = MSG_LINE_ALLOCATED, .payload = {"first", 5}},
	{.type = MSG_OUT_OF_STOCK, .payload = {"", 0}},
	{.type = MSG_LINE_DEALLOCATED, .payload = {"\0\xff\n", 3}},
};

START_TEST(a_decoded_frame_has_the_events_that_were_encoded)
{
	struct bytes frame = frame_of(arena, some_events, 3);
	struct outgoing *events = NULL;
	size_t count = 0;

	ck_assert(outbox_frame_decode(arena, frame, &events, &count));

	ck_assert_uint_eq(count, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(events[i].type, some_events[i].type);
		ck_assert_uint_eq(events[i].payload.size, some_events[i].payload.size);
		if (events[i].payload.size)
			ck_assert_mem_eq(events[i].payload.data, some_events[i].payload.data,
					 events[i].payload.size);
	}
}
END_TEST

/* Every beginning of a frame that ends inside of an event. */
START_TEST(a_truncated_frame_is_refused)
{
	struct bytes frame = frame_of(arena, some_events, 1);

	for (size_t size = 1; size < frame.size; size++) {
		struct bytes cut = {arena_copy(arena, frame.data, size), size};
		struct outgoing *events = NULL;
		size_t count = 0;

		ck_assert(!outbox_frame_decode(arena, cut, &events, &count));
	}
}
END_TEST

START_TEST(an_event_of_an_unknown_type_is_decoded_without_a_type)
{
	struct bytes frame = {"\x03new\0\0\0\x02{}", 10};
	struct outgoing *events = NULL;
	size_t count = 0;

	ck_assert(outbox_frame_decode(arena, frame, &events, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(events[0].type, MSG_NONE);
	ck_assert_mem_eq(events[0].payload.data, "{}", 2);
}
END_TEST

static void expect_part_of(const struct outbox_row *row, size_t at, int64_t first, int64_t last, size_t end)
{
	ck_assert_uint_lt(at, row->part_count);
	ck_assert_int_eq(row->parts[at].first_version, first);
	ck_assert_int_eq(row->parts[at].last_version, last);
	ck_assert_uint_eq(row->parts[at].end, end);
}

/* Three events of a third of a row each, with the bytes around them, do not fit in one. */
START_TEST(a_row_ends_before_it_is_too_large_and_the_next_row_of_its_partition_follows)
{
	const size_t size = OUTBOX_ROW_BYTES / 3, framed = 1 + strlen("out_of_stock") + 4 + size;
	const struct outgoing event = {.type = MSG_OUT_OF_STOCK, .payload = {arena_alloc(arena, size), size}};
	const struct outgoing three[] = {event, event, event};
	struct outbox_rows rows = {.arena = arena};

	outbox_rows_add(&rows, 5, NULL, 11, three, 1);
	outbox_rows_add(&rows, 5, NULL, 21, three, 3);
	outbox_rows_add(&rows, 6, NULL, 31, three, 1);
	outbox_rows_encode(&rows);

	ck_assert_uint_eq(rows.count, 3);
	ck_assert_int_eq(rows.rows[0].partition, 5);
	ck_assert_uint_eq(rows.rows[0].frame.size, 2 * framed);
	expect_part_of(&rows.rows[0], 0, 11, 11, framed);
	expect_part_of(&rows.rows[0], 1, 21, 21, 2 * framed);
	ck_assert_int_eq(rows.rows[1].partition, 5);
	ck_assert_uint_eq(rows.rows[1].part_count, 1);
	expect_part_of(&rows.rows[1], 0, 22, 23, 2 * framed);
	ck_assert_int_eq(rows.rows[2].partition, 6);
	expect_part_of(&rows.rows[2], 0, 31, 31, framed);
}
END_TEST

static bool make_second_longer(void *context, struct outgoing *event, struct arena *in)
{
	(void)in;
	if (++*(int *)context != 2)
		return false;
	event->payload = (struct bytes){"longer", 6};
	return true;
}

START_TEST(a_rewritten_frame_has_the_new_payload_and_where_each_event_ends_now)
{
	struct bytes frame = frame_of(arena, some_events, 3);
	struct rewritten_frame rewritten;
	struct outgoing *events = NULL;
	size_t count = 0, first = 1 + strlen("line_allocated") + 4 + 5,
	       second = first + 1 + strlen("out_of_stock") + 4;
	int calls = 0;

	ck_assert(outbox_frame_rewrite(arena, frame, make_second_longer, &calls, &rewritten));

	ck_assert_uint_eq(rewritten.rewritten, 1);
	ck_assert(outbox_frame_decode(arena, rewritten.frame, &events, &count));
	ck_assert_uint_eq(count, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(events[i].type, some_events[i].type);
	ck_assert_mem_eq(events[1].payload.data, "longer", 6);
	ck_assert_mem_eq(events[2].payload.data, some_events[2].payload.data, 3);
	ck_assert_uint_eq(rewritten.ends[0], first);
	ck_assert_uint_eq(rewritten.ends[1], second + 6);
	ck_assert_uint_eq(rewritten.ends[2], frame.size + 6);
}
END_TEST

START_TEST(an_event_of_an_unknown_type_is_rewritten_with_its_name)
{
	struct rewritten_frame rewritten;
	int calls = 1;

	ck_assert(outbox_frame_rewrite(arena, (struct bytes){"\x03new\0\0\0\1x", 9}, make_second_longer,
				       &calls, &rewritten));

	ck_assert_uint_eq(rewritten.frame.size, 14);
	ck_assert_mem_eq(rewritten.frame.data, "\x03new\0\0\0\6longer", 14);
}
END_TEST

SUITE("outbox frame", set_up, tear_down)
{
	tcase_add_test(tests, a_decoded_frame_has_the_events_that_were_encoded);
	tcase_add_test(tests, a_truncated_frame_is_refused);
	tcase_add_test(tests, an_event_of_an_unknown_type_is_decoded_without_a_type);
	tcase_add_test(tests, a_row_ends_before_it_is_too_large_and_the_next_row_of_its_partition_follows);
	tcase_add_test(tests, a_rewritten_frame_has_the_new_payload_and_where_each_event_ends_now);
	tcase_add_test(tests, an_event_of_an_unknown_type_is_rewritten_with_its_name);
}
