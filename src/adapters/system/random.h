/* The random port on the kernel's generator. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_RANDOM_H
#define ALLOCD_ADAPTERS_SYSTEM_RANDOM_H

#include "bus/ports/random.h"

/* It has no state, so any number of users may share it. */
struct random *system_random(void);

#endif
