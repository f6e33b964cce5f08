/* A progress bar, shown on a terminal only. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_PROGRESS_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_PROGRESS_H

#include <stdint.h>

struct bench_progress {
	const char *title; /* NULL: nothing is shown */
	uint32_t done;     /* messages that were done before the bar began */
	uint32_t total;    /* messages to be done since then */
};

/* A bar that shows nothing when `title` is NULL or standard error is not a terminal. */
struct bench_progress bench_progress_of(const char *title, uint32_t done, uint32_t total);

void bench_progress_show(const struct bench_progress *progress, uint32_t done);
void bench_progress_clear(const struct bench_progress *progress);

#endif
