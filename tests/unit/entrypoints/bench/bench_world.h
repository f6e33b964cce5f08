/* A plan and its verifier, which the tests of `allocd-bench` share. */
#ifndef ALLOCD_TESTS_ENTRYPOINTS_BENCH_WORLD_H
#define ALLOCD_TESTS_ENTRYPOINTS_BENCH_WORLD_H

#include "entrypoints/bench_workload/bench_messages.h"
#include "entrypoints/bench_workload/verifier.h"

#include <check.h>

#define SEED 42

extern struct arena *arena;
extern char run_name[BENCH_RUN_SIZE];
extern struct bench_plan *plan;
extern struct bench_verifier *verifier;

void bench_set_up(void);
void bench_tear_down(void);

/* Makes `plan` and `verifier`. */
void make_plan(const struct bench_options *options);

#define SCENARIOS 13
extern const struct bench_options scenarios[SCENARIOS];

/* Four order lines of one SKU. */
extern const struct bench_options few;

/* The texts of the verifier's faults, one a line. */
const char *faults(void);

#define EXPECT_FAULT(text) ck_assert_msg(strstr(faults(), text), "%s", faults())

#endif
