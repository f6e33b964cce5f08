/* What `allocd bench` sends has the effects that it expects, on a real engine; and it notices when not. */
#include "adapters/codec/codec.h"
#include "core/base/must.h"
#include "entrypoints/bench/check.h"
#include "entrypoints/bench_report/figures.h"
#include "entrypoints/bench_report/report.h"
#include "entrypoints/bench_workload/bench_messages.h"
#include "entrypoints/bench_workload/zipf.h"
#include "entrypoints/cli/options.h"
#include "support/suites.h"
#include "world.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define SEED 42

static struct arena *arena;
static char run_name[BENCH_RUN_SIZE];
static struct bench_plan *plan;
static struct bench_verifier *verifier;

static void set_up(void)
{
	arena = arena_new(4096);
	bench_run_name(run_name, SEED);
}

static void tear_down(void)
{
	bench_verifier_free(&verifier);
	bench_plan_free(&plan);
	arena_free(&arena);
}

static void make_plan(const struct bench_options *options)
{
	plan = bench_plan_new(options, SEED);
	verifier = bench_verifier_new(plan);
}

/* ---- options ---- */

static struct bench_options options;
static const char *error;

static bool want(const char *const words[])
{
	struct invocation invocation = {.arena = arena};

	ck_assert(options_parse(&invocation,
				&(const struct command){.name = "allocd-bench",
							.is_program = true,
							.arguments_max = 1,
							.options = bench_own_options},
				words, &error));
	invocation.config.streams = (struct stream_list){{"commands"}, 1};
	return bench_options_read(&options, &invocation, &error);
}

START_TEST(without_options_lines_come_by_the_stream)
{
	ck_assert(want((const char *const[]){NULL}));

	ck_assert_int_eq(options.scenario, BENCH_ALLOCATE);
	ck_assert_int_eq(options.way, BENCH_STREAM);
	ck_assert_uint_eq(options.messages, 100000);
	ck_assert_uint_eq(options.warm_up, 10000);
	ck_assert_uint_eq(options.skus, 1000);
	ck_assert_uint_eq(options.batches, 2);
	ck_assert_uint_eq(options.window, 20000);
	ck_assert_uint_eq(options.rate, 0);
	ck_assert(options.zipf == 0 && !options.json);
	ck_assert_int_eq(options.stall_ms, 60000);
}
END_TEST

START_TEST(every_option_counts)
{
	ck_assert(want((const char *const[]){"mixed", "--messages=5", "--warm-up=7", "--skus=11",
					     "--batches=3", "--window=13", "--rate=17", "--zipf=1.5",
					     "--stall=2.5", "--way=pubsub", "--json", NULL}));

	ck_assert_int_eq(options.scenario, BENCH_MIXED);
	ck_assert_int_eq(options.way, BENCH_PUBSUB);
	ck_assert_uint_eq(options.messages, 5);
	ck_assert_uint_eq(options.warm_up, 7);
	ck_assert_uint_eq(options.skus, 11);
	ck_assert_uint_eq(options.batches, 3);
	ck_assert_uint_eq(options.window, 13);
	ck_assert_uint_eq(options.rate, 17);
	ck_assert(options.zipf == 1.5 && options.json);
	ck_assert_int_eq(options.stall_ms, 2500);
}
END_TEST

START_TEST(latency_takes_seconds_and_a_rate)
{
	ck_assert(want((const char *const[]){"latency", NULL}));
	ck_assert_uint_eq(options.messages, 1000);
	ck_assert_uint_eq(options.rate, 100);

	ck_assert(want((const char *const[]){"latency", "--seconds=1.5", "--rate=200", NULL}));
	ck_assert_uint_eq(options.messages, 300);
}
END_TEST

START_TEST(hot_is_ten_skus)
{
	ck_assert(want((const char *const[]){"hot", NULL}));

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
	{{"reallocate", "--batches=3"}, "reallocate moves lines between 2 batches"},
};

START_TEST(the_bounds_themselves_are_taken)
{
	ck_assert(want((const char *const[]){"--messages=10000000", "--warm-up=10000000", "--skus=1000000",
					     "--window=100000", "--rate=1000000", "--zipf=10", "--stall=3600",
					     NULL}));
	ck_assert(want((const char *const[]){"--messages=1", "--warm-up=0", "--skus=1", "--batches=1",
					     "--window=1", "--rate=0", "--zipf=0", "--stall=0.001", NULL}));
	ck_assert(want((const char *const[]){"latency", "--rate=1000000", "--seconds=10", NULL}));
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	ck_assert(!want(refused[_i].words));

	ck_assert_msg(strstr(error, refused[_i].error), "%s", error);
}
END_TEST

START_TEST(without_a_stream_there_is_still_the_other_way)
{
	const struct command_option way = {.name = "way"};
	struct given_option given = {&way, "pubsub"};
	struct invocation invocation = {.arena = arena};

	ck_assert(!bench_options_read(&options, &invocation, &error));
	ck_assert_msg(strstr(error, "--way pubsub"), "%s", error);

	invocation.own_options = &given;
	invocation.own_option_count = 1;
	ck_assert(bench_options_read(&options, &invocation, &error));
}
END_TEST

/* ---- dice ---- */

static void roll(double zipf, int counts[10])
{
	struct bench_zipf *generator = bench_zipf_new(10, zipf, SEED);

	for (int i = 0; i < 10000; i++)
		counts[bench_zipf_next(generator)]++;
	bench_zipf_free(&generator);
}

START_TEST(plain_dice_show_every_side_as_often)
{
	int counts[10] = {0};

	roll(0, counts);

	for (int i = 0; i < 10; i++)
		ck_assert_msg(counts[i] > 850 && counts[i] < 1150, "side %d: %d", i, counts[i]);
}
END_TEST

/* With the exponent 1 the shares are 1/k by the tenth harmonic number, 2.929. */
START_TEST(zipfs_dice_show_the_first_sides_more_often)
{
	int counts[10] = {0};

	roll(1, counts);

	for (int i = 0; i < 10; i++) {
		int share = (int)(10000 / 2.929 / (i + 1));

		ck_assert_msg(abs(counts[i] - share) < share / 5 + 30, "side %d: %d, not %d", i, counts[i],
			      share);
	}
}
END_TEST

/* ---- every scenario, on a real engine ---- */

static const struct bench_options scenarios[] = {
	{.scenario = BENCH_ALLOCATE, .messages = 100, .warm_up = 10, .skus = 7, .batches = 3},
	{.scenario = BENCH_ALLOCATE, .messages = 100, .skus = 7, .batches = 1, .zipf = 1.1},
	{.scenario = BENCH_REALLOCATE, .messages = 200, .warm_up = 11, .skus = 7, .batches = 2},
	{.scenario = BENCH_REALLOCATE, .messages = 9, .skus = 1, .batches = 2},
	{.scenario = BENCH_REALLOCATE, .messages = 10, .skus = 1, .batches = 2},
	{.scenario = BENCH_MIXED, .messages = 300, .warm_up = 30, .skus = 5, .batches = 1},
	{.scenario = BENCH_MIXED, .messages = 100, .skus = 20, .batches = 3},
	{.scenario = BENCH_HOT, .messages = 100, .skus = 2, .batches = 2},
	{.scenario = BENCH_LATENCY, .messages = 50, .skus = 30, .batches = 2},
};

static struct world world;
static struct bench_effects effects;

static void submit(uint32_t number)
{
	char text[BENCH_PAYLOAD_MAX];
	const struct bench_step *step = &plan->steps[number];
	struct bytes payload = bench_payload(text, run_name, number, step);

	bench_verifier_sent(verifier, number + 1);
	engine_submit(world.engine, &(struct arrival){
					    .way = TRANSPORT_PUBSUB,
					    .place = "bench",
					    .type = (enum message_type)step->command,
					    .payload = payload,
					    .payload_size = payload.size,
				    });
}

static void hear(size_t index, int64_t now_us)
{
	const struct outgoing *event = memory_broker_event(world.broker, index);
	uint32_t number;
	int64_t version;

	ck_assert(bench_read_event(event->payload, run_name, &number, &version));
	bench_verifier_heard(verifier, event->type, number, version, now_us);
}

/* Everything is sent and done; what of it is heard is up to the test. */
static void run_scenario(const struct bench_options *scenario)
{
	make_plan(scenario);
	world_init(&world, 1000);
	for (uint32_t number = 0; number < plan->count; number++)
		submit(number);
	for (int i = 0; i < 100 && !engine_is_idle(world.engine); i++)
		world_run_ms(&world, 10);
	ck_assert(engine_is_idle(world.engine));
}

static void hear_all(void)
{
	for (size_t i = 0; i < memory_broker_count(world.broker); i++)
		hear(i, 1000000);
}

/* What a database would tell of the one in memory. */
static void gather(struct bench_check *check, struct bench_results *evidence)
{
	*evidence = (struct bench_results){
		.handled = (int64_t)world.database->inbox_count,
		.shown = (int64_t)world.database->view_count,
		.dead_letters = (int64_t)world.database->dead_letter_count,
	};
	for (size_t i = 0; i < world.database->product_count; i++) {
		const struct product_row *product = world.database->product_list[i];

		bench_check_listener.product(check, strtol(strstr(product->sku, "-s") + 2, NULL, 10),
					     product->version);
		for (const struct batch_row *batch = product->batches; batch; batch = batch->next)
			evidence->allocated += batch->allocated;
		for (const struct line_row *line = product->lines; line; line = line->next)
			evidence->lines += line->batchref != NULL;
	}
}

static void conclude(void (*damage)(struct bench_check *check, struct bench_results *evidence))
{
	struct bench_results evidence;
	struct bench_check check;

	bench_check_init(&check, run_name, verifier);
	gather(&check, &evidence);
	if (damage)
		damage(&check, &evidence);
	bench_check_conclude(&check, &evidence, &effects);
	bench_check_release(&check);
	world_release(&world);
}

START_TEST(every_scenario_has_the_effects_it_expects)
{
	run_scenario(&scenarios[_i]);
	hear_all();
	conclude(NULL);

	ck_assert_msg(verifier->faults.count == 0, "%s", verifier->faults.texts[0]);
	ck_assert_uint_eq(effects.missing, 0);
	ck_assert_uint_eq(effects.messages, plan->count);
	ck_assert_uint_eq(plan->count - plan->measured, scenarios[_i].messages);
	ck_assert_uint_eq(plan->measured - plan->stock, scenarios[_i].warm_up);
	ck_assert_uint_eq(verifier->done, plan->speaking);
	ck_assert_uint_eq(bench_verifier_under_way(verifier), 0);
}
END_TEST

START_TEST(every_sku_ends_with_a_message_that_is_heard)
{
	uint32_t last[32] = {0};

	make_plan(&scenarios[_i]);
	for (uint32_t number = 0; number < plan->count; number++)
		last[plan->steps[number].sku] = number;

	for (uint32_t sku = 0; sku < plan->skus; sku++)
		ck_assert(last[sku] < plan->stock || plan->steps[last[sku]].events > 0);
}
END_TEST

/* Of the messages behind the stock; as a share of 100. */
static uint32_t share(bool (*is_one)(const struct bench_step *step))
{
	uint32_t count = 0;

	for (uint32_t number = plan->stock; number < plan->count; number++)
		count += is_one(&plan->steps[number]);
	return count * 100 / (plan->count - plan->stock);
}

static bool is_moving(const struct bench_step *step)
{
	return step->events == 2;
}

static bool is_line(const struct bench_step *step)
{
	return step->command == MSG_ALLOCATE;
}

static bool is_change(const struct bench_step *step)
{
	return step->command == MSG_CHANGE_BATCH_QUANTITY;
}

START_TEST(half_of_the_changes_move_a_line)
{
	make_plan(&(struct bench_options){
		.scenario = BENCH_REALLOCATE, .messages = 10000, .skus = 10, .batches = 2});

	ck_assert_uint_eq(share(is_change), 100);
	ck_assert_uint_eq(share(is_moving), 50);
}
END_TEST

START_TEST(mixed_is_mostly_lines_and_some_changes)
{
	make_plan(&(struct bench_options){
		.scenario = BENCH_MIXED, .messages = 10000, .skus = 10, .batches = 2});

	ck_assert_uint_ge(share(is_line), 78);
	ck_assert_uint_le(share(is_line), 82);
	ck_assert_uint_ge(share(is_change), 13);
	ck_assert_uint_le(share(is_change), 17);
	ck_assert_uint_ge(share(is_moving), 5);
}
END_TEST

/* ---- what is not as it must be is noticed ---- */

static const struct bench_options few = {.scenario = BENCH_ALLOCATE, .messages = 4, .skus = 1, .batches = 1};

static const char *faults(void)
{
	const char *all = "";

	for (size_t i = 0; i < verifier->faults.count && i < BENCH_FAULTS_TOLD; i++)
		all = arena_printf(arena, "%s%s\n", all, verifier->faults.texts[i]);
	return all;
}

#define EXPECT_FAULT(text) ck_assert_msg(strstr(faults(), text), "%s", faults())

START_TEST(a_lost_event_is_missed)
{
	run_scenario(&few);
	for (size_t i = 0; i < 3; i++)
		hear(i, 1);
	ck_assert_uint_eq(bench_verifier_under_way(verifier), 1);
	conclude(NULL);

	ck_assert_uint_eq(effects.missing, 1);
	EXPECT_FAULT("bench-000000000000002a-m00000004 (allocate): it is in the inbox; 0 of 1 events");
	EXPECT_FAULT("SKU 0 has version 4, version 3 was heard last");
}
END_TEST

START_TEST(a_gap_is_noticed)
{
	run_scenario(&few);
	hear(0, 1);
	hear(2, 1);
	conclude(NULL);

	EXPECT_FAULT("SKU 0: version 3 was heard after version 1");
}
END_TEST

START_TEST(a_duplicate_is_counted_and_no_fault)
{
	run_scenario(&few);
	hear(0, 1);
	hear(1, 1);
	hear(0, 1);
	for (size_t i = 1; i < 4; i++)
		hear(i, 1);
	conclude(NULL);

	ck_assert_uint_eq(verifier->duplicates, 2);
	ck_assert_msg(verifier->faults.count == 0, "%s", faults());
}
END_TEST

static void send_few(void)
{
	make_plan(&few);
	for (uint32_t number = 0; number < plan->count; number++)
		bench_verifier_sent(verifier, 1);
}

START_TEST(another_event_than_expected_is_a_fault)
{
	send_few();

	bench_verifier_heard(verifier, MSG_OUT_OF_STOCK, 1, 1, 1);

	EXPECT_FAULT("message 00000001 caused out_of_stock, not line_allocated");
}
END_TEST

START_TEST(an_event_more_than_expected_is_a_fault)
{
	send_few();

	bench_verifier_heard(verifier, MSG_LINE_ALLOCATED, 1, 1, 1);
	bench_verifier_heard(verifier, MSG_LINE_ALLOCATED, 1, 2, 1);

	EXPECT_FAULT("message 00000001 caused one line_allocated too many");
}
END_TEST

START_TEST(an_event_of_nothing_that_was_sent_is_a_fault)
{
	make_plan(&few);

	bench_verifier_heard(verifier, MSG_LINE_ALLOCATED, 0, 1, 1);

	EXPECT_FAULT("message 00000000 caused an event before it was sent");
}
END_TEST

START_TEST(many_faults_are_counted_and_some_told)
{
	make_plan(&few);

	for (int i = 0; i < 1000; i++)
		bench_verifier_fault(verifier, "fault %d", i);

	ck_assert_uint_eq(verifier->faults.count, 1000);
	ck_assert_str_eq(verifier->faults.texts[BENCH_FAULTS_TOLD - 1], "fault 9");
}
END_TEST

static void unhandle(struct bench_check *check, struct bench_results *evidence)
{
	bench_check_listener.missing(check, 2);
	evidence->handled--;
}

static void lose_a_line(struct bench_check *check, struct bench_results *evidence)
{
	(void)check;
	evidence->lines--;
}

static void lose_a_row(struct bench_check *check, struct bench_results *evidence)
{
	(void)check;
	evidence->shown--;
}

static void promise_twice(struct bench_check *check, struct bench_results *evidence)
{
	(void)check;
	evidence->allocated++;
}

static void lose_a_product(struct bench_check *check, struct bench_results *evidence)
{
	(void)evidence;
	check->products--;
}

static void bury(struct bench_check *check, struct bench_results *evidence)
{
	bench_check_listener.dead_letter(check, "failed", "some-id", "too late");
	evidence->dead_letters++;
}

static const struct {
	void (*damage)(struct bench_check *check, struct bench_results *evidence);
	const char *fault;
} damages[] = {
	{unhandle, "bench-000000000000002a-m00000002 (allocate): not in the inbox; 1 of 1 events"},
	{unhandle, "messages handled: 4, not 5"},
	{lose_a_line, "order lines: 3, not 4"},
	{lose_a_row, "lines in the read model: 3, not 4"},
	{promise_twice, "allocated, the sum over all batches: 5, not 4"},
	{lose_a_product, "products: 0, not 1"},
	{bury, "some-id is a dead letter: failed: too late"},
	{bury, "dead letters: 1, not 0"},
};

START_TEST(what_the_database_lacks_is_a_fault)
{
	run_scenario(&few);
	hear_all();
	conclude(damages[_i].damage);

	EXPECT_FAULT(damages[_i].fault);
	ck_assert_uint_eq(effects.missing, damages[_i].damage == unhandle);
}
END_TEST

START_TEST(what_was_not_sent_is_a_fault)
{
	make_plan(&few);
	world_init(&world, 1000);
	conclude(NULL);

	EXPECT_FAULT("messages sent: 0, not 5");
}
END_TEST

/* ---- events in every encoding and envelope ---- */

static const struct codec_config wires[] = {
	{CODEC_JSON, CODEC_BARE, "test"},
	{CODEC_MSGPACK, CODEC_BARE, "test"},
	{CODEC_JSON, CODEC_CLOUDEVENTS, "test"},
	{CODEC_MSGPACK, CODEC_CLOUDEVENTS, "test"},
};

static const int64_t versions[] = {1, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296};

static struct bytes event_of(const struct codec_config *cable, const char *cause, int64_t version)
{
	struct codec *codec = codec_new(cable);
	struct envelope envelope = {0};
	struct bytes payload;

	message_init(&envelope.message, MSG_LINE_ALLOCATED);
	envelope.message.as.line_allocated = (struct line_allocated){
		.orderid = "order",
		.sku = "sku",
		.qty = 1,
		.batchref = "batch",
		.version = version,
		.cause = cause,
	};
	ck_assert_msg(codec->ops->encode(codec, &envelope, arena, &payload, &error), "%s", error);
	codec_free(&codec);
	return payload;
}

START_TEST(an_event_tells_its_cause_and_version_in_every_encoding)
{
	const char *cause = "bench-000000000000002a-m01234567";
	uint32_t number;
	int64_t version;

	for (int i = 0; i < COUNT(versions); i++) {
		ck_assert(bench_read_event(event_of(&wires[_i], cause, versions[i]), run_name, &number,
					   &version));
		ck_assert_uint_eq(number, 1234567);
		ck_assert_int_eq(version, versions[i]);
	}
}
END_TEST

static const char *const strangers[] = {
	"another",
	"bench-000000000000002b-m00000001",
	"bench-000000000000002a-o00000001",
	"bench-000000000000002a-m0000001",
	"bench-000000000000002a-m",
};

START_TEST(events_of_others_are_left_alone)
{
	uint32_t number;
	int64_t version;

	ck_assert(!bench_read_event(event_of(&wires[0], strangers[_i], 1), run_name, &number, &version));
}
END_TEST

START_TEST(an_event_that_breaks_off_is_left_alone)
{
	uint32_t number;
	int64_t version;

	for (int cable = 0; cable < COUNT(wires); cable++) {
		struct bytes event = event_of(&wires[cable], "bench-000000000000002a-m01234567", 65536);

		for (size_t size = 0; size < event.size; size++) {
			char *part = must_alloc(size > 0 ? size : 1);

			memcpy(part, event.data, size);
			if (bench_read_event((struct bytes){part, size}, run_name, &number, &version))
				ck_assert_uint_eq(number, 1234567);
			free(part);
		}
	}
}
END_TEST

#define CAUSE "bench-000000000000002a-m01234567"

static const struct {
	const char *text;
	size_t size;
} broken[] = {
#define BROKEN(text)                                                                                         \
	{                                                                                                    \
		(text), sizeof(text) - 1                                                                     \
	}
	BROKEN(CAUSE),
	BROKEN(CAUSE "\"version\":"),
	BROKEN(CAUSE "\"version\":\"1\""),
	BROKEN(CAUSE "\xa7version"),
	BROKEN(CAUSE "\xa7version\xcd\x01"),
	BROKEN(CAUSE "\xa7version\xcc"),
	BROKEN(CAUSE "\xa7version\xe0"),
	BROKEN(CAUSE "\xa7version\xa1"
		     "1"),
};

START_TEST(a_version_that_is_no_number_is_none)
{
	char *exact = must_alloc(broken[_i].size);
	uint32_t number;
	int64_t version;

	memcpy(exact, broken[_i].text, broken[_i].size);
	ck_assert(!bench_read_event((struct bytes){exact, broken[_i].size}, run_name, &number, &version));
	free(exact);
}
END_TEST

/* ---- figures ---- */

START_TEST(the_workers_figures_are_found_by_their_names)
{
	struct bench_gauges gauges = bench_gauges_unknown;

	bench_read_metrics(&gauges, "# HELP allocd_units_total Units.\n# TYPE allocd_units_total counter\n"
				    "allocd_units_total 12\nallocd_unit_messages_total 130\n"
				    "process_resident_memory_bytes 2e6\n"
				    "allocd_resident_memory_peak_bytes 3000000\n"
				    "process_cpu_seconds_total_more 1\nprocess_cpu_seconds_total 1.25\n");

	ck_assert(gauges.units == 12 && gauges.unit_messages == 130 && gauges.worker_cpu_s == 1.25);
	ck_assert(gauges.memory_now == 2e6 && gauges.memory_peak == 3e6);
	ck_assert(isnan(gauges.redis_cpu_s));
}
END_TEST

START_TEST(figures_that_are_not_told_are_not_known)
{
	struct bench_gauges gauges;

	bench_read_metrics(&gauges, "");

	ck_assert(isnan(gauges.units) && isnan(gauges.worker_cpu_s) && isnan(gauges.memory_peak));
}
END_TEST

START_TEST(a_process_may_have_any_name)
{
	struct bench_process process;

	ck_assert(bench_read_process(&process, "12 (a) b (c) S 34 5 6 7 8 9 10 11 12 13 100 20 3000 400 0"));

	ck_assert_str_eq(process.name, "a) b (c");
	ck_assert_int_eq(process.parent, 34);
	ck_assert_uint_eq(process.own_ticks, 120);
	ck_assert_uint_eq(process.ended_ticks, 3400);
	ck_assert(!bench_read_process(&process, ""));
	ck_assert(!bench_read_process(&process, "12 (a) S 34"));
	ck_assert(!bench_read_process(&process, "12 )a( S 34 5 6 7 8 9 10 11 12 13 100 20 3000 400 0"));
}
END_TEST

/* ---- the report ---- */

static struct bench_options small = {
	.scenario = BENCH_LATENCY, .messages = 200, .skus = 3, .batches = 1, .rate = 100, .window = 5};

static const struct bench_gauges before = {1, 2, 3, 4, 10, 1000, 5e6, 6e6, 1e6},
				 after = {1.002, 2.004, 3.001, 4.0005, 60, 1200, 7e6, 8e6, 1.3e6};

/* Message n of 200 takes n milliseconds, and is due every 10. */
static void measure(struct bench_result *result, uint32_t lost)
{
	uint32_t sku_versions[3] = {0};

	make_plan(&small);
	for (uint32_t number = 0; number < plan->count; number++)
		bench_verifier_sent(verifier, number * INT64_C(10000));
	for (uint32_t number = plan->measured; number < plan->count - lost; number++)
		bench_verifier_heard(verifier, MSG_LINE_ALLOCATED, number,
				     ++sku_versions[plan->steps[number].sku],
				     number * INT64_C(10000) + (number - plan->measured + 1) * INT64_C(1000));
	bench_result_init(result, &small, verifier, &before, &after);
	result->effects = (struct bench_effects){plan->count, 0, &verifier->faults};
}

static bool is_about(double value, double expected)
{
	return fabs(value - expected) < 1e-6 * fabs(expected) + 1e-9;
}

START_TEST(figures_are_those_of_what_was_measured)
{
	struct bench_result result;

	measure(&result, 0);

	ck_assert(is_about(result.seconds, 1.99 + 0.2));
	ck_assert(is_about(result.rate, 200 / 2.19));
	ck_assert(is_about(bench_percentile(&result, 0.5), 100));
	ck_assert(is_about(bench_percentile(&result, 0.9), 180));
	ck_assert(is_about(bench_percentile(&result, 0.99), 198));
	ck_assert(is_about(bench_percentile(&result, 0.999), 200));
	ck_assert(is_about(bench_percentile(&result, 1), 200));
	ck_assert(is_about(bench_percentile(&result, 0), 1));
	ck_assert(is_about(result.worker_us, 10) && is_about(result.postgres_us, 20));
	ck_assert(is_about(result.redis_us, 5) && is_about(result.load_us, 2.5));
	ck_assert(is_about(result.units, 50) && is_about(result.unit_messages_mean, 4));
	ck_assert(is_about(result.memory_now, 7e6) && is_about(result.memory_peak, 8e6));
	ck_assert(is_about(result.wal_bytes, 1500));
	bench_result_release(&result);
}
END_TEST

static char text[16384];

static void print(void (*report)(const struct bench_result *result, FILE *out),
		  const struct bench_result *result)
{
	FILE *out = fmemopen(text, sizeof text, "w");

	report(result, out);
	fclose(out);
}

START_TEST(the_object_has_every_figure)
{
	struct bench_result result;
	json_t *object;
	int rate;
	double p99, worker, mean, wal;

	measure(&result, 0);
	print(bench_report_json, &result);
	object = json_loads(text, 0, NULL);

	ck_assert_int_eq(json_unpack(object, "{s:i, s:{s:F}, s:{s:F}, s:{s:F}, s:F}", "rate_wanted", &rate,
				     "latency_ms", "p99", &p99, "cpu_us_per_message", "worker", &worker,
				     "units", "messages_mean", &mean, "wal_bytes_per_message", &wal),
			 0);
	ck_assert(rate == 100 && p99 == 198 && is_about(worker, 10) && mean == 4 && wal == 1500);
	json_decref(object);
	bench_result_release(&result);
}
END_TEST

START_TEST(what_is_not_known_is_null)
{
	struct bench_result result;
	json_t *object;

	measure(&result, 1);
	result.worker_us = result.units = NAN;
	print(bench_report_json, &result);
	object = json_loads(text, 0, NULL);

	ck_assert(json_is_null(json_object_get(object, "seconds")));
	ck_assert(json_is_null(json_object_get(object, "rate")));
	ck_assert(json_is_null(json_object_get(json_object_get(object, "cpu_us_per_message"), "worker")));
	ck_assert(json_is_null(json_object_get(json_object_get(object, "units"), "count")));
	json_decref(object);
	bench_result_release(&result);
}
END_TEST

START_TEST(where_nothing_was_heard_there_is_no_latency)
{
	struct bench_result result;
	json_t *object, *p50;

	measure(&result, small.messages);
	print(bench_report_json, &result);
	object = json_loads(text, 0, NULL);
	p50 = json_object_get(json_object_get(object, "latency_ms"), "p50");
	print(bench_report_text, &result);

	ck_assert(json_is_null(p50));
	ck_assert_msg(!strstr(text, "p50"), "%s", text);
	json_decref(object);
	bench_result_release(&result);
}
END_TEST

/* Of UTF-8. */
static size_t columns_of(const char *line)
{
	size_t columns = 0;

	for (; *line && *line != '\n'; line++)
		columns += (*line & 0xc0) != 0x80;
	return columns;
}

START_TEST(the_table_fits_a_terminal)
{
	struct bench_result result;

	measure(&result, 0);
	result.worker_us = NAN;
	print(bench_report_text, &result);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		ck_assert_msg(columns_of(line) <= 80, "%s", line);
	}
	ck_assert_msg(strstr(text, "worker     unknown"), "%s", text);
	ck_assert_msg(strstr(text, "units      50, of 4.0 messages in the mean"), "%s", text);
	ck_assert_msg(strstr(text, "p50 100.00  p90 180.00  p99 198.00"), "%s", text);
	ck_assert_msg(strstr(text, "all 203 messages had theirs"), "%s", text);
	bench_result_release(&result);
}
END_TEST

static int full_blocks(const char *line)
{
	const char *end = strchr(line, '\n');
	int count = 0;

	for (; (line = strstr(line, "\u2588")) && line < end; line++)
		count++;
	return count;
}

/* So many latencies lie between 1 and 200 ms that high ones, on a scale of powers, share the last columns. */
START_TEST(a_plot_is_highest_where_most_messages_are)
{
	struct bench_result result;
	const char *top, *bottom;

	measure(&result, 0);
	print(bench_report_text, &result);
	top = strstr(text, "messages by latency\n") + strlen("messages by latency\n");
	bottom = strchr(strchr(strchr(top, '\n') + 1, '\n') + 1, '\n') + 1;

	ck_assert_int_ge(full_blocks(top), 1);
	ck_assert_int_ge(full_blocks(bottom), full_blocks(top) + 10);
	ck_assert_msg(strncmp(strchr(bottom, '\n') + 1, "  1.00 ms", 9) == 0, "%s", text);
	ck_assert_msg(strstr(text, "200.00 ms\n"), "%s", text);
	bench_result_release(&result);
}
END_TEST

START_TEST(a_report_tells_what_is_missing)
{
	struct bench_result result;

	measure(&result, 1);
	bench_verifier_fault(verifier, "something is missing");
	result.effects.missing = 1;
	print(bench_report_text, &result);

	ck_assert_msg(strstr(text, "not all of which were done"), "%s", text);
	ck_assert_msg(strstr(text, "1 of 203 messages lack theirs; 1 faults\n  something is missing\n"), "%s",
		      text);
	bench_result_release(&result);
}
END_TEST

SUITE("bench", set_up, tear_down)
{
	tcase_add_test(tests, without_options_lines_come_by_the_stream);
	tcase_add_test(tests, every_option_counts);
	tcase_add_test(tests, latency_takes_seconds_and_a_rate);
	tcase_add_test(tests, hot_is_ten_skus);
	tcase_add_test(tests, the_bounds_themselves_are_taken);
	tcase_add_loop_test(tests, what_cannot_be_is_refused, 0, COUNT(refused));
	tcase_add_test(tests, without_a_stream_there_is_still_the_other_way);
}

SUITE("bench", set_up, tear_down)
{
	tcase_add_test(tests, plain_dice_show_every_side_as_often);
	tcase_add_test(tests, zipfs_dice_show_the_first_sides_more_often);
	tcase_add_loop_test(tests, every_scenario_has_the_effects_it_expects, 0, COUNT(scenarios));
	tcase_add_loop_test(tests, every_sku_ends_with_a_message_that_is_heard, 0, COUNT(scenarios));
	tcase_add_test(tests, half_of_the_changes_move_a_line);
	tcase_add_test(tests, mixed_is_mostly_lines_and_some_changes);
}

SUITE("bench", set_up, tear_down)
{
	tcase_add_test(tests, a_lost_event_is_missed);
	tcase_add_test(tests, a_gap_is_noticed);
	tcase_add_test(tests, a_duplicate_is_counted_and_no_fault);
	tcase_add_test(tests, another_event_than_expected_is_a_fault);
	tcase_add_test(tests, an_event_more_than_expected_is_a_fault);
	tcase_add_test(tests, an_event_of_nothing_that_was_sent_is_a_fault);
	tcase_add_test(tests, many_faults_are_counted_and_some_told);
	tcase_add_loop_test(tests, what_the_database_lacks_is_a_fault, 0, COUNT(damages));
	tcase_add_test(tests, what_was_not_sent_is_a_fault);
}

SUITE("bench", set_up, tear_down)
{
	tcase_add_loop_test(tests, an_event_tells_its_cause_and_version_in_every_encoding, 0, COUNT(wires));
	tcase_add_loop_test(tests, events_of_others_are_left_alone, 0, COUNT(strangers));
	tcase_add_test(tests, an_event_that_breaks_off_is_left_alone);
	tcase_add_loop_test(tests, a_version_that_is_no_number_is_none, 0, COUNT(broken));
}

SUITE("bench", set_up, tear_down)
{
	tcase_add_test(tests, the_workers_figures_are_found_by_their_names);
	tcase_add_test(tests, figures_that_are_not_told_are_not_known);
	tcase_add_test(tests, a_process_may_have_any_name);
	tcase_add_test(tests, figures_are_those_of_what_was_measured);
	tcase_add_test(tests, the_object_has_every_figure);
	tcase_add_test(tests, what_is_not_known_is_null);
	tcase_add_test(tests, where_nothing_was_heard_there_is_no_latency);
	tcase_add_test(tests, the_table_fits_a_terminal);
	tcase_add_test(tests, a_plot_is_highest_where_most_messages_are);
	tcase_add_test(tests, a_report_tells_what_is_missing);
}
