/*
 * The messages of a run and the events that each must cause, which are decided before the first is sent.
 *
 * Messages are numbered: first those that create the stock, then the warm-up, then those that are measured.
 * The messages of one SKU are handled in their order, so the events of each are known in advance.  After the
 * stock, the last message of each SKU causes an event, so that the end of its handling can be observed.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_PLAN_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_PLAN_H

#include "core/message.h"
#include "entrypoints/bench_workload/bench_options.h"

/* One message. */
struct bench_step {
	uint32_t sku;   /* of the first line, when an order is cancelled */
	uint32_t batch; /* of the SKU, where the command names one */
	uint32_t order; /* where the command names one: the number of its first line */
	int32_t qty;
	uint8_t command; /* enum message_type */
	/*
	 * 0; 1: line_allocated; 2: line_deallocated and then line_allocated.  Of an order that is
	 * cancelled: a line_deallocated for each of its lines, in any order.
	 */
	uint8_t events;
};

struct bench_plan {
	struct bench_step *steps;
	uint32_t count;
	uint32_t stock;    /* number of the first message after the stock */
	uint32_t measured; /* number of the first measured message */
	uint32_t skus;
	uint32_t with_events; /* number of messages that cause events */
};

/* The same seed makes the same plan. */
struct bench_plan *bench_plan_new(const struct bench_options *options, uint64_t seed);

/* Accepts NULL in *plan and nulls it. */
void bench_plan_free(struct bench_plan **plan);

/* The type of the event number `index`, counted from 0, that the message causes. */
enum message_type bench_event(const struct bench_step *step, uint8_t index);

#endif
