/*
 * Maps a SKU to its partition.  Lanes split the work, and the outbox numbers its events, by
 * partition, so that all messages and events of one SKU stay in order.
 *
 * The partition is stored with outbox rows, so it must never change for a SKU.
 */
#ifndef ALLOCD_CORE_PARTITION_H
#define ALLOCD_CORE_PARTITION_H

#include <stdint.h>

#define PARTITIONS 16

/* The set of all partitions: bit N stands for partition N. */
#define ALL_PARTITIONS ((UINT32_C(1) << PARTITIONS) - 1)

int partition_of(const char *sku);

#endif
