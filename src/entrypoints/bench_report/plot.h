/* Small plots for a terminal, drawn with the block characters of Unicode. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_PLOT_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_PLOT_H

#include "entrypoints/bench_report/result.h"

#include <stdio.h>

/* Plots the number of messages by latency, on a logarithmic scale. */
void bench_plot_latency(const struct bench_result *result, FILE *out);

/* Plots the rate at which messages that cause events were done, over time. */
void bench_plot_rate(const struct bench_result *result, FILE *out);

#endif
