/* Decides at random, for each call, whether it meets a trouble. */
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

static enum consumer_trouble on_stream_call(void *context, enum consumer_call_kind call)
{
	(void)context;
	(void)call;
	if (is_well())
		return STREAM_WELL;
	return (enum consumer_trouble[]){STREAM_AWAY, STREAM_REFUSED, STREAM_ANSWER_LOST}[pick(3)];
}

static enum memory_trouble on_store_call(void *context, enum store_call call)
{
	static const enum memory_trouble troubles[] = {TROUBLE_REFUSED,         TROUBLE_CONFLICT,
						       TROUBLE_LOST_BEFORE,     TROUBLE_LOST_AFTER,
						       TROUBLE_LOST_COMMITTING, TROUBLE_LOST_ON_THE_WAY};

	(void)context;
	if (is_well())
		return TROUBLE_NONE;
	return call == CALL_FLUSH ? troubles[pick(COUNT(troubles))] : TROUBLE_REFUSED;
}

void delay(struct cable *cable)
{
	cable_delay(cable, 0, pick(40), &misfortune.random.random);
}

void make_store_unlucky(struct memory_store *store)
{
	memory_store_on_trouble(store, on_store_call, NULL);
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
	memory_consumer_on_trouble(consumer, on_stream_call, NULL);
	delay(memory_consumer_requests(consumer));
	delay(memory_consumer_answers(consumer));
	delay(memory_consumer_read_answers(consumer));
	delay(memory_checkpoints_requests(checkpoints));
}
