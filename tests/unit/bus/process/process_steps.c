#include "unit/bus/process/process_steps.h"

const char *first_sku, *second_sku;

void set_up_processes(void)
{
	set_up_two_lanes();
	first_sku = sku_in_lane(0, 0);
	second_sku = sku_in_lane(1, 0);
	create_batch("first", first_sku, 10);
	create_batch("second", second_sku, 10);
	world_settle(world);
}

struct sent *cancel_by(enum transport transport, const char *orderid, const char *id)
{
	return world_send(world, transport, MSG_ORDER_CANCELLED, "orderid=%s%s%s", orderid, id ? "\nid=" : "",
			  id ? id : "");
}

struct sent *cancel(const char *orderid)
{
	return cancel_by(TRANSPORT_PUBSUB, orderid, NULL);
}

int allocated(void)
{
	return database_allocated(world->database, "first") + database_allocated(world->database, "second");
}

size_t recorded(void)
{
	return database_process_count(world->database);
}

/* The order has a line of either SKU. */
void allocate_order(const char *orderid)
{
	allocate(orderid, first_sku, 2);
	allocate(orderid, second_sku, 3);
	world_settle(world);
	ck_assert_str_eq(batch_of(orderid, first_sku, 2), "first");
	ck_assert_str_eq(batch_of(orderid, second_sku, 3), "second");
}

void expect_no_lines(const char *orderid)
{
	ck_assert_str_eq(batch_of(orderid, first_sku, 2), "");
	ck_assert_str_eq(batch_of(orderid, second_sku, 3), "");
}
