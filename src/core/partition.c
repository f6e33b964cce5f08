/* Partitions by a hash of the SKU. */
#include "core/partition.h"

#include <string.h>

uint64_t fnv1a(uint64_t hash, const void *bytes, size_t size)
{
	const unsigned char *byte = bytes;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
	return hash;
}

int partition_of(const char *sku)
{
	uint64_t hash = fnv1a(FNV_BASIS, sku, strlen(sku));

	/* The low bits of FNV mix worst: fold the high half in. */
	return (int)((hash ^ (hash >> 32)) % PARTITIONS);
}
