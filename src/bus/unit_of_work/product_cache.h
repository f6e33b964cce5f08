/*
 * Products as a lane's last units of work left them, so that the next ones need not load them.
 *
 * The cache is not trusted: the flush checks the revision of every product of the unit, and a unit that finds
 * another revision forgets its products and loads them.  The least recently used products make room for new
 * ones, so the table is not a core/base/map, which removes nothing.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_CACHE_H
#define ALLOCD_BUS_UNIT_OF_WORK_PRODUCT_CACHE_H

#include "bus/unit_of_work/unit_of_work.h"

struct product_cache;

/* `bytes_max`: memory of all products together. */
struct product_cache *product_cache_new(size_t bytes_max);
void product_cache_free(struct product_cache **cache);

/* Fills the cached ones among the products that the unit wants into it, as a load would. */
void product_cache_recall(struct product_cache *cache, struct unit_of_work *uow);

/* The unit is committed: caches its products. */
void product_cache_keep(struct product_cache *cache, const struct unit_of_work *uow);

/* Another worker may have changed the products of this unit: drops them. */
void product_cache_forget(struct product_cache *cache, const struct unit_of_work *uow);

/* Drops all products. */
void product_cache_clear(struct product_cache *cache);

#endif
