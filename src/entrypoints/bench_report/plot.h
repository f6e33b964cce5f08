/* Small plots for a terminal, of blocks that Unicode divides into eighths. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_PLOT_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_PLOT_H

#include "entrypoints/bench_report/result.h"

#include <stdio.h>

/* How many messages had which latency, on a scale of powers. */
void bench_plot_latency(const struct bench_result *result, FILE *out);

/* How many messages a second were done, over time; of those that cause events. */
void bench_plot_rate(const struct bench_result *result, FILE *out);

#endif
