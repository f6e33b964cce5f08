/* Prints the result of a run, as a table for people and as JSON for programs. */
#include "entrypoints/bench_report/report.h"

#include "core/base/must.h"
#include "core/base/utf8.h"
#include "entrypoints/bench_report/plot.h"
#include "entrypoints/cli/print.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define MIB (1024.0 * 1024)

/* ---- for people ---- */

static void print_figure(FILE *out, const char *what, double value, const char *unit)
{
	if (isnan(value))
		fprintf(out, "  %-10s unknown\n", what);
	else
		fprintf(out, "  %-10s %.1f %s\n", what, value, unit);
}

static void print_latency(const struct bench_result *result, FILE *out)
{
	if (result->count == 0)
		return;
	fprintf(out, "latency    p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f ms\n",
		bench_percentile(result, 0.5), bench_percentile(result, 0.9), bench_percentile(result, 0.99),
		bench_percentile(result, 0.999), bench_percentile(result, 1));
	if (result->options->rate)
		fputs("           counted from when each message was due\n", out);
}

static void print_costs(const struct bench_result *result, FILE *out)
{
	fputs("CPU time a message\n", out);
	print_figure(out, "worker", result->worker_us, "\u00b5s");
	print_figure(out, "Postgres", result->postgres_us, "\u00b5s");
	print_figure(out, "Redis", result->redis_us, "\u00b5s");
	print_figure(out, "this load", result->load_us, "\u00b5s");
	fputs("database\n", out);
	print_figure(out, "WAL", result->wal_bytes, "bytes a message");
}

/* The worker reports all of its figures or is not reachable. */
static void print_worker(const struct bench_result *result, FILE *out)
{
	if (isnan(result->units)) {
		fputs("worker       unknown: it does not answer at ALLOCD_HTTP\n", out);
		return;
	}
	fputs("worker\n", out);
	fprintf(out, "  units      %.0f, of %.1f messages in the mean\n", result->units,
		result->unit_messages_mean);
	fprintf(out, "  memory     %.1f MiB, %.1f MiB at most\n", result->memory_now / MIB,
		result->memory_peak / MIB);
}

static void print_effects(const struct bench_result *result, FILE *out)
{
	const struct bench_effects *effects = &result->effects;
	struct arena *arena = arena_new(1024);

	if (effects->wrong->count == 0)
		fprintf(out, "effects    all %" PRIu32 " messages had theirs", effects->messages);
	else
		fprintf(out, "effects    %" PRIu32 " of %" PRIu32 " messages lack theirs; %" PRIu64 " faults",
			effects->missing, effects->messages, effects->wrong->count);
	if (result->duplicates)
		fprintf(out, "; %" PRIu64 " events arrived again", result->duplicates);
	fputc('\n', out);
	for (size_t i = 0; i < effects->wrong->count && i < BENCH_FAULT_TEXTS; i++)
		fprintf(out, "  %s\n", utf8_printable(arena, effects->wrong->texts[i]));
	arena_free(&arena);
}

void bench_report_text(const struct bench_result *result, FILE *out)
{
	const struct bench_options *options = result->options;

	fprintf(out, "%s by %s: %" PRIu32 " messages over %" PRIu32 " SKUs",
		bench_scenario_name(options->scenario), bench_transport_name(options->transport),
		result->messages, options->skus);
	if (options->cancel)
		fprintf(out, ", %" PRIu32 " %% of which cancel an order", options->cancel);
	if (isnan(result->seconds))
		fputs(", not all of which were done\n", out);
	else
		fprintf(out, " in %.2f s\nrate       %.0f messages/s\n", result->seconds, result->rate);
	print_latency(result, out);
	if (!isnan(result->wal_bytes)) { /* else the run stalled, and no figures were read */
		print_costs(result, out);
		print_worker(result, out);
	}
	bench_plot_latency(result, out);
	bench_plot_rate(result, out);
	print_effects(result, out);
}

/* ---- for programs ---- */

static json_t *figure(double value)
{
	return must(isfinite(value) ? json_real(value) : json_null());
}

static json_t *whole(double value)
{
	return must(isfinite(value) ? json_integer((json_int_t)value) : json_null());
}

static json_t *latency_object(const struct bench_result *result)
{
	return must(json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "p50", figure(bench_percentile(result, 0.5)),
			      "p90", figure(bench_percentile(result, 0.9)), "p99",
			      figure(bench_percentile(result, 0.99)), "p99_9",
			      figure(bench_percentile(result, 0.999)), "max",
			      figure(bench_percentile(result, 1)), "count", (json_int_t)result->count));
}

static json_t *effects_object(const struct bench_result *result)
{
	const struct bench_effects *effects = &result->effects;
	json_t *wrong = must(json_array());

	for (size_t i = 0; i < effects->wrong->count && i < BENCH_FAULT_TEXTS; i++)
		json_array_append_new(wrong, must(json_string(effects->wrong->texts[i])));
	return must(json_pack(
		"{s:I, s:I, s:I, s:o, s:I, s:I}", "messages", (json_int_t)effects->messages, "checked",
		(json_int_t)effects->messages, "missing", (json_int_t)effects->missing, "wrong", wrong,
		"faults", (json_int_t)effects->wrong->count, "duplicates", (json_int_t)result->duplicates));
}

void bench_report_json(const struct bench_result *result, FILE *out)
{
	const struct bench_options *options = result->options;
	json_t *object = must(json_pack(
		"{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "scenario",
		bench_scenario_name(options->scenario), "way", bench_transport_name(options->transport),
		"messages", (json_int_t)result->messages, "skus", (json_int_t)options->skus, "batches",
		(json_int_t)options->batches, "cancel", (json_int_t)options->cancel, "window",
		(json_int_t)options->window, "rate_wanted",
		options->rate ? json_integer(options->rate) : json_null(), "seconds", figure(result->seconds),
		"rate", figure(result->rate), "latency_ms", latency_object(result)));

	json_object_set_new(object, "cpu_us_per_message",
			    must(json_pack("{s:o, s:o, s:o, s:o}", "worker", figure(result->worker_us),
					   "postgres", figure(result->postgres_us), "redis",
					   figure(result->redis_us), "load", figure(result->load_us))));
	json_object_set_new(object, "units",
			    must(json_pack("{s:o, s:o}", "count", whole(result->units), "messages_mean",
					   figure(result->unit_messages_mean))));
	json_object_set_new(object, "worker_memory_bytes",
			    must(json_pack("{s:o, s:o}", "now", whole(result->memory_now), "peak",
					   whole(result->memory_peak))));
	json_object_set_new(object, "wal_bytes_per_message", figure(result->wal_bytes));
	json_object_set_new(object, "effects", effects_object(result));
	json_line_print(object, out);
}
