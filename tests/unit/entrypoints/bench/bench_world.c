/* A plan and its verifier, which the tests of `allocd-bench` share. */
#include "bench_world.h"

struct arena *arena;
char run_name[BENCH_RUN_SIZE];
struct bench_plan *plan;
struct bench_verifier *verifier;

void bench_set_up(void)
{
	arena = arena_new(4096);
	bench_run_name(run_name, SEED);
}

void bench_tear_down(void)
{
	bench_verifier_free(&verifier);
	bench_plan_free(&plan);
	arena_free(&arena);
}

void make_plan(const struct bench_options *wanted)
{
	plan = bench_plan_new(wanted, SEED);
	verifier = bench_verifier_new(plan);
}

const struct bench_options scenarios[SCENARIOS] = {
	{.scenario = BENCH_ALLOCATE, .messages = 100, .warm_up = 10, .skus = 7, .batches = 3},
	{.scenario = BENCH_ALLOCATE, .messages = 100, .skus = 7, .batches = 1, .zipf = 1.1},
	{.scenario = BENCH_REALLOCATE, .messages = 200, .warm_up = 11, .skus = 7, .batches = 2},
	{.scenario = BENCH_REALLOCATE, .messages = 9, .skus = 1, .batches = 2},
	{.scenario = BENCH_REALLOCATE, .messages = 10, .skus = 1, .batches = 2},
	{.scenario = BENCH_MIXED, .messages = 300, .warm_up = 30, .skus = 5, .batches = 1},
	{.scenario = BENCH_MIXED, .messages = 100, .skus = 20, .batches = 3},
	{.scenario = BENCH_MIXED, .messages = 300, .warm_up = 30, .skus = 5, .batches = 1, .cancel = 20},
	{.scenario = BENCH_MIXED, .messages = 2000, .skus = 30, .batches = 2, .zipf = 1.1, .cancel = 5},
	{.scenario = BENCH_MIXED, .messages = 100, .skus = 1, .batches = 2, .cancel = 25},
	{.scenario = BENCH_MIXED, .messages = 9000, .skus = 20, .batches = 2, .cancel = 25},
	{.scenario = BENCH_HOT, .messages = 100, .skus = 2, .batches = 2},
	{.scenario = BENCH_LATENCY, .messages = 50, .skus = 30, .batches = 2},
};

const struct bench_options few = {.scenario = BENCH_ALLOCATE, .messages = 4, .skus = 1, .batches = 1};

const char *faults(void)
{
	const char *all = "";

	for (size_t i = 0; i < verifier->faults.count && i < BENCH_FAULT_TEXTS; i++)
		all = arena_printf(arena, "%s%s\n", all, verifier->faults.texts[i]);
	return all;
}
