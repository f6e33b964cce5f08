/*
 * One direction of a connection: what is passed arrives later, from the loop, in the order it was passed.  A
 * test may hold what is passed and let it go one by one, or delay it.
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

/* Whoever waited is gone: drops all that is under way. */
void cable_clear(struct cable *cable);

void cable_pass(struct cable *cable, simulation_task *arrive, void *context);

/* From now on, what is passed waits for cable_let_one() or cable_open(). */
void cable_hold(struct cable *cable);

/* The oldest that waits goes on its way; false when nothing waits. */
bool cable_let_one(struct cable *cable);

/* Nothing is held any more. */
void cable_open(struct cable *cable);

/* How much is held. */
size_t cable_waiting(const struct cable *cable);

/* From now on, each passage takes between `shortest_ms` and `longest_ms`. */
void cable_delay(struct cable *cable, int64_t shortest_ms, int64_t longest_ms, struct random *random);

#endif
