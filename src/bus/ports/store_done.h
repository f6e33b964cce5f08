/*
 * What the four ports to the database have in common: unit_store.h, batch_directory.h, outbox_store.h and
 * chores_store.h.
 *
 * One object may offer several of them, on one session; it accepts one call at a time over all of its
 * ports.  Every call answers exactly once, through its callback, never before the call returns.  `failure`
 * is NULL on success, and valid only during the callback.  The store itself re-establishes a lost
 * connection: calls made meanwhile answer FAILURE_RETRY within a bounded time.
 */
#ifndef ALLOCD_BUS_PORTS_STORE_DONE_H
#define ALLOCD_BUS_PORTS_STORE_DONE_H

#include "bus/ports/failure.h"

typedef void store_done(void *context, const struct failure *failure);

#endif
