/*
 * What a run sends, message by message, and what each must cause: decided before the first is sent.
 *
 * Messages are numbered: first those that make the stock, then the warm-up, then those that are measured.  A
 * SKU's messages are handled in their order, whatever happens between SKUs, so what each must cause is known;
 * and the last message of every SKU causes an event, so that its end can be heard.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_PLAN_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_PLAN_H

#include "core/message.h"
#include "entrypoints/bench_workload/bench_options.h"

/* One message. */
struct bench_step {
	uint32_t sku;
	uint32_t batch; /* of the SKU, where the command names one */
	int32_t qty;
	uint8_t command; /* enum message_type */
	uint8_t events;  /* it causes: none, line_allocated, or line_deallocated and then line_allocated */
};

struct bench_plan {
	struct bench_step *steps;
	uint32_t count;
	uint32_t stock;    /* the first so many make the stock; */
	uint32_t measured; /* from this number on it is measured */
	uint32_t skus;
	uint32_t speaking; /* messages that cause events */
};

/* The same seed makes the same plan. */
struct bench_plan *bench_plan_new(const struct bench_options *options, uint64_t seed);

/* Accepts NULL in *plan and nulls it. */
void bench_plan_free(struct bench_plan **plan);

/* The event that such a message causes as its `index`-th, from 0. */
enum message_type bench_event(const struct bench_step *step, uint8_t index);

#endif
