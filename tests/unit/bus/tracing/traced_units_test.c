/* What the engine says of messages, units of work and events to a tracer. */
#include "support/rival.h"
#include "support/suites.h"

#include <string.h>

static struct memory_tracer tracer;

static void set_up(void)
{
	memory_tracer_init(&tracer);
	set_up_no_worker();
	world->tracer = &tracer.tracer;
	world_start(world);
}

static void tear_down(void)
{
	tear_down_world();
	memory_tracer_release(&tracer);
}

static bool was_told(const char *line)
{
	return strstr(tracer.told, line);
}

START_TEST(a_message_is_traced_with_its_unit_and_its_events)
{
	create_batch("batch", "LAMP", 10);
	world_settle(world);
	tracer.told = "";

	allocate("order", "LAMP", 1);
	world_settle(world);

	ck_assert_str_eq(tracer.told, "unit of 1, 1 attempt, 1 link: flush\n"
				      "process allocate handled\n"
				      "publish line_allocated 1\n");
	ck_assert_str_eq(tracer.last_unit.parent_id, tracer.last_message.context.span_id);
	ck_assert_str_eq(tracer.last_unit.context.trace_id, tracer.last_message.context.trace_id);
	ck_assert_str_eq(tracer.last_message.unit.span_id, tracer.last_unit.context.span_id);
}
END_TEST

static void change_nothing(const struct message *event, struct message *predecessor)
{
	(void)event, (void)predecessor;
}

START_TEST(events_are_traced_by_their_name_also_while_they_go_out_under_an_old_one_too)
{
	static const struct predecessor known[] = {{MSG_LINE_DEALLOCATED, MSG_LINE_ALLOCATED, change_nothing},
						   {0}};

	world_crash(world);
	world->predecessors = known;
	world_start(world);
	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 1);
	world_settle(world);
	ck_assert_msg(was_told("publish line_allocated 2\n"), "%s", tracer.told);

	tracer.told = "";
	allocate("order", "LAMP", 2);
	allocate("order", "LAMP", 20);
	world_settle(world);
	ck_assert_msg(was_told("publish events 3\n"), "%s", tracer.told);
}
END_TEST

START_TEST(a_unit_of_several_messages_has_a_trace_of_its_own)
{
	create_batch("batch", "LAMP", 10);
	allocate("one", "LAMP", 1);
	allocate("two", "LAMP", 1);
	world_settle(world);

	ck_assert_msg(was_told("unit of 3, 1 attempt, 3 links:"), "%s", tracer.told);
	ck_assert_str_eq(tracer.last_unit.parent_id, "");
	ck_assert_str_ne(tracer.last_unit.context.trace_id, tracer.last_message.context.trace_id);
	ck_assert_str_eq(tracer.last_message.unit.span_id, tracer.last_unit.context.span_id);
}
END_TEST

START_TEST(an_attempt_that_failed_is_a_call_of_its_unit)
{
	create_batch("batch", "LAMP", 10);
	world_settle(world);
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_CONFLICT);

	allocate("order", "LAMP", 1);
	world_settle(world);

	ck_assert_msg(was_told("unit of 1, 2 attempts, 1 link: flush=conflict load flush\n"), "%s",
		      tracer.told);
}
END_TEST

START_TEST(a_unit_whose_commit_was_uncertain_is_traced)
{
	create_batch("batch", "LAMP", 10);
	world_settle(world);
	tracer.told = "";
	memory_store_fail_next(world->lanes[0], CALL_FLUSH, INJECT_LOST_AFTER);

	allocate("order", "LAMP", 1);
	world_settle(world);

	ck_assert_msg(was_told("unit of 1, 1 attempt, 1 link: flush=uncertain\n"), "%s", tracer.told);
	ck_assert_str_eq(tracer.last_message.unit.span_id, tracer.last_unit.context.span_id);
}
END_TEST

START_TEST(a_message_that_is_refused_is_traced)
{
	allocate("order", "LAMP", 1);
	world_settle(world);

	ck_assert_msg(was_told("process allocate rejected\n"), "%s", tracer.told);
	ck_assert(!was_told("publish"));
}
END_TEST

START_TEST(what_is_not_sampled_is_not_told)
{
	tracer.tracer.sampler.ratio = 0;
	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 1);
	world_settle(world);

	ck_assert_str_eq(tracer.told, "");
}
END_TEST

/* Submits the command of a request that is not sampled. */
static void submit_unsampled(const char *payload)
{
	engine_submit(world->engine, &(struct arrival){
					     .transport = TRANSPORT_HTTP,
					     .origin = "/allocate",
					     .is_unsampled = true,
					     .type = MSG_ALLOCATE,
					     .payload = {payload, strlen(payload)},
					     .payload_size = strlen(payload),
				     });
	world_settle(world);
}

START_TEST(the_sampler_decides_once_for_a_request_and_its_message)
{
	submit_unsampled("orderid=order\nsku=LAMP\nqty=1");
	ck_assert_str_eq(tracer.told, "");

	submit_unsampled("orderid=order\nsku=LAMP\nqty=2\n"
			 "traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	ck_assert_msg(was_told("process allocate rejected\n"), "%s", tracer.told);
}
END_TEST

START_TEST(events_continue_the_trace_of_a_sampled_message)
{
	const struct outgoing *event;
	const char *traceparent;

	create_batch("batch", "LAMP", 10);
	allocate("order", "LAMP", 1);
	world_settle(world);

	event = memory_broker_event(world->broker, 0);
	traceparent = span_traceparent(&tracer.last_message, world->arena);
	ck_assert_ptr_nonnull(
		memmem(event->payload.data, event->payload.size, traceparent, strlen(traceparent)));
}
END_TEST

SUITE("traced units", set_up, tear_down)
{
	tcase_add_test(tests, a_message_is_traced_with_its_unit_and_its_events);
	tcase_add_test(tests, events_are_traced_by_their_name_also_while_they_go_out_under_an_old_one_too);
	tcase_add_test(tests, a_unit_of_several_messages_has_a_trace_of_its_own);
	tcase_add_test(tests, an_attempt_that_failed_is_a_call_of_its_unit);
	tcase_add_test(tests, a_unit_whose_commit_was_uncertain_is_traced);
	tcase_add_test(tests, a_message_that_is_refused_is_traced);
	tcase_add_test(tests, what_is_not_sampled_is_not_told);
	tcase_add_test(tests, the_sampler_decides_once_for_a_request_and_its_message);
	tcase_add_test(tests, events_continue_the_trace_of_a_sampled_message);
}
