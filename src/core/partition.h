/*
 * Which partition a SKU belongs to.  Lanes split the work, and the outbox numbers its events, by
 * partition, so that whatever concerns one SKU stays in one order.
 *
 * The answer is stored (it numbers outbox rows): it must never change for a SKU.
 */
#ifndef ALLOCD_CORE_PARTITION_H
#define ALLOCD_CORE_PARTITION_H

#include <stddef.h>
#include <stdint.h>

#define PARTITIONS 16

int partition_of(const char *sku);

/* FNV-1a, 64 bit (http://www.isthe.com/chongo/tech/comp/fnv/): from FNV_BASIS on, or from a hash. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
uint64_t fnv1a(uint64_t hash, const void *bytes, size_t size);

#endif
