/*
 * The SKU resolver: the engine's queue of arrivals, first in first out.  A message that names a batch whose
 * SKU is unknown waits for the database's answer, and all messages behind it wait, too, so that none
 * overtakes an earlier command of its SKU.
 */
#ifndef ALLOCD_BUS_ENGINE_SKU_RESOLVER_H
#define ALLOCD_BUS_ENGINE_SKU_RESOLVER_H

#include "bus/engine/engine.h"

struct sku_resolver;

struct sku_resolver *sku_resolver_new(struct engine *engine);
void sku_resolver_free(struct sku_resolver **resolver);

/* Queues the delivery.  It is passed to its lane from the event loop, after the burst that it arrived in. */
void sku_resolver_submit(struct sku_resolver *resolver, struct delivery *delivery);

/* Whether a delivery with that key waits. */
bool sku_resolver_holds(const struct sku_resolver *resolver, const struct inbox_key *key);

/* A message has its outcome: a resolver that waits for room to run a process checks again. */
void sku_resolver_check_room(struct sku_resolver *resolver);

/* Retries a failed query now, because the database works again. */
void sku_resolver_retry_now(struct sku_resolver *resolver);

#endif
