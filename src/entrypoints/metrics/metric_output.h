/*
 * Writes metrics in Prometheus' text format.
 * (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.)
 */
#ifndef ALLOCD_ENTRYPOINTS_METRICS_METRIC_OUTPUT_H
#define ALLOCD_ENTRYPOINTS_METRICS_METRIC_OUTPUT_H

#include "bus/statistics/histogram.h"

#include <stdbool.h>
#include <stdio.h>

struct metrics;
struct metric_output;

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

#define METRIC_LABELS_MAX 5

struct metric {
	const char *name;
	enum metric_type type;
	const char *help;
	const char *labels[METRIC_LABELS_MAX]; /* their names; NULL after the last one */
	void (*write_samples)(const struct metric_output *out, const struct metrics *metrics);

	/* The place of the only sample where that is NULL: in struct metrics, or in its `engine`. */
	enum { FIGURE_UINT64, FIGURE_SIZE, FIGURE_DOUBLE, FIGURE_BOOL } kind;
	bool is_of_engine;
	size_t offset;
};

struct metric_output {
	FILE *file;
	const struct metric *metric;
};

/* Writes what the metric is, and its samples. */
void metric_write(FILE *file, const struct metric *metric, const struct metrics *metrics);

/* One sample.  `values` are those of the metric's labels, in their order; NULL: it has none. */
void metric_sample(const struct metric_output *out, const char *const *values, double value);

/* The samples of one histogram, whose values are divided by `unit` (1e6: microseconds become seconds). */
void metric_histogram(const struct metric_output *out, const char *const *values,
		      const struct histogram *histogram, const struct histogram_scale *scale, double unit);

#endif
