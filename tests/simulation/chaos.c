/* Injects failures, delays and outages. */
#include "simulation/chaos.h"

#include "simulation/schedule/failures.h"
#include "simulation/schedule/schedule.h"

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

static enum store_injection call_failure(struct chaos *chaos, enum store_call call)
{
	if (call == CALL_FLUSH)
		return flush_failure(chaos);
	return chance(chaos, 2) ? INJECT_REFUSED : INJECT_LOST_AFTER;
}

static enum store_injection on_call(void *context, enum store_call call)
{
	const struct surrounded *it = context;
	enum store_injection injected;

	if (it->chaos->calm || !chance(it->chaos, it->chaos->failures_in))
		return INJECT_NONE;
	injected = call_failure(it->chaos, call);
	tell_store_failure(it->worker, call, injected);
	return injected;
}

/* Without the right to make this call, a stream is read all the same, but not in its order. */
static bool keeps_order(enum consumer_call_kind call)
{
	return call == STREAM_END_CONNECTIONS;
}

static enum stream_injection stream_failure(struct chaos *chaos, enum consumer_call_kind call)
{
	if (chance(chaos, 3))
		return STREAM_AWAY;
	return chance(chaos, 2) || keeps_order(call) ? STREAM_ANSWER_LOST : STREAM_REFUSED;
}

static enum stream_injection on_stream_call(void *context, enum consumer_call_kind call)
{
	const struct surrounded *it = context;
	enum stream_injection injected;

	if (it->chaos->calm || !chance(it->chaos, it->chaos->failures_in))
		return STREAM_WELL;
	injected = stream_failure(it->chaos, call);
	tell_stream_failure(it->worker, call, injected);
	return injected;
}

static void delay_both(struct chaos *chaos, struct cable *requests, struct cable *answers)
{
	int64_t longest_ms = (int64_t)random_below(chaos->random, 30);

	cable_delay(requests, 0, longest_ms, chaos->random);
	cable_delay(answers, 0, longest_ms, chaos->random);
}

static void surround(struct surrounded *it, struct memory_store *store)
{
	memory_store_set_injector(store, on_call, it);
	delay_both(it->chaos, memory_store_requests(store), memory_store_answers(store));
}

void chaos_surround(struct chaos *chaos, int worker)
{
	struct world *its = replicas[worker].world;
	struct surrounded *it = &chaos->surrounded[worker];

	*it = (struct surrounded){chaos, worker};
	for (size_t i = 0; i < its->config.lanes; i++)
		surround(it, its->lanes[i]);
	surround(it, its->parking);
	surround(it, its->intake);
	surround(it, its->publisher);
	surround(it, its->housekeeper);
	delay_both(chaos, memory_broker_requests(its->broker), memory_broker_answers(its->broker));
}

void chaos_surround_redis(struct chaos *chaos, int worker)
{
	struct replica *replica = &replicas[worker];

	delay_both(chaos, memory_checkpoints_requests(replica->checkpoints),
		   memory_checkpoints_answers(replica->checkpoints));
	delay_both(chaos, memory_leases_requests(replica->leases), memory_leases_answers(replica->leases));
	delay_both(chaos, &replica->client.requests, &replica->client.answers);
	for (int i = 0; i < STREAMS; i++) {
		struct memory_consumer *consumer = replica->streams[i].consumer;

		memory_consumer_set_injector(consumer, on_stream_call, &chaos->surrounded[worker]);
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
	uint64_t count = random_below(chaos->random, 4);

	if (chaos->broker_keeps)
		return;
	if (chance(chaos, 10)) {
		story("Redis loses its fences");
		memory_broker_forget(world->broker);
	} else {
		story("the next publication fails after %d events", (int)count);
		memory_broker_fail_after(world->broker, count);
	}
}

static void set_broker_down(struct chaos *chaos)
{
	bool down = chance(chaos, 2);

	story("Redis %s", down ? "publishes no events any more" : "publishes events again");
	memory_broker_set_down(world->broker, down);
}

static void set_database_down(void)
{
	story("the database is %s", world->database->down ? "up again" : "down");
	database_set_down(world->database, !world->database->down);
}

static void set_notifier_down(struct chaos *chaos)
{
	int worker = any_worker(chaos);
	bool down = chance(chaos, 2);

	story("worker %d %s", worker, down ? "can send no mail any more" : "can send mail");
	memory_notifier_set_down(replicas[worker].world->notifier, down);
}

static void set_stream_down(struct chaos *chaos)
{
	int stream = (int)random_below(chaos->random, STREAMS);
	bool down = chance(chaos, 2);

	story("stream %d is %s", stream, down ? "down" : "up");
	memory_stream_set_down(shared_streams[stream], down);
}

static void end_lost_flush(struct chaos *chaos)
{
	bool commits = chance(chaos, 2);

	if (database_lost_count(world->database))
		story("the oldest lost flush %s", commits ? "is committed if it can" : "is rolled back");
	database_end_lost(world->database, commits);
}

/* Another session locks a product, or releases all of them. */
static void lock_or_unlock(struct chaos *chaos)
{
	const struct database *database = world->database;
	const char *sku;

	if (!database->product_count || chance(chaos, 3)) {
		story("another session releases its locks");
		database_unlock_products(world->database);
		return;
	}
	sku = database->product_list[random_below(chaos->random, database->product_count)]->sku;
	story("another session locks %s", sku);
	database_lock_product(world->database, sku);
}

static void freeze(int worker)
{
	story("worker %d is frozen", worker);
	freeze_replica(worker);
}

/* The worker is stopped, or cut off from one of its servers, until something wakes all workers. */
static void freeze_or_cut(struct chaos *chaos)
{
	int worker = any_worker(chaos);

	if (chance(chaos, 2)) {
		freeze(worker);
	} else if (chance(chaos, 2)) {
		story("worker %d is cut off from the database", worker);
		cut_database_of_replica(worker);
	} else {
		story("worker %d is cut off from Redis", worker);
		cut_redis_of_replica(worker);
	}
}

/* A monotonic clock never runs back. */
static void step_clock(struct chaos *chaos)
{
	int worker = any_worker(chaos), step_ms = (int)random_below(chaos->random, 5000);

	story("the clock of worker %d steps %d ms ahead", worker, step_ms);
	replicas[worker].world->clock.ahead_ms += step_ms;
}

static void lose_answer_of_lease(struct chaos *chaos)
{
	int worker = any_worker(chaos);
	struct replica *replica = &replicas[worker];

	story("worker %d loses the answer to its next beat of the leases", worker);
	memory_leases_lose_answer(replica->leases);
	replica->disturbed_ms = simulation_now_ms(world->simulation) + LEASE_BEAT_MS;
}

static void break_pubsub(struct chaos *chaos)
{
	int worker = any_worker(chaos);

	if (chance(chaos, 3)) {
		story("the server of pub/sub is restarted");
		pubsub_restart(&shared_pubsub);
	} else {
		story("worker %d loses its subscription", worker);
		pubsub_client_disconnect(&replicas[worker].client);
	}
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
		freeze_or_cut(chaos);
		break;
	case 11:
		step_clock(chaos);
		break;
	case 12:
		lose_answer_of_lease(chaos);
		break;
	case 13:
		set_stream_down(chaos);
		break;
	case 14:
		break_pubsub(chaos);
		break;
	case 0:
		set_database_down();
		break;
	case 1:
		set_broker_down(chaos);
		break;
	case 2:
		break_broker(chaos);
		break;
	case 3:
		set_notifier_down(chaos);
		break;
	case 4:
		freeze(any_worker(chaos));
		break;
	default:
		end_lost_flush(chaos);
		break;
	}
}

static void end_lost(struct chaos *chaos)
{
	while (database_lost_count(world->database))
		end_lost_flush(chaos);
}

void chaos_end(struct chaos *chaos)
{
	story("all failures end");
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
