/*
 * How long to wait before a retry: the wait doubles with every failure up to a cap, and half of it is random,
 * so that many clients that failed together do not retry together.  ("Equal jitter": M. Brooker, "Exponential
 * Backoff And Jitter", AWS Architecture Blog, 2015.)
 */
#ifndef ALLOCD_BUS_BASE_BACKOFF_H
#define ALLOCD_BUS_BASE_BACKOFF_H

#include "bus/ports/random.h"

#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t cap_ms;
	int failures; /* in a row; set to 0 on success */
};

/* Counts one more failure; returns how long to wait, in milliseconds. */
int64_t backoff_next(struct backoff *backoff, struct random *random);

#endif
