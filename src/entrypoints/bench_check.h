/* Whether every message had its effect: what was heard, and what is in the database. */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_CHECK_H
#define ALLOCD_ENTRYPOINTS_BENCH_CHECK_H

#include "entrypoints/bench_tally.h"
#include "entrypoints/bootstrap_tools.h"

struct bench_effects {
	uint32_t messages, checked, missing;
	const struct bench_faults *wrong; /* the tally's */
};

/*
 * Looks at every message that was sent; what is missing or wrong is added to the tally's faults.  False, with
 * `checked` 0, when the database could not be asked: see the tools.
 */
bool bench_check(struct tools *tools, const char *run, struct bench_tally *tally,
		 struct bench_effects *effects);

#endif
