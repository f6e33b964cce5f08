/* Whether every message that was sent had its effect: what was heard, and what is in the database. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_CHECK_H
#define ALLOCD_ENTRYPOINTS_BENCH_CHECK_H

#include "adapters/postgres/tools/bench_results.h"
#include "entrypoints/bench_workload/verifier.h"

struct bench_check {
	const char *run;
	struct bench_verifier *verifier;
	bool *not_handled; /* of each message */
	uint32_t products;
};

/* Everything given outlives it. */
void bench_check_init(struct bench_check *check, const char *run, struct bench_verifier *verifier);
void bench_check_release(struct bench_check *check);

/* Its context is the check. */
extern const struct run_listener bench_check_listener;

/* After all was told: whatever is missing or wrong is added to the tally's faults. */
void bench_check_conclude(struct bench_check *check, const struct bench_results *results,
			  struct bench_effects *effects);

#endif
