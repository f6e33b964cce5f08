/* Parses figures about processes from the texts that report them. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_FIGURES_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_FIGURES_H

#include <stdbool.h>

/* At one instant; NAN: unknown. */
struct bench_gauges {
	double worker_cpu_s, postgres_cpu_s, redis_cpu_s, load_cpu_s;
	double units, unit_messages;
	double memory_now, memory_peak; /* of the worker, in bytes */
	double wal_bytes;
};

/* All figures are unknown. */
extern const struct bench_gauges bench_gauges_unknown;

/* Reads the figures of the worker from its answer to GET /metrics. */
void bench_read_metrics(struct bench_gauges *gauges, const char *text);

/* A process as /proc/PID/stat describes it. */
struct bench_process {
	char name[32];
	long parent;
	unsigned long long own_ticks, ended_ticks; /* its own; of its children that ended */
};

/* False: the text is malformed. */
bool bench_read_process(struct bench_process *process, const char *stat);

#endif
