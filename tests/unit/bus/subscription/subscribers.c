/* Shorthands for tests of workers that hear the same channels. */
#include "unit/bus/subscription/subscribers.h"

#include <string.h>

void set_up_subscribers(void)
{
	set_up_replicas();
	world_start(world);
	make_sku("LAMP");
	world_settle(world);
	world_crash(world);
}

void start_subscriber(int number)
{
	replicas[number].listens = true;
	start_replica(number, 0);
}

void disconnect_subscriber(int number)
{
	pubsub_client_disconnect(&replicas[number].client);
	world_run(world);
}

void connect_subscriber_to(int number, const char *run_id)
{
	pubsub_client_connect(&replicas[number].client, run_id);
	world_run(world);
}

void publish_order_of(const char *orderid, const char *sku)
{
	world_run(world); /* a marker that is on its way comes first */
	pubsub_publish(&shared_pubsub, MSG_ALLOCATE,
		       arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=1", orderid, sku));
	world_run(world);
}

void publish_order(const char *orderid)
{
	publish_order_of(orderid, "LAMP");
}

void publish_large(int count)
{
	char *padding = arena_alloc(world->arena, 60000);

	memset(padding, 'x', 59999);
	for (int i = 0; i < count; i++)
		publish_order(arena_printf(world->arena, "%d-%s", i, padding));
}

int64_t ms_until_handling(int number)
{
	int64_t begin_ms = simulation_now_ms(world->simulation);

	while (!is_handling(number)) {
		world_advance_ms(world, 100);
		ck_assert_int_lt(simulation_now_ms(world->simulation) - begin_ms, 60000);
	}
	return simulation_now_ms(world->simulation) - begin_ms;
}

void hold_commits(int number)
{
	cable_hold(memory_store_requests(replicas[number].world->lanes[0]));
}

void expect_orders(const char *expected)
{
	world_advance_ms(world, 1000);
	ck_assert_str_eq(orders_of("LAMP"), expected);
}

const char *note_of_lease(void)
{
	return database_lease(world->database, PUBSUB_LEASE)->note;
}

const struct subscription_stats *subscription_stats_of(int number)
{
	return leased_subscription_stats(replicas[number].subscription);
}

void set_up_two_subscribers(void)
{
	set_up_subscribers();
	start_subscriber(0);
	start_subscriber(1);
	world_advance_ms(world, TAKEOVER_MS);
	ck_assert(is_handling(0));
	ck_assert(!is_handling(1));
	ck_assert_str_ne(note_of_lease(), "");
}
