/* Makes names of random bits. */
#include "bus/ports/random.h"

#include <inttypes.h>

const char *random_name(struct random *random, struct arena *arena)
{
	uint64_t bits[2];

	random->fill(random, bits, sizeof bits);
	return arena_printf(arena, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
}
