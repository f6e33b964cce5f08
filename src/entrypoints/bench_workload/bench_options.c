/* Reads the scenario and the options of a run of `allocd-bench`, and checks their bounds. */
#include "entrypoints/bench_workload/bench_options.h"

#include "entrypoints/cli/options.h"
#include "entrypoints/cli/text.h"

#include <inttypes.h>
#include <string.h>

/* clang-format off */
const struct command_option bench_own_options[] = {
	{"messages", OPTION_NUMBER, .value = "COUNT", .help = "measured messages; default: 100000"},
	{"skus", OPTION_NUMBER, .value = "COUNT", .help = "SKUs they name; default: 1000, of hot: 10"},
	{"batches", OPTION_NUMBER, .value = "COUNT", .help = "batches of each SKU; default: 2"},
	{"zipf", OPTION_TEXT, .value = "EXPONENT",
	 .help = "name some SKUs more often: 1.1, say; default: name all equally often"},
	{"cancel", OPTION_NUMBER, .value = "PERCENT",
	 .help = "of mixed: messages that cancel an order of 1 to 3 lines; default: 0"},
	{"rate", OPTION_NUMBER, .value = "COUNT",
	 .help = "messages a second; default: limited by the window; of latency: 100"},
	{"seconds", OPTION_SECONDS, .value = "SECONDS", .help = "duration of latency; default: 10"},
	{"window", OPTION_NUMBER, .value = "COUNT", .help = "most messages in flight; default: 20000"},
	{"way", OPTION_TEXT, .value = "WAY", .help = "stream or pubsub; default: stream"},
	{"warm-up", OPTION_NUMBER, .value = "COUNT",
	 .help = "messages before the measured ones; default: a tenth of their number"},
	{"events-only",
	 .help = "make no stock and check the events alone: for another program than allocd"},
	{"stall", OPTION_SECONDS, .value = "SECONDS", .help = "give up after this silence; default: 60"},
	{"json", .help = "print one JSON object"},
	{0},
};
/* clang-format on */

static const char *const scenarios[] = {
	[BENCH_ALLOCATE] = "allocate", [BENCH_REALLOCATE] = "reallocate", [BENCH_MIXED] = "mixed",
	[BENCH_HOT] = "hot",           [BENCH_LATENCY] = "latency",       NULL,
};
static const char *const ways[] = {[BENCH_STREAM] = "stream", [BENCH_PUBSUB] = "pubsub", NULL};

const char *bench_scenario_name(enum bench_scenario scenario)
{
	return scenarios[scenario];
}

const char *bench_transport_name(enum bench_transport transport)
{
	return ways[transport];
}

/* The input of the functions below, and the first error that one of them found. */
struct options_reading {
	const struct invocation *invocation;
	const char *error; /* NULL until there is one */
};

static void set_error(struct options_reading *reading, const char *text)
{
	if (!reading->error)
		reading->error = text;
}

static int read_choice(struct options_reading *reading, const char *text, const char *const choices[],
		       const char *what)
{
	for (int i = 0; choices[i]; i++) {
		if (strcmp(choices[i], text) == 0)
			return i;
	}
	set_error(reading, arena_printf(reading->invocation->arena, "there is no %s '%s'", what, text));
	return 0;
}

static uint32_t read_number(struct options_reading *reading, const char *name, int64_t fallback, int64_t min,
			    int64_t max)
{
	int64_t number = invocation_number(reading->invocation, name, fallback);

	if (number >= min && number <= max)
		return (uint32_t)number;
	set_error(reading, arena_printf(reading->invocation->arena,
					"expected %" PRId64 " to %" PRId64 " after --%s", min, max, name));
	return (uint32_t)min;
}

static void refuse(struct options_reading *reading, const char *name, const char *why)
{
	if (invocation_flag(reading->invocation, name))
		set_error(reading, arena_printf(reading->invocation->arena, "%s --%s", why, name));
}

/* An exponent has up to three digits after its point, as seconds have. */
static double read_zipf(struct options_reading *reading)
{
	const char *text = invocation_option(reading->invocation, "zipf");
	int64_t thousandths = 0;

	if (text && (!text_to_ms(text, &thousandths) || thousandths > 10000))
		set_error(reading, "expected an exponent from 0 to 10, such as 1.1, after --zipf");
	return (double)thousandths / 1000;
}

static uint32_t read_messages(struct options_reading *reading, const struct bench_options *options)
{
	int64_t ms = invocation_ms(reading->invocation, "seconds", 10000), messages;

	if (options->scenario != BENCH_LATENCY) {
		refuse(reading, "seconds", "only latency takes");
		return read_number(reading, "messages", 100000, 1, BENCH_MESSAGES_MAX);
	}
	refuse(reading, "messages", "latency takes --seconds and --rate, not");
	if (ms > INT64_MAX / BENCH_RATE_MAX)
		ms = INT64_MAX / BENCH_RATE_MAX;
	messages = ms * options->rate / 1000;
	if (messages < 1 || messages > BENCH_MESSAGES_MAX)
		set_error(reading, arena_printf(reading->invocation->arena,
						"expected 1 to %d messages in all from --seconds and --rate",
						BENCH_MESSAGES_MAX));
	return (uint32_t)messages;
}

static uint32_t read_cancel(struct options_reading *reading, const struct bench_options *options)
{
	if (options->scenario != BENCH_MIXED)
		refuse(reading, "cancel", "only mixed takes");
	return read_number(reading, "cancel", 0, 0, BENCH_CANCEL_MAX);
}

static void check_together(struct options_reading *reading, const struct bench_options *options)
{
	if (options->scenario == BENCH_REALLOCATE && options->batches != 2)
		set_error(reading, "reallocate moves lines between 2 batches: leave --batches away");
	if ((uint64_t)options->skus * options->batches > BENCH_STOCK_MAX)
		set_error(reading, arena_printf(reading->invocation->arena,
						"expected up to %d batches in all from --skus and --batches",
						BENCH_STOCK_MAX));
	if (options->transport == BENCH_STREAM && reading->invocation->config.streams.count == 0)
		set_error(reading, "ALLOCD_STREAM names no stream: give --way pubsub");
	if (options->events_only &&
	    (options->scenario == BENCH_REALLOCATE || options->scenario == BENCH_MIXED))
		set_error(reading, "reallocate and mixed need stock: leave --events-only away");
	if (options->cancel && options->transport == BENCH_STREAM &&
	    reading->invocation->config.streams.count > 1)
		set_error(reading,
			  "an order and its cancellation are sent by one stream: ALLOCD_STREAM names "
			  "several, so give --way pubsub with --cancel");
}

bool bench_options_read(struct bench_options *options, const struct invocation *invocation,
			const char **error)
{
	struct options_reading reading = {invocation, NULL};
	const char *scenario = invocation->argument_count ? invocation->arguments[0] : "allocate";
	const char *transport = invocation_option(invocation, "way");

	*options = (struct bench_options){0};
	options->scenario = (enum bench_scenario)read_choice(&reading, scenario, scenarios, "scenario");
	options->transport =
		(enum bench_transport)read_choice(&reading, transport ? transport : "stream", ways, "way");
	options->skus =
		read_number(&reading, "skus", options->scenario == BENCH_HOT ? 10 : 1000, 1, BENCH_SKUS_MAX);
	options->batches = read_number(&reading, "batches", 2, 1, BENCH_BATCHES_MAX);
	options->rate = read_number(&reading, "rate", options->scenario == BENCH_LATENCY ? 100 : 0, 0,
				    BENCH_RATE_MAX);
	options->messages = read_messages(&reading, options);
	options->warm_up = read_number(&reading, "warm-up", options->messages / 10, 0, BENCH_MESSAGES_MAX);
	options->window = read_number(&reading, "window", 20000, 1, BENCH_WINDOW_MAX);
	options->cancel = read_cancel(&reading, options);
	options->zipf = read_zipf(&reading);
	options->stall_ms = invocation_ms(invocation, "stall", 60000);
	if (options->stall_ms < 1 || options->stall_ms > BENCH_STALL_MS_MAX)
		set_error(&reading, "expected up to 3600 seconds after --stall");
	options->events_only = invocation_flag(invocation, "events-only");
	options->json = invocation_flag(invocation, "json");
	check_together(&reading, options);
	*error = reading.error;
	return !reading.error;
}
