/* Injects failures, delays and outages. */
#include "simulation/chaos.h"

static bool chance(struct chaos *chaos, uint64_t in)
{
	return random_below(chaos->random, in) == 0;
}

/* Returns a random failure for a flush; any other call is refused or loses its answer. */
static enum store_injection flush_failure(struct chaos *chaos)
{
	static const enum store_injection injections[] = {
		INJECT_REFUSED,    INJECT_CONFLICT,        INJECT_BUSY,           INJECT_LOST_BEFORE,
		INJECT_LOST_AFTER, INJECT_LOST_COMMITTING, INJECT_LOST_ON_THE_WAY};

	return injections[random_below(chaos->random, sizeof injections / sizeof injections[0])];
}

static enum store_injection on_call(void *context, enum store_call call)
{
	struct chaos *chaos = context;

	if (chaos->calm || !chance(chaos, chaos->failures_in))
		return INJECT_NONE;
	if (call == CALL_FLUSH)
		return flush_failure(chaos);
	return chance(chaos, 2) ? INJECT_REFUSED : INJECT_LOST_AFTER;
}

/* Without the right to make this call, a stream is read all the same, but not in its order. */
static bool keeps_order(enum consumer_call_kind call)
{
	return call == STREAM_END_CONNECTIONS;
}

static enum stream_injection on_stream_call(void *context, enum consumer_call_kind call)
{
	struct chaos *chaos = context;

	if (chaos->calm || !chance(chaos, chaos->failures_in))
		return STREAM_WELL;
	if (chance(chaos, 3))
		return STREAM_AWAY;
	return chance(chaos, 2) || keeps_order(call) ? STREAM_ANSWER_LOST : STREAM_REFUSED;
}

static void delay_both(struct chaos *chaos, struct cable *requests, struct cable *answers)
{
	int64_t longest_ms = (int64_t)random_below(chaos->random, 30);

	cable_delay(requests, 0, longest_ms, chaos->random);
	cable_delay(answers, 0, longest_ms, chaos->random);
}

static void surround(struct chaos *chaos, struct memory_store *store)
{
	memory_store_set_injector(store, on_call, chaos);
	delay_both(chaos, memory_store_requests(store), memory_store_answers(store));
}

void chaos_surround(struct chaos *chaos, struct world *worker)
{
	for (size_t i = 0; i < worker->config.lanes; i++)
		surround(chaos, worker->lanes[i]);
	surround(chaos, worker->parking);
	surround(chaos, worker->intake);
	surround(chaos, worker->publisher);
	surround(chaos, worker->housekeeper);
	delay_both(chaos, memory_broker_requests(worker->broker), memory_broker_answers(worker->broker));
}

void chaos_surround_redis(struct chaos *chaos, struct replica *replica)
{
	delay_both(chaos, memory_checkpoints_requests(replica->checkpoints),
		   memory_checkpoints_answers(replica->checkpoints));
	delay_both(chaos, memory_leases_requests(replica->leases), memory_leases_answers(replica->leases));
	delay_both(chaos, &replica->client.requests, &replica->client.answers);
	for (int i = 0; i < STREAMS; i++) {
		struct memory_consumer *consumer = replica->streams[i].consumer;

		memory_consumer_set_injector(consumer, on_stream_call, chaos);
		delay_both(chaos, memory_consumer_requests(consumer), memory_consumer_answers(consumer));
		delay_both(chaos, memory_consumer_read_requests(consumer),
			   memory_consumer_read_answers(consumer));
	}
}

static int any_worker(struct chaos *chaos)
{
	return (int)random_below(chaos->random, (uint64_t)chaos->workers);
}

static void break_broker(struct chaos *chaos)
{
	if (chaos->broker_keeps)
		return;
	if (chance(chaos, 10))
		memory_broker_forget(world->broker);
	else
		memory_broker_fail_after(world->broker, random_below(chaos->random, 4));
}

/* Another session locks a product, or releases all of them. */
static void lock_or_unlock(struct chaos *chaos)
{
	if (!world->database->product_count || chance(chaos, 3))
		database_unlock_products(world->database);
	else
		database_lock_product(
			world->database,
			world->database
				->product_list[random_below(chaos->random, world->database->product_count)]
				->sku);
}

/* The worker is stopped, or cut off from one of its servers, until something wakes all workers. */
static void freeze(struct chaos *chaos)
{
	int worker = any_worker(chaos);

	if (chance(chaos, 2))
		freeze_replica(worker);
	else if (chance(chaos, 2))
		cut_database_of_replica(worker);
	else
		cut_redis_of_replica(worker);
}

/* A monotonic clock never runs back. */
static void step_clock(struct chaos *chaos)
{
	replicas[any_worker(chaos)].world->clock.ahead_ms += (int64_t)random_below(chaos->random, 5000);
}

static void lose_answer_of_lease(struct replica *replica)
{
	memory_leases_lose_answer(replica->leases);
	replica->disturbed_ms = simulation_now_ms(world->simulation) + LEASE_BEAT_MS;
}

static void break_pubsub(struct chaos *chaos)
{
	if (chance(chaos, 3))
		pubsub_restart(&shared_pubsub);
	else
		pubsub_client_disconnect(&replicas[any_worker(chaos)].client);
}

void chaos_strike(struct chaos *chaos)
{
	switch (random_below(chaos->random, 15)) {
	case 7:
	case 8:
		lock_or_unlock(chaos);
		break;
	case 9:
	case 10:
		freeze(chaos);
		break;
	case 11:
		step_clock(chaos);
		break;
	case 12:
		lose_answer_of_lease(&replicas[any_worker(chaos)]);
		break;
	case 13:
		memory_stream_set_down(shared_streams[random_below(chaos->random, STREAMS)],
				       chance(chaos, 2));
		break;
	case 14:
		break_pubsub(chaos);
		break;
	case 0:
		database_set_down(world->database, !world->database->down);
		break;
	case 1:
		memory_broker_set_down(world->broker, chance(chaos, 2));
		break;
	case 2:
		break_broker(chaos);
		break;
	case 3:
		memory_notifier_set_down(replicas[any_worker(chaos)].world->notifier, chance(chaos, 2));
		break;
	case 4:
		freeze_replica(any_worker(chaos));
		break;
	default:
		database_end_lost(world->database, chance(chaos, 2));
		break;
	}
}

static void end_lost(struct chaos *chaos)
{
	while (database_lost_count(world->database))
		database_end_lost(world->database, chance(chaos, 2));
}

void chaos_end(struct chaos *chaos)
{
	chaos->calm = true;
	database_set_down(world->database, false);
	database_unlock_products(world->database);
	memory_broker_set_down(world->broker, false);
	for (int i = 0; i < STREAMS; i++)
		memory_stream_set_down(shared_streams[i], false);
	for (int i = 0; i < chaos->workers; i++) {
		memory_notifier_set_down(replicas[i].world->notifier, false);
		thaw_replica(i);
	}
	end_lost(chaos);
	world_advance_ms(world, MEMORY_LOCK_TIMEOUT_MS); /* calls that failed earlier may wait for a lock */
	end_lost(chaos);
}
