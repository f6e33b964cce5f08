/* Sampling, and the contexts of spans. */
#include "bus/tracing/tracer.h"

#include "support/suites.h"

#include <string.h>

#define LOW     "0af7651916cd43dd" /* of the first half of a trace id, which says nothing */
#define SPAN    "b7ad6b7169203331"
#define TRACE_A "00-" LOW "0000000000000001-" SPAN /* sampled by every ratio but 0 */
#define TRACE_Y "00-" LOW "8000000000000001-" SPAN /* sampled by ratios above a half */
#define TRACE_Z "00-" LOW "ffffffffffffffff-" SPAN /* sampled by the ratio 1 alone */

static struct arena *arena;
static struct tracer tracer;
static struct span span;

static void set_up(void)
{
	arena = arena_new(256);
	tracer = (struct tracer){.state = 1};
}

static void tear_down(void)
{
	arena_free(&arena);
}

static const struct {
	bool is_parent_based;
	double ratio;
	const char *traceparent;
	bool expected;
} samplings[] = {
	{true, 0, TRACE_Z "-01", true},
	{true, 1, TRACE_A "-00", false},
	{true, 0, TRACE_Z "-03", true},
	{true, 0, NULL, false},
	{true, 1, NULL, true},
	{false, 0, TRACE_A "-01", false},
	{false, 0.01, TRACE_A "-00", true},
	{false, 0.49, TRACE_Y "-01", false},
	{false, 0.51, TRACE_Y "-00", true},
	{false, 0.99, TRACE_Z "-01", false},
	{false, 1, TRACE_Z "-00", true},
};

START_TEST(the_sampler_decides)
{
	tracer.sampler = (struct trace_sampler){samplings[_i].is_parent_based, samplings[_i].ratio};

	ck_assert(span_begin(&tracer, samplings[_i].traceparent, &span) == samplings[_i].expected);
}
END_TEST

START_TEST(a_ratio_samples_that_part_of_the_messages_without_a_parent)
{
	int sampled = 0;

	tracer.sampler = (struct trace_sampler){true, 0.1};
	for (int i = 0; i < 100000; i++)
		sampled += span_begin(&tracer, NULL, &span);

	ck_assert_int_ge(sampled, 9500);
	ck_assert_int_le(sampled, 10500);
}
END_TEST

START_TEST(a_span_with_a_parent_is_in_its_trace)
{
	const char *traceparent;

	tracer.sampler = (struct trace_sampler){true, 0};
	ck_assert(span_begin(&tracer, TRACE_A "-01", &span));

	ck_assert_str_eq(span.context.trace_id, LOW "0000000000000001");
	ck_assert_str_eq(span.parent_id, SPAN);
	ck_assert_str_ne(span.context.span_id, SPAN);
	traceparent = span_traceparent(&span, arena);
	ck_assert_str_eq(traceparent_read(traceparent, strlen(traceparent), arena), traceparent);
	ck_assert(traceparent_is_sampled(traceparent));
}
END_TEST

START_TEST(roots_have_traces_of_their_own)
{
	struct span other;

	span_begin_root(&tracer, &span);
	span_begin_root(&tracer, &other);

	ck_assert_str_eq(span.parent_id, "");
	ck_assert_uint_eq(strlen(span.context.trace_id), TRACE_ID_LENGTH);
	ck_assert_uint_eq(strlen(span.context.span_id), SPAN_ID_LENGTH);
	ck_assert_str_ne(span.context.trace_id, other.context.trace_id);
	ck_assert_str_ne(span.context.span_id, other.context.span_id);
}
END_TEST

SUITE("tracer", set_up, tear_down)
{
	tcase_add_loop_test(tests, the_sampler_decides, 0, COUNT(samplings));
	tcase_add_test(tests, a_ratio_samples_that_part_of_the_messages_without_a_parent);
	tcase_add_test(tests, a_span_with_a_parent_is_in_its_trace);
	tcase_add_test(tests, roots_have_traces_of_their_own);
}
