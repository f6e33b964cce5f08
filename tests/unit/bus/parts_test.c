/* The small parts that need no world: map, backoff, batch index, delivery, outbox frames, waiting rows. */
#include "support/bus_world.h"
#include "support/suites.h"

#include "adapters/memory/ports/text_codec.h"
#include "adapters/memory/simulation/random.h"
#include "bus/base/backoff.h"
#include "bus/messages/delivery.h"
#include "bus/publishing/publish_queue.h"
#include "bus/unit_of_work/batch_index.h"
#include "bus/unit_of_work/outbox_frame.h"
#include "core/base/map.h"

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

/* ---- map ---- */

START_TEST(a_map_finds_what_was_put_and_nothing_else)
{
	struct map map;
	int values[1000];

	map_init(&map, arena);
	ck_assert_ptr_null(map_get(&map, "key-0"));
	for (int i = 0; i < 1000; i++)
		map_put(&map, arena_printf(arena, "key-%d", i), &values[i]);

	for (int i = 0; i < 1000; i++)
		ck_assert_ptr_eq(map_get(&map, arena_printf(arena, "key-%d", i)), &values[i]);
	ck_assert_ptr_null(map_get(&map, "key-1000"));
	ck_assert_uint_eq(map.count, 1000);
}
END_TEST

START_TEST(a_key_that_is_put_again_gets_the_new_value)
{
	struct map map;
	int old, new;

	map_init(&map, arena);
	map_put(&map, "key", &old);
	map_put(&map, "key", &new);

	ck_assert_ptr_eq(map_get(&map, "key"), &new);
	ck_assert_uint_eq(map.count, 1);
}
END_TEST

/* ---- backoff ---- */

static const int64_t steps_ms[] = {20, 40, 80, 160, 320, 500, 500};

START_TEST(a_backoff_doubles_up_to_its_cap_and_half_of_it_is_chance)
{
	struct memory_random random;
	int64_t shortest = INT64_MAX, longest = 0;

	memory_random_init(&random, 1);
	for (int i = 0; i < 1000; i++) {
		struct backoff backoff = {.first_ms = 20, .cap_ms = 500, .failures = _i};
		int64_t delay_ms = backoff_next(&backoff, &random.random);

		shortest = delay_ms < shortest ? delay_ms : shortest;
		longest = delay_ms > longest ? delay_ms : longest;
		ck_assert_int_eq(backoff.failures, _i + 1);
	}

	ck_assert_int_ge(shortest, steps_ms[_i] / 2);
	ck_assert_int_le(shortest, steps_ms[_i] / 2 + 2);
	ck_assert_int_le(longest, steps_ms[_i]);
	ck_assert_int_ge(longest, steps_ms[_i] - 2);
}
END_TEST

/* ---- batch index ---- */

START_TEST(the_earliest_creation_on_its_way_counts)
{
	struct batch_index *index = batch_index_new();
	struct delivery first = {.batchref = "batch", .sku = "LAMP"},
			second = {.batchref = "batch", .sku = "CHAIR"};

	batch_index_add_creation(index, &first);
	batch_index_add_creation(index, &second);
	ck_assert_str_eq(batch_index_created(index, "batch"), "LAMP");
	ck_assert_ptr_null(batch_index_created(index, "other"));

	batch_index_remove_creation(index, &first);
	ck_assert_str_eq(batch_index_created(index, "batch"), "CHAIR");
	batch_index_remove_creation(index, &second);
	ck_assert_ptr_null(batch_index_created(index, "batch"));
	batch_index_free(&index);
}
END_TEST

START_TEST(a_creation_that_was_never_added_is_removed_without_harm)
{
	struct batch_index *index = batch_index_new();
	struct delivery added = {.batchref = "batch", .sku = "LAMP"},
			other = {.batchref = "batch", .sku = "CHAIR"};

	batch_index_add_creation(index, &added);
	batch_index_remove_creation(index, &other);

	ck_assert_str_eq(batch_index_created(index, "batch"), "LAMP");
	batch_index_free(&index);
}
END_TEST

START_TEST(the_index_remembers_a_bounded_number_of_batches)
{
	struct batch_index *index = batch_index_new();
	int known = 0;

	for (int i = 0; i < 100000; i++)
		batch_index_remember(index, arena_printf(arena, "batch-%d", i), "LAMP");
	for (int i = 0; i < 100000; i++)
		known += batch_index_stored(index, arena_printf(arena, "batch-%d", i)) != NULL;

	ck_assert_int_gt(known, 12000);
	ck_assert_int_lt(known, 20000);
	batch_index_free(&index);
}
END_TEST

START_TEST(the_index_remembers_nearly_all_of_a_few_batches)
{
	struct batch_index *index = batch_index_new();
	int known = 0;

	for (int i = 0; i < 8000; i++)
		batch_index_remember(index, arena_printf(arena, "batch-%d", i % 4000), "LAMP");
	for (int i = 0; i < 4000; i++)
		known += batch_index_stored(index, arena_printf(arena, "batch-%d", i)) != NULL;

	ck_assert_int_gt(known, 3900);
	batch_index_free(&index);
}
END_TEST

/* _i: the length of the text. */
START_TEST(a_long_text_is_remembered_only_while_watched)
{
	struct batch_index *index = batch_index_new();
	char *reference = arena_alloc(arena, (size_t)_i + 1);

	memset(reference, 'x', (size_t)_i);
	batch_index_remember(index, reference, "LAMP");
	ck_assert_int_eq(batch_index_stored(index, reference) != NULL, _i < 64);

	batch_index_watch(index);
	batch_index_remember(index, reference, "LAMP");
	ck_assert_str_eq(batch_index_stored(index, reference), "LAMP");

	batch_index_unwatch(index);
	ck_assert_int_eq(batch_index_stored(index, reference) != NULL, _i < 64);
	batch_index_free(&index);
}
END_TEST

/* ---- deliveries ---- */

static struct delivery *deliver(const char *payload, size_t true_size, const char *id)
{
	struct memory_codec codec;
	struct arrival arrival = {
		.way = TRANSPORT_STREAM,
		.place = "commands",
		.id = id,
		.type = MSG_ALLOCATE,
		.payload = {payload, strlen(payload)},
		.payload_size = true_size ? true_size : strlen(payload),
	};

	memory_codec_init(&codec);
	return delivery_new(&arrival, &codec.codec);
}

START_TEST(a_delivery_owns_all_it_says)
{
	char payload[] = "orderid=o\nsku=LAMP\nqty=1\nid=x";
	struct delivery *delivery = deliver(payload, 0, NULL);

	memset(payload, '?', sizeof payload);

	ck_assert(!delivery->decided);
	ck_assert_str_eq(delivery->sku, "LAMP");
	ck_assert_str_eq(delivery->envelope.id, "x");
	ck_assert_mem_eq(delivery->payload.data, "orderid=o", 9);
	delivery_free(&delivery);
	ck_assert_ptr_null(delivery);
}
END_TEST

START_TEST(a_payload_of_which_the_rest_was_not_kept_is_invalid)
{
	struct delivery *delivery = deliver("orderid=o\nsku=LAMP\nqty=1", PAYLOAD_MAX + 1, NULL);

	ck_assert_int_eq(delivery->outcome, OUTCOME_INVALID);
	ck_assert(delivery->decided);
	ck_assert_uint_eq(delivery->payload_size, PAYLOAD_MAX + 1);
	delivery_free(&delivery);
}
END_TEST

static const struct {
	const char *payload;
	const char *entry_id; /* the stream entry's own id field */
	const char *id;
} ids[] = {
	{"orderid=o\nsku=LAMP\nqty=1", NULL, NULL},
	{"orderid=o\nsku=LAMP\nqty=1", "entry", "entry"},
	{"orderid=o\nsku=LAMP\nqty=1\nid=payload", NULL, "payload"},
	{"orderid=o\nsku=LAMP\nqty=1\nid=payload", "entry", "payload"},
};

START_TEST(the_payloads_id_goes_before_the_entrys)
{
	struct delivery *delivery = deliver(ids[_i].payload, 0, ids[_i].entry_id);

	ck_assert_pstr_eq(delivery->envelope.id, ids[_i].id);
	ck_assert_int_eq(delivery->inbox_key != NULL, ids[_i].id != NULL);
	delivery_free(&delivery);
}
END_TEST

START_TEST(what_a_unit_made_of_it_is_taken_back_but_not_what_was_decided_before)
{
	struct delivery *handled = deliver("orderid=o\nsku=LAMP\nqty=1", 0, NULL);
	struct delivery *invalid = deliver("nonsense", 0, NULL);

	delivery_conclude(handled, ACCEPTED);
	delivery_reopen(handled);
	delivery_reopen(invalid);

	ck_assert_int_eq(handled->outcome, OUTCOME_NONE);
	ck_assert_int_eq(invalid->outcome, OUTCOME_INVALID);
	delivery_free(&handled);
	delivery_free(&invalid);
}
END_TEST

START_TEST(queues_keep_their_order)
{
	struct delivery a = {.way = TRANSPORT_HTTP}, b = {.way = TRANSPORT_HTTP}, c = {.way = TRANSPORT_HTTP};
	struct delivery_queue queue = {0}, front = {0};

	delivery_queue_push(&queue, &c);
	delivery_queue_push(&front, &a);
	delivery_queue_push(&front, &b);
	delivery_queue_prepend(&queue, &front);
	delivery_queue_prepend(&queue, &front); /* which is empty by now */

	ck_assert_uint_eq(queue.count, 3);
	ck_assert_uint_eq(front.count, 0);
	ck_assert_ptr_eq(delivery_queue_pop(&queue), &a);
	ck_assert_ptr_eq(delivery_queue_pop(&queue), &b);
	ck_assert_ptr_eq(delivery_queue_pop(&queue), &c);
	ck_assert_ptr_null(delivery_queue_pop(&queue));
	delivery_queue_push(&queue, &b);
	ck_assert_ptr_eq(delivery_queue_pop(&queue), &b);
}
END_TEST

/* ---- frames ---- */

static const struct outgoing some_events[] = {
	{MSG_LINE_ALLOCATED, {"first", 5}},
	{MSG_OUT_OF_STOCK, {"", 0}},
	{MSG_LINE_DEALLOCATED, {"\0\xff\n", 3}},
};

START_TEST(a_frame_gives_its_events_back)
{
	struct bytes frame = outbox_frame_encode(arena, some_events, 3);
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
START_TEST(a_frame_that_was_cut_is_none)
{
	struct bytes frame = outbox_frame_encode(arena, some_events, 1);

	for (size_t size = 1; size < frame.size; size++) {
		struct bytes cut = {arena_copy(arena, frame.data, size), size};
		struct outgoing *events = NULL;
		size_t count = 0;

		ck_assert(!outbox_frame_decode(arena, cut, &events, &count));
	}
}
END_TEST

START_TEST(an_event_that_this_program_does_not_know_has_no_type)
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

/* ---- rows that wait ---- */

static void add_row(struct publish_queue *rows, int64_t position)
{
	const struct outgoing event = {MSG_OUT_OF_STOCK, {"{}", 2}};
	struct outbox_row row = {.position = position, .frame = outbox_frame_encode(arena, &event, 1)};

	ck_assert(publish_queue_add(rows, &row));
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

START_TEST(rows_wait_in_the_order_of_their_positions_each_once)
{
	struct publish_queue rows = rows_of(merges[_i].rows), more = rows_of(merges[_i].more);

	publish_queue_merge(&rows, &more);

	expect_rows(&rows, merges[_i].merged);
	expect_rows(&more, "");
}
END_TEST

START_TEST(rows_wait_in_their_order_however_they_come)
{
	struct publish_queue rows = rows_of("58391274");

	expect_rows(&rows, "12345789");
}
END_TEST

START_TEST(a_run_ends_before_the_first_gap)
{
	struct publish_queue rows = rows_of("345789"), run = publish_queue_take_run(&rows);

	expect_rows(&run, "345");
	run = publish_queue_take_run(&rows);
	expect_rows(&run, "789");
	expect_rows(&rows, "");
}
END_TEST

START_TEST(rows_are_dropped_up_to_a_position)
{
	struct publish_queue rows = rows_of("2468");

	publish_queue_drop(&rows, 5);

	expect_rows(&rows, "68");
}
END_TEST

START_TEST(a_row_that_is_damaged_waits_without_events)
{
	const struct outgoing events[] = {{MSG_OUT_OF_STOCK, {"{}", 2}}, {MSG_OUT_OF_STOCK, {"{}", 2}}};
	struct outbox_row row = {.position = 1, .frame = outbox_frame_encode(arena, events, 2)};
	struct publish_queue rows = {0};

	row.frame.size--;

	ck_assert(!publish_queue_add(&rows, &row));
	ck_assert_uint_eq(rows.first->event_count, 0);
	expect_rows(&rows, "1");
}
END_TEST

SUITE("parts", set_up, tear_down)
{
	tcase_add_test(tests, a_map_finds_what_was_put_and_nothing_else);
	tcase_add_test(tests, a_key_that_is_put_again_gets_the_new_value);
	tcase_add_loop_test(tests, a_backoff_doubles_up_to_its_cap_and_half_of_it_is_chance, 0,
			    (int)(sizeof steps_ms / sizeof steps_ms[0]));
	tcase_add_test(tests, the_earliest_creation_on_its_way_counts);
	tcase_add_test(tests, a_creation_that_was_never_added_is_removed_without_harm);
	tcase_add_test(tests, the_index_remembers_a_bounded_number_of_batches);
	tcase_add_test(tests, the_index_remembers_nearly_all_of_a_few_batches);
	tcase_add_loop_test(tests, a_long_text_is_remembered_only_while_watched, 62, 66);
	tcase_add_test(tests, a_delivery_owns_all_it_says);
	tcase_add_test(tests, a_payload_of_which_the_rest_was_not_kept_is_invalid);
	tcase_add_loop_test(tests, the_payloads_id_goes_before_the_entrys, 0,
			    (int)(sizeof ids / sizeof ids[0]));
	tcase_add_test(tests, what_a_unit_made_of_it_is_taken_back_but_not_what_was_decided_before);
	tcase_add_test(tests, queues_keep_their_order);
	tcase_add_test(tests, a_frame_gives_its_events_back);
	tcase_add_test(tests, a_frame_that_was_cut_is_none);
	tcase_add_test(tests, an_event_that_this_program_does_not_know_has_no_type);
	tcase_add_loop_test(tests, rows_wait_in_the_order_of_their_positions_each_once, 0, COUNT(merges));
	tcase_add_test(tests, rows_wait_in_their_order_however_they_come);
	tcase_add_test(tests, a_run_ends_before_the_first_gap);
	tcase_add_test(tests, rows_are_dropped_up_to_a_position);
	tcase_add_test(tests, a_row_that_is_damaged_waits_without_events);
}
