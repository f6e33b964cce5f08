/* Computes the figures of a run. */
#include "entrypoints/bench_report/result.h"

#include "core/base/must.h"

#include <math.h>

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

/* Reads the times of the measured messages whose last event arrived. */
static void read_times(struct bench_result *result, const struct bench_verifier *verifier)
{
	const struct bench_plan *plan = verifier->plan;
	int64_t begun = plan->measured < plan->count ? verifier->due_us[plan->measured] : 0, ended = begun;

	for (uint32_t number = plan->measured; number < plan->count; number++) {
		int64_t done = verifier->done_us[number];

		if (!done)
			continue;
		result->latencies_ms[result->count] = (double)(done - verifier->due_us[number]) / 1e3;
		result->done_s[result->count++] = (double)(done - begun) / 1e6;
		ended = done > ended ? done : ended;
	}
	if (verifier->sent == plan->count && verifier->done == plan->with_events) {
		result->seconds = (double)(ended - begun) / 1e6;
		result->rate = result->messages / result->seconds;
	}
}

void bench_result_init(struct bench_result *result, const struct bench_options *options,
		       const struct bench_verifier *verifier, const struct bench_gauges *before,
		       const struct bench_gauges *after)
{
	double messages = options->messages, us = 1e6 / messages;

	*result = (struct bench_result){
		.options = options,
		.messages = options->messages,
		.seconds = NAN,
		.rate = NAN,
		.latencies_ms = must_alloc(options->messages * sizeof *result->latencies_ms),
		.done_s = must_alloc(options->messages * sizeof *result->done_s),
		.worker_us = (after->worker_cpu_s - before->worker_cpu_s) * us,
		.postgres_us = (after->postgres_cpu_s - before->postgres_cpu_s) * us,
		.redis_us = (after->redis_cpu_s - before->redis_cpu_s) * us,
		.load_us = (after->load_cpu_s - before->load_cpu_s) * us,
		.units = after->units - before->units,
		.unit_messages_mean =
			(after->unit_messages - before->unit_messages) / (after->units - before->units),
		.memory_now = after->memory_now,
		.memory_peak = after->memory_peak,
		.wal_bytes = (after->wal_bytes - before->wal_bytes) / messages,
		.duplicates = verifier->duplicates,
	};
	read_times(result, verifier);
	qsort(result->latencies_ms, result->count, sizeof *result->latencies_ms, compare);
}

void bench_result_release(struct bench_result *result)
{
	free(result->latencies_ms);
	free(result->done_s);
}

double bench_percentile(const struct bench_result *result, double share)
{
	size_t rank = (size_t)ceil(share * (double)result->count);

	return result->count ? result->latencies_ms[rank > 0 ? rank - 1 : 0] : NAN;
}
