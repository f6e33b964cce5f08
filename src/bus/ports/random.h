/* Port: randomness, for witnesses and for the jitter of retries. */
#ifndef ALLOCD_BUS_PORTS_RANDOM_H
#define ALLOCD_BUS_PORTS_RANDOM_H

#include <stddef.h>

struct random {
	void (*fill)(struct random *random, void *bytes, size_t size);
};

#endif
