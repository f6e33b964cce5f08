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

struct wire {
	struct simulation *simulation;
	struct passage *first, *last; /* under way */
	int64_t last_arrival_ms;
	bool held;
	int64_t shortest_ms, longest_ms;
	struct random *random;
};

void wire_init(struct wire *wire, struct simulation *simulation);

/* Whoever waited is gone: drops all that is under way. */
void wire_clear(struct wire *wire);

void wire_pass(struct wire *wire, simulation_task *arrive, void *context);

/* From now on, what is passed waits for wire_let_one() or wire_open(). */
void wire_hold(struct wire *wire);

/* The oldest that waits goes on its way; false when nothing waits. */
bool wire_let_one(struct wire *wire);

/* Nothing is held any more. */
void wire_open(struct wire *wire);

/* How much is held. */
size_t wire_waiting(const struct wire *wire);

/* From now on, each passage takes between `shortest_ms` and `longest_ms`. */
void wire_delay(struct wire *wire, int64_t shortest_ms, int64_t longest_ms, struct random *random);

#endif
