/* SplitMix64 (Steele, Lea and Flood, https://doi.org/10.1145/2714064.2660195). */
#include "adapters/memory/simulation/random.h"

#include "core/base/container_of.h"

#include <string.h>

static uint64_t next_number(struct memory_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void fill(struct random *port, void *bytes, size_t size)
{
	unsigned char *at = bytes;

	while (size) {
		uint64_t number = next_number(container_of(port, struct memory_random, random));
		size_t part = size < sizeof number ? size : sizeof number;

		memcpy(at, &number, part);
		at += part;
		size -= part;
	}
}

void memory_random_init(struct memory_random *random, uint64_t seed)
{
	*random = (struct memory_random){{fill}, seed};
}

uint64_t random_below(struct random *random, uint64_t bound)
{
	uint64_t number;

	random->fill(random, &number, sizeof number);
	return number % bound;
}
