/* Groups lines into the orders that a run cancels. */
#include "entrypoints/bench_workload/orders.h"

#include "core/base/must.h"

#include <assert.h>

struct bench_orders {
	struct bench_zipf *generator;
	uint32_t cancellations;
	uint32_t begun;     /* orders that have a line */
	uint32_t cancelled; /* the first of them */
	struct bench_order *order;
};

struct bench_orders *bench_orders_new(uint32_t cancellations, struct bench_zipf *generator)
{
	struct bench_orders *orders = must_alloc(sizeof *orders);

	orders->generator = generator;
	orders->cancellations = cancellations;
	orders->order = must_alloc(cancellations * sizeof *orders->order + 1);
	return orders;
}

void bench_orders_free(struct bench_orders **orders)
{
	if (!*orders)
		return;
	free((*orders)->order);
	free(*orders);
	*orders = NULL;
}

/* The order that lacks lines, or a new one; NULL: enough orders wait for their cancellation. */
static struct bench_order *order_in_making(struct bench_orders *orders)
{
	struct bench_order *last =
		orders->begun > orders->cancelled ? &orders->order[orders->begun - 1] : NULL;

	if (last && last->count < last->wanted)
		return last;
	if (orders->begun == orders->cancellations ||
	    orders->begun - orders->cancelled == BENCH_ORDERS_OPEN_MAX)
		return NULL;
	assert(orders->order);
	last = &orders->order[orders->begun++];
	last->wanted = 1 + bench_zipf_percent(orders->generator) % BENCH_ORDER_LINES_MAX;
	return last;
}

static bool has_sku(const struct bench_order *order, uint32_t sku)
{
	for (size_t i = 0; i < order->count; i++) {
		if (order->skus[i] == sku)
			return true;
	}
	return false;
}

uint32_t bench_orders_add_line(struct bench_orders *orders, uint32_t number, uint32_t sku)
{
	struct bench_order *order = order_in_making(orders);

	if (!order || has_sku(order, sku))
		return number;
	order->lines[order->count] = number;
	order->skus[order->count++] = sku;
	return order->lines[0];
}

const struct bench_order *bench_orders_cancel(struct bench_orders *orders)
{
	return orders->begun > orders->cancelled ? &orders->order[orders->cancelled++] : NULL;
}
