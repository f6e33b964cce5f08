/*
 * The orders that a run cancels: of one to three lines, each of another SKU, and each cancelled once, in the
 * order in which they began.
 */
#ifndef ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_ORDERS_H
#define ALLOCD_ENTRYPOINTS_BENCH_WORKLOAD_ORDERS_H

#include "entrypoints/bench_workload/zipf.h"

#include <stdbool.h>
#include <stddef.h>

#define BENCH_ORDER_LINES_MAX 3

/* An order begins while fewer than this many wait for their cancellation. */
#define BENCH_ORDERS_OPEN_MAX 1000

struct bench_order {
	uint32_t lines[BENCH_ORDER_LINES_MAX]; /* numbers of their messages */
	uint32_t skus[BENCH_ORDER_LINES_MAX];
	size_t count; /* of lines */
	size_t wanted;
};

struct bench_orders;

/* `cancellations` orders will be cancelled.  The generator, which draws SKUs, must outlive them. */
struct bench_orders *bench_orders_new(uint32_t cancellations, struct bench_zipf *generator);

/* Accepts NULL in *orders and nulls it. */
void bench_orders_free(struct bench_orders **orders);

/* Returns the number of the order's first line; a line that is of none of these orders is its own order. */
uint32_t bench_orders_add_line(struct bench_orders *orders, uint32_t number, uint32_t sku);

/* The order that is cancelled next; NULL: none has a line. */
const struct bench_order *bench_orders_cancel(struct bench_orders *orders);

#endif
