/*
 * Caches products as a lane's last units of work left them, so that the next units need not load them.
 *
 * The cache is not trusted: the flush checks the revision of every product of the unit, and a unit that
 * finds another revision forgets its products and loads them.  The least recently used products are
 * evicted, so the table is not a core/base/map, which cannot remove entries.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_CACHE_H
#define ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_CACHE_H

#include "bus/unit_of_work/unit_of_work.h"

struct product_cache;

/* `bytes_max`: the total memory of the cached products. */
struct product_cache *product_cache_new(size_t bytes_max);
void product_cache_free(struct product_cache **cache);

/* Adds those products to the unit that it wants and the cache has, as a load would. */
void product_cache_recall(struct product_cache *cache, struct unit_of_work *uow);

/* Caches the products of a committed unit. */
void product_cache_keep(struct product_cache *cache, const struct unit_of_work *uow);

/* Drops this unit's products, which another worker may have changed. */
void product_cache_forget(struct product_cache *cache, const struct unit_of_work *uow);

/* Drops all products. */
void product_cache_clear(struct product_cache *cache);

#endif
