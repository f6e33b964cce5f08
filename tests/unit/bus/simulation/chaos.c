/* Troubles, delays, outages. */
#include "chaos.h"

static bool chance(struct chaos *chaos, uint64_t in)
{
	return random_below(chaos->random, in) == 0;
}

/* What may happen to a flush; any other call just fails. */
static enum trouble flush_trouble(struct chaos *chaos)
{
	static const enum trouble troubles[] = {TROUBLE_REFUSED,         TROUBLE_CONFLICT,
						TROUBLE_LOST_BEFORE,     TROUBLE_LOST_AFTER,
						TROUBLE_LOST_COMMITTING, TROUBLE_LOST_ON_THE_WAY};

	return troubles[random_below(chaos->random, sizeof troubles / sizeof troubles[0])];
}

static enum trouble on_call(void *context, enum store_call call)
{
	struct chaos *chaos = context;

	if (chaos->calm || !chance(chaos, chaos->troubles_in))
		return TROUBLE_NONE;
	if (call == CALL_FLUSH)
		return flush_trouble(chaos);
	return chance(chaos, 2) ? TROUBLE_REFUSED : TROUBLE_LOST_AFTER;
}

static void surround(struct chaos *chaos, struct memory_store *store)
{
	int64_t longest_ms = (int64_t)random_below(chaos->random, 30);

	memory_store_on_trouble(store, on_call, chaos);
	wire_delay(memory_store_requests(store), 0, longest_ms, chaos->random);
	wire_delay(memory_store_answers(store), 0, longest_ms, chaos->random);
}

void chaos_surround(struct chaos *chaos)
{
	for (size_t i = 0; i < world->config.lanes; i++)
		surround(chaos, world->lanes[i]);
	surround(chaos, world->intake);
	surround(chaos, world->publisher);
	surround(chaos, world->reminder);
	wire_delay(memory_broker_requests(world->broker), 0, (int64_t)random_below(chaos->random, 30),
		   chaos->random);
	wire_delay(memory_broker_answers(world->broker), 0, (int64_t)random_below(chaos->random, 30),
		   chaos->random);
}

void chaos_strike(struct chaos *chaos)
{
	switch (random_below(chaos->random, 6)) {
	case 0:
		database_set_down(world->database, !world->database->down);
		break;
	case 1:
		memory_broker_set_down(world->broker, chance(chaos, 2));
		break;
	case 2:
		memory_broker_fail_after(world->broker, random_below(chaos->random, 4));
		break;
	case 3:
		memory_notifier_set_down(world->notifier, chance(chaos, 2));
		break;
	default:
		database_end_lost(world->database, chance(chaos, 2));
		break;
	}
}

void chaos_end(struct chaos *chaos)
{
	chaos->calm = true;
	database_set_down(world->database, false);
	memory_broker_set_down(world->broker, false);
	memory_notifier_set_down(world->notifier, false);
	while (database_lost_count(world->database))
		database_end_lost(world->database, chance(chaos, 2));
}
