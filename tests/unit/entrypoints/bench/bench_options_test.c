/* The options of `allocd-bench`: their defaults, their bounds, and what is refused. */
#include "bench_world.h"
#include "entrypoints/cli/options.h"
#include "support/suites.h"

#include <string.h>

static struct bench_options options;
static const char *error;

static bool read_options(const char *const words[])
{
	struct invocation invocation = {.arena = arena};

	ck_assert(options_parse(&invocation,
				&(const struct command){.name = "allocd-bench",
							.is_program = true,
							.arguments_max = 1,
							.options = bench_own_options},
				words, &error));
	invocation.config.streams = (struct stream_list){.names = {"commands"}, .count = 1};
	return bench_options_read(&options, &invocation, &error);
}

START_TEST(without_options_it_sends_order_lines_by_the_stream)
{
	ck_assert(read_options((const char *const[]){NULL}));

	ck_assert_int_eq(options.scenario, BENCH_ALLOCATE);
	ck_assert_int_eq(options.transport, BENCH_STREAM);
	ck_assert_uint_eq(options.messages, 100000);
	ck_assert_uint_eq(options.warm_up, 10000);
	ck_assert_uint_eq(options.skus, 1000);
	ck_assert_uint_eq(options.batches, 2);
	ck_assert_uint_eq(options.window, 20000);
	ck_assert_uint_eq(options.rate, 0);
	ck_assert(options.zipf == 0 && !options.events_only && !options.json);
	ck_assert_int_eq(options.stall_ms, 60000);
}
END_TEST

START_TEST(every_option_is_read)
{
	ck_assert(read_options((const char *const[]){
		"mixed", "--messages=5", "--warm-up=7", "--skus=11", "--batches=3", "--window=13",
		"--rate=17", "--zipf=1.5", "--stall=2.5", "--way=pubsub", "--cancel=5", "--json", NULL}));

	ck_assert_int_eq(options.scenario, BENCH_MIXED);
	ck_assert_int_eq(options.transport, BENCH_PUBSUB);
	ck_assert_uint_eq(options.messages, 5);
	ck_assert_uint_eq(options.warm_up, 7);
	ck_assert_uint_eq(options.skus, 11);
	ck_assert_uint_eq(options.batches, 3);
	ck_assert_uint_eq(options.window, 13);
	ck_assert_uint_eq(options.rate, 17);
	ck_assert_uint_eq(options.cancel, 5);
	ck_assert(options.zipf == 1.5 && options.json);
	ck_assert_int_eq(options.stall_ms, 2500);
}
END_TEST

START_TEST(latency_derives_its_messages_from_seconds_and_rate)
{
	ck_assert(read_options((const char *const[]){"latency", NULL}));
	ck_assert_uint_eq(options.messages, 1000);
	ck_assert_uint_eq(options.rate, 100);

	ck_assert(read_options((const char *const[]){"latency", "--seconds=1.5", "--rate=200", NULL}));
	ck_assert_uint_eq(options.messages, 300);
}
END_TEST

START_TEST(order_lines_need_no_stock_when_only_events_are_checked)
{
	static const char *const scenarios_of_lines[] = {"allocate", "hot", "latency"};

	ck_assert(read_options((const char *const[]){scenarios_of_lines[_i], "--events-only", NULL}));

	ck_assert(options.events_only);
}
END_TEST

START_TEST(hot_names_ten_skus)
{
	ck_assert(read_options((const char *const[]){"hot", NULL}));

	ck_assert_uint_eq(options.skus, 10);
}
END_TEST

static const struct {
	const char *words[4], *error;
} refused[] = {
	{{"slow"}, "there is no scenario 'slow'"},
	{{"--way=http"}, "there is no way 'http'"},
	{{"--messages=0"}, "expected 1 to 10000000 after --messages"},
	{{"--messages=10000001"}, "expected 1 to 10000000 after --messages"},
	{{"--warm-up=10000001"}, "expected 0 to 10000000 after --warm-up"},
	{{"--skus=0"}, "expected 1 to 1000000 after --skus"},
	{{"--skus=1000001"}, "expected 1 to 1000000 after --skus"},
	{{"--batches=0"}, "expected 1 to 100000 after --batches"},
	{{"--skus=100000", "--batches=100"}, "expected up to 2000000 batches in all"},
	{{"--window=0"}, "expected 1 to 100000 after --window"},
	{{"--rate=1000001"}, "expected 0 to 1000000 after --rate"},
	{{"--zipf=many"}, "expected an exponent from 0 to 10"},
	{{"--zipf=10.1"}, "expected an exponent from 0 to 10"},
	{{"--stall=0"}, "expected up to 3600 seconds after --stall"},
	{{"--stall=3601"}, "expected up to 3600 seconds after --stall"},
	{{"--seconds=1"}, "only latency takes --seconds"},
	{{"latency", "--messages=1"}, "not --messages"},
	{{"latency", "--seconds=1000000000"}, "expected 1 to 10000000 messages in all"},
	{{"latency", "--rate=0"}, "expected 1 to 10000000 messages in all"},
	{{"latency", "--seconds=0"}, "expected 1 to 10000000 messages in all"},
	{{"mixed", "--cancel=26"}, "expected 0 to 25 after --cancel"},
	{{"--cancel=1"}, "only mixed takes --cancel"},
	{{"reallocate", "--events-only"}, "reallocate and mixed need stock: leave --events-only away"},
	{{"mixed", "--events-only"}, "reallocate and mixed need stock: leave --events-only away"},
	{{"reallocate", "--batches=3"}, "reallocate moves lines between 2 batches"},
};

START_TEST(numbers_at_their_bounds_are_accepted)
{
	ck_assert(read_options((const char *const[]){"--messages=10000000", "--warm-up=10000000",
						     "--skus=1000000", "--window=100000", "--rate=1000000",
						     "--zipf=10", "--stall=3600", NULL}));
	ck_assert(read_options((const char *const[]){"--messages=1", "--warm-up=0", "--skus=1", "--batches=1",
						     "--window=1", "--rate=0", "--zipf=0", "--stall=0.001",
						     NULL}));
	ck_assert(read_options((const char *const[]){"latency", "--rate=1000000", "--seconds=10", NULL}));
}
END_TEST

START_TEST(options_out_of_bounds_or_in_conflict_are_refused)
{
	ck_assert(!read_options(refused[_i].words));

	ck_assert_msg(strstr(error, refused[_i].error), "%s", error);
}
END_TEST

START_TEST(without_a_stream_only_pubsub_is_accepted)
{
	const struct command_option transport = {.name = "way"};
	struct given_option given = {&transport, "pubsub"};
	struct invocation invocation = {.arena = arena};

	ck_assert(!bench_options_read(&options, &invocation, &error));
	ck_assert_msg(strstr(error, "--way pubsub"), "%s", error);

	invocation.own_options = &given;
	invocation.own_option_count = 1;
	ck_assert(bench_options_read(&options, &invocation, &error));
}
END_TEST

SUITE("bench options", bench_set_up, bench_tear_down)
{
	tcase_add_test(tests, without_options_it_sends_order_lines_by_the_stream);
	tcase_add_test(tests, every_option_is_read);
	tcase_add_test(tests, latency_derives_its_messages_from_seconds_and_rate);
	tcase_add_loop_test(tests, order_lines_need_no_stock_when_only_events_are_checked, 0, 3);
	tcase_add_test(tests, hot_names_ten_skus);
	tcase_add_test(tests, numbers_at_their_bounds_are_accepted);
	tcase_add_loop_test(tests, options_out_of_bounds_or_in_conflict_are_refused, 0, COUNT(refused));
	tcase_add_test(tests, without_a_stream_only_pubsub_is_accepted);
}
