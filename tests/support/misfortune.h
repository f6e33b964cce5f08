/*
 * What goes wrong by chance with the worker of a simulation (see bus_world.h): calls that fail, answers that
 * are lost, wires that are slow.  All of it follows from one seed.
 */
#ifndef ALLOCD_TESTS_MISFORTUNE_H
#define ALLOCD_TESTS_MISFORTUNE_H

#include "support/bus_world.h"

#include "adapters/memory/ports/checkpoints.h"
#include "adapters/memory/ports/stream.h"

struct misfortune {
	struct memory_random random;
	uint64_t one_call_in; /* that many meets trouble, */
	bool is_over;         /* until nothing goes wrong any more */
};

extern struct misfortune misfortune;

/* 0 to bound - 1. */
int pick(int bound);

/* What passes over the wire takes up to 40 ms. */
void delay(struct cable *cable);

/* The calls of a store, of all lanes with their wires, and of a stream's reader. */
void make_store_unlucky(struct memory_store *store);
void make_lanes_unlucky(void);
void make_reader_unlucky(struct memory_consumer *consumer, struct memory_checkpoints *checkpoints);

#endif
