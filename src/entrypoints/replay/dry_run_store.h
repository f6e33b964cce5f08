/*
 * A store that shows what is written to it: with it the real handlers run without any effect.
 *
 * It lies on a store whose writes only its own later calls find (postgres.h: `rehearses`), so that each
 * message is rehearsed on what the ones before it did.  A flush that went well shows its unit of work; what
 * it then says to be committed is nothing, so that there is nothing to remember, to publish or to send.  A
 * unit that assumed ids and lines to be new is a conflict: redone, it looks for them.
 */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_DRY_RUN_STORE_H
#define ALLOCD_ENTRYPOINTS_REPLAY_DRY_RUN_STORE_H

#include "bus/ports/broker.h"
#include "bus/ports/clock.h"
#include "bus/ports/store.h"

struct dry_run_store;

/* The unit is closed, as a store gets it. */
typedef void unit_shown(void *context, const struct unit_of_work *uow);

/* The store that it lies on and the clock outlive it. */
struct dry_run_store *dry_run_store_new(struct store *below, struct clock *clock, unit_shown *show,
					void *context);

struct store *dry_run_store_port(struct dry_run_store *dry_run);

/* A call under way is not answered any more.  Accepts NULL in *dry_run and nulls it. */
void dry_run_store_free(struct dry_run_store **dry_run);

/* The broker beside it: nothing was ever published, and nothing ever will be. */
struct dry_run_broker;

struct dry_run_broker *dry_run_broker_new(struct clock *clock);
struct broker *dry_run_broker_port(struct dry_run_broker *broker);

/* Calls under way are not answered any more.  Accepts NULL in *broker and nulls it. */
void dry_run_broker_free(struct dry_run_broker **broker);

#endif
