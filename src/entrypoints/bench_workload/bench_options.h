/* What a run of `allocd bench` is asked to do: its scenario and its options, within bounds. */
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
#define BENCH_STOCK_MAX    2000000 /* batches in all */
#define BENCH_WINDOW_MAX   100000  /* what Redis keeps for a subscriber before it cuts it off */
#define BENCH_RATE_MAX     1000000
#define BENCH_STALL_MS_MAX 3600000

/* The options of `allocd-bench`, which bench_options_read() reads. */
extern const struct command_option bench_own_options[];

struct bench_options {
	enum bench_scenario scenario;
	enum bench_transport way;
	uint32_t messages; /* that are measured, */
	uint32_t warm_up;  /* and before them */
	uint32_t skus;
	uint32_t batches; /* of each SKU */
	uint32_t window;  /* messages on their way, at most */
	uint32_t rate;    /* messages a second; 0: as fast as the window lets */
	double zipf;      /* the exponent; 0: every SKU is as likely */
	int64_t stall_ms; /* nothing was heard for so long: it ends */
	bool json;
};

/* False, with one line in *error, when that cannot be. */
bool bench_options_read(struct bench_options *options, const struct invocation *invocation,
			const char **error);

const char *bench_scenario_name(enum bench_scenario scenario);
const char *bench_transport_name(enum bench_transport way);

#endif
