/*
 * Compares the events that arrive with those that the plan expects: when each message was done, and each
 * fault.
 *
 * Times are microseconds on the monotonic clock.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_VERIFIER_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_VERIFIER_H

#include "core/base/arena.h"
#include "entrypoints/bench_workload/plan.h"

/* All faults are counted; this many of the first are kept as text. */
#define BENCH_FAULT_TEXTS 10

struct bench_faults {
	const char *texts[BENCH_FAULT_TEXTS];
	uint64_t count;
};

struct bench_effects {
	uint32_t messages;                /* that were sent */
	uint32_t missing;                 /* messages that lack an event or are not in the inbox */
	const struct bench_faults *wrong; /* the verifier's */
};

struct bench_event {
	uint32_t number; /* of the message that caused it */
	uint32_t sku;
	int64_t version;
};

struct bench_verifier {
	const struct bench_plan *plan;
	struct arena *arena; /* holds the faults */

	int64_t *due_us;    /* of each message: when its latency begins */
	int64_t *done_us;   /* of each message: when its last event arrived; 0: not yet */
	uint8_t *received;  /* of each message: the number of events that arrived */
	uint32_t *versions; /* of each SKU: the version of its last event */

	uint32_t sent;        /* number of messages; they are sent in the order of their numbers */
	uint32_t with_events; /* sent messages that cause events */
	uint32_t done;        /* sent messages whose events all arrived */
	uint64_t duplicates;  /* events that arrived again, which at-least-once delivery allows */
	struct bench_faults faults;
};

struct bench_verifier *bench_verifier_new(const struct bench_plan *plan);

/* Accepts NULL in *verifier and nulls it. */
void bench_verifier_free(struct bench_verifier **verifier);

/* Records that the next message was sent. */
void bench_verifier_sent(struct bench_verifier *verifier, int64_t due_us);

/* Records an event. */
void bench_verifier_received(struct bench_verifier *verifier, enum message_type type,
			     const struct bench_event *event, int64_t now_us);

/* The number of messages whose events have not all arrived; those without events are not counted. */
uint32_t bench_verifier_in_flight(const struct bench_verifier *verifier);

/* Records a fault; the text is copied. */
__attribute__((format(printf, 2, 3))) void bench_verifier_fault(struct bench_verifier *verifier,
								const char *format, ...);

#endif
