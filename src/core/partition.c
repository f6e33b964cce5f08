/* Partitions by a hash of the SKU. */
#include "core/partition.h"

#include "core/base/hash.h"

#include <string.h>

int partition_of(const char *sku)
{
	uint64_t hash = fnv1a(FNV_BASIS, sku, strlen(sku));

	/* The low bits of FNV are the least mixed, so fold in the high half. */
	return (int)((hash ^ (hash >> 32)) % PARTITIONS);
}
