/* A run of `allocd-bench`: makes stock, warms up, measures, checks every effect, and reports. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_BENCH_H
#define ALLOCD_ENTRYPOINTS_BENCH_BENCH_H

#include "entrypoints/cli/commands.h"

/* The program's only command; see bench_options.h for its options. */
enum exit_status bench_run(const struct invocation *invocation);

#endif
