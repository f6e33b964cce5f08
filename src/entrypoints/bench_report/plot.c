/* Small plots for a terminal, drawn with the block characters of Unicode. */
#include "entrypoints/bench_report/plot.h"

#include <math.h>
#include <string.h>

#define COLUMNS 72
#define ROWS    4

struct plot {
	double columns[COLUMNS];
};

static double highest(const struct plot *plot)
{
	double most = 0;

	for (int i = 0; i < COLUMNS; i++)
		most = plot->columns[i] > most ? plot->columns[i] : most;
	return most;
}

/* Counts one message at a position from 0 (first column) to 1 (last). */
static void count_at(struct plot *plot, double position)
{
	int column = (int)(position * COLUMNS);

	plot->columns[column < 0 ? 0 : column < COLUMNS ? column : COLUMNS - 1]++;
}

static void draw(const struct plot *plot, FILE *out)
{
	static const char *const eighths[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588"};
	double most = highest(plot);

	for (int row = ROWS - 1; row >= 0; row--) {
		fputs("  ", out);
		for (int i = 0; i < COLUMNS; i++) {
			int height = most > 0 ? (int)ceil(plot->columns[i] / most * ROWS * 8) : 0;

			height -= row * 8;
			fputs(eighths[height < 0 ? 0 : height > 8 ? 8 : height], out);
		}
		fputc('\n', out);
	}
}

static void draw_scale(const char *first, const char *last, FILE *out)
{
	fprintf(out, "  %-*s%s\n", COLUMNS - (int)strlen(last), first, last);
}

void bench_plot_latency(const struct bench_result *result, FILE *out)
{
	struct plot plot = {0};
	double least, most;
	char first[32], last[32];

	if (result->count == 0)
		return;
	least = fmax(bench_percentile(result, 0), 0.001);
	most = fmax(bench_percentile(result, 1), least * 1.001);
	for (size_t i = 0; i < result->count; i++)
		count_at(&plot, log(fmax(result->latencies_ms[i], least) / least) / log(most / least));
	fputs("messages by latency\n", out);
	draw(&plot, out);
	snprintf(first, sizeof first, "%.2f ms", least);
	snprintf(last, sizeof last, "%.2f ms", most);
	draw_scale(first, last, out);
}

void bench_plot_rate(const struct bench_result *result, FILE *out)
{
	struct plot plot = {0};
	char last[32];

	if (result->count == 0 || isnan(result->seconds))
		return;
	for (size_t i = 0; i < result->count; i++)
		count_at(&plot, result->done_s[i] / result->seconds);
	fprintf(out, "messages done over time, at most %.0f/s\n", highest(&plot) * COLUMNS / result->seconds);
	draw(&plot, out);
	snprintf(last, sizeof last, "%.2f s", result->seconds);
	draw_scale("0 s", last, out);
}
