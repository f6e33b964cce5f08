/*
 * A store that reads, and only shows what it would write: with it the real handlers run without any effect.
 *
 * Loads go through to the real store, without locks.  A flush shows its unit of work and answers success;
 * what it then says to be committed is nothing, so that there is nothing to remember, to publish or to send.
 * A unit that assumed ids and lines to be new is a conflict: redone, it looks for them.
 */
#ifndef ALLOCD_ENTRYPOINTS_REHEARSAL_H
#define ALLOCD_ENTRYPOINTS_REHEARSAL_H

#include "bus/broker.h"
#include "bus/clock.h"
#include "bus/store.h"

struct rehearsal;

/* The unit is closed, as a store gets it. */
typedef void rehearsed(void *context, const struct unit_of_work *uow);

/* The real store and the clock outlive it. */
struct rehearsal *rehearsal_new(struct store *real, struct clock *clock, rehearsed *show, void *context);

struct store *rehearsal_store(struct rehearsal *rehearsal);

/* A call under way is not answered any more.  Accepts NULL in *rehearsal and nulls it. */
void rehearsal_free(struct rehearsal **rehearsal);

/* The broker beside it: nothing was ever published, and nothing ever will be. */
struct rehearsal_broker;

struct rehearsal_broker *rehearsal_broker_new(struct clock *clock);
struct broker *rehearsal_broker_port(struct rehearsal_broker *broker);

/* Calls under way are not answered any more.  Accepts NULL in *broker and nulls it. */
void rehearsal_broker_free(struct rehearsal_broker **broker);

#endif
