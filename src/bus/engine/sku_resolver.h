/*
 * The intake: where a message enters.  First in, first out: a message that names a batch whose SKU is not
 * known waits for the database's answer, and everything behind it waits too, so that nothing overtakes an
 * earlier command of its SKU.
 */
#ifndef ALLOCD_BUS_ENGINE_SKU_RESOLVER_H
#define ALLOCD_BUS_ENGINE_SKU_RESOLVER_H

#include "bus/engine/engine.h"

struct sku_resolver;

struct sku_resolver *sku_resolver_new(struct engine *engine);
void sku_resolver_free(struct sku_resolver **resolver);

/* Takes the delivery over.  It goes on from the event loop, after the burst it came in. */
void sku_resolver_submit(struct sku_resolver *resolver, struct delivery *delivery);

/* The database is well again: what waits to be tried once more is tried now. */
void sku_resolver_retry_now(struct sku_resolver *resolver);

#endif
