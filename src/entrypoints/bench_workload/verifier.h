/*
 * What was sent and what was heard of it: when each message was done, and whatever is not as it must be.
 *
 * Times are microseconds on a clock that only goes forward.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_VERIFIER_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_VERIFIER_H

#include "core/base/arena.h"
#include "entrypoints/bench_workload/plan.h"

/* So many faults are told in words; the others are counted. */
#define BENCH_FAULTS_TOLD 10

struct bench_faults {
	const char *texts[BENCH_FAULTS_TOLD];
	uint64_t count;
};

struct bench_effects {
	uint32_t messages;                /* that were sent; */
	uint32_t missing;                 /* of them lack an event, or are not in the inbox */
	const struct bench_faults *wrong; /* the verifier's */
};

struct bench_verifier {
	const struct bench_plan *plan;
	struct arena *arena; /* of the faults */

	int64_t *due_us;  /* of each message: from when its latency counts */
	int64_t *done_us; /* of each message: when the last event that it must cause was heard; 0: not yet */
	uint8_t *heard;   /* of each message: its events so far */
	uint32_t *versions; /* of each SKU: of the last event */

	uint32_t sent;       /* messages, which are the first so many; */
	uint32_t speaking;   /* of them cause events; */
	uint32_t done;       /* of those are done */
	uint64_t duplicates; /* events that were heard before: at least once, is the promise */
	struct bench_faults faults;
};

struct bench_verifier *bench_verifier_new(const struct bench_plan *plan);

/* Accepts NULL in *tally and nulls it. */
void bench_verifier_free(struct bench_verifier **verifier);

/* The next message is sent. */
void bench_verifier_sent(struct bench_verifier *verifier, int64_t due_us);

/* An event that says that message `number` caused it. */
void bench_verifier_heard(struct bench_verifier *verifier, enum message_type type, uint32_t number,
			  int64_t version, int64_t now_us);

/* Messages on their way; those that cause no event are not seen. */
uint32_t bench_verifier_under_way(const struct bench_verifier *verifier);

/* Something is not as it must be; the text is copied. */
__attribute__((format(printf, 2, 3))) void bench_verifier_fault(struct bench_verifier *verifier,
								const char *format, ...);

#endif
