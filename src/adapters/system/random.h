/* The random port on the kernel's generator. */
#ifndef ALLOCD_ADAPTERS_SYSTEM_RANDOM_H
#define ALLOCD_ADAPTERS_SYSTEM_RANDOM_H

#include "bus/ports/random.h"

/* It has no state; any number of users share it. */
struct random *system_random(void);

#endif
