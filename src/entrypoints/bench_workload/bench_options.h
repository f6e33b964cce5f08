/* Reads the scenario and the options of a run of `allocd-bench`, and checks their bounds. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_BENCH_OPTIONS_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_BENCH_OPTIONS_H

#include "entrypoints/cli/commands.h"

enum bench_scenario {
	BENCH_ALLOCATE,   /* lines over many SKUs */
	BENCH_REALLOCATE, /* quantity changes, half of which move a line */
	BENCH_MIXED,      /* both, and new stock */
	BENCH_HOT,        /* lines over few SKUs */
	BENCH_LATENCY,    /* lines at a fixed rate */
};

enum bench_transport { BENCH_STREAM, BENCH_PUBSUB };

#define BENCH_MESSAGES_MAX 10000000
#define BENCH_SKUS_MAX     1000000
#define BENCH_BATCHES_MAX  100000
#define BENCH_STOCK_MAX    2000000 /* batches of all SKUs */
#define BENCH_WINDOW_MAX   100000  /* more could exceed the output buffer that Redis keeps for a subscriber */
#define BENCH_RATE_MAX     1000000
#define BENCH_STALL_MS_MAX 3600000
#define BENCH_CANCEL_MAX   25 /* percent; more would cancel more lines than are allocated */

/* The options of `allocd-bench`, which bench_options_read() reads. */
extern const struct command_option bench_own_options[];

struct bench_options {
	enum bench_scenario scenario;
	enum bench_transport transport;
	uint32_t messages; /* that are measured */
	uint32_t warm_up;  /* messages before the measured ones */
	uint32_t skus;
	uint32_t batches; /* of each SKU */
	uint32_t window;  /* the most messages in flight */
	uint32_t rate;    /* messages a second; 0: limited by the window alone */
	uint32_t cancel;  /* of 100 messages of mixed, those that cancel an order */
	double zipf;      /* the exponent; 0: every SKU is equally likely */
	int64_t stall_ms; /* the run ends when no event arrives for this long */
	bool events_only; /* the worker is another program: there is no stock, and only events are checked */
	bool json;
};

/* False, with one line in *error, when an option is out of bounds or does not fit the others. */
bool bench_options_read(struct bench_options *options, const struct invocation *invocation,
			const char **error);

const char *bench_scenario_name(enum bench_scenario scenario);
const char *bench_transport_name(enum bench_transport transport);

#endif
