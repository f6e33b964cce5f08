/* What a run has shown, as figures. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_RESULT_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_RESULT_H

#include "entrypoints/bench_report/figures.h"
#include "entrypoints/bench_workload/verifier.h"

struct bench_result {
	const struct bench_options *options;
	uint32_t messages; /* that were measured */
	double seconds;    /* from the first of them to the last event; */
	double rate;       /* NAN, both, when one was not done */

	double *latencies_ms; /* of those that cause events, the least first */
	double *done_s;       /* when each of them was done, since the first was due, in no order */
	size_t count;

	/* Of what was measured; NAN: not known. */
	double worker_us, postgres_us, redis_us, load_us; /* a message */
	double units, unit_messages_mean;
	double memory_now, memory_peak;
	double wal_bytes; /* a message */

	struct bench_effects effects;
	uint64_t duplicates;
};

/* Everything given outlives it. */
void bench_result_init(struct bench_result *result, const struct bench_options *options,
		       const struct bench_verifier *verifier, const struct bench_gauges *before,
		       const struct bench_gauges *after);
void bench_result_release(struct bench_result *result);

/* The latency that so great a share (0 to 1) of the messages does not exceed; NAN when there are none. */
double bench_percentile(const struct bench_result *result, double share);

#endif
