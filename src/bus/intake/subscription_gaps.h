/*
 * Keeps the subscription's gaps, in which published commands were not received, until they are saved.  Also
 * saves every few seconds that commands are received, so that the next worker knows since when there was no
 * subscriber, however this one ends.
 */
#ifndef ALLOCD_BUS_INTAKE_SUBSCRIPTION_GAPS_H
#define ALLOCD_BUS_INTAKE_SUBSCRIPTION_GAPS_H

#include "bus/ports/checkpoints.h"
#include "bus/ports/clock.h"
#include "bus/ports/logger.h"
#include "bus/ports/random.h"

struct subscription_gaps;

/* The ports must outlive the gaps. */
struct subscription_gaps *subscription_gaps_new(struct checkpoints *checkpoints, struct clock *clock,
						struct random *random, struct logger *logger);

/* The checkpoints must not call back any more.  Accepts NULL in *gaps and nulls it. */
void subscription_gaps_free(struct subscription_gaps **gaps);

/*
 * Commands are received again; the gap's cause is copied.  When there are very many gaps, the middle ones
 * are merged.
 */
void subscription_gaps_end(struct subscription_gaps *gaps, const struct subscription_gap *window);

/*
 * Commands are not received from now on, nor were they since `since`; the cause is copied.  The gap is saved
 * while it lasts, with an end that grows.
 */
void subscription_gaps_begin(struct subscription_gaps *gaps, int64_t since, const char *cause);

#endif
