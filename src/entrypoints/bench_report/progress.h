/* A bar that says how far a run is, on a terminal; elsewhere nothing. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_PROGRESS_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_PROGRESS_H

#include <stdint.h>

struct bench_progress {
	const char *title; /* NULL: nothing is shown */
	uint32_t done;     /* before it began; */
	uint32_t total;    /* to be done since */
};

/* Shows nothing when `title` is NULL, or standard error is no terminal. */
struct bench_progress bench_progress_of(const char *title, uint32_t done, uint32_t total);

void bench_progress_show(const struct bench_progress *progress, uint32_t done);
void bench_progress_clear(const struct bench_progress *progress);

#endif
