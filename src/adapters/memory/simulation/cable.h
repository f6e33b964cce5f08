/*
 * One direction of a connection: messages arrive later, from the loop, in the order they were passed.  A
 * test may delay them, or hold them and release them one by one.
 */
#ifndef ALLOCD_ADAPTERS_MEMORY_SIMULATION_CABLE_H
#define ALLOCD_ADAPTERS_MEMORY_SIMULATION_CABLE_H

#include "adapters/memory/simulation/simulation.h"
#include "bus/ports/random.h"

#include <stddef.h>

struct passage;

struct cable {
	struct simulation *simulation;
	struct passage *first, *last; /* under way */
	int64_t last_arrival_ms;
	bool held;
	int64_t shortest_ms, longest_ms;
	struct random *random;
};

void cable_init(struct cable *cable, struct simulation *simulation);

/* Drops all messages under way, because their receiver is gone. */
void cable_clear(struct cable *cable);

void cable_pass(struct cable *cable, simulation_task *arrive, void *context);

/* Holds all further messages until cable_let_one() or cable_open(). */
void cable_hold(struct cable *cable);

/* Releases the oldest held message; returns false if no message is held. */
bool cable_let_one(struct cable *cable);

/* Releases all held messages, and no longer holds new ones. */
void cable_open(struct cable *cable);

/* The number of held messages. */
size_t cable_waiting(const struct cable *cable);

/* Delays each further message by `shortest_ms` to `longest_ms`. */
void cable_delay(struct cable *cable, int64_t shortest_ms, int64_t longest_ms, struct random *random);

#endif
