/* A delivery: what arrives becomes an envelope, or is invalid at once; and queues of deliveries. */
#include "support/suites.h"

#include "adapters/memory/ports/text_codec.h"
#include "bus/messages/delivery.h"

#include <string.h>

static struct delivery *deliver(const char *payload, size_t true_size, const char *id)
{
	struct memory_codec codec;
	struct arrival arrival = {
		.transport = TRANSPORT_STREAM,
		.origin = "commands",
		.id = id,
		.type = MSG_ALLOCATE,
		.payload = {payload, strlen(payload)},
		.payload_size = true_size ? true_size : strlen(payload),
	};

	memory_codec_init(&codec);
	return delivery_new(&arrival, &codec.codec);
}

START_TEST(a_delivery_owns_its_payload_and_its_texts)
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

START_TEST(a_delivery_whose_payload_was_truncated_is_invalid)
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

START_TEST(the_id_in_the_payload_precedes_the_id_of_the_stream_entry)
{
	struct delivery *delivery = deliver(ids[_i].payload, 0, ids[_i].entry_id);

	ck_assert_pstr_eq(delivery->envelope.id, ids[_i].id);
	ck_assert_int_eq(delivery->inbox_key != NULL, ids[_i].id != NULL);
	delivery_free(&delivery);
}
END_TEST

#define TRACE       "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OTHER_TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"

static const struct {
	const char *payload;
	const char *beside; /* the field of its entry, or the header of its request */
	const char *expected;
} traces[] = {
	{"orderid=o\nsku=LAMP\nqty=1", NULL, NULL},
	{"orderid=o\nsku=LAMP\nqty=1", TRACE, TRACE},
	{"orderid=o\nsku=LAMP\nqty=1", "01-" TRACE, NULL},
	{"orderid=o\nsku=LAMP\nqty=1\ntraceparent=" OTHER_TRACE, TRACE, OTHER_TRACE},
	{"nonsense", TRACE, TRACE},
};

START_TEST(the_trace_in_the_payload_precedes_that_beside_it)
{
	struct memory_codec codec;
	struct delivery *delivery;

	memory_codec_init(&codec);
	delivery = delivery_new(&(struct arrival){.transport = TRANSPORT_HTTP,
						  .origin = "/allocate",
						  .traceparent = traces[_i].beside,
						  .type = MSG_ALLOCATE,
						  .payload = {traces[_i].payload, strlen(traces[_i].payload)},
						  .payload_size = strlen(traces[_i].payload)},
				&codec.codec);

	ck_assert_pstr_eq(delivery->envelope.traceparent, traces[_i].expected);
	delivery_free(&delivery);
}
END_TEST

START_TEST(a_reopened_delivery_loses_its_outcome_unless_it_was_decided_on_arrival)
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

START_TEST(a_delivery_queue_keeps_the_order_of_pushed_and_prepended_deliveries)
{
	struct delivery a = {.transport = TRANSPORT_HTTP}, b = {.transport = TRANSPORT_HTTP},
			c = {.transport = TRANSPORT_HTTP};
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

/* ---- journeys ---- */

/* On stream s1 of s0 to s3. */
static struct delivery *deliver_from_range(const char *origin)
{
	static const struct stream_list list = {
		.names = {"plain", "s0", "s1", "s2", "s3"}, .count = 5, .range_first = 1, .range_count = 4};
	static const struct stream_route route = {&list, 2};
	static const char payload[] = "ref=shelf\nqty=1";
	struct memory_codec codec;

	memory_codec_init(&codec);
	return delivery_new(
		&(struct arrival){
			.transport = TRANSPORT_STREAM,
			.origin = "s1",
			.entry_id = "7-0",
			.incarnation = 1,
			.route = &route,
			.first_origin = origin,
			.type = MSG_CHANGE_BATCH_QUANTITY,
			.payload = {payload, sizeof payload - 1},
			.payload_size = sizeof payload - 1,
		},
		&codec.codec);
}

START_TEST(a_forwarded_entry_continues_its_journey_under_its_length_and_its_first_key)
{
	struct delivery *delivery = deliver_from_range("1/2 5-1 3 s0");

	ck_assert_uint_eq(delivery->journey.length, 2);
	ck_assert(!delivery_has_further_streams(delivery));
	ck_assert_str_eq(delivery->inbox.source, "s0 3");
	ck_assert_str_eq(delivery->inbox.id, "5-1");
	ck_assert_str_eq(delivery_origin(delivery, delivery->arena), "2/2 5-1 3 s0");
	delivery_free(&delivery);
}
END_TEST

static const char *const no_origins[] = {
	"",
	"the shop",
	"1/2 5-1 3 the shop",
	"1/2 5-1 3 plain",
	"1/2 5-1 3 s2", /* which is not among the first two */
	"1/2 51 3 s0",
	"1/2 5-1 s0",
	"1 5-1 3 s0",
	"0/2 5-1 3 s0",
	"2/2 5-1 3 s0",
	"1/0 5-1 3 s0",
	"1/1 5-1 3 s0", /* this is the second stream */
	"1/5 5-1 3 s0",
	"1/99 5-1 3 s0",
	"1/-2 5-1 3 s0",
	"-1/2 5-1 3 s0",
};

START_TEST(another_text_in_the_field_origin_is_the_publishers_own)
{
	struct delivery *delivery = deliver_from_range(no_origins[_i]);

	ck_assert_uint_eq(delivery->journey.length, 4);
	ck_assert_uint_eq(delivery->journey.visited, 0);
	ck_assert_str_eq(delivery->inbox.source, "s1 1");
	ck_assert_str_eq(delivery->inbox.id, "7-0");
	delivery_free(&delivery);
}
END_TEST

SUITE("delivery", NULL, NULL)
{
	tcase_add_test(tests, a_forwarded_entry_continues_its_journey_under_its_length_and_its_first_key);
	tcase_add_loop_test(tests, another_text_in_the_field_origin_is_the_publishers_own, 0,
			    COUNT(no_origins));
	tcase_add_test(tests, a_delivery_owns_its_payload_and_its_texts);
	tcase_add_test(tests, a_delivery_whose_payload_was_truncated_is_invalid);
	tcase_add_loop_test(tests, the_trace_in_the_payload_precedes_that_beside_it, 0, COUNT(traces));
	tcase_add_loop_test(tests, the_id_in_the_payload_precedes_the_id_of_the_stream_entry, 0, COUNT(ids));
	tcase_add_test(tests, a_reopened_delivery_loses_its_outcome_unless_it_was_decided_on_arrival);
	tcase_add_test(tests, a_delivery_queue_keeps_the_order_of_pushed_and_prepended_deliveries);
}
