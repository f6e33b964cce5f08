/* Port: randomness, for witnesses, names and the jitter of retries. */
#ifndef ALLOCD_BUS_PORTS_RANDOM_H
#define ALLOCD_BUS_PORTS_RANDOM_H

#include "core/base/arena.h"

#include <stddef.h>

struct random {
	void (*fill)(struct random *random, void *bytes, size_t size);
};

/* A name that nothing else has: 32 hexadecimal digits, in `arena`. */
const char *random_name(struct random *random, struct arena *arena);

#endif
