/* Makes workers, and a Redis that sends what is published to all of them in one order. */
#include "unit/bus/subscription/subscribers.h"

#include "support/replicas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEAT_MS 1000

struct broadcast {
	struct broadcast *next;
	bool is_marker;
	const char *text;
};

struct subscriber subscribers[SUBSCRIBERS];

/* ---- Redis ---- */

static void hear(struct subscriber *it, const struct broadcast *broadcast)
{
	struct bytes payload = {broadcast->text, strlen(broadcast->text)};

	if (broadcast->is_marker)
		leased_subscription_hear_marker(it->subscription, payload);
	else
		leased_subscription_hear(it->subscription, MSG_ALLOCATE, "allocate", payload, payload.size);
}

static void send_to(struct subscriber *it, const struct broadcast *broadcast)
{
	struct broadcast *copy, **end = &it->unheard;

	if (!it->run_id)
		return;
	if (!it->is_frozen) {
		hear(it, broadcast);
		return;
	}
	copy = arena_copy(world->arena, broadcast, sizeof *broadcast);
	copy->next = NULL;
	while (*end)
		end = &(*end)->next;
	*end = copy;
}

static void publish(void *context)
{
	for (int i = 0; i < SUBSCRIBERS; i++)
		send_to(&subscribers[i], context);
}

static void publish_soon(bool is_marker, const char *text)
{
	struct broadcast broadcast = {.is_marker = is_marker, .text = text};

	simulation_post(world->simulation, 0, publish,
			arena_copy(world->arena, &broadcast, sizeof broadcast));
}

void publish_order_of(const char *orderid, const char *sku)
{
	publish_soon(false, arena_printf(world->arena, "orderid=%s\nsku=%s\nqty=1", orderid, sku));
	world_run(world);
}

void publish_order(const char *orderid)
{
	publish_order_of(orderid, "LAMP");
}

static const char *mark(void *context)
{
	struct subscriber *it = context;

	if (!it->run_id || it->is_frozen)
		return NULL;
	snprintf(it->marker, sizeof it->marker, "%td-%d", it - subscribers, ++it->marks);
	publish_soon(true, arena_strdup(world->arena, it->marker));
	return it->marker;
}

static void set_closed(struct subscriber *it, bool is_closed)
{
	ck_assert(it->is_closed != is_closed);
	it->is_closed = is_closed;
}

static void on_pause(void *context)
{
	set_closed(context, true);
}

static void on_resume(void *context)
{
	set_closed(context, false);
}

/* ---- a worker ---- */

void connect_subscriber_to(int number, const char *run_id)
{
	struct subscriber *it = &subscribers[number];

	it->run_id = run_id;
	leased_subscription_up(it->subscription, run_id);
	mark(it);
}

void disconnect_subscriber(int number)
{
	subscribers[number].run_id = NULL;
	leased_subscription_down(subscribers[number].subscription);
}

static void pause_pubsub(void *source)
{
	leased_subscription_pause(source);
}

static void resume_pubsub(void *source)
{
	leased_subscription_resume(source);
}

void start_subscriber(int number)
{
	struct subscriber *it = &subscribers[number];
	static uint64_t seeds = 5000;

	memory_random_init(&it->world->random, ++seeds); /* no two workers draw the same id */
	world_start(it->world);
	it->checkpoints = memory_checkpoints_new(world->database);
	it->leases = memory_leases_new(world->database);
	it->keeper = lease_keeper_new(
		&(struct lease_keeper_ports){
			.store = memory_leases_port(it->leases),
			.clock = &it->world->clock.clock,
			.random = &it->world->random.random,
			.logger = &it->world->logger.logger,
		},
		arena_printf(world->arena, "worker-%d", number));
	admission_init(&it->admission, it->world->engine);
	it->subscription = leased_subscription_new(&(struct subscription_ports){
		.engine = it->world->engine,
		.admission = &it->admission,
		.keeper = it->keeper,
		.checkpoints = memory_checkpoints_port(it->checkpoints),
		.clock = &it->world->clock.clock,
		.logger = &it->world->logger.logger,
		.mark = mark,
		.pause = on_pause,
		.resume = on_resume,
		.context = it,
	});
	admission_add(&it->admission,
		      &(struct admission_valve){pause_pubsub, resume_pubsub, it->subscription, false});
	connect_subscriber_to(number, "run-id-of-the-server");
	lease_keeper_start(it->keeper);
	world_run(world);
}

void kill_subscriber(int number)
{
	struct subscriber *it = &subscribers[number];

	if (!it->keeper)
		return;
	admission_stop(&it->admission);
	memory_checkpoints_free(&it->checkpoints);
	memory_leases_free(&it->leases);
	lease_keeper_free(&it->keeper);
	world_crash(it->world);
	leased_subscription_free(&it->subscription);
	*it = (struct subscriber){.world = it->world, .marks = it->marks};
}

static void for_each_cable(struct subscriber *it, void (*act)(struct cable *cable))
{
	act(memory_checkpoints_requests(it->checkpoints));
	act(memory_checkpoints_answers(it->checkpoints));
	act(memory_leases_requests(it->leases));
	act(memory_leases_answers(it->leases));
}

void freeze_subscriber(int number)
{
	world_hang(subscribers[number].world);
	for_each_cable(&subscribers[number], cable_hold);
	subscribers[number].is_frozen = true;
}

void thaw_subscriber(int number)
{
	struct subscriber *it = &subscribers[number];

	world_wake(it->world);
	for_each_cable(it, cable_open);
	it->is_frozen = false;
	for (; it->unheard; it->unheard = it->unheard->next)
		hear(it, it->unheard);
}

/* ---- all of them ---- */

void set_up_subscribers(void)
{
	world = world_new();
	subscribers[0].world = world;
	for (int i = 1; i < SUBSCRIBERS; i++)
		subscribers[i].world = world_beside(world);
	world_start(world);
	make_sku("LAMP");
	world_settle(world);
	world_crash(world);
}

void tear_down_subscribers(void)
{
	for (int i = 0; i < SUBSCRIBERS; i++)
		kill_subscriber(i);
	for (int i = 1; i < SUBSCRIBERS; i++)
		world_free(&subscribers[i].world);
	world_free(&world);
	memset(subscribers, 0, sizeof subscribers);
}

/* ---- what a test says and sees ---- */

void pass_time(int64_t ms)
{
	static int64_t since_beat_ms;

	for (int64_t step; ms > 0; ms -= step) {
		step = ms < 100 ? ms : 100;
		world_advance_ms(world, step);
		since_beat_ms += step;
		if (since_beat_ms < BEAT_MS)
			continue;
		since_beat_ms = 0;
		for (int i = 0; i < SUBSCRIBERS; i++)
			mark(&subscribers[i]);
	}
}

bool is_handling(int number)
{
	const struct subscriber *it = &subscribers[number];

	return it->keeper && lease_keeper_has(it->keeper, it->subscription);
}

int64_t ms_until_handling(int number)
{
	int64_t begin_ms = simulation_now_ms(world->simulation);

	while (!is_handling(number)) {
		pass_time(100);
		ck_assert_int_lt(simulation_now_ms(world->simulation) - begin_ms, 60000);
	}
	return simulation_now_ms(world->simulation) - begin_ms;
}

const char *note_of_lease(void)
{
	return database_lease(world->database, PUBSUB_LEASE)->note;
}

const struct subscription_stats *subscription_stats_of(int number)
{
	return leased_subscription_stats(subscribers[number].subscription);
}
