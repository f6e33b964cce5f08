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

static void surround(struct chaos *chaos, struct memory_store *store)
{
	int64_t longest_ms = (int64_t)random_below(chaos->random, 30);

	memory_store_set_injector(store, on_call, chaos);
	cable_delay(memory_store_requests(store), 0, longest_ms, chaos->random);
	cable_delay(memory_store_answers(store), 0, longest_ms, chaos->random);
}

void chaos_surround(struct chaos *chaos, struct world *worker)
{
	for (size_t i = 0; i < worker->config.lanes; i++)
		surround(chaos, worker->lanes[i]);
	surround(chaos, worker->parking);
	surround(chaos, worker->intake);
	surround(chaos, worker->publisher);
	surround(chaos, worker->housekeeper);
	cable_delay(memory_broker_requests(worker->broker), 0, (int64_t)random_below(chaos->random, 30),
		    chaos->random);
	cable_delay(memory_broker_answers(worker->broker), 0, (int64_t)random_below(chaos->random, 30),
		    chaos->random);
}

static struct world *any_worker(struct chaos *chaos)
{
	return chaos->workers[random_below(chaos->random, WORKERS)];
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

void chaos_strike(struct chaos *chaos)
{
	switch (random_below(chaos->random, 9)) {
	case 7:
	case 8:
		lock_or_unlock(chaos);
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
		memory_notifier_set_down(any_worker(chaos)->notifier, chance(chaos, 2));
		break;
	case 4:
		world_hang(any_worker(chaos));
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
	for (int i = 0; i < WORKERS; i++) {
		memory_notifier_set_down(chaos->workers[i]->notifier, false);
		world_wake(chaos->workers[i]);
	}
	end_lost(chaos);
	world_advance_ms(world, MEMORY_LOCK_TIMEOUT_MS); /* calls that failed earlier may wait for a lock */
	end_lost(chaos);
}
