/* Decides at random, for each call, whether a failure is injected. */
#include "support/misfortune.h"

struct misfortune misfortune;

int pick(int bound)
{
	return (int)random_below(&misfortune.random.random, (uint64_t)bound);
}

static bool is_well(void)
{
	return misfortune.is_over || random_below(&misfortune.random.random, misfortune.one_call_in) != 0;
}

static enum stream_injection on_stream_call(void *context, enum consumer_call_kind call)
{
	static const enum stream_injection injections[] = {STREAM_AWAY, STREAM_REFUSED, STREAM_ANSWER_LOST};
	enum stream_injection injected = is_well() ? STREAM_WELL : injections[pick(COUNT(injections))];

	(void)context;
	if (injected && misfortune.tell_stream)
		misfortune.tell_stream(0, call, injected);
	return injected;
}

static enum store_injection on_store_call(void *context, enum store_call call)
{
	static const enum store_injection injections[] = {INJECT_REFUSED,         INJECT_CONFLICT,
							  INJECT_LOST_BEFORE,     INJECT_LOST_AFTER,
							  INJECT_LOST_COMMITTING, INJECT_LOST_ON_THE_WAY};
	enum store_injection injected = INJECT_NONE;

	(void)context;
	if (!is_well())
		injected = call == CALL_FLUSH ? injections[pick(COUNT(injections))] : INJECT_REFUSED;
	if (injected && misfortune.tell_store)
		misfortune.tell_store(0, call, injected);
	return injected;
}

void delay(struct cable *cable)
{
	cable_delay(cable, 0, pick(40), &misfortune.random.random);
}

void make_store_unlucky(struct memory_store *store)
{
	memory_store_set_injector(store, on_store_call, NULL);
}

void make_lanes_unlucky(void)
{
	for (size_t i = 0; i < world->config.lanes; i++) {
		make_store_unlucky(world->lanes[i]);
		delay(memory_store_requests(world->lanes[i]));
		delay(memory_store_answers(world->lanes[i]));
	}
}

void make_reader_unlucky(struct memory_consumer *consumer, struct memory_checkpoints *checkpoints)
{
	memory_consumer_set_injector(consumer, on_stream_call, NULL);
	delay(memory_consumer_requests(consumer));
	delay(memory_consumer_answers(consumer));
	delay(memory_consumer_read_answers(consumer));
	delay(memory_checkpoints_requests(checkpoints));
}
