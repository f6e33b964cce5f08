/* Checks that every message that was sent had its effect: by the events that arrived, and in the database. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_CHECK_H
#define ALLOCD_ENTRYPOINTS_BENCH_CHECK_H

#include "adapters/postgres/tools/bench_results.h"
#include "entrypoints/bench_workload/verifier.h"

struct bench_check {
	const char *run;
	struct bench_verifier *verifier;
	bool *not_handled; /* of each message: it is not in the inbox */
	uint32_t products;
};

/* The arguments must outlive the check. */
void bench_check_init(struct bench_check *check, const char *run, struct bench_verifier *verifier);
void bench_check_release(struct bench_check *check);

/* Receives the findings of postgres_find_run(); its context is the check. */
extern const struct run_listener bench_check_listener;

/*
 * To be called after the last finding: adds all that is missing or wrong to the verifier's faults.  Without
 * `results` of the database it looks at the events alone.
 */
void bench_check_conclude(struct bench_check *check, const struct bench_results *results,
			  struct bench_effects *effects);

#endif
