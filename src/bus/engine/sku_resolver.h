/*
 * The intake: where a message enters.  First in, first out: a message that names a batch whose SKU is not
 * known waits for the database's answer, and everything behind it waits too, so that nothing overtakes an
 * earlier command of its SKU.
 */
#ifndef ALLOCD_BUS_ENGINE_SKU_RESOLVER_H
#define ALLOCD_BUS_ENGINE_SKU_RESOLVER_H

#include "bus/engine/engine.h"

struct intake;

struct intake *intake_new(struct engine *engine);
void intake_free(struct intake **intake);

/* Takes the delivery over.  It goes on from the event loop, after the burst it came in. */
void intake_take(struct intake *intake, struct delivery *delivery);

/* The database is well again: what waits to be tried once more is tried now. */
void intake_retry_now(struct intake *intake);

#endif
