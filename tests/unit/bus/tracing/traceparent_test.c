/* W3C Trace Context: traces that are copied, and texts that end the trace. */
#include "bus/tracing/traceparent.h"

#include "support/suites.h"

#include <string.h>

static struct arena *arena;

static void set_up(void)
{
	arena = arena_new(256);
}

static void tear_down(void)
{
	arena_free(&arena);
}

#define IDS "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"

static const char *const well_formed[][2] = {
	{"00-" IDS "-01", "00-" IDS "-01"},
	{"00-" IDS "-00", "00-" IDS "-00"},
	{"00-" IDS "-ff", "00-" IDS "-ff"},
	/* of a later version, the parts that version 00 has */
	{"01-" IDS "-01", "00-" IDS "-01"},
	{"cc-" IDS "-03", "00-" IDS "-01"},
	{"fe-" IDS "-02-what-comes-later", "00-" IDS "-00"},
};

START_TEST(a_well_formed_traceparent_is_copied)
{
	const char *text = well_formed[_i][0];

	ck_assert_str_eq(traceparent_read(text, strlen(text), arena), well_formed[_i][1]);
}
END_TEST

static const char *const malformed[] = {
	"",
	"00",
	"00-" IDS "-0",
	"00-" IDS "-01 ",
	"00-" IDS "-01-more",
	"01-" IDS "-01more",
	"ff-" IDS "-01",
	"0g-" IDS "-01",
	"00-" IDS "-0G",
	"00_" IDS "-01",
	"00-" IDS "_01",
	"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
	"00-00000000000000000000000000000000-b7ad6b7169203331-01",
	"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
	"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
	"00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-001",
	"0-00af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
};

START_TEST(a_malformed_traceparent_is_dropped)
{
	ck_assert_ptr_null(traceparent_read(malformed[_i], strlen(malformed[_i]), arena));
}
END_TEST

START_TEST(the_trace_is_the_second_part_of_a_traceparent)
{
	ck_assert_str_eq(trace_id_of("00-" IDS "-01", arena), "0af7651916cd43dd8448eb211c80319c");
	ck_assert_ptr_null(trace_id_of(NULL, arena));
	ck_assert_ptr_null(trace_id_of("trace", arena));
}
END_TEST

SUITE("traceparent", set_up, tear_down)
{
	tcase_add_loop_test(tests, a_well_formed_traceparent_is_copied, 0, COUNT(well_formed));
	tcase_add_loop_test(tests, a_malformed_traceparent_is_dropped, 0, COUNT(malformed));
	tcase_add_test(tests, the_trace_is_the_second_part_of_a_traceparent);
}
