/*
 * Maps a batch's reference to its SKU without asking the database: from unfinished create_batch commands,
 * and from a cache of stored batches.  A batch never changes its SKU.
 *
 * Neither table is a core/base/map: a map cannot remove entries, while creations are removed by the
 * thousand, and the cache must keep a fixed size and evict old entries.
 */
#ifndef ALLOCD_BUS_UNIT_OF_WORK_BATCH_INDEX_H
#define ALLOCD_BUS_UNIT_OF_WORK_BATCH_INDEX_H

#include "bus/messages/delivery.h"

struct batch_index;

/* Keeps the SKUs of about `cached` stored batches, at least 1. */
struct batch_index *batch_index_new(size_t cached);
void batch_index_free(struct batch_index **index);

/* Registers a create_batch command on its arrival.  It must be removed before it is freed. */
void batch_index_add_creation(struct batch_index *index, struct delivery *creation);
void batch_index_remove_creation(struct batch_index *index, struct delivery *creation);

/* Caches the SKU of a batch that the database has. */
void batch_index_remember(struct batch_index *index, const char *reference, const char *sku);

/*
 * Between watch and unwatch no remembered batch is evicted, even if the cache has no room for it.  The
 * caller watches while a query for batches is in flight; otherwise this race would end in "unknown batch":
 *
 *     query:  asks for B, which is not there ........................ answers that there is no B
 *     lane:       commits create_batch of B, remembers B, removes the creation
 *     cache:                                     evicts B for other batches
 */
void batch_index_watch(struct batch_index *index);
void batch_index_unwatch(struct batch_index *index);

/* Returns the SKU of a stored batch, valid until the index changes; NULL: not known. */
const char *batch_index_stored(const struct batch_index *index, const char *reference);

/*
 * Returns the SKU that an unfinished create_batch names for the batch, valid until the index changes; NULL:
 * there is no such command.  It counts only when no batch of that reference is stored: otherwise the
 * command will be rejected.
 */
const char *batch_index_created(const struct batch_index *index, const char *reference);

#endif
