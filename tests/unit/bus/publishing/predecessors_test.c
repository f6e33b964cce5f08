/*
 * Events that were replaced are published behind their successors.  The schemas have none, so the tests let
 * line_deallocated be the predecessor of line_allocated.
 */
#include "bus/publishing/predecessors.h"
#include "support/suites.h"

#include "bus/publishing/publish_queue.h"
#include "support/bus_world.h"
#include "support/frames.h"

#include <string.h>

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void name_the_reason(const struct message *event, struct message *predecessor)
{
	ck_assert_int_eq(event->type, MSG_LINE_ALLOCATED);
	predecessor->as.line_deallocated.reason = LINE_DEALLOCATED_REASON_CANCELLED;
}

static void change_nothing(const struct message *event, struct message *predecessor)
{
	(void)event, (void)predecessor;
}

/* Its order is not allowed to be empty. */
static void forget_the_order(const struct message *event, struct message *predecessor)
{
	if (!strcmp(event->as.line_allocated.orderid, "bad"))
		predecessor->as.line_deallocated.orderid = "";
}

static const struct predecessor one[] = {{MSG_LINE_DEALLOCATED, MSG_LINE_ALLOCATED, name_the_reason}, {0}},
				two[] = {{MSG_LINE_DEALLOCATED, MSG_LINE_ALLOCATED, change_nothing},
					 {MSG_OUT_OF_STOCK, MSG_LINE_ALLOCATED, change_nothing},
					 {0}},
				faulty[] = {{MSG_LINE_DEALLOCATED, MSG_LINE_ALLOCATED, forget_the_order},
					    {0}};

static void set_up(void)
{
	world = world_new();
	world->predecessors = one;
	world_start(world);
	create_batch("batch", "LAMP", 10);
	world_run(world);
}

static void expect_published(const char *expected)
{
	ck_assert_str_eq(published(), expected);
}

#define ALLOCATED(version)   "line_allocated order-" #version " LAMP 1 batch " #version "\n"
#define DEALLOCATED(version) "line_deallocated order-" #version " LAMP 1 batch " #version "\n"

START_TEST(the_predecessor_goes_out_right_behind_its_event)
{
	allocate("order-1", "LAMP", 1);
	allocate("order-2", "LAMP", 1);
	world_settle(world);

	expect_published(ALLOCATED(1) DEALLOCATED(1) ALLOCATED(2) DEALLOCATED(2));
	ck_assert_uint_eq(engine_stats(world->engine)->published, 4);
}
END_TEST

START_TEST(an_event_that_replaced_none_goes_out_alone)
{
	allocate("order-1", "LAMP", 11);
	world_settle(world);

	expect_published("out_of_stock order-1 LAMP 11 - 1\n");
}
END_TEST

START_TEST(an_event_may_have_several_predecessors)
{
	world_crash(world);
	world->predecessors = two;
	world_start(world);
	allocate("order-1", "LAMP", 1);
	world_settle(world);

	expect_published(ALLOCATED(1) DEALLOCATED(1) "out_of_stock order-1 LAMP 1 - 1\n");
}
END_TEST

START_TEST(both_go_out_again_when_the_broker_fails_between_them)
{
	memory_broker_fail_after(world->broker, 1);
	allocate("order-1", "LAMP", 1);
	world_settle(world);

	expect_published(ALLOCATED(1) ALLOCATED(1) DEALLOCATED(1));
}
END_TEST

START_TEST(another_worker_publishes_both_when_one_dies_between_them)
{
	memory_broker_fail_after(world->broker, 1);
	cable_hold(memory_broker_answers(world->broker));
	allocate("order-1", "LAMP", 1);
	world_run(world);
	world_crash(world);
	expect_published(ALLOCATED(1));

	cable_open(memory_broker_answers(world->broker));
	world_start(world);
	world_settle(world);

	expect_published(ALLOCATED(1) ALLOCATED(1) DEALLOCATED(1));
}
END_TEST

START_TEST(a_row_that_was_published_is_not_published_again_under_either_name)
{
	allocate("order-1", "LAMP", 1);
	cable_hold(memory_broker_answers(world->broker));
	world_run(world);
	world_crash(world);
	cable_open(memory_broker_answers(world->broker));
	world_start(world);
	world_settle(world);

	expect_published(ALLOCATED(1) DEALLOCATED(1));
}
END_TEST

START_TEST(the_outbox_keeps_the_event_alone)
{
	const struct outbox_partition *partition = &world->database->outbox[partition_of("LAMP")];
	struct outgoing *events = NULL;
	size_t count = 0;

	allocate("order-1", "LAMP", 1);
	world_settle(world);

	ck_assert(outbox_frame_decode(world->arena, partition->rows[0].frame, &events, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(events[0].type, MSG_LINE_ALLOCATED);
}
END_TEST

START_TEST(a_predecessor_that_its_schema_does_not_allow_is_left_out_and_logged)
{
	world_crash(world);
	world->predecessors = faulty;
	world_start(world);
	allocate("bad", "LAMP", 1);
	allocate("order-2", "LAMP", 1);
	world_settle(world);

	expect_published("line_allocated bad LAMP 1 batch 1\n" ALLOCATED(2) DEALLOCATED(2));
	ck_assert_uint_eq(
		memory_logger_count(&world->logger, "not published under the name that it replaced"), 1);
}
END_TEST

/* ---- without a worker ---- */

static struct predecessor_maker maker(const struct predecessor *known)
{
	return (struct predecessor_maker){known, &world->codec.codec, &world->logger.logger};
}

static struct outgoing *encoded(const struct envelope *event)
{
	struct outgoing *outgoing = arena_alloc(world->arena, sizeof *outgoing);
	struct codec *codec = &world->codec.codec;
	const char *error;

	outgoing->type = event->message.type;
	ck_assert_msg(codec->ops->encode(codec, event, world->arena, &outgoing->payload, &error), "%s",
		      error);
	return outgoing;
}

START_TEST(the_predecessor_has_the_identity_and_the_common_fields_of_its_event)
{
	struct envelope event = {.source = "", .traceparent = TRACE, .occurred_at = 5}, made;
	const struct predecessor_maker it = maker(one);
	const struct line_deallocated *deallocated;
	struct outgoing *events;
	size_t count = 1;
	const char *error;

	message_init(&event.message, MSG_LINE_ALLOCATED);
	event.message.as.line_allocated = (struct line_allocated){
		"order", "LAMP", 3, "batch", .version = 7, .occurred_at = 5, .cause = "id-1", .epoch = 2};
	events = encoded(&event);
	predecessors_insert(&it, world->arena, &events, &count);

	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(events[0].type, MSG_LINE_ALLOCATED);
	ck_assert_int_eq(events[1].type, MSG_LINE_DEALLOCATED);
	ck_assert(memory_codec_read(events[1].type, events[1].payload, world->arena, &made, &error));
	deallocated = &made.message.as.line_deallocated;
	ck_assert_str_eq(deallocated->orderid, "order");
	ck_assert_str_eq(deallocated->sku, "LAMP");
	ck_assert_int_eq(deallocated->qty, 3);
	ck_assert_str_eq(deallocated->batchref, "batch");
	ck_assert_int_eq(deallocated->version, 7);
	ck_assert_int_eq(deallocated->epoch, 2);
	ck_assert_int_eq(deallocated->occurred_at, 5);
	ck_assert_str_eq(deallocated->cause, "id-1");
	ck_assert_str_eq(deallocated->reason, "cancelled");
	ck_assert_str_eq(made.traceparent, TRACE);
}
END_TEST

START_TEST(an_event_that_cannot_be_read_goes_out_alone)
{
	const struct predecessor_maker it = maker(one);
	struct outgoing event = {.type = MSG_LINE_ALLOCATED, .payload = {"x", 1}}, *events = &event;
	size_t count = 1;

	predecessors_insert(&it, world->arena, &events, &count);

	ck_assert_uint_eq(count, 1);
	ck_assert_mem_eq(events[0].payload.data, "x", 1);
	ck_assert_uint_eq(memory_logger_count(&world->logger, "error=payload: expected lines of name=value"),
			  1);
}
END_TEST

START_TEST(events_without_predecessors_stay_where_they_are)
{
	static const struct predecessor none[] = {{0}};
	const struct predecessor_maker makers[] = {maker(NULL), maker(none), maker(event_predecessors)};
	struct outgoing event = {.type = MSG_LINE_ALLOCATED, .payload = {"x", 1}}, *events = &event;
	size_t count = 1;

	predecessors_insert(&makers[_i], world->arena, &events, &count);

	ck_assert_ptr_eq(events, &event);
	ck_assert_uint_eq(count, 1);
}
END_TEST

START_TEST(the_memory_of_predecessors_counts_in_the_queue)
{
	const struct predecessor_maker with = maker(one), without = maker(NULL);
	struct envelope event = {.source = "", .occurred_at = 5};
	struct publish_queue queues[2] = {0};
	struct outbox_row row = {.position = 1};

	message_init(&event.message, MSG_LINE_ALLOCATED);
	event.message.as.line_allocated =
		(struct line_allocated){"order", "LAMP", 3, "batch", .version = 7, .occurred_at = 5};
	row.frame = frame_of(world->arena, (struct outgoing[]){*encoded(&event), *encoded(&event)}, 2);
	ck_assert(publish_queue_add(&queues[0], &row, &without));
	ck_assert(publish_queue_add(&queues[1], &row, &with));

	ck_assert_uint_eq(queues[0].first->event_count, 2);
	ck_assert_uint_eq(queues[1].first->event_count, 4);
	ck_assert_uint_gt(queues[1].footprint, queues[0].footprint);
	publish_queue_release(&queues[0]);
	publish_queue_release(&queues[1]);
}
END_TEST

SUITE("predecessors", set_up, tear_down_world)
{
	tcase_add_test(tests, the_predecessor_goes_out_right_behind_its_event);
	tcase_add_test(tests, an_event_that_replaced_none_goes_out_alone);
	tcase_add_test(tests, an_event_may_have_several_predecessors);
	tcase_add_test(tests, both_go_out_again_when_the_broker_fails_between_them);
	tcase_add_test(tests, another_worker_publishes_both_when_one_dies_between_them);
	tcase_add_test(tests, a_row_that_was_published_is_not_published_again_under_either_name);
	tcase_add_test(tests, the_outbox_keeps_the_event_alone);
	tcase_add_test(tests, a_predecessor_that_its_schema_does_not_allow_is_left_out_and_logged);
	tcase_add_test(tests, the_predecessor_has_the_identity_and_the_common_fields_of_its_event);
	tcase_add_test(tests, an_event_that_cannot_be_read_goes_out_alone);
	tcase_add_loop_test(tests, events_without_predecessors_stay_where_they_are, 0, 3);
	tcase_add_test(tests, the_memory_of_predecessors_counts_in_the_queue);
}
