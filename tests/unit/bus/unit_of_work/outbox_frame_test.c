/* Events of an outbox row, encoded as a frame and decoded. */
#include "support/suites.h"

#include "core/product.h"
#include "support/frames.h"

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
	{MSG_LINE_ALLOCATED, {"first", 5}},
	{MSG_OUT_OF_STOCK, {"", 0}},
	{MSG_LINE_DEALLOCATED, {"\0\xff\n", 3}},
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

SUITE("outbox frame", set_up, tear_down)
{
	tcase_add_test(tests, a_decoded_frame_has_the_events_that_were_encoded);
	tcase_add_test(tests, a_truncated_frame_is_refused);
	tcase_add_test(tests, an_event_of_an_unknown_type_is_decoded_without_a_type);
}
