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

/* The receiver is gone: drops all messages in flight. */
void cable_clear(struct cable *cable);

void cable_pass(struct cable *cable, simulation_task *arrive, void *context);

/* Messages wait for cable_let_one() or cable_open() from now on. */
void cable_hold(struct cable *cable);

/* Releases the oldest held message; false when no message is held. */
bool cable_let_one(struct cable *cable);

/* Releases all held messages, and holds no more. */
void cable_open(struct cable *cable);

/* How much is held. */
size_t cable_waiting(const struct cable *cable);

/* From now on, each passage takes between `shortest_ms` and `longest_ms`. */
void cable_delay(struct cable *cable, int64_t shortest_ms, int64_t longest_ms, struct random *random);

#endif
