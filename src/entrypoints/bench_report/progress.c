/* A progress bar, shown on a terminal only. */
#include "entrypoints/bench_report/progress.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define WIDTH 40

struct bench_progress bench_progress_of(const char *title, uint32_t done, uint32_t total)
{
	return (struct bench_progress){isatty(STDERR_FILENO) ? title : NULL, done, total};
}

void bench_progress_show(const struct bench_progress *progress, uint32_t done)
{
	uint32_t since = done - progress->done;
	int full = (int)((uint64_t)since * WIDTH / (progress->total ? progress->total : 1));

	if (!progress->title)
		return;
	fprintf(stderr, "\r%-10s ", progress->title);
	for (int i = 0; i < WIDTH; i++)
		fputs(i < full ? "\u2588" : "\u2591", stderr);
	fprintf(stderr, " %" PRIu32 "/%" PRIu32, since, progress->total);
}

/* Removes the bar: a carriage return, and the sequence that erases to the end of the line. */
void bench_progress_clear(const struct bench_progress *progress)
{
	if (progress->title)
		fputs("\r\033[K", stderr);
}
