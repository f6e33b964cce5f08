/* Prints the result of a run, as a table for people and as JSON for programs. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_REPORT_REPORT_H
#define ALLOCD_ENTRYPOINTS_BENCH_REPORT_REPORT_H

#include "entrypoints/bench_report/result.h"

#include <stdio.h>

/* Prints a table and two plots, 80 columns wide. */
void bench_report_text(const struct bench_result *result, FILE *out);

/* Prints one object in one line. */
void bench_report_json(const struct bench_result *result, FILE *out);

#endif
