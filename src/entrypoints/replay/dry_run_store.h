/*
 * A store that shows the units written to it, so that the real handlers run without an effect.
 *
 * It wraps a store whose writes are visible only to its own later calls (postgres.h: `is_dry_run`): each
 * message is handled on the state that the messages before it would have left.  A flush that succeeds shows
 * its unit of work, and then reports an empty unit as committed, so that nothing is cached, published or
 * mailed.  A unit that assumed ids and lines to be new ends in a conflict: when it is redone, it looks them
 * up.
 */
#ifndef ALLOCD_ENTRYPOINTS_REPLAY_DRY_RUN_STORE_H
#define ALLOCD_ENTRYPOINTS_REPLAY_DRY_RUN_STORE_H

#include "bus/ports/broker.h"
#include "bus/ports/clock.h"
#include "bus/ports/outbox_store.h"
#include "bus/ports/unit_store.h"

struct dry_run_store;

/* Receives a closed unit, as a store does. */
typedef void unit_shown(void *context, const struct unit_of_work *uow);

/* The wrapped store and the clock must outlive this one. */
struct dry_run_store *dry_run_store_new(struct unit_store *below, struct clock *clock, unit_shown *show,
					void *context);

struct unit_store *dry_run_store_port(struct dry_run_store *dry_run);

/* A call in progress is never answered.  Accepts NULL in *dry_run and nulls it. */
void dry_run_store_free(struct dry_run_store **dry_run);

/* The outbox of a dry run, which is empty. */
struct dry_run_outbox;

struct dry_run_outbox *dry_run_outbox_new(struct clock *clock);
struct outbox_store *dry_run_outbox_port(struct dry_run_outbox *outbox);

/* A call in progress is never answered.  Accepts NULL in *outbox and nulls it. */
void dry_run_outbox_free(struct dry_run_outbox **outbox);

/* The broker of a dry run: it publishes nothing and has published nothing. */
struct dry_run_broker;

struct dry_run_broker *dry_run_broker_new(struct clock *clock);
struct broker *dry_run_broker_port(struct dry_run_broker *broker);

/* Calls in progress are never answered.  Accepts NULL in *broker and nulls it. */
void dry_run_broker_free(struct dry_run_broker **broker);

#endif
