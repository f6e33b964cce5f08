/*
 * Keeps the windows in which pub/sub was not heard until they are written down, and notes every few seconds
 * that commands are heard: so the next worker knows since when nobody listened, however this one ends.
 */
#ifndef ALLOCD_BUS_INTAKE_SUBSCRIPTION_GAPS_H
#define ALLOCD_BUS_INTAKE_SUBSCRIPTION_GAPS_H

#include "bus/ports/checkpoints.h"
#include "bus/ports/clock.h"
#include "bus/ports/logger.h"
#include "bus/ports/random.h"

struct subscription_gaps;

/* The ports outlive it. */
struct subscription_gaps *subscription_gaps_new(struct checkpoints *checkpoints, struct clock *clock,
						struct random *random, struct logger *logger);

/* The logbook may not call back any more.  Accepts NULL in *blindness and nulls it. */
void subscription_gaps_free(struct subscription_gaps **gaps);

/* Commands are heard again; the window's cause is copied.  Of very many the middle ones become one. */
void subscription_gaps_end(struct subscription_gaps *gaps, const struct subscription_gap *window);

/*
 * Commands are not heard from now on, nor were they since `since`; the cause is copied.  The window is
 * written down while it lasts, with an end that grows.
 */
void subscription_gaps_begin(struct subscription_gaps *gaps, int64_t since, const char *cause);

#endif
