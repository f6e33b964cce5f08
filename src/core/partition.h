/*
 * Which partition a SKU belongs to.  Lanes split the work, and the outbox numbers its events, by
 * partition, so that all that concerns one SKU stays in one order.
 *
 * The answer is stored (it numbers outbox rows): it must never change for a SKU.
 */
#ifndef ALLOCD_CORE_PARTITION_H
#define ALLOCD_CORE_PARTITION_H

#define PARTITIONS 16

int partition_of(const char *sku);

#endif
