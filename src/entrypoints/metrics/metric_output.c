/* Prometheus' text format. */
#include "entrypoints/metrics/metric_output.h"

#include "entrypoints/metrics/metrics.h"

#include <math.h>

/* As the format escapes the value of a label; none of ours has a newline. */
static void write_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
}

/* `bound`: the value of the label `le`, which a bucket has; or NULL. */
static void write_labels(const struct metric_output *out, const char *const *values, const char *bound)
{
	const char *separator = "{";

	for (size_t i = 0; values && i < METRIC_LABELS_MAX && out->metric->labels[i]; i++) {
		fprintf(out->file, "%s%s=\"", separator, out->metric->labels[i]);
		write_escaped(out->file, values[i]);
		fputc('"', out->file);
		separator = ",";
	}
	if (bound) {
		fprintf(out->file, "%sle=\"%s\"", separator, bound);
		separator = ",";
	}
	if (*separator == ',')
		fputc('}', out->file);
}

static void write_sample(const struct metric_output *out, const char *suffix, const char *const *values,
			 const char *bound, double value)
{
	fprintf(out->file, "%s%s", out->metric->name, suffix);
	write_labels(out, values, bound);
	if (isnan(value))
		fputs(" NaN\n", out->file);
	else
		fprintf(out->file, " %.15g\n", value);
}

void metric_sample(const struct metric_output *out, const char *const *values, double value)
{
	write_sample(out, "", values, NULL, value);
}

void metric_histogram(const struct metric_output *out, const char *const *values,
		      const struct histogram *histogram, const struct histogram_scale *scale, double unit)
{
	double count = (double)histogram_up_to(histogram, scale->count);

	for (size_t i = 0; i < scale->count; i++) {
		char bound[32];

		snprintf(bound, sizeof bound, "%g", (double)scale->bounds[i] / unit);
		write_sample(out, "_bucket", values, bound, (double)histogram_up_to(histogram, i));
	}
	write_sample(out, "_bucket", values, "+Inf", count);
	write_sample(out, "_sum", values, NULL, histogram->sum / unit);
	write_sample(out, "_count", values, NULL, count);
}

static double figure(const struct metric *metric, const struct metrics *metrics)
{
	const char *base = metric->is_of_engine ? (const void *)metrics->engine : (const void *)metrics;
	const void *place = base + metric->offset;

	switch (metric->kind) {
	case FIGURE_UINT64:
		return (double)*(const uint64_t *)place;
	case FIGURE_SIZE:
		return (double)*(const size_t *)place;
	case FIGURE_DOUBLE:
		return *(const double *)place;
	case FIGURE_BOOL:
		return *(const bool *)place;
	}
	return NAN;
}

void metric_write(FILE *file, const struct metric *metric, const struct metrics *metrics)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const struct metric_output out = {file, metric};

	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
		types[metric->type]);
	if (metric->write_samples)
		metric->write_samples(&out, metrics);
	else
		metric_sample(&out, NULL, figure(metric, metrics));
}
