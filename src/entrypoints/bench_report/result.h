/* Computes the figures of a run. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_RESULT_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_RESULT_H

#include "entrypoints/bench_report/figures.h"
#include "entrypoints/bench_workload/verifier.h"

struct bench_result {
	const struct bench_options *options;
	uint32_t messages; /* that were measured */
	double seconds;    /* from the first measured message to the last event; NAN: not all were done */
	double rate;       /* messages a second; NAN as `seconds` is */

	double *latencies_ms; /* of messages that cause events, in ascending order */
	double *done_s;       /* when each of them was done, counted from the first due time; unordered */
	size_t count;

	/* Of the measured messages; NAN: unknown. */
	double worker_us, postgres_us, redis_us, load_us; /* a message */
	double units, unit_messages_mean;
	double memory_now, memory_peak;
	double wal_bytes; /* a message */

	struct bench_effects effects;
	uint64_t duplicates;
};

/* The arguments must outlive the result. */
void bench_result_init(struct bench_result *result, const struct bench_options *options,
		       const struct bench_verifier *verifier, const struct bench_gauges *before,
		       const struct bench_gauges *after);
void bench_result_release(struct bench_result *result);

/* The latency that this share (0 to 1) of the messages does not exceed; NAN without a message. */
double bench_percentile(const struct bench_result *result, double share);

#endif
