/* A process is recorded once, with the lines that its order has then, and ends with its event. */
#include "integration/store/store_steps.h"

#include "bus/base/stream_list.h"

#include "support/suites.h"

#include <string.h>

static struct process_start starts[16];
static size_t start_count;
static struct arena *arena;

/* That the worker reads: the first ones of these. */
static const char *const streams[] = {"another place", "place"};
static int stream_count;

static void set_up(void)
{
	store_set_up();
	arena = arena_new(4096);
	create_batch("lamps", "lamp", 10, IN_WAREHOUSE);
	create_batch("chairs", "chair", 10, IN_WAREHOUSE);
	allocate("order", "lamp", 2);
	allocate("order", "chair", 3);
	allocate("other", "chair", 1);
	work_restart(work);
	start_count = 0;
	stream_count = 0;
}

static void tear_down(void)
{
	arena_free(&arena);
	store_tear_down();
}

static struct envelope cancellation(const char *orderid, const char *id)
{
	struct envelope envelope = {.id = id, .source = "", .occurred_at = NO_INSTANT};

	message_init(&envelope.message, MSG_ORDER_CANCELLED);
	envelope.message.as.order_cancelled.orderid = orderid;
	return envelope;
}

static struct process_start *add(const struct envelope *envelope, enum transport transport)
{
	struct arrival arrival = {.transport = transport, .origin = "place"};

	starts[start_count] = (struct process_start){.event = work_arrival(work, envelope, arrival)};
	return &starts[start_count++];
}

static struct process_start *add_event(const char *orderid, const char *id)
{
	struct envelope envelope = cancellation(orderid, id);

	return add(&envelope, TRANSPORT_PUBSUB);
}

static void begin(void)
{
	struct process_store *port = store->processes;

	for (size_t i = 0; i < start_count; i++) {
		starts[i].lines = NULL;
		starts[i].line_count = 0;
	}
	work_begin_call(work);
	port->ops->begin(port, starts, start_count, arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	for (size_t i = 0; i < start_count; i++)
		ck_assert(starts[i].is_answered);
}

static bool has_line(const struct process_start *start, const char *sku, int32_t qty)
{
	size_t count = 0;

	for (size_t i = 0; i < start->line_count; i++)
		count += start->lines[i].qty == qty && !strcmp(start->lines[i].sku, sku);
	ck_assert_uint_le(count, 1);
	return count;
}

static size_t claim(const int64_t *running, size_t running_count, struct due_process *due)
{
	struct chores_store *port = store->chores;
	size_t count;

	work_begin_call(work);
	port->ops->claim_processes(port,
				   &(struct process_claim){running, running_count, streams,
							   (size_t)stream_count,
							   sizeof starts / sizeof starts[0]},
				   due, &count, arena, work_answered, work);
	ck_assert_int_eq(work_wait(work), NO_FAILURE);
	return count;
}

/* The event ends as it does in a lane. */
static void end(const struct process_start *start)
{
	work->deliveries[work->delivery_count - 1]->process_key = start->key;
	ck_assert_int_eq(work_do(work), NO_FAILURE);
}

START_TEST(a_process_begins_with_the_lines_of_its_order)
{
	const struct process_start *start = add_event("order", "id"),
				   *unknown = add_event("nobody's", "id-2");

	begin();

	ck_assert_int_gt(start->key, 0);
	ck_assert_uint_eq(start->digest, start->event->digest);
	ck_assert_uint_eq(start->line_count, 2);
	ck_assert(has_line(start, "lamp", 2) && has_line(start, "chair", 3));
	ck_assert_int_gt(unknown->key, 0);
	ck_assert_int_ne(unknown->key, start->key);
	ck_assert_uint_eq(unknown->line_count, 0);
}
END_TEST

START_TEST(lines_that_are_pending_belong_to_the_process)
{
	static const struct order_line pending[] = {{"order", "lamp", 2}, {"order", "sofa", 1}};
	struct process_start *start = add_event("order", "id");
	const struct process_start *other = add_event("other", "id-2");

	start->pending = pending;
	start->pending_count = 2;
	begin();

	ck_assert_uint_eq(start->line_count, 3);
	ck_assert(has_line(start, "lamp", 2) && has_line(start, "chair", 3) && has_line(start, "sofa", 1));
	ck_assert_uint_eq(other->line_count, 1);
}
END_TEST

START_TEST(the_only_event_may_have_one_pending_line_or_none)
{
	static const struct order_line pending[] = {{"nobody's", "sofa", 1}};
	struct process_start *start = add_event("nobody's", "id");

	start->pending = pending;
	start->pending_count = 1;
	begin();

	ck_assert_uint_eq(start->line_count, 1);
	ck_assert(has_line(start, "sofa", 1));
}
END_TEST

START_TEST(a_process_that_is_recorded_keeps_its_lines)
{
	struct process_start *start = add_event("order", "id");
	const char *first;
	int64_t key;
	uint64_t digest;

	begin();
	first = start->lines[0].sku;
	key = start->key;
	digest = start->digest;
	allocate("order", "lamp", 5);
	work_restart(work);
	start_count = 0;
	start = add_event("another order", "id");
	begin();

	ck_assert_int_eq(start->key, key);
	ck_assert_uint_eq(start->digest, digest);
	ck_assert_uint_ne(start->digest, start->event->digest);
	ck_assert_uint_eq(start->line_count, 2);
	ck_assert_str_eq(start->lines[0].sku, first);
	ck_assert(has_line(start, "lamp", 2) && has_line(start, "chair", 3));
}
END_TEST

START_TEST(no_process_begins_with_a_spent_id)
{
	struct process_start *start = add_event("order", "id");

	begin();
	end(start);
	work_restart(work);
	start_count = 0;
	start = add_event("order", "id");
	begin();

	ck_assert_int_eq(start->key, 0);
}
END_TEST

/* The clock may have stepped back since it was handled. */
START_TEST(an_event_with_a_spent_id_is_not_from_the_future)
{
	struct envelope again = cancellation("order", "id");
	struct process_start *start = add_event("order", "id");

	begin();
	end(start);
	work_restart(work);
	start_count = 0;
	ck_assert_int_eq(work_load(work), NO_FAILURE);
	again.occurred_at = work->uow.now + INT64_C(310) * 1000000;
	start = add(&again, TRANSPORT_PUBSUB);
	begin();

	ck_assert_int_eq(start->key, 0);
	ck_assert(!start->is_from_future);
}
END_TEST

/* The part of the event on the stream "place", or on the last stream the event itself. */
static struct process_start *add_from_range(bool is_last)
{
	static const struct stream_list list = {
		.names = {"place", "elsewhere"}, .count = 2, .range_count = 2};
	static const struct stream_route route = {&list, 0};
	struct envelope envelope = cancellation("order", "id");
	struct arrival arrival = {
		.transport = TRANSPORT_STREAM,
		.origin = "place",
		.entry_id = "2-0",
		.incarnation = 1,
		.route = &route,
		.first_origin = is_last ? "1/2 1-0 1 elsewhere" : NULL,
	};

	starts[start_count] = (struct process_start){.event = work_arrival(work, &envelope, arrival)};
	return &starts[start_count++];
}

/* The event is spent and one of its parts comes, or the part of this stream is spent and the event comes. */
START_TEST(an_event_and_its_parts_begin_once)
{
	struct process_start *start = add_from_range(_i);

	begin();
	ck_assert_int_gt(start->key, 0);
	end(start);
	work_restart(work);
	start_count = 0;
	start = add_from_range(!_i);
	begin();

	ck_assert_int_eq(start->key, 0);
}
END_TEST

START_TEST(no_process_begins_with_an_event_from_the_future)
{
	struct envelope near = cancellation("order", "id"), far = cancellation("order", "id-2");
	const struct process_start *soon, *later;

	ck_assert_int_eq(work_load(work), NO_FAILURE);
	near.occurred_at = work->uow.now + INT64_C(290) * 1000000;
	far.occurred_at = work->uow.now + INT64_C(310) * 1000000;
	soon = add(&near, TRANSPORT_PUBSUB);
	later = add(&far, TRANSPORT_PUBSUB);
	begin();

	ck_assert_int_gt(soon->key, 0);
	ck_assert_int_eq(later->key, 0);
	ck_assert(!soon->is_from_future && later->is_from_future);
}
END_TEST

START_TEST(a_process_that_ended_is_not_claimed)
{
	struct process_start *start = add_event("order", "id");
	struct due_process due[sizeof starts / sizeof starts[0]];

	begin();
	end(start);
	fixture->let_time_pass(fixture, PROCESS_LEASE + 1);

	ck_assert_uint_eq(claim(NULL, 0, due), 0);
}
END_TEST

START_TEST(a_process_is_claimed_once_when_its_worker_does_not_claim_it_any_more)
{
	const struct process_start *start = add_event("order", "id");
	struct due_process due[sizeof starts / sizeof starts[0]];

	begin();
	ck_assert_uint_eq(claim(NULL, 0, due), 0);
	fixture->let_time_pass(fixture, PROCESS_LEASE - 10);
	ck_assert_uint_eq(claim(&start->key, 1, due), 0);
	fixture->let_time_pass(fixture, PROCESS_LEASE - 10);
	ck_assert_uint_eq(claim(NULL, 0, due), 0);
	fixture->let_time_pass(fixture, 11);

	ck_assert_uint_eq(claim(NULL, 0, due), 1);
	ck_assert_int_eq(due[0].key, start->key);
	ck_assert_int_eq(due[0].type, MSG_ORDER_CANCELLED);
	ck_assert_str_eq(due[0].origin, "place");
	ck_assert_str_eq(due[0].inbox.message, "order_cancelled");
	ck_assert_str_eq(due[0].inbox.source, "");
	ck_assert_str_eq(due[0].inbox.id, "id");
	ck_assert(!due[0].is_from_stream);
	ck_assert_mem_eq(due[0].payload.data, start->event->payload.data, due[0].payload.size);
	ck_assert_uint_eq(claim(NULL, 0, due), 0);
}
END_TEST

START_TEST(a_process_from_a_stream_is_left_to_the_stream_for_longer)
{
	struct envelope envelope = cancellation("order", "id");
	struct due_process due[sizeof starts / sizeof starts[0]];

	add(&envelope, TRANSPORT_STREAM);
	begin();
	stream_count = COUNT(streams);
	fixture->let_time_pass(fixture, PROCESS_LEASE + 1);
	ck_assert_uint_eq(claim(NULL, 0, due), 0);
	fixture->let_time_pass(fixture, PROCESS_LEASE_OF_STREAM);

	ck_assert_uint_eq(claim(NULL, 0, due), 1);
	ck_assert(due[0].is_from_stream);
}
END_TEST

START_TEST(a_process_from_a_stream_is_claimed_by_a_worker_that_reads_it)
{
	struct envelope envelope = cancellation("order", "id");
	struct due_process due[sizeof starts / sizeof starts[0]];

	add(&envelope, TRANSPORT_STREAM);
	begin();
	fixture->let_time_pass(fixture, PROCESS_LEASE_OF_STREAM + 1);
	for (stream_count = 0; stream_count < COUNT(streams); stream_count++)
		ck_assert_uint_eq(claim(NULL, 0, due), 0);

	ck_assert_uint_eq(claim(NULL, 0, due), 1);
}
END_TEST

START_TEST(processes_that_were_claimed_together_are_due_again_at_different_times)
{
	enum { COUNT = sizeof starts / sizeof starts[0] };
	struct due_process due[COUNT];
	size_t early;

	for (int i = 0; i < COUNT; i++)
		add_event("order", arena_printf(arena, "id-%d", i));
	begin();
	fixture->let_time_pass(fixture, PROCESS_LEASE + 1);
	ck_assert_uint_eq(claim(NULL, 0, due), COUNT);
	fixture->let_time_pass(fixture, PROCESS_LEASE - PROCESS_LEASE_SPREAD / 2);
	early = claim(NULL, 0, due);
	ck_assert_uint_gt(early, 0);
	ck_assert_uint_lt(early, COUNT);
	fixture->let_time_pass(fixture, PROCESS_LEASE_SPREAD / 2 + 1);
	ck_assert_uint_eq(claim(NULL, 0, due), COUNT - early);
}
END_TEST

SUITE("processes in the store", set_up, tear_down)
{
	tcase_add_test(tests, a_process_begins_with_the_lines_of_its_order);
	tcase_add_test(tests, lines_that_are_pending_belong_to_the_process);
	tcase_add_test(tests, the_only_event_may_have_one_pending_line_or_none);
	tcase_add_test(tests, a_process_that_is_recorded_keeps_its_lines);
	tcase_add_test(tests, no_process_begins_with_a_spent_id);
	tcase_add_test(tests, an_event_with_a_spent_id_is_not_from_the_future);
	tcase_add_loop_test(tests, an_event_and_its_parts_begin_once, 0, 2);
	tcase_add_test(tests, no_process_begins_with_an_event_from_the_future);
	tcase_add_test(tests, a_process_that_ended_is_not_claimed);
	tcase_add_test(tests, a_process_is_claimed_once_when_its_worker_does_not_claim_it_any_more);
	tcase_add_test(tests, a_process_from_a_stream_is_claimed_by_a_worker_that_reads_it);
	tcase_add_test(tests, processes_that_were_claimed_together_are_due_again_at_different_times);
	tcase_add_test(tests, a_process_from_a_stream_is_left_to_the_stream_for_longer);
}
