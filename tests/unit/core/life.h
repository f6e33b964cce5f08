/*
 * Lives of a product: random commands, against a naive model.
 *
 * A life is a row of units of work, each on a product loaded anew from the database, as little of it as
 * chance wants; it is asked for what NEEDS_MORE says and nothing else.  Units are written back or lost,
 * commands are undone at random.  However much was loaded, lost and undone: events and database are what the
 * model says.
 */
#ifndef ALLOCD_TESTS_CORE_LIFE_H
#define ALLOCD_TESTS_CORE_LIFE_H

#include <stdint.h>

/* Each number that is drawn decides one thing; the numbers must not end. */
struct life_chance {
	uint64_t (*draw)(void *context);
	void *context;
};

/* Leads a life of that many commands at least; a failure of the test begins with the life's name. */
void life_lead(const char *life, int commands, const struct life_chance *chance);

/* splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators". */
static inline uint64_t life_splitmix(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
