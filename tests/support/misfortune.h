/*
 * Random failures of a simulated worker (see bus_world.h): failed calls, lost answers, slow cables.  One seed
 * determines them all.
 */
#ifndef ALLOCD_TESTS_MISFORTUNE_H
#define ALLOCD_TESTS_MISFORTUNE_H

#include "support/bus_world.h"

#include "adapters/memory/ports/checkpoints.h"
#include "adapters/memory/ports/stream.h"

struct misfortune {
	struct memory_random random;
	uint64_t one_call_in; /* one call in this many fails, */
	bool is_over;         /* until nothing goes wrong any more */

	/* Called for each failure that is injected into the worker, which is number 0; or NULL. */
	void (*tell_store)(int worker, enum store_call call, enum store_injection injected);
	void (*tell_stream)(int worker, enum consumer_call_kind call, enum stream_injection injected);
};

extern struct misfortune misfortune;

/* Returns a random number from 0 to `bound` - 1. */
int pick(int bound);

/* Delays each message on the cable by less than 40 ms. */
void delay(struct cable *cable);

/* Inject failures into the calls of a store, of all lanes with their cables, and of a stream's reader. */
void make_store_unlucky(struct memory_store *store);
void make_lanes_unlucky(void);
void make_reader_unlucky(struct memory_consumer *consumer, struct memory_checkpoints *checkpoints);

#endif
